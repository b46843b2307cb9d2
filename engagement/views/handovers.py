"""Conversations handed over: each view reads the form, calls one service and answers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_POST

from engagement.models import Handover
from engagement.services import handovers
from listening.views.actions import read_assignee
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view, done


@require_POST
@desk_view
def conversation_hand_over(request: HttpRequest, pk: int) -> HttpResponseBase:
    """`to` is a colleague's id or `team:marketing`; `note` says what they must know."""
    form = request.POST
    chosen = form.get("to", "")
    team = chosen.removeprefix("team:") if chosen.startswith("team:") else ""
    to = None if team else read_assignee(form)
    handover = handovers.hand_over(conversation_id=pk, agent=agent_of(request), note=form.get("note", ""), to=to, team=team)
    return done(request, f"Offered to {handover.whom}. It stays with you until it is accepted.", conversation=pk, did="said")


@require_POST
@desk_view
def handover_settle(request: HttpRequest, pk: int) -> HttpResponseBase:
    """`act` is accept, decline, return or withdraw; `words` go with it."""
    agent, words = agent_of(request), request.POST.get("words", "")
    match request.POST.get("act", ""):
        case "accept":
            handover = handovers.accept_handover(handover_id=pk, agent=agent)
            said = "It is yours." if agent.may_answer else "You took it on. Give it back when you are done."
        case "decline":
            handover, said = handovers.decline_handover(handover_id=pk, agent=agent, why=words), "Declined. Your colleague keeps it."
        case "return":
            handover, said = handovers.return_handover(handover_id=pk, agent=agent, words=words), "Given back."
        case "withdraw":
            handover, said = handovers.withdraw_handover(handover_id=pk, agent=agent), "Taken back."
        case other:
            raise DeskError(f"{other[:20]!r} cannot be done with a hand-over.")
    return done(request, said, conversation=handover.conversation_id, did=_did(handover))


def _did(handover: Handover) -> str:
    return "claimed" if handover.state == Handover.State.DONE else "said"
