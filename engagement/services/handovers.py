"""Conversations handed over with what the next one must know: offered, accepted or declined, and given back.

Until somebody says yes it stays with the one who gives it, so that no customer waits between two desks. The note stands in the thread, for
the team only.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction

from engagement.models import HANDED, Handover
from engagement.services.compliments import check_note
from engagement.services.lines import leave_line
from listening.models import Conversation, Status
from listening.services.conversations import lock_conversation, pass_conversation
from profiles.models import Agent, Role
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound

State = Handover.State
TEAMS = (Role.MARKETING, Role.LEAD, Role.MANAGER)


def hand_over(*, conversation_id: int, agent: Agent, note: str, to: Agent | None = None, team: str = "") -> Handover:
    """Offer the conversation to a colleague or to a team, with a note of what they must know.

    Raises DeskError for nobody, for oneself and without a note, Conflict while it is offered already or resolved.
    """
    if not agent.may_work:
        raise NotAllowed("Conversations are handed over by those who work on them. Leave a note instead.")
    words = check_note(note)
    if not words:
        raise DeskError("Write what they must know: what the customer wants, and what was done so far.")
    if (to is None) == (not team):
        raise DeskError("Choose a colleague or a team to hand it to.")
    if to is not None and (not to.is_active or to.pk == agent.pk):
        raise DeskError("Hand it to a colleague who works here, and not to yourself.")
    if team and team not in TEAMS:
        raise DeskError(f"There is no team {team[:20]!r} to hand it to.")
    try:
        with transaction.atomic():
            conversation = _lock_open(conversation_id)
            handover = Handover.objects.create(
                conversation=conversation, given_by=agent, to=to, team=team, note=words, given_at=current_time()
            )
            if conversation.assignee_id is None and agent.may_answer:
                pass_conversation(conversation, agent=agent, to=agent, giver_id=agent.pk)
            leave_line(conversation_id=conversation.pk, agent=agent, words=f"Handed to {handover.whom}: {words}")
            _tell(handover, agent)
    except IntegrityError:
        raise Conflict("It is on its way to somebody already. Take that back first.") from None
    return handover


def accept_handover(*, handover_id: int, agent: Agent) -> Handover:
    """Take it. Whoever may answer has the conversation from now on; others work on it beside the agent. Again changes nothing."""
    with transaction.atomic():
        handover = _lock(handover_id)
        if handover.taken_by_id == agent.pk and handover.state in (State.ACCEPTED, State.DONE):
            return handover
        _check_for(handover, agent)
        if handover.state != State.OFFERED:
            raise Conflict(f"It is {handover.get_state_display().lower()} already.", state=handover.state)
        handover.taken_by = agent
        handover.state = State.DONE if agent.may_answer else State.ACCEPTED
        handover.settled_at = current_time() if agent.may_answer else None
        handover.save(update_fields=["taken_by", "state", "settled_at"])
        if agent.may_answer:
            pass_conversation(handover.conversation, agent=agent, to=agent, giver_id=handover.given_by_id)
        leave_line(conversation_id=handover.conversation_id, agent=agent, words="Accepted the hand-over.")
        _tell(handover, agent)
    return handover


def decline_handover(*, handover_id: int, agent: Agent, why: str) -> Handover:
    """Say no, with the reason: it stays with the one who has it."""
    words = check_note(why)
    if not words:
        raise DeskError("Say why not, so that your colleague knows where it belongs.")
    return _settle(handover_id, agent, State.DECLINED, words, "Declined the hand-over")


def return_handover(*, handover_id: int, agent: Agent, words: str) -> Handover:
    """Give back what one took on without being able to answer the customer, with what came of it."""
    said = check_note(words)
    if not said:
        raise DeskError("Write what came of it: your colleague tells the customer.")
    return _settle(handover_id, agent, State.DONE, said, "Gave it back")


def withdraw_handover(*, handover_id: int, agent: Agent) -> Handover:
    """Take back what was offered: the one who gave it, or who leads them."""
    return _settle(handover_id, agent, State.WITHDRAWN, "", "Took the hand-over back")


def read_handover(conversation: Conversation) -> Handover | None:
    """What is on its way or being worked on elsewhere. One query."""
    return Handover.objects.select_related("given_by", "to", "taken_by").filter(conversation=conversation, state__in=HANDED).first()


def is_for(handover: Handover, agent: Agent) -> bool:
    """Whether the agent may say yes or no to it."""
    return handover.to_id == agent.pk or (bool(handover.team) and handover.team == agent.role)


def _settle(handover_id: int, agent: Agent, state: Handover.State, words: str, line: str) -> Handover:
    with transaction.atomic():
        handover = _lock(handover_id)
        if handover.state == state:
            return handover
        _check_may_settle(handover, agent, state)
        handover.state, handover.answer, handover.settled_at = state, words, current_time()
        handover.save(update_fields=["state", "answer", "settled_at"])
        leave_line(conversation_id=handover.conversation_id, agent=agent, words=f"{line}: {words}" if words else f"{line}.")
        _tell(handover, agent)
    return handover


def _tell(handover: Handover, by: Agent) -> None:
    live.publish(
        live.HandoverChanged(
            conversation=handover.conversation_id,
            handover=handover.pk,
            state=handover.state,
            giver=handover.given_by_id,
            to=handover.to_id,
            team=handover.team,
            by=by.name,
        )
    )


def _check_may_settle(handover: Handover, agent: Agent, state: Handover.State) -> None:
    if state == State.DONE:
        if handover.state != State.ACCEPTED or handover.taken_by_id != agent.pk:
            raise NotAllowed("Only who took it on gives it back.")
        return
    if handover.state not in HANDED or (state == State.DECLINED and handover.state != State.OFFERED):
        raise Conflict(f"It is {handover.get_state_display().lower()} already.", state=handover.state)
    if state == State.DECLINED:
        _check_for(handover, agent)
    elif handover.given_by_id != agent.pk and not agent.may_configure:
        raise NotAllowed("It is taken back by whoever gave it, or by a lead.")


def _check_for(handover: Handover, agent: Agent) -> None:
    if not is_for(handover, agent):
        raise NotAllowed(f"It was handed to {handover.whom}.")


def _lock(handover_id: int) -> Handover:
    found = Handover.objects.filter(pk=handover_id).values_list("conversation_id", flat=True).first()
    if found is None:
        raise NotFound("There is no such hand-over. Reload the conversation.")
    # The conversation first, as everybody locks it.
    conversation = lock_conversation(found)
    handover = Handover.objects.select_related("to").get(pk=handover_id)
    handover.conversation = conversation
    return handover


def _lock_open(conversation_id: int) -> Conversation:
    conversation = lock_conversation(conversation_id)
    if conversation.status == Status.RESOLVED:
        raise Conflict("It is resolved. Reopen it first.", status=conversation.status)
    return conversation
