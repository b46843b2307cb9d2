"""Template filters of the desk: times and clocks in the words people say, signs for feelings, marked words.

`clock_words` and `ago` are mirrored in static/socialdesk/js/page.js, which keeps them right while the page is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.template import Library
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from listening.models import Conversation
from profiles.models import Agent
from profiles.services.channels import channel_words
from socialdesk.lib.clock import now
from socialdesk.lib.text import compact
from socialdesk.networks import registry

register = Library()
SOON = 5 * 60  # seconds; from here on a clock calls for attention
REACH = 10_000  # followers from which reach is worth a place on the card
DUE_WORDS = {"acknowledge": "to acknowledge", "first": "to the first answer", "next": "to the next answer", "final": "to the end"}
RIGHT_TO_LEFT = {"ar", "fa", "he", "ur", "ps", "sd", "ug", "yi", "dv"}
ENTRY_WORDS = {
    "mention": "post",
    "own_post": "our post",
    "reply": "public reply",
    "direct_message": "private message",
    "note": "note",
    "callback": "asked for a call",
    "repost": "repost",
    "quote": "quote with credit",
    "chat": "chat",
    "email": "e-mail",
    "sms": "text message",
    "profile_note": "note about them",
    "stage": "stage",
    "merge": "merged",
    "unmerge": "merge taken back",
    "consent": "permission given",
    "consent_revoked": "permission taken back",
    "verified": "verified",
}
SIGNS = {"negative": "−", "neutral": "○", "positive": "+", "unsure": "?"}


def span_words(seconds: float) -> str:
    """A length of time as one number: 14m, 3h, 5d."""
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 48 * 60:
        return f"{minutes // 60}h"
    return f"{minutes // 1440}d"


@register.filter
def clock_words(due: datetime) -> str:
    seconds = (due - now()).total_seconds()
    if seconds >= 60:
        return f"{span_words(seconds)} left"
    if seconds >= 0:
        return "under 1m left"
    return f"late {span_words(-seconds)}" if seconds <= -60 else "just late"


@register.filter
def clock_state(due: datetime) -> str:
    """late, soon, or nothing: the class that changes a clock's colour and shape."""
    seconds = (due - now()).total_seconds()
    return "late" if seconds < 0 else "soon" if seconds < SOON else ""


@register.filter
def due_words(kind: str) -> str:
    return DUE_WORDS.get(kind, "")


@register.filter
def ago(moment: datetime) -> str:
    """How long ago, shortly; a date once it is more than a week."""
    seconds = (now() - moment).total_seconds()
    if seconds < 60:
        return "now"
    if seconds < 7 * 86400:
        return span_words(seconds)
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b}" if local.year == timezone.localtime().year else f"{local.day} {local:%b %Y}"


@register.filter
def exactly(moment: datetime) -> str:
    """The exact time, for hovering: Sunday 4 May 2025, 14:05."""
    local = timezone.localtime(moment)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M}"


@register.filter
def when(moment: datetime) -> str:
    """A moment near today as people say it: 14:05, tomorrow 09:00, Monday 09:00, 4 May 09:00."""
    local, today = timezone.localtime(moment), timezone.localtime()
    days = (local.date() - today.date()).days
    if days == 0:
        return f"{local:%H:%M}"
    if abs(days) == 1:
        return f"{'tomorrow' if days == 1 else 'yesterday'} {local:%H:%M}"
    if 1 < days < 7:
        return f"{local:%A %H:%M}"
    return f"{local.day} {local:%b %H:%M}" if local.year == today.year else f"{local.day} {local:%b %Y}"


@register.filter
def epoch(moment: datetime) -> int:
    return int(moment.timestamp())


@register.filter
def direction(language: str) -> str:
    """The `dir` of an outsider's text: by its language where that is known, since many begin with a Latin @handle."""
    return "rtl" if language.split("-")[0] in RIGHT_TO_LEFT else "auto"


@register.filter
def sign(sentiment: str) -> str:
    return SIGNS.get(sentiment, "")


@register.filter
def signed(weight: float) -> str:
    """−1.3 or +0.8."""
    return f"{'−' if weight < 0 else '+'}{abs(weight):.1f}"


@register.filter
def entry_word(kind: str) -> str:
    """What an entry of a person's history is called."""
    return ENTRY_WORDS.get(kind, kind.replace("_", " "))


@register.filter
def network_label(key: str) -> str:
    known = registry.NETWORKS.get(key)
    return known.label if known else key


@register.filter
def takes_messages(key: str) -> bool:
    """Whether private messages can be sent on a network, so that it matters who follows us there."""
    known = registry.NETWORKS.get(key)
    return known is not None and known.capabilities.direct_message


register.filter("compact", compact)
register.filter("channel_words", channel_words)


@register.filter
def reach(conversation: Conversation) -> str:
    """The author's followers where they are so many that it matters, else nothing."""
    followers = conversation.author.followers
    return compact(followers) if followers >= REACH else ""


@register.filter
def lookup(values: Mapping[Any, Any], key: Any) -> Any:
    """values[key], 0 where there is none."""
    return values.get(key, 0)


@register.filter
def holder(conversation: Conversation, agent: Agent) -> str:
    """Who has it, as a card says it. `claim_holder` must be set; mirrored in static/socialdesk/js/feed.js."""
    claimed_by: Agent | None = conversation.claim_holder  # type: ignore[attr-defined]
    if claimed_by is not None:
        return "You are on it" if claimed_by.pk == agent.pk else f"{claimed_by.name} is on it"
    if conversation.assignee is not None:
        return "yours" if conversation.assignee_id == agent.pk else conversation.assignee.name
    return ""


@register.filter
def capped(count: int | None) -> str:
    """A live count as the views show it: counted up to 1000 only, and nothing where it was not counted."""
    return "" if count is None else "999+" if count >= 1000 else str(count)


def mark_spans(text: str, spans: Iterable[tuple[int, int]]) -> SafeString:
    """`text`, escaped, with the words at `spans` (start, end) marked. Overlapping spans are joined."""
    pieces: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if end > at:
            pieces += [conditional_escape(text[at : max(start, at)]), format_html("<mark>{}</mark>", text[max(start, at) : end])]
            at = end
    pieces.append(conditional_escape(text[at:]))
    return format_html_join("", "{}", ((piece,) for piece in pieces))
