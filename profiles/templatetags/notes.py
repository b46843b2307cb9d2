"""What a person's page shows of notes, and what every page shows of those that name whoever looks."""

from __future__ import annotations

from django.template import Library
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from profiles.models import Agent, Profile
from profiles.services.notes import NAMED, Notes, count_unseen, notes_of

register = Library()


@register.simple_tag
def notes_about(profile: Profile) -> Notes:
    """One query."""
    return notes_of(profile)


@register.simple_tag
def unseen_notes(agent: Agent) -> int:
    """How many notes name them that they have not read. One query along an index."""
    return count_unseen(agent)


@register.filter
def with_names(text: str) -> SafeString:
    """A note's text, with the colleagues that it names set off."""
    return mark_safe(NAMED.sub(r'<b class="named">@\1</b>', escape(text)))  # noqa: S308  escaped before anything is added
