"""The outbox at work: one message to its network, exactly once or to a person's attention; and what people decide about it.

The way of a row: claimed by a conditional UPDATE, the network called outside any transaction with the row's token, the outcome
recorded by a conditional UPDATE on the claim. Whatever is interrupted between two of these steps is found by the sweep, which cannot
know how far it came: so it is looked for on the network before anything is sent again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from engagement.models import DELIVERY_WAITING, SHARES, UNFINISHED, Approval, Delivery, Message
from engagement.services import checks, outcomes
from engagement.services.answers import check_answers_seen
from engagement.services.attachments import carried_by
from engagement.services.drafts import give_back
from engagement.services.echoes import CLOCK_SKEW, find_echo
from engagement.services.hops import withdraw_begun
from engagement.services.left_alone import LeftAlone, check_may_answer_there
from engagement.services.outcomes import LEASE, MAX_ATTEMPTS, Run
from engagement.services.policy import check_never, check_policy
from engagement.services.praise_state import is_permitted, lock_compliment_of
from engagement.services.queue import tell_worker
from engagement.services.speaking import as_network_error, publisher_of, speak
from engagement.services.windows import read_window, require_open
from listening.models import Conversation, NetworkAccount
from listening.services.conversations import lock_conversation
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.networks.base import Idempotency, NetworkError, Publisher, Sent

T = TypeVar("T")

State = Delivery.State

# How often it must be absent before it is sent again: once where the network itself refuses a token's second use, else twice, because
# what was accepted may be shown late.
_LOOKS: dict[Idempotency, int] = {"token": 1, "record_key": 1, "lookup": 2, "none": 2}
_DECIDED_BY = ("state", "attempts", "must_look", "looks", "look_failures", "person_says_absent")
_WAITED_LONG = timedelta(seconds=30)
_LEFT_ALONE = "They asked us not to contact them after this was written, and it answers nothing that they wrote to us."
_TOLD_AGAIN_AFTER = timedelta(seconds=15)  # a task that has not come by then is taken for lost


class TooLate(Conflict):
    """The message left before it could be taken back, or somebody else decided first."""

    code = "too_late"


def _loaded() -> QuerySet[Delivery]:
    """Deliveries with what a try needs and no more: whole rows of these tables took a quarter of a delivery's time.

    Not the account's credentials either: reading them fails if the secret key was changed.
    """
    related = ("message__mention", "message__conversation__author", "message__account", "message__agent", "message__promise")
    return Delivery.objects.select_related(*related).only(
        *("token", *_DECIDED_BY),
        *(f"message__{name}" for name in ("kind", "is_incoming", "text", "network", "external_id", "url", "created_at", "sent_at")),
        "message__picture_count",
        *("message__mention__external_id", "message__conversation__author__external_id", "message__agent__username"),
        *(f"message__account__{name}" for name in ("network", "username", "external_id", "display_name", "state", "state_reason")),
        *("message__account__connected_at", "message__account__removed_at", "message__promise__minutes", "message__promise__by_key"),
    )


# --- One delivery -------------------------------------------------------------------------------------------------------


def deliver(delivery_id: int, *, now: datetime | None = None) -> None:
    """Carry one message one step on: send it, or find out what became of an earlier try. Does nothing if it is not due, not its
    conversation's turn, or in other hands. Never raises for what a network does; a database that is away does raise."""
    run = _claim(delivery_id, now=now or current_time())
    if run is None:
        return
    try:
        publisher = _publisher_of(run.delivery.message)
    except NetworkError as error:
        outcomes.record_unreachable(run, error)
        return
    if not run.delivery.must_look and _must_stay(run):
        outcomes.record_unreachable(run, NetworkError(_LEFT_ALONE, permanent=True, code=LeftAlone.code))
    elif not run.delivery.must_look or _is_absent(run, publisher):
        _send(run, publisher)


def _must_stay(run: Run) -> bool:
    """Whether it waited so long that its reader may have asked to be left alone meanwhile, and did. One query where it did wait."""
    message = run.delivery.message
    if message.kind in SHARES or run.now - message.created_at < _WAITED_LONG:
        return False
    try:
        check_may_answer_there(message.conversation)
    except LeftAlone:
        return True
    return False


def _claim(delivery_id: int, *, now: datetime) -> Run | None:
    # `first` would order what is one row at most, which costs a quarter of this query.
    delivery = next(iter(_loaded().filter(pk=delivery_id, state__in=DELIVERY_WAITING)), None)
    if delivery is None:
        return None
    message = delivery.message
    ahead = _ahead(message.conversation_id, message.pk, message.kind, now)
    # What was read above decides what is done below, so the UPDATE asks for it again. All of it stands in the row itself: a condition
    # on a joined table would not be asked again by a PostgreSQL that had to wait for the row.
    as_read = {name: getattr(delivery, name) for name in _DECIDED_BY}
    claim = uuid.uuid4().hex
    due = Delivery.objects.filter(~Exists(ahead), pk=delivery.pk, not_before__lte=now, **as_read)
    taken = due.update(state=State.INFLIGHT, claim=claim, claimed_until=now + timedelta(seconds=LEASE))
    return Run(delivery, claim, now) if taken == 1 else None


def _ahead(conversation_id: Any, message_id: Any, kind: Any, now: datetime) -> QuerySet[Delivery]:
    """What a message waits for. A public answer that cools down keeps nobody from going on in private."""
    cools_down = ~Q(hold_reason="") & ~Q(kind=kind) & Q(state=State.QUEUED, not_before__gt=now)
    earlier = Delivery.objects.filter(message__conversation_id=conversation_id, message_id__lt=message_id, state__in=UNFINISHED)
    return earlier.exclude(cools_down)


def _publisher_of(message: Message) -> Publisher:
    """Raises NetworkError if nothing can be sent as the message's account."""
    return publisher_of(message.account)


def _is_absent(run: Run, publisher: Publisher) -> bool:
    """Look for what an earlier try may have left. True: it is certainly not there, it may be sent. False: that was recorded."""
    delivery, message = run.delivery, run.delivery.message
    try:
        found = find_echo(message) or _speak(message, publisher, lambda speaker: _find(message, delivery.token, speaker))
    except Exception as error:
        failure = as_network_error(error)
        if delivery.person_says_absent and not failure.account_revoked:
            return True
        outcomes.record_look_failed(run, failure)
        return False
    is_of_another = found is not None and _is_of_another(message, found)
    if found is not None and not is_of_another:
        outcomes.record_sent(message, found, claim=run.claim)
        return False
    if delivery.person_says_absent:
        return True
    if is_of_another:
        outcomes.record_same_words(run)
        return False
    idempotency = checks.capabilities_of(message.network).idempotency
    if delivery.looks + 1 < _LOOKS[idempotency]:
        outcomes.record_absent(run, looks=delivery.looks + 1)
    elif idempotency == "none":
        outcomes.record_unknowable(run)
    elif delivery.attempts >= MAX_ATTEMPTS:
        outcomes.record_given_up(run)
    else:
        return True
    return False


def _is_of_another(message: Message, found: Sent) -> bool:
    """Whether what was found is an earlier message of the desk with the same words, where the network tells ours by nothing else."""
    if message.kind == Message.Kind.REPOST:
        return False  # of one post there is only one, whoever asked for it
    others = Message.objects.filter(network=message.network, external_id=found.external_id, delivery__isnull=False)
    return others.exclude(pk=message.pk).exists()


def _send(run: Run, publisher: Publisher) -> None:
    if not run.may_call:
        outcomes.put_back(run)
        return
    message, token = run.delivery.message, run.delivery.token
    if message.kind in SHARES and not is_permitted(message):
        outcomes.record_not_permitted(run)
        return
    try:
        sent = _speak(message, publisher, lambda speaker: _call(message, token, speaker), has_time=lambda: run.may_call)
    except Exception as error:
        outcomes.record_failure(run, as_network_error(error))
        return
    outcomes.record_sent(message, sent, claim=run.claim)


def _speak(message: Message, publisher: Publisher, call: Callable[[Publisher], T], **options: Any) -> T:
    """As the message's account, whose publisher that is."""
    assert message.account is not None
    return speak(message.account, call, publisher=publisher, **options)


def _call(message: Message, token: str, publisher: Publisher) -> Sent:
    place = _place(message)
    match message.kind:
        case Message.Kind.REPLY:
            return publisher.reply(in_reply_to=place["in_reply_to"], text=message.text, token=token, **carried_by(message))
        case Message.Kind.DIRECT_MESSAGE:
            about = message.mention.external_id if message.mention else ""
            return publisher.direct_message(to=place["to"], text=message.text, token=token, about=about)
        case Message.Kind.REPOST:
            return publisher.repost(external_id=place["repost_of"], token=token)
        case _:
            return publisher.post(text=message.text, token=token)


def _find(message: Message, token: str, publisher: Publisher) -> Sent | None:
    return publisher.find(**_place(message), token=token, text=message.text, since=message.created_at - CLOCK_SKEW)


def _place(message: Message) -> dict[str, str]:
    """Where a message goes, by external id, as Publisher.find names it; a quote stands for itself."""
    match message.kind:
        case Message.Kind.REPLY if message.mention is not None:
            return {"in_reply_to": message.mention.external_id}
        case Message.Kind.DIRECT_MESSAGE if not message.is_incoming:
            return {"to": message.conversation.author.external_id}
        case Message.Kind.REPOST if message.mention is not None:
            return {"repost_of": message.mention.external_id}
        case Message.Kind.QUOTE:
            return {}
    # A note has no delivery; should a fault make one, it ends here (invariant 4).
    raise NetworkError(f"A message of kind {message.kind} is not sent anywhere.", permanent=True, code="not_for_a_network")


# --- The sweep ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did: runs that had died, deliveries that a worker was told of again, open ones that had been read back."""

    dead: int
    told: int
    settled: int


def sweep(*, now: datetime | None = None, limit: int = 1000) -> Swept:
    """Find what was lost: dead workers' rows and rows whose task never came. Safe beside other sweeps; at most `limit` rows are told."""
    moment = now or current_time()
    with transaction.atomic():
        dead = Delivery.objects.filter(state=State.INFLIGHT, claimed_until__lt=moment)
        changes: dict[str, Any] = {
            "error": "The desk stopped while it was sending this.",
            "error_code": "worker_died",
            "claim": "",
            "claimed_until": None,
            "not_before": moment,
            "told_at": None,
            **outcomes.LOOK_ANEW,
        }
        # What stops the desk again and again must not do so for ever.
        hopeless = dead.filter(attempts__gte=MAX_ATTEMPTS).update(**changes, state=State.UNCONFIRMED, finished_at=moment)
        revived = dead.update(**changes, state=State.AWAITING_RETRY, attempts=F("attempts") + 1)
    settled = _settle_by_echo()
    ahead = _ahead(OuterRef("message__conversation_id"), OuterRef("message_id"), OuterRef("kind"), moment)
    untold = Q(told_at=None) | Q(told_at__lt=moment - _TOLD_AGAIN_AFTER)
    due = Delivery.objects.filter(any_of("state", DELIVERY_WAITING), ~Exists(ahead), untold, not_before__lte=moment).order_by("not_before")
    with transaction.atomic():
        # What another sweep or a worker has in hand is theirs: to wait for rows in no certain order is how two sweeps come to a standstill.
        ids = list(due.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:limit])
        Delivery.objects.filter(pk__in=ids).update(told_at=moment)
    for pk in ids:
        tell_worker(pk)
    return Swept(dead=hopeless + revived, told=len(ids), settled=settled)


def _settle_by_echo(limit: int = 50) -> int:
    """The newest messages that wait for a person although the desk has read them back meanwhile."""
    open_ones = _loaded().filter(state=State.UNCONFIRMED).order_by("-created_at", "-pk")
    settled = 0
    for delivery in open_ones[:limit]:
        echo = find_echo(delivery.message)
        if echo is not None:
            settled += outcomes.record_sent(delivery.message, echo)
    return settled


# --- What people decide -------------------------------------------------------------------------------------------------


def undo_delivery(*, message_id: int, agent: Agent, now: datetime | None = None) -> Delivery:
    """Take a message back while it is held. Its text becomes its writer's draft again. Raises TooLate, NotAllowed, NotFound."""
    moment = now or current_time()
    delivery = _load(message_id)
    if delivery.message.agent_id != agent.pk and not agent.may_configure:
        raise NotAllowed("Only the person who wrote it, or a lead, can take it back.")
    held = Q(state=State.QUEUED, not_before__gt=moment, attempts=0, must_look=False)
    with transaction.atomic():
        if not _move(delivery, held, State.ABORTED, finished_at=moment):
            raise TooLate("It is too late to take it back: it is being sent, or already was.", state=_load(message_id).state)
        withdraw_begun(delivery.message)
        give_back(agent=delivery.message.agent or agent, message=delivery.message)
    return delivery


def decide_unconfirmed(*, message_id: int, agent: Agent, decision: str, now: datetime | None = None) -> Delivery:
    """A person looked on the network, or gives up. `decision` is one of

    sent: it is there, and counts as answered. send_again: it is not there; the desk looks once more if it can, then sends it.
    look_again: the network works again, the desk should look itself. abandon: do not send it; the text becomes the agent's draft.

    What has failed can be abandoned too. Raises TooLate if it is not waiting for a decision.
    """
    moment = now or current_time()
    delivery = _load(message_id)
    checks.check_may_settle(agent, delivery.message)
    unconfirmed = Q(state=State.UNCONFIRMED)
    anew = {"not_before": moment, "told_at": moment, "finished_at": None, "must_look": True, "looks": 0, "look_failures": 0}
    with transaction.atomic():
        if decision == "sent":
            moved = _record_seen(delivery, moment)
        elif decision == "send_again":
            if delivery.message.kind == Message.Kind.REPLY:
                check_never(delivery.message.conversation)
            moved = _move(delivery, unconfirmed, State.QUEUED, **anew, person_says_absent=True, attempts=0)
        elif decision == "look_again":
            moved = _move(delivery, unconfirmed, State.AWAITING_RETRY, **anew, person_says_absent=False)
        elif decision == "abandon":
            moved = _move(delivery, unconfirmed | Q(state=State.FAILED), State.ABORTED, finished_at=moment)
            if moved:
                withdraw_begun(delivery.message)
                give_back(agent=agent, message=delivery.message)
        else:
            raise DeskError(f"Decide sent, send_again, look_again or abandon, not {decision[:40]!r}.")
        if not moved:
            raise TooLate("It does not wait for a decision any more. Reload to see what became of it.", state=_load(message_id).state)
        if delivery.state in DELIVERY_WAITING:
            tell_worker(delivery.pk)
    return delivery


def retry_failed(*, message_id: int, agent: Agent, answer_seen: int = 0, now: datetime | None = None) -> Delivery:
    """Send what has failed once more, as a new try.

    A reply is refused (AlreadyAnswered) if its mention got another answer meanwhile that `answer_seen` does not name.
    Raises AccountUnusable while our account cannot send, WindowClosed where the network takes no private message to them now, TooLate if
    it has not failed, and what `check_policy` raises.
    """
    moment = now or current_time()
    delivery = _load(message_id)
    message = delivery.message
    checks.check_may_settle(agent, message)
    with transaction.atomic():
        # The row first, then the conversation, as everywhere: two that take them in different order would wait for each other.
        fresh = {"not_before": moment, "told_at": moment, "finished_at": None, "attempts": 0, "error": "", "error_code": ""}
        if not _move(delivery, Q(state=State.FAILED), State.QUEUED, **fresh):
            raise TooLate("It has not failed, or somebody else tried it again. Reload to see its state.", state=_load(message_id).state)
        conversation = lock_conversation(message.conversation_id)
        account = checks.speaking_account(conversation)
        Message.objects.filter(pk=message.pk).update(account=account)
        if message.kind == Message.Kind.DIRECT_MESSAGE:
            _aim_anew(message, conversation, account, moment)
        elif message.kind == Message.Kind.REPLY and message.mention_id is not None:
            check_answers_seen(mention_id=message.mention_id, answer_seen=answer_seen, besides=message.pk)
            was_approved = Approval.objects.filter(message=message).exists()
            verdict = check_policy(conversation, agent=agent, text=message.text, is_approved=was_approved, besides=message.pk)
            if verdict.hold:
                due = moment + timedelta(seconds=verdict.hold)
                Delivery.objects.filter(pk=delivery.pk).update(not_before=due, told_at=due, hold_reason=verdict.hold_reason)
        tell_worker(delivery.pk)
    return delivery


def _aim_anew(message: Message, conversation: Conversation, account: NetworkAccount, moment: datetime) -> None:
    """Where a private message goes that is tried anew: the network's window may have closed since, or be open for another post.

    Raises WindowClosed.
    """
    label = checks.label_of(conversation.network)
    window = read_window(conversation, able=account.capabilities, account=account, label=label, now=moment, besides=message.pk)
    if window is not None:
        Message.objects.filter(pk=message.pk).update(mention=require_open(window))


def resume_aborted(*, message_id: int, hold: float, now: datetime | None = None) -> bool:
    """Send after all what was taken back or given up. What may have been there is looked for first. False if it was not aborted."""
    moment = now or current_time()
    delivery = _load(message_id)
    due = moment + timedelta(seconds=hold)
    fresh = {"not_before": due, "told_at": due, "finished_at": None, "error": "", "error_code": ""}
    with transaction.atomic():
        resumed = _move(delivery, Q(state=State.ABORTED), State.QUEUED, **fresh, must_look=delivery.attempts > 0, attempts=0)
        if resumed:
            tell_worker(delivery.pk, seconds=hold)
    return resumed


def abort_unsent(*, message_id: int, now: datetime | None = None) -> bool:
    """Stop a message that was never tried, or has failed. False if it may be there, or will be."""
    delivery = _load(message_id)
    not_there = Q(state=State.QUEUED, attempts=0, must_look=False) | Q(state=State.FAILED)
    with transaction.atomic():
        moved = _move(delivery, not_there, State.ABORTED, finished_at=now or current_time())
    return moved or (delivery.state == State.ABORTED and not delivery.must_look)


def remove_sent(*, message_id: int) -> bool:
    """Delete at the network what a message became there. False while it is not known what that is. Raises NetworkError.

    What is not there any more is removed; doing it twice is no error.
    """
    delivery = _load(message_id)
    message = delivery.message
    if delivery.state in UNFINISHED:
        return False
    publisher = _publisher_of(message)
    external_id = message.external_id
    if not external_id:
        found = _speak(message, publisher, lambda speaker: _find(message, delivery.token, speaker))
        if found is None:
            return delivery.state != State.UNCONFIRMED
        external_id = found.external_id
    if message.account is None or not message.account.capabilities.delete:
        raise NetworkError(f"{checks.label_of(message.network)} lets nothing be deleted from here.", permanent=True, code="cannot_delete")
    try:
        _speak(message, publisher, lambda speaker: speaker.delete(external_id=external_id))
    except NetworkError as error:
        if error.code not in ("not_found", "deleted"):
            raise
    return True


def _load(message_id: int) -> Delivery:
    delivery = _loaded().filter(message_id=message_id).first() if message_id < 2**63 else None  # no database has a greater id
    if delivery is None:
        raise NotFound("There is no such message in the outbox.")
    return delivery


def _move(delivery: Delivery, where: Q, state: Delivery.State, **changes: Any) -> bool:
    """Move the row on if it is still as expected. Inside a transaction; tells the browsers after it."""
    if Delivery.objects.filter(where, pk=delivery.pk).update(state=state, **changes) != 1:
        return False
    delivery.state = state
    message = delivery.message
    live.publish(live.MessageChanged(message.conversation_id, message.pk, state, message.agent_id))
    if state not in UNFINISHED:
        outcomes.tell_next(message.conversation_id)
    return True


def _record_seen(delivery: Delivery, moment: datetime) -> bool:
    """A person saw the message on the network."""
    message = delivery.message
    compliment = lock_compliment_of(message)
    echo = find_echo(message)
    if echo is not None:
        delivery.state = State.SENT
        return outcomes.record_sent(message, echo)
    if not _move(delivery, Q(state=State.UNCONFIRMED), State.SENT, finished_at=moment, must_look=False):
        return False
    # It went out when it was first tried; the exact moment is the network's secret.
    Message.objects.filter(pk=message.pk).update(sent_at=message.created_at)
    outcomes.tell_conversation(message, compliment, at=message.created_at)
    return True
