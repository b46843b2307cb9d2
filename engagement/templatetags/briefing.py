"""What engagement shows on a customer's card. The card is below engagement and may not import it; its template loads this by name."""

from __future__ import annotations

from typing import Any

from django.template import Library

from engagement.services.briefing import Briefing, read_briefing
from listening.models import Conversation
from profiles.services.card import Card
from profiles.services.known import say_source as _say_source

register = Library()


@register.simple_tag
def briefing_of(card: Card, conversation: Any = None) -> Briefing:
    """What to know of this person beside the conversation that is open, if one is."""
    return read_briefing(subject=card.subject, conversation=conversation if isinstance(conversation, Conversation) else None)


@register.filter
def say_source(source: str) -> str:
    return _say_source(source)
