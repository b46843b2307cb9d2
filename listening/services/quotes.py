"""What others quoted of a person who is erased: their words go out of the posts that carry them, and what else stands there stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from listening.models import Mention
from listening.services.pictures import drop_later
from profiles.models import Handle
from socialdesk.lib.text import fold

ERASED = {"kind": "quote", "external_id": "", "author": "erased", "text": "", "url": ""}
_AT_ONCE = 500


def erase_quotes(handles: Sequence[int]) -> int:
    """Empty every quote that names one of these accounts, or one of their posts that is stored. Returns how many posts changed.

    Nothing indexes quotes: all posts are gone through, of which those without one are passed over by the database. Before the posts of
    the accounts themselves are cleared, whose numbers are needed. A quote that names neither is not known to be theirs.
    """
    names = {(network, fold(username)) for network, username in Handle.objects.filter(pk__in=handles).values_list("network", "username")}
    if not names:
        return 0
    posts = set(Mention.objects.filter(author__in=handles).values_list("network", "external_id"))
    changed = []
    for mention in _quoting().filter(network__in={network for network, _ in names}).iterator(chunk_size=_AT_ONCE):
        media = [ERASED if _is_theirs(part, mention.network, names, posts) else part for part in mention.media]
        if media != mention.media:
            mention.media = media
            changed.append(mention)
    Mention.objects.bulk_update(changed, ["media"], batch_size=_AT_ONCE)
    return len(changed)


def drop_pictures_of(rows: QuerySet[Mention]) -> None:
    """Those that are kept of posts that are about to be cleared."""
    drop_later(rows.exclude(media=[]).values_list("pk", flat=True))


def _quoting() -> QuerySet[Mention]:
    rows = Mention.objects.annotate(parts=Cast("media", TextField())).filter(parts__contains='"quote"')
    return rows.only("network", "media")


def _is_theirs(part: Any, network: str, names: set[tuple[str, str]], posts: set[tuple[str, str]]) -> bool:
    if not isinstance(part, dict) or part.get("kind") != "quote":
        return False
    author = fold(str(part.get("author") or "")).removeprefix("@")
    return (network, author) in names or (network, str(part.get("external_id") or "")) in posts
