"""How a delivery moves on after a try: each step is one conditional UPDATE, so that only whoever holds the row can move it."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Q

from engagement.models import UNFINISHED, Compliment, Delivery, Hop, Message, Promise
from engagement.services.acknowledge import stands_in_public
from engagement.services.hops import note_activity, pay_returns
from engagement.services.praise_state import lock_compliment_of, note_shared
from engagement.services.queue import tell_worker
from listening.services.accounts import mark_revoked
from listening.services.conversations import lock_conversation, record_acknowledgement, record_answer
from listening.services.mentions import record_own_post
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.networks.base import NetworkError, Sent

logger = logging.getLogger(__name__)
State = Delivery.State

LEASE = 180.0  # seconds for which a worker holds a row; a connector's own timeouts add up to far less
CALL = 60.0  # seconds that must be left of the lease when a call that sends begins
MAX_ATTEMPTS = 10  # calls that sent or may have; with the waits between them about 50 minutes
MAX_LOOK_FAILURES = 6  # then a person looks
LOOK_AFTER = 5.0  # seconds until a first look: what was accepted may take a moment to be seen
LOOK_AGAIN_AFTER = 20.0
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 900.0  # seconds between two tries

# What the desk itself held back: nothing was tried at the network, however often that happens.
NOT_TRIED = ("budget", "renewing")

_THERE_ALREADY = ("already_there", "answered")  # what networks say where they have it, or something in its place
REVOKED = "account_revoked"  # Delivery.error_code: our account has to be connected again first

LOOK_ANEW: dict[str, Any] = {"must_look": True, "looks": 0, "look_failures": 0, "person_says_absent": False}
_NOTHING_THERE: dict[str, Any] = {"must_look": False, "looks": 0, "look_failures": 0, "person_says_absent": False}


@dataclass(frozen=True, slots=True)
class Run:
    """One worker's hold on one delivery. `delivery` is as it was when it was taken, with its message loaded."""

    delivery: Delivery
    claim: str
    now: datetime
    _started: tuple[float, float] = field(default_factory=lambda: (time.monotonic(), time.time()))

    @property
    def elapsed(self) -> float:
        """Seconds since the row was taken; a machine that was put to sleep meanwhile counts too."""
        monotonic, wall = self._started
        return max(time.monotonic() - monotonic, time.time() - wall)

    @property
    def moment(self) -> datetime:
        return self.now + timedelta(seconds=self.elapsed)

    @property
    def may_call(self) -> bool:
        """Whether a call that sends would surely end before somebody else may take the row."""
        return self.elapsed < LEASE - CALL


def back_off(attempts: int, retry_after: float | None) -> float:
    """Seconds until the next try: what the network asks for, else doubling, both with jitter so that rows do not come back in step."""
    jitter = random.random()  # noqa: S311  chance, not a secret
    if retry_after is not None:
        return max(retry_after, 0.0) * (1 + jitter / 10) + jitter
    return min(_FIRST_WAIT * 2.0 ** max(attempts - 1, 0), _LONGEST_WAIT) * (0.5 + jitter / 2)


def record_sent(message: Message, sent: Sent, *, claim: str = "") -> bool:
    """The network has it. False if somebody else holds the row, or recorded it before.

    A receipt is the truth even when its worker was taken for dead: it counts for every state that nobody holds.
    """

    def write() -> bool:
        with transaction.atomic():
            compliment = lock_compliment_of(message)
            mine = Q(state=State.INFLIGHT, claim=claim) if claim else Q(pk__in=[])
            nobodys = ~Q(state__in=[State.INFLIGHT, State.SENT])
            changes = {"state": State.SENT, "finished_at": sent.sent_at, "error": "", "error_code": "", "must_look": False}
            rows = Delivery.objects.filter(mine | nobodys, message=message)
            if not rows.update(**changes, claim="", claimed_until=None):
                logger.warning("message %s: a receipt came too late, another worker has the row", message.pk)
                return False
            if message.kind == Message.Kind.DIRECT_MESSAGE and not message.external_id:
                # Read back before the receipt came, with a text that the network changed: it was taken for somebody else's.
                echoes = Message.objects.filter(network=message.network, kind=message.kind, external_id=sent.external_id)
                echoes.filter(is_incoming=False, delivery=None).exclude(pk=message.pk).delete()
            Message.objects.filter(pk=message.pk).update(external_id=sent.external_id, url=sent.url, sent_at=sent.sent_at)
            if message.kind in (Message.Kind.REPLY, Message.Kind.QUOTE) and message.account is not None:
                record_own_post(
                    conversation=message.conversation,
                    account=message.account,
                    external_id=sent.external_id,
                    text=message.text,
                    url=sent.url,
                    posted_at=sent.sent_at,
                    in_reply_to=message.mention if message.kind == Message.Kind.REPLY else None,
                )
            tell_conversation(message, compliment, at=sent.sent_at)
            _tell(message, State.SENT)
            tell_next(message.conversation_id)
            return True

    return _insistently(write)


def tell_conversation(message: Message, compliment: Compliment | None, *, at: datetime) -> None:
    """What follows in the house from a message that is out: an answer stops clocks and pays what is owed in the public thread, a repost
    or quote moves its locked compliment on."""
    if compliment is None:
        _record_arrival(message, at=at)
        _settle_hops(message, at=at)
    else:
        note_shared(compliment, message, at=at)


def _record_arrival(message: Message, *, at: datetime) -> None:
    """What a message that reached its network means for its conversation: an answer, or the acknowledgement that it is."""
    if not hasattr(message, "promise"):
        record_answer(conversation_id=message.conversation_id, agent=message.agent, at=at, kind=message.kind)
        return
    due_at = at + timedelta(minutes=message.promise.minutes)  # the customer counts from when they read it
    Promise.objects.filter(message=message).update(due_at=due_at)
    record_acknowledgement(conversation_id=message.conversation_id, agent=message.agent, at=at, due_at=due_at)


def _settle_hops(message: Message, *, at: datetime) -> None:
    """A message reached the network: a public one pays the return of moves to other channels, a private one is what happens there. Where
    nothing stands in public, a private one is where calls, chats and tickets come back to.

    An acknowledgement pays nothing, nor does a request to follow us: that is no word of how it ended. In the transaction of its receipt.
    """
    if message.kind == Message.Kind.DIRECT_MESSAGE:
        conversation = lock_conversation(message.conversation_id)
        note_activity(conversation=conversation, channel=Hop.Channel.DIRECT_MESSAGE, at=at)
        if conversation.returns_owed and not stands_in_public(conversation):
            pay_returns(conversation_id=conversation.pk, written_at=message.created_at, at=at, message=message)
    elif not (hasattr(message, "promise") or hasattr(message, "follow_request")):
        pay_returns(conversation_id=message.conversation_id, written_at=message.created_at, at=at, message=message)


def _insistently(write: Callable[[], bool]) -> bool:
    """What is known of the network must not be lost to a deadlock or a busy file: try thrice. A database that is away raises."""
    for wait in (0.05, 0.2):
        try:
            # Bulk writes speak to the driver itself; what it raises is made Django's here.
            with connection.wrap_database_errors:
                return write()
        except (OperationalError, IntegrityError):
            logger.warning("a receipt could not be recorded, trying again", exc_info=True)
            time.sleep(wait)
    return write()


def record_failure(run: Run, error: NetworkError) -> None:
    """A call that sends did not succeed."""
    attempts = run.delivery.attempts + (error.code not in NOT_TRIED)
    if error.outcome_unknown:
        _end(run, State.AWAITING_RETRY, LOOK_AFTER, error, attempts=attempts, **LOOK_ANEW)
    elif error.retryable and attempts < MAX_ATTEMPTS:
        _end(run, State.AWAITING_RETRY, back_off(attempts, error.retry_after), error, attempts=attempts, **_NOTHING_THERE)
    elif run.delivery.must_look and error.code in _THERE_ALREADY:
        # An earlier try was not found, but it may be just that which is there.
        _end(run, State.UNCONFIRMED, 0, error, attempts=attempts)
    else:
        _end(run, State.FAILED, 0, error, attempts=attempts, **_NOTHING_THERE)
    _note_revoked(run, error)


def record_unreachable(run: Run, error: NetworkError) -> None:
    """There is no way to the network as this account: a person has to act. What may be there already stays open."""
    _end(run, State.UNCONFIRMED if run.delivery.must_look else State.FAILED, 0, error)


def record_absent(run: Run, *, looks: int) -> None:
    """It was not there, which once is not enough on a network that may show things late."""
    _end(run, State.AWAITING_RETRY, LOOK_AGAIN_AFTER, None, looks=looks)


def record_unknowable(run: Run) -> None:
    """It was not there, but this network does not show everything: nobody can tell but a person."""
    reason = "The network does not show everything that was sent to it, so that it cannot be told whether this one was."
    _end(run, State.UNCONFIRMED, 0, NetworkError(reason, code="cannot_look"))


def record_same_words(run: Run) -> None:
    """What is there is another message of ours that says the same: whether this one is there as well, only a person can see."""
    reason = "There is another message of ours with the same words, so that it cannot be told whether this one was sent too."
    _end(run, State.UNCONFIRMED, 0, NetworkError(reason, code="same_words"))


def record_given_up(run: Run) -> None:
    """It is certainly not there, and it was tried often enough."""
    reason = NetworkError(f"It was tried {run.delivery.attempts} times; the network took none of them.", permanent=True, code="gave_up")
    _end(run, State.FAILED, 0, reason, **_NOTHING_THERE)


def record_look_failed(run: Run, error: NetworkError) -> None:
    """Looking did not work. After some times, or when it never will, a person looks."""
    failures = run.delivery.look_failures + (error.code not in NOT_TRIED)
    if error.permanent or failures >= MAX_LOOK_FAILURES:
        _end(run, State.UNCONFIRMED, 0, error, look_failures=failures)
    else:
        _end(run, State.AWAITING_RETRY, back_off(failures, error.retry_after), error, look_failures=failures)
    _note_revoked(run, error)


def record_not_permitted(run: Run) -> None:
    """It is not there, and must not be: the author's permission ended before it was sent."""
    _end(run, State.ABORTED, 0, None, **_NOTHING_THERE)


def put_back(run: Run) -> None:
    """Nothing was done: too little was left of the lease to send safely."""
    _end(run, State.AWAITING_RETRY, 0, None)


def tell_next(conversation_id: int) -> None:
    """A message left the line of its conversation: tell a worker of the one that waited behind it."""
    line = Delivery.objects.filter(message__conversation_id=conversation_id, state__in=UNFINISHED).order_by("message_id")
    following = line.values_list("pk", "state", "not_before").first()
    if following is not None and following[1] != State.INFLIGHT and following[2] <= current_time():
        tell_worker(following[0])


def _end(run: Run, state: Delivery.State, wait: float, error: NetworkError | None, **changes: Any) -> None:
    """End the run, if its claim still holds; else whoever took the row over decides."""
    moment = run.moment
    finished = state not in UNFINISHED
    if error is not None:
        # Networks have words of their own for that; the desk needs one, to go on once the account is connected again.
        code = REVOKED if error.account_revoked else error.code[:60]
        changes |= {"error": str(error)[:500], "error_code": code}
    with transaction.atomic():
        rows = Delivery.objects.filter(pk=run.delivery.pk, state=State.INFLIGHT, claim=run.claim)
        if not rows.update(
            state=state,
            claim="",
            claimed_until=None,
            not_before=moment + timedelta(seconds=wait),
            told_at=None,
            finished_at=moment if finished else None,
            **changes,
        ):
            logger.warning("delivery %s: its worker's claim had ended", run.delivery.pk)
            return
        _tell(run.delivery.message, state)
        if finished:
            tell_next(run.delivery.message.conversation_id)


def _tell(message: Message, state: str) -> None:
    live.publish(live.MessageChanged(message.conversation_id, message.pk, state, message.agent_id))


def _note_revoked(run: Run, error: NetworkError) -> None:
    account = run.delivery.message.account
    if error.account_revoked and account is not None:
        mark_revoked(account_id=account.pk, reason=str(error), seen=account)
