"""Private messages that a network brought: stored once, in the conversation that they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from engagement.models import Delivery, Hop, Message
from engagement.services.hops import note_activity
from engagement.services.stop import is_stop, stop_profile
from engagement.services.verification import hear_answer
from listening.models import Conversation, NetworkAccount, Status
from listening.services.conversations import find_or_open_conversation, lock_conversation, record_answer, record_incoming_message
from listening.services.routing import route_later
from profiles.models import Handle
from socialdesk.lib import live
from socialdesk.lib.text import clean
from socialdesk.networks.base import MessageData

State = Delivery.State
_KIND = Message.Kind.DIRECT_MESSAGE


class Received(NamedTuple):
    """stored + duplicate = given. An echo of our own message is a duplicate of it."""

    stored: int
    duplicate: int


def receive_messages(*, messages: Sequence[MessageData], account: NetworkAccount | None, handles: Mapping[str, Handle]) -> Received:
    """Store what is new of `messages`, all of one network, in the order of writing; call it inside intake's transaction.

    `handles` are the customers' sides by external id. Incoming ones bring their conversation back to work, outgoing ones that were
    written elsewhere count as our answer, and those that the desk sent are recognised.
    """
    fresh: dict[str, MessageData] = {}
    for data in sorted(messages, key=lambda data: data.sent_at):
        fresh.setdefault(data.external_id, data)
    known = Message.objects.filter(kind=_KIND, network__in={data.network for data in messages}, external_id__in=fresh)
    for external_id in known.values_list("external_id", flat=True):
        del fresh[external_id]
    _recognise_echoes(fresh, account, handles)

    conversations: dict[int, Conversation] = {}
    rows = []
    for data in fresh.values():
        author = handles[data.author.external_id]
        if author.pk not in conversations:
            conversations[author.pk] = find_or_open_conversation(author=author, account=account, at=data.sent_at)
        rows.append(
            Message(
                conversation=conversations[author.pk],
                kind=_KIND,
                is_incoming=not data.outgoing,
                text=clean(data.text),
                author=None if data.outgoing else author,
                account=account,
                network=data.network,
                external_id=data.external_id,
                created_at=data.sent_at,
                sent_at=data.sent_at,
            )
        )
    stored = Message.objects.bulk_create(rows)
    _tell_conversations(stored)
    route_later([conversation.pk for conversation in conversations.values() if conversation.status == Status.NEW])
    for message in stored:
        if message.is_incoming:
            _heed(message)
    return Received(stored=len(stored), duplicate=len(messages) - len(stored))


def _recognise_echoes(fresh: dict[str, MessageData], account: NetworkAccount | None, handles: Mapping[str, Handle]) -> None:
    """Take out of `fresh` what the desk sent and has no receipt for yet, and give those messages their ids.

    The delivery is settled by who works on it: its next look finds the id.
    """
    outgoing = {data.external_id: data for data in fresh.values() if data.outgoing}
    if not outgoing:
        return
    tried = Q(delivery__state__in=[State.INFLIGHT, State.UNCONFIRMED, State.SENT]) | Q(
        delivery__state=State.AWAITING_RETRY, delivery__must_look=True
    )
    authors = {handles[data.author.external_id].pk for data in outgoing.values()}
    open_ones = Message.objects.filter(
        tried, kind=_KIND, is_incoming=False, external_id="", account=account, conversation__author_id__in=authors
    )
    waiting: dict[tuple[int, str], list[Message]] = {}
    for message in open_ones.select_related("conversation").order_by("pk"):
        waiting.setdefault((message.conversation.author_id, message.text), []).append(message)
    for external_id, data in outgoing.items():
        same = waiting.get((handles[data.author.external_id].pk, clean(data.text).strip()))
        if same:
            message = same.pop(0)
            Message.objects.filter(pk=message.pk, external_id="").update(external_id=external_id, sent_at=data.sent_at)
            del fresh[external_id]


def _heed(message: Message) -> None:
    """What a private message does by itself: STOP takes permissions back, a verification code confirms."""
    if is_stop(message.text):
        stop_profile(message.author.profile_id if message.author else 0, how="STOP in a private message", at=message.created_at)
    hear_answer(message)


def _tell_conversations(stored: Sequence[Message]) -> None:
    """What the messages change in their conversations, and the live events."""
    incoming: dict[int, list[Message]] = {}
    answered: dict[int, datetime] = {}
    for message in stored:
        if message.is_incoming:
            incoming.setdefault(message.conversation_id, []).append(message)
        else:
            answered[message.conversation_id] = message.created_at
        live.publish(live.MessageChanged(message.conversation_id, message.pk, "stored"))
    for conversation_id, at in answered.items():
        record_answer(conversation_id=conversation_id, agent=None, at=at, kind=_KIND)
        _note_hop(conversation_id, at)
    for conversation_id, written in incoming.items():
        last_answer = answered.get(conversation_id)
        for message in written:
            if last_answer is None or message.created_at > last_answer:
                record_incoming_message(conversation_id=conversation_id, at=message.created_at, excerpt=message.text)
        _note_hop(conversation_id, written[-1].created_at)


def _note_hop(conversation_id: int, at: datetime) -> None:
    note_activity(conversation=lock_conversation(conversation_id), channel=Hop.Channel.DIRECT_MESSAGE, at=at)
