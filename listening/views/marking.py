"""What the cards show of their text: the words that a topic listens for, marked; and what the post carries beside it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from listening.models import Conversation, Topic
from listening.query import Query, QueryError, find_spans, parse
from listening.services.parts import NOTHING, read_parts, warned
from listening.templatetags.desk import mark_spans
from socialdesk.lib.clock import now

_SHOWN = 300  # characters of what a warning stands before


@lru_cache(maxsize=512)
def _read(query: str) -> Query | None:
    try:
        return parse(query)
    except QueryError:  # written by an older version: its words are not marked, its posts are shown all the same
        return None


def mark_cards(cards: Iterable[Conversation], topics: Iterable[Topic]) -> None:
    """Gives each conversation `marked_text`, the `warning` before it, the `marks` of what else is there, and `claim_holder`: whoever's
    claim is alive. No query; topic_names and last_mention must be loaded."""
    queries = {topic.pk: topic.query for topic in topics}
    moment = now()
    for card in cards:
        read = [query for pk, _ in card.topic_names if pk in queries and (query := _read(queries[pk]))]
        post = card.last_mention
        parts = read_parts(post.media) if post is not None and post.media else NOTHING
        # What came in private since has an excerpt of its own.
        hides = post is not None and bool(parts.warning) and card.excerpt == warned(parts.warning)[: len(card.excerpt)]
        text = post.text[:_SHOWN] if post is not None and hides else card.excerpt
        card.marked_text = mark_spans(text, find_spans(read, text))  # type: ignore[attr-defined]
        card.warning, card.marks = parts.warning if hides else "", parts.marks  # type: ignore[attr-defined]
        is_held = card.claimed_until is not None and card.claimed_until > moment
        card.claim_holder = card.claimed_by if is_held else None  # type: ignore[attr-defined]
