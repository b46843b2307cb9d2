"""Words in mentions: PostgreSQL's full-text index, or a plain look through the text on SQLite."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import Expression
from django.db.models.fields import BooleanField

from listening.models import Mention
from listening.query import fold_text

_WORD = re.compile(r"[^\W_]+(?:[_'’][^\W_]+)*", re.UNICODE)
MOST_WORDS = 12
# A common word is found soonest by walking the newest mentions, a rare one by the index. This many are walked first.
WALKED = 8_000
FARTHEST = 100_000  # and no more than this; a word of which these do not fill a page is rare enough for the index
_FENCE = 10**9  # a limit that nobody reaches: PostgreSQL plans what is under it by itself, and so uses the index


class _Holds(Expression):
    """Whether a mention's full-text column holds all words. The column is PostgreSQL's alone (migration 0003), so no field stands for it.

    It names its table as the query around it does: with the table's own name it would mean the outer query's row inside a subquery.
    """

    conditional = True

    def __init__(self, words: str) -> None:
        super().__init__(output_field=BooleanField())
        self.words, self.alias = words, ""

    def resolve_expression(self, query: Any = None, *args: Any, **kwargs: Any) -> _Holds:
        resolved: _Holds = self.copy()
        resolved.alias = query.get_initial_alias()
        return resolved

    def relabeled_clone(self, change_map: Mapping[str, str]) -> _Holds:
        clone: _Holds = self.copy()
        clone.alias = change_map.get(self.alias, self.alias)
        return clone

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str]]:
        return f"{compiler.quote_name_unless_alias(self.alias)}.search @@ plainto_tsquery('simple', %s)", (self.words,)


def matching_mentions(words: str) -> QuerySet[Mention]:
    """Mentions that hold all of `words`, whole, without regard to case and accents. Our own posts are left out."""
    wanted = _WORD.findall(fold_text(words))[:MOST_WORDS]
    found = Mention.objects.filter(is_own=False)
    if not wanted:
        return found.none()
    if connection.vendor == "postgresql":
        return found.filter(_Holds(" ".join(wanted)))
    condition = Q()
    for word in wanted:
        condition &= Q(folded__contains=word)
    return found.filter(condition)


def newest_matching(found: QuerySet[Mention, Any], words: str, *, upto: Q, limit: int) -> list[Any]:
    """The newest `limit` of `found` at `upto` (where a page begins) that hold `words`; whole rows or what `found` selects.

    Costs about the same however many mentions there are: first the newest WALKED are looked through, then as many as the page should
    need by what they held, up to FARTHEST; only if that does not fill it, which means that the word is rare, the index is asked.
    """
    newest = ("-posted_at", "-id")
    matching = matching_mentions(words)
    if connection.vendor != "postgresql":
        return list(found.filter(upto, pk__in=matching.values("pk")).order_by(*newest)[:limit])
    walked = WALKED
    while walked <= FARTHEST:
        edge = Mention.objects.filter(upto).order_by(*newest).values_list("posted_at", flat=True)[walked : walked + 1].first()
        near = matching.filter(upto) if edge is None else matching.filter(upto, posted_at__gte=edge)
        # The fence keeps the walk a walk: without it, the planner may prefer the index of the words even here.
        rows = list(found.filter(pk__in=near.order_by(*newest).values("pk")[:_FENCE]).order_by(*newest)[:limit])
        if len(rows) == limit or edge is None:
            return rows
        walked = max(2 * walked, 3 * walked * limit // (2 * max(1, len(rows))))
    return list(found.filter(pk__in=matching.filter(upto).values("pk")[:_FENCE]).order_by(*newest)[:limit])


def conversations_with(words: str, *, limit: int = 500) -> list[int]:
    """The conversations of the newest `limit` mentions that hold `words`, for the feed: older ones are found through the API."""
    found = Mention.objects.filter(conversation__isnull=False).values_list("conversation_id", flat=True)
    return sorted(set(newest_matching(found, words, upto=Q(), limit=limit)))
