"""The queue of drafts that wait for a lead: each in its thread, to be changed, approved or declined."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from engagement.models import Approval
from engagement.services import approvals as service
from engagement.services.attachments import read_of_approval
from engagement.services.checks import abilities_in
from engagement.services.thread import read_thread
from listening.views.numbers import read_number
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view, done, is_fragment

State = Approval.State
SHOWN = 20  # entries of its thread above a draft


@require_safe
@desk_view
def approvals(request: HttpRequest) -> HttpResponseBase:
    """The list in one state, and of it the draft `open`, else the first one. To the open page, the list alone."""
    if is_fragment(request):
        return render(request, "engagement/_approval_list.html", _read_list(request))
    return _render(request, None)


@require_POST
@desk_view
def approval_approve(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send it as its author's answer. A refusal is said beside the text, which stays as the lead changed it."""
    form = request.POST
    try:
        approved = service.approve_reply(
            approval_id=pk,
            agent=agent_of(request),
            text=form.get("text"),
            answer_seen=read_number(form.get("answer_seen", "")),
            note=form.get("note", ""),
        )
    except service.Decided:
        raise  # said on the list: there is nothing left to decide here
    except DeskError as error:
        if error.status == 404:
            raise
        return _render(request, pk, refused=error, status=error.status)
    who = approved.agent.name if approved.agent else "its author"
    return done(request, f"Approved: it goes out as the answer of {who}.", approval=pk, did="approved")


@require_POST
@desk_view
def approval_decline(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send it back to its author, with a note."""
    declined = service.decline_reply(approval_id=pk, agent=agent_of(request), note=request.POST.get("note", ""))
    who = declined.agent.name if declined.agent else "its author"
    return done(request, f"Declined: {who} has it as a draft again.", approval=pk, did="declined")


@require_POST
@desk_view
def approval_withdraw(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Its author takes it back."""
    withdrawn = service.withdraw_reply(approval_id=pk, agent=agent_of(request))
    words = "Taken back. The text is your draft again."
    return done(request, words, conversation=withdrawn.conversation_id, approval=pk, kind="reply", did="withdrawn")


def _read_list(request: HttpRequest) -> dict[str, Any]:
    agent = agent_of(request)
    state = request.GET.get("state", State.PENDING)
    page = service.read_approvals(agent=agent, state=state, after=request.GET.get("after", ""))
    opened = read_number(request.GET.get("open", ""))
    return {"entries": page.entries, "next": page.next, "state": state, "is_first": "after" not in request.GET, "opened": opened}


def _render(request: HttpRequest, pk: int | None, *, refused: DeskError | None = None, status: int = 200) -> HttpResponseBase:
    """A fixed number of queries. After a refusal, the fields stand as they were sent."""
    agent, context = agent_of(request), _read_list(request)
    wanted = pk or context["opened"]
    entries: list[Approval] = context["entries"]
    if wanted is not None:
        shown: Approval | None = service.find_approval(wanted, agent=agent)
    else:
        shown = entries[0] if entries else None
    if shown is not None:
        thread = read_thread(shown.conversation, limit=SHOWN)
        context |= {
            "shown": shown,
            "opened": shown.pk,
            "thread": thread,
            "news": service.read_news(shown, thread),
            "abilities": abilities_in(shown.conversation),
            "pictures": read_of_approval(shown),
            "typed": request.POST.get("text", shown.final_text or shown.text),
            "note": request.POST.get("note", ""),
        }
    context |= {"refused": refused, "states": State.choices, "may_approve": agent.may_approve}
    return render(request, "engagement/approvals.html", context, status=status)
