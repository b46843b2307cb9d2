"""Where networks and programs push posts to the desk: signed calls, checked before anything of them is used, taken in like all else."""

from __future__ import annotations

import binascii
import hmac
import logging

from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from prometheus_client import Counter

from listening.models import NetworkAccount, Source
from listening.services import hearing
from profiles.services.signing import BadSignature, verify
from socialdesk.lib.address import client_address
from socialdesk.lib.clock import now
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.throttle import read_count, take
from socialdesk.networks import json_hook, registry
from socialdesk.networks.base import Batch, HookRefused, Network
from socialdesk.reading import take_batch

logger = logging.getLogger(__name__)
CALLS = Counter("desk_hooks_total", "Calls of networks and programs to /hooks/, by what became of them", ["network", "became"])
MOST = 1_000_000  # bytes of one call
REFUSALS = 30  # calls with a wrong signature that an address may make in a minute; then it is not listened to


@csrf_exempt  # its signature is what lets it in
@require_http_methods(["GET", "HEAD", "POST"])
def network_hook(request: HttpRequest, network: str) -> HttpResponse:
    """A network asks whether this address is ours (GET), or tells what was written (POST)."""
    known = registry.NETWORKS.get(network)
    if known is None or known.webhook is None:
        raise Http404("No network calls here.")
    if _is_held_off(request, network):
        return _held_off(network)
    if request.method != "POST":
        try:
            return HttpResponse(known.webhook.challenge(request.GET.dict()), content_type="text/plain; charset=utf-8")
        except HookRefused as refusal:
            return _refused(request, network, refusal)
    body = _read_body(request)
    if body is None:
        return _too_large(network)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        hooks = known.webhook.read(headers=headers, body=body)
    except HookRefused as refusal:
        return _refused(request, network, refusal)
    except Exception as error:
        hearing.connector_fault(error)
        CALLS.labels(network, "failed").inc()
        return JsonResponse({"code": "fault", "detail": "This call could not be read. It may be sent again."}, status=500)
    try:
        for hook in hooks:
            _take(known, hook.account_id, hook.batch)
    except DatabaseError as error:
        return _away(network, error)
    return JsonResponse({"taken": len(hooks)})


@csrf_exempt  # its signature or its secret is what lets it in
@require_POST
def json_call(request: HttpRequest, name: str) -> HttpResponse:
    """A program of ours tells what was written, in JSON of its own make."""
    network = json_hook.NETWORK
    if _is_held_off(request, network.key):
        return _held_off(network.key)
    body = _read_body(request)
    if body is None:
        return _too_large(network.key)
    try:
        account = NetworkAccount.objects.filter(network=network.key, external_id=name, removed_at=None).first()
        credentials = account.credentials if account else {}
        # A name that nobody has answers like a wrong secret: names are not told.
        _check_sender(request, credentials.get("secret", ""), body)
        try:
            batch = json_hook.read_call(body, name=name, mapping=credentials.get("mapping", ""))
        except HookRefused as problem:
            return _unreadable(network.key, problem)
        became = _take(network, name, batch)
    except HookRefused as refusal:
        return _refused(request, network.key, refusal)
    except UnreadableCredentials:
        return JsonResponse({"code": "unusable", "detail": "This hook has to be connected again on the desk."}, status=503)
    except DatabaseError as error:
        return _away(network.key, error)
    return JsonResponse(became)


def _check_sender(request: HttpRequest, secret: str, body: bytes) -> None:
    """Signed by Standard Webhooks, or with the secret itself as a bearer token. Raises HookRefused."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if secret and kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), secret.encode()):
        return
    try:
        verify(
            secret=secret,
            message_id=request.headers.get("Webhook-Id", ""),
            timestamp=request.headers.get("Webhook-Timestamp", ""),
            signatures=request.headers.get("Webhook-Signature", ""),
            body=body,
            now=now(),
        )
    except (BadSignature, binascii.Error, ValueError):
        raise HookRefused("Neither the signature nor the bearer token is that of this hook.") from None
    if not secret:
        raise HookRefused("Neither the signature nor the bearer token is that of this hook.")


def _take(network: Network, account_id: str, batch: Batch) -> dict[str, int]:
    """Take in what was told of one of our accounts. What is not ours, or paused, is answered as if it were: nobody need send it again."""
    ours = {"account__network": network.key, "account__external_id": account_id, "account__removed_at": None}
    source = Source.objects.filter(**ours, kind=Source.Kind.STREAM, removed_at=None).first()
    if source is None or source.account_id is None:
        logger.warning("a call of %s was about an account that is not connected here", network.label)
        CALLS.labels(network.key, "unknown_account").inc()
        return {}
    if not source.is_active:
        CALLS.labels(network.key, "paused").inc()
        return {}
    if source.connected_at is None and network.stream is None:
        hearing.note_connected(source.pk, account_id=source.account_id)
    result = take_batch(batch, source=source, cursor=None)
    CALLS.labels(network.key, "taken").inc()
    return {
        "stored": result.stored,
        "duplicate": result.duplicate,
        "folded": result.folded,
        "filtered": result.filtered,
        "rejected": len(result.rejected),
    }


def _read_body(request: HttpRequest) -> bytes | None:
    """The bytes as they came, which are what was signed; None where they are more than MOST, of which no more is read."""
    given = request.META.get("CONTENT_LENGTH") or "0"
    if given.isdecimal() and int(given) > MOST:
        return None
    body = request.read(MOST + 1)
    return body if len(body) <= MOST else None


def _is_held_off(request: HttpRequest, network: str) -> bool:
    return read_count(f"throttle:{_refusals(request, network)}") >= REFUSALS


def _refusals(request: HttpRequest, network: str) -> str:
    return f"hook:{network}:{client_address(request)}"


def _refused(request: HttpRequest, network: str, refusal: HookRefused) -> HttpResponse:
    take(_refusals(request, network), limit=REFUSALS, seconds=60)
    CALLS.labels(network, "refused").inc()
    return JsonResponse({"code": "refused", "detail": str(refusal)}, status=403)


def _unreadable(network: str, problem: HookRefused) -> HttpResponse:
    """From a sender who is known: what has to be mended is the call, not the secret, and nobody is guessing."""
    CALLS.labels(network, "unreadable").inc()
    return JsonResponse({"code": "unreadable", "detail": str(problem)}, status=400)


def _held_off(network: str) -> HttpResponse:
    CALLS.labels(network, "held_off").inc()
    detail = "Too many calls from this address were refused. Wait a minute."
    return JsonResponse({"code": "too_many", "detail": detail}, status=429, headers={"Retry-After": "60"})


def _too_large(network: str) -> HttpResponse:
    CALLS.labels(network, "too_large").inc()
    return JsonResponse({"code": "too_large", "detail": f"A call has at most {MOST:,} bytes."}, status=413)


def _away(network: str, error: DatabaseError) -> HttpResponse:
    logger.error("a call of %s was not taken in: %s", network, type(error).__name__)
    CALLS.labels(network, "failed").inc()
    detail = "The desk cannot store it now. Send it again."
    return JsonResponse({"code": "away", "detail": detail}, status=503, headers={"Retry-After": "30"})
