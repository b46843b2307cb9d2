"""Waiting for a follow: who was asked to follow us, when the network is asked whether they did, and what happens when it came (D7, D8).

The request itself is in follow_requests.py. What is believed of a handle is `follows_us`; that alone opens and locks the private door.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import Q

from engagement.models import Approval, Delivery, FollowRequest
from engagement.services import checks
from engagement.services.answers import GONE
from engagement.services.speaking import speak
from listening.models import Conversation, ConversationEvent, Status
from listening.services.conversations import add_event, conversation_state, lock_conversation, record_customer_acted
from profiles.models import Handle
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.networks import registry
from socialdesk.networks.base import NetworkError

WAIT = timedelta(days=14)  # for so long after the request the network is asked
MOST_LOOKS = 50  # in one sweep
_SOONEST, _LONGEST = timedelta(seconds=10), timedelta(hours=1)  # between two looks
_OUT = (Delivery.State.SENT, Delivery.State.UNCONFIRMED)  # where the customer has read it, or may have


@dataclass(frozen=True, slots=True)
class FollowState:
    """Where a conversation's author stands with following us.

    locked: they do not, and can be asked; reading: a lead reads the request first; asked: we wait; came: they were asked and follow.
    "" where none of it matters. `request` is the last one that was made to them, whatever became of it.
    """

    step: Literal["", "locked", "reading", "asked", "came"] = ""
    request: FollowRequest | None = None

    @property
    def is_locked(self) -> bool:
        return self.step in ("locked", "reading", "asked")


def related_of(author: str) -> tuple[str, ...]:
    """What to load with `author`, the path to a handle, for `read_follow`: no query of its own."""
    return tuple(f"{author}__follow_request{path}" for path in ("__agent", "__message__delivery", "__approval"))


def read_follow(conversation: Conversation, *, wrote_privately: bool) -> FollowState:
    """No query where `related_of` and the account were loaded. Who wrote to us in private can be answered there and need not follow."""
    abilities = checks.abilities_in(conversation)
    if not (abilities.direct_message and abilities.follow_first):
        return FollowState()
    request = getattr(conversation.author, "follow_request", None)
    if conversation.author.follows_us is not False or wrote_privately:
        came = conversation.author.follows_us and request is not None and request.followed_at is not None
        return FollowState("came" if came else "", request)
    if request is None or not is_waiting(request):
        return FollowState("locked", request)
    return FollowState("asked" if request.message else "reading", request)


def is_waiting(request: FollowRequest, *, now: datetime | None = None) -> bool:
    """Whether somebody was asked, or is about to be, and may still follow. What was taken back, declined or refused asked nobody."""
    if request.followed_at is not None or (now or current_time()) > _asked_at(request) + WAIT:
        return False
    if request.message is not None:
        return request.message.delivery.state not in GONE
    return request.approval is not None and request.approval.state == Approval.State.PENDING


def _asked_at(request: FollowRequest) -> datetime:
    """When the customer could read it, else when it was pressed."""
    return (request.message.sent_at if request.message else None) or request.asked_at


# --- The follow ---------------------------------------------------------------------------------------------------------


def ask_whether_followed(conversation_id: int) -> None:
    """Where the desk believes that the author does not follow us, ask the network: a follow does not come with a post.

    Calls the network, so never inside a transaction. If it does not answer, what is believed stays.
    """
    conversation = Conversation.objects.select_related("author", "account").filter(pk=conversation_id).first()
    if conversation is None or not checks.must_follow_first(conversation):
        return
    try:
        follows = _ask_network(conversation)
    except (NetworkError, checks.AccountUnusable, registry.NoConnector):
        return
    if follows:
        _believe_followed(conversation.author)


def look_for_follows(*, now: datetime | None = None, limit: int = MOST_LOOKS) -> int:
    """Ask the networks for those who were asked and have not followed yet, the longer ago the more seldom. Returns how many came.

    A network that does not answer keeps its people waiting, and is left alone until the next sweep.
    """
    moment = now or current_time()
    came = note_followed(now=moment)
    due = FollowRequest.objects.filter(followed_at=None, look_at__lte=moment, look_at__isnull=False)
    related = ("author", "message__delivery", "approval", "conversation__account", "conversation__author")
    silent: set[int | None] = set()
    for request in list(due.select_related(*related).order_by("look_at", "pk")[:limit]):
        waited = moment - _asked_at(request)
        wait = min(max(waited / 4, _SOONEST), _LONGEST)
        # Moved on before the call: two sweeps do not ask twice, and one that dies leaves it to the next.
        mine = FollowRequest.objects.filter(pk=request.pk, look_at=request.look_at)
        if not mine.update(look_at=moment + wait if waited <= WAIT else None):
            continue
        account = request.message.account_id if request.message else None
        if account in silent or not is_waiting(request, now=moment) or not _is_out(request):
            continue
        try:
            follows = _ask_network(request.conversation)
        except NetworkError as error:
            silent.add(account)
            if error.retry_after:
                later = moment + max(wait, timedelta(seconds=min(error.retry_after, _LONGEST.total_seconds())))
                FollowRequest.objects.filter(pk=request.pk).update(look_at=later)
            continue
        except (checks.AccountUnusable, registry.NoConnector):
            continue
        if follows:
            came += _believe_followed(request.author, now=moment)
    return came


def _is_out(request: FollowRequest) -> bool:
    return request.message is not None and request.message.delivery.state in _OUT


def _ask_network(conversation: Conversation) -> bool:
    account = checks.speaking_account(conversation)
    return speak(account, lambda publisher: publisher.follows_us(conversation.author.external_id))


def _believe_followed(author: Handle, *, now: datetime | None = None) -> int:
    with transaction.atomic():
        Handle.objects.filter(pk=author.pk).update(follows_us=True)
        return note_followed(authors=[author.pk], now=now)


def note_followed(*, authors: Collection[int] | None = None, now: datetime | None = None) -> int:
    """Of people who were asked, and are known to follow by now (`authors`: only these): write it down and tell who asked, once.

    Returns how many. One query where there are none.
    """
    came = FollowRequest.objects.filter(followed_at=None, author__follows_us=True, message__delivery__state__in=_OUT)
    came = came.filter(look_at__isnull=False) if authors is None else came.filter(author__in=authors)
    found = came.order_by("look_at", "pk").values_list("conversation_id", "pk")[:1000]
    # By conversation: whoever locks several in one transaction, as intake does, locks them in the order of their ids.
    return sum(_note_followed(pk, conversation_id, now or current_time()) for conversation_id, pk in sorted(found))


def _note_followed(request_id: int, conversation_id: int, moment: datetime) -> bool:
    with transaction.atomic():
        conversation = lock_conversation(conversation_id)
        if not FollowRequest.objects.filter(pk=request_id, followed_at=None).update(followed_at=moment):
            return False
        request = FollowRequest.objects.select_related("author").get(pk=request_id)
        add_event(conversation, ConversationEvent.Kind.FOLLOWED, at=moment, data={"asked_by": request.agent_id})
        if not conversation.is_active and conversation.status != Status.RESOLVED:
            record_customer_acted(conversation_id=conversation_id, at=moment)  # the ball is with us again
        # Other conversations with the same person have the same door.
        theirs = Conversation.objects.filter(~Q(status=Status.RESOLVED) | Q(pk=conversation_id), author=request.author)
        states = [conversation_state(one) for one in theirs.select_related("assignee", "claimed_by").order_by("-activity_at")[:20]]
        live.publish(live.ConversationsChanged(states))
        live.publish(live.FollowCame(conversation_id, request.author.username, request.agent_id))
    return True
