"""Acknowledge in public first: whether we have (brief A11)."""

from __future__ import annotations

from engagement.models import Message
from engagement.services.answers import GONE
from listening.models import Conversation, Mention


def is_acknowledged(conversation: Conversation) -> bool:
    """Whether the customer has a public word of ours here, or wrote in private themselves. At most three queries."""
    messages = Message.objects.filter(conversation=conversation)
    return (
        messages.filter(kind=Message.Kind.REPLY).exclude(delivery__state__in=GONE).exists()
        or messages.filter(kind=Message.Kind.DIRECT_MESSAGE, is_incoming=True).exists()
        or Mention.objects.filter(conversation=conversation, is_own=True, deleted_at=None).exists()
    )
