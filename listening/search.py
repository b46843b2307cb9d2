"""Words in mentions: PostgreSQL's full-text index, or a plain look through the text on SQLite."""

from __future__ import annotations

import re

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.fields import BooleanField

from listening.models import Mention
from socialdesk.lib.text import fold

_WORD = re.compile(r"[^\W_]+(?:[_'’][^\W_]+)*", re.UNICODE)
NEWEST = 5_000  # of the matches of a common word, no older ones are listed


def matching_mentions(words: str) -> QuerySet[Mention]:
    """Mentions that hold all of `words`, whole, without regard to case and accents. Our own posts are left out."""
    wanted = _WORD.findall(fold(words))[:12]
    found = Mention.objects.filter(is_own=False)
    if not wanted:
        return found.none()
    if connection.vendor == "postgresql":
        # The expression of the index mention_search, to the letter.
        match = RawSQL("to_tsvector('simple', \"listening_mention\".\"folded\") @@ plainto_tsquery('simple', %s)", [" ".join(wanted)], BooleanField())
        return found.filter(match)
    condition = Q()
    for word in wanted:
        condition &= Q(folded__contains=word)
    return found.filter(condition)
