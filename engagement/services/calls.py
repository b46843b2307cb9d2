"""A call at work: taken by one agent, made with permission only, and what came of it.

A call is claimed by a conditional UPDATE, as a delivery is; a claim that is forgotten runs out. Nobody is called without a living
consent and a number that the customer gave (invariant 6), nor outside the hours that they named.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from engagement.models import CALLBACK_OPEN, CallAttempt, CallbackRequest, Company, Hop, NumberView
from engagement.services.callbacks import due_after, tell
from engagement.services.checks import check_may_answer
from engagement.services.hops import finish_hop, goes_on, note_activity
from engagement.services.hours import is_quiet
from engagement.services.left_alone import check_may_begin
from listening.models import ConversationEvent
from listening.services.conversations import add_event, conversation_state, lock_conversation, reactivate, record_answer, save_conversation
from profiles.models import Agent
from profiles.services.contacts import lock_permission, mark_wrong, revoke_consent
from profiles.services.phones import write_international
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.lib.text import clean

State, Outcome = CallbackRequest.State, CallAttempt.Outcome
CALL_LASTS = timedelta(minutes=30)  # a call without an outcome by then is taken for forgotten
BACK_OFF = (timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=1))  # before each further try
LATE_UNTIL = timedelta(hours=12)  # after its window a call may still be made, with an apology
LONGEST_NOTE = 2_000


class NoPermission(Conflict):
    """There is no living consent, or no number that the customer gave: nobody may be called."""

    code = "no_permission"


class NotNow(Conflict):
    """Not at this hour: the customer named another one, or it is night where they are."""

    code = "not_now"


def begin_call(*, callback_id: int, agent: Agent, now: datetime | None = None) -> CallbackRequest:
    """`agent` calls now. The same agent's second press gives the same call.

    Raises Conflict if somebody else calls or it is over, NotNow outside the customer's hours, NoPermission, NotAllowed, NotFound.
    """
    check_may_answer(agent)
    moment = now or current_time()
    with transaction.atomic():
        callback = _lock(callback_id)
        is_running = callback.state == State.CALLING and callback.calling_until is not None and callback.calling_until > moment
        if is_running and callback.agent_id == agent.pk:
            _require_permission(callback)
            return callback
        if is_running:
            raise Conflict(f"{callback.agent.name if callback.agent else 'Somebody'} is calling already. Take the next one.")
        if not callback.is_open:
            raise Conflict(f"This call is over: {callback.get_state_display().lower()}. Take the next one.", state=callback.state)
        _check_hour(callback, moment)
        _require_permission(callback)
        _lose(callback, moment)
        free = Q(state=State.WAITING) | Q(state=State.CALLING, calling_until__lte=moment)
        changes = {"state": State.CALLING, "agent": agent, "calling_until": moment + CALL_LASTS, "attempts": callback.attempts + 1}
        if CallbackRequest.objects.filter(free, pk=callback.pk).update(**changes) != 1:
            raise Conflict("Somebody was faster. Take the next one.")
        CallAttempt.objects.create(callback=callback, agent=agent, begun_at=moment)
        callback.refresh_from_db()
        tell(callback)
    return callback


def _require_permission(callback: CallbackRequest) -> None:
    """Held until the transaction ends: it cannot be taken back meanwhile."""
    if lock_permission(callback.consent_id) is None:
        raise NoPermission("The customer took the permission back, or the number is wrong. Do not call; answer where they wrote.")
    check_may_begin(callback.profile_id, asked_at=callback.created_at)


def _check_hour(callback: CallbackRequest, moment: datetime) -> None:
    zone = ZoneInfo(callback.zone)
    if moment < callback.call_from:
        at = callback.call_from.astimezone(zone)
        raise NotNow(f"They want to be called from {at:%A %H:%M} of their time ({callback.zone}) on. Not before.", at=at.isoformat())
    if moment > callback.window_until + LATE_UNTIL:
        raise NotNow("The hours in which they wanted to be called are long over. Ask where they wrote when a call suits them.")
    if moment > callback.window_until and is_quiet(moment, [zone], Company.current()):
        raise NotNow(f"It is {moment.astimezone(zone):%H:%M} where they are. Call in the morning.")


def show_number(*, callback_id: int, agent: Agent, now: datetime | None = None) -> str:
    """The number to call, for the agent who calls. That it was seen is kept.

    Raises NotAllowed to everybody else, and NoPermission if the customer took it back since the call was begun.
    """
    check_may_answer(agent)
    moment = now or current_time()
    running = CallbackRequest.objects.filter(pk=callback_id, state=State.CALLING, agent=agent, calling_until__gt=moment)
    with transaction.atomic():
        # The request before its consent, as everything else that locks both.
        callback = running.select_for_update(of=("self",)).select_related("contact_point").first()
        if callback is None:
            raise NotAllowed("A number is shown to the agent who calls, while they do. Press “I call now” first.")
        _require_permission(callback)
        NumberView.objects.create(callback=callback, agent=agent, at=moment)
    return write_international(callback.contact_point.value)


def end_call(*, callback_id: int, agent: Agent, outcome: str, note: str = "", now: datetime | None = None) -> CallbackRequest:
    """What came of the call: `reached`, `no_answer`, `wrong_number` or `declined`. A long call that ran out meanwhile still counts.

    Reached ends the hop's task, with the thank-you in the agent's draft; nobody there means another try after a while, within the
    customer's hours; a wrong number is never called again; who does not want it is not called either.
    Raises Conflict if it is not this agent's call any more, DeskError for an unknown outcome or a note too long.
    """
    check_may_answer(agent)
    if outcome not in (Outcome.REACHED, Outcome.NO_ANSWER, Outcome.WRONG_NUMBER, Outcome.DECLINED):
        raise DeskError("Say what came of the call: reached, no_answer, wrong_number or declined.")
    if len(note) > LONGEST_NOTE:
        raise DeskError(f"The note has {len(note)} characters; {LONGEST_NOTE} are enough. Shorten it.")
    moment = now or current_time()
    with transaction.atomic():
        callback = _lock(callback_id)
        call = callback.calls.order_by("-begun_at", "-pk").first()
        is_theirs = call is not None and call.agent_id == agent.pk and call.outcome in ("", Outcome.LOST)
        if call is None or not is_theirs or not callback.is_open:
            raise Conflict("This is not your call any more: it was noted already, or somebody else took it.", state=callback.state)
        call.outcome, call.ended_at, call.note = outcome, moment, clean(note).strip()
        call.save()
        callback.calling_until = None
        if outcome == Outcome.REACHED:
            _finish(callback, State.REACHED, moment)
            _note_reached(callback, agent, moment)
        elif outcome == Outcome.NO_ANSWER:
            _try_later(callback, moment)
        elif outcome == Outcome.WRONG_NUMBER:
            mark_wrong(contact_point=callback.contact_point, problem="wrong number", at=moment)
            _finish(callback, State.FAILED, moment)
        else:
            revoke_consent(consent=callback.consent, how="said so on the phone", at=moment)
            _finish(callback, State.CANCELLED, moment)
        if callback.state in (State.NOT_REACHED, State.FAILED):
            bring_back(callback.conversation_id, moment)
        tell(callback)
    return callback


def _finish(callback: CallbackRequest, state: CallbackRequest.State, moment: datetime) -> None:
    callback.state, callback.finished_at = state, moment
    callback.save()


def _try_later(callback: CallbackRequest, moment: datetime) -> None:
    later = moment + BACK_OFF[min(callback.attempts, len(BACK_OFF)) - 1]
    if later >= callback.window_until:
        _finish(callback, State.NOT_REACHED, moment)
        return
    callback.state, callback.call_from = State.WAITING, later
    callback.due_at = due_after(later, callback.window_until)
    callback.save()


def _note_reached(callback: CallbackRequest, agent: Agent, moment: datetime) -> None:
    note_activity(conversation=lock_conversation(callback.conversation_id), channel=Hop.Channel.CALLBACK, at=moment)
    record_answer(conversation_id=callback.conversation_id, agent=agent, at=moment, kind="callback")
    # A choice that led to a chat first has its link there; then the call is a hop of its own.
    begun = Hop.objects.filter(conversation=callback.conversation_id, channel=Hop.Channel.CALLBACK, state=Hop.State.BEGUN)
    hop = begun.filter(link=callback.link_id).first() or begun.filter(link=None).order_by("-pk").first()
    if hop is not None and not goes_on(hop):  # they may have asked for another one
        finish_hop(hop_id=hop.pk, agent=agent)


def bring_back(conversation_id: int, moment: datetime) -> None:
    """A call came to nothing: its conversation is work again, wherever it was put."""
    conversation = lock_conversation(conversation_id)
    if not conversation.is_active:
        reactivate(conversation, at=moment)
        add_event(conversation, ConversationEvent.Kind.REOPENED, at=moment)
        save_conversation(conversation)
    live.publish(live.ConversationsChanged([conversation_state(conversation)]))


def release_lost_calls(*, now: datetime | None = None, limit: int = 200) -> int:
    """Put calls back whose agent has noted no outcome, and end those that nobody may make or wait for any more. Returns how many."""
    moment = now or current_time()
    forgotten = Q(state=State.CALLING, calling_until__lte=moment)
    over = Q(state=State.WAITING) & (Q(window_until__lt=moment - LATE_UNTIL) | Q(consent__revoked_at__isnull=False))
    released = 0
    for pk in list(
        CallbackRequest.objects.filter(any_of("state", CALLBACK_OPEN), forgotten | over)
        .order_by("due_at")
        .values_list("pk", flat=True)[:limit]
    ):
        with transaction.atomic():
            callback = _lock(pk)
            if callback.state == State.CALLING and callback.calling_until and callback.calling_until <= moment:
                _lose(callback, moment)
                callback.state, callback.calling_until = State.WAITING, None
                callback.save()
            elif callback.state == State.WAITING and callback.consent.revoked_at is not None:
                _finish(callback, State.CANCELLED, moment)
            elif callback.state == State.WAITING and callback.window_until < moment - LATE_UNTIL:
                _finish(callback, State.NOT_REACHED, moment)
                bring_back(callback.conversation_id, moment)
            else:
                continue
            tell(callback)
            released += 1
    return released


def _lose(callback: CallbackRequest, moment: datetime) -> None:
    callback.calls.filter(ended_at=None).update(ended_at=moment, outcome=Outcome.LOST)


def _lock(callback_id: int) -> CallbackRequest:
    """The request, locked behind its conversation. Raises NotFound."""
    known = CallbackRequest.objects.filter(pk=callback_id).values_list("conversation_id", flat=True).first()
    if known is None:
        raise NotFound("There is no such call. Reload the list.")
    lock_conversation(known)
    related = ("agent", "contact_point", "consent")
    return CallbackRequest.objects.select_for_update(of=("self",)).select_related(*related).get(pk=callback_id)
