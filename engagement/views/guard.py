"""What the guards say while somebody writes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_POST

from engagement.services.guarding import check_answer, describe_finding
from socialdesk.lib.pages import desk_view


@require_POST
@desk_view
def draft_check(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The findings in the text of one door."""
    findings = check_answer(conversation_id=pk, kind=request.POST.get("kind", ""), text=request.POST.get("text", ""))
    return JsonResponse({"findings": [describe_finding(finding) for finding in findings]})
