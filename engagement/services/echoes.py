"""What we sent and then read back: the surest receipt that there is."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q

from engagement.models import Delivery, Message
from listening.models import Mention
from socialdesk.networks.base import Sent

CLOCK_SKEW = timedelta(minutes=5)  # a network's clock may be behind ours by that much

State = Delivery.State


def is_echo() -> Q:
    """Among mentions: our own posts that are messages of the desk. All other own posts were written outside it."""
    ours = Message.objects.filter(conversation=OuterRef("conversation"), kind__in=[Message.Kind.REPLY, Message.Kind.QUOTE])
    # Known by its id; or, where no receipt came, by what it says and answers.
    without_receipt = ours.filter(
        kind=Message.Kind.REPLY, external_id="", text=OuterRef("text"), mention__external_id=OuterRef("in_reply_to")
    ).exclude(delivery__state__in=[State.QUEUED, State.FAILED, State.ABORTED])
    return Q(is_own=True) & (Exists(ours.filter(external_id=OuterRef("external_id"))) | Exists(without_receipt))


def find_echo(message: Message) -> Sent | None:
    """The receipt of an outgoing message that the desk has read back already; None if it has not.

    A reply comes back as our own post that answers the same mention with the same text; a private message was recognised on its way in.
    """
    if message.external_id:
        return Sent(message.external_id, message.url, message.sent_at or message.created_at)
    if message.kind != Message.Kind.REPLY or message.mention is None:
        return None
    of_another = Message.objects.filter(network=message.network, kind=Message.Kind.REPLY, external_id=OuterRef("external_id"))
    echo = (
        Mention.objects.filter(
            ~Exists(of_another.filter(conversation_id=message.conversation_id)),
            conversation_id=message.conversation_id,
            is_own=True,
            in_reply_to=message.mention.external_id,
            text=message.text,
            posted_at__gte=message.created_at - CLOCK_SKEW,
        )
        .order_by("posted_at", "pk")
        .first()
    )
    return Sent(echo.external_id, echo.url, echo.posted_at) if echo else None
