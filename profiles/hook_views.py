"""The door by which other systems tell of people, by signed requests."""

from __future__ import annotations

import logging

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from profiles.services.incoming import MOST, take_hook
from socialdesk.lib.address import client_address
from socialdesk.lib.errors import DeskError
from socialdesk.lib.throttle import take

logger = logging.getLogger(__name__)
PER_MINUTE = 1200


@csrf_exempt  # its signature is what lets it in
@require_POST
def people_hook(request: HttpRequest, system: str) -> JsonResponse:
    """Another system tells of one person. The answer says in field names what became of it."""
    if not take(f"people_hook:{system}:{client_address(request)}", limit=PER_MINUTE, seconds=60):
        answer = JsonResponse({"code": "too_many", "detail": "More than this desk takes in a minute. Send it again later."}, status=429)
        answer["Retry-After"] = "60"
        return answer
    given = request.META.get("CONTENT_LENGTH") or "0"
    if (given.isdecimal() and int(given) > MOST) or len(request.body) > MOST:
        return JsonResponse({"code": "too_large", "detail": f"An event has at most {MOST:,} bytes."}, status=413)
    try:
        said = take_hook(
            system=system,
            message_id=request.headers.get("Webhook-Id", ""),
            timestamp=request.headers.get("Webhook-Timestamp", ""),
            signatures=request.headers.get("Webhook-Signature", ""),
            body=request.body,
        )
    except DeskError as error:
        logger.info("an event of system %s was refused: %s", system, error.code)
        return JsonResponse({"code": error.code, "detail": error.message}, status=error.status)
    return JsonResponse(said)
