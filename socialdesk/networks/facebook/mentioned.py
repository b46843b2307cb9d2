"""Where Instagram says that we were named: its webhooks tell ids only, which wait here for the reader to ask about them."""

from __future__ import annotations

from django.core.cache import cache

KEPT = 24 * 3600  # seconds
_MOST = 300

Place = tuple[str, str]  # a post's id, and that of a comment below it or ""


def note_mention(account_id: str, media_id: str, comment_id: str) -> None:
    """Told by a signed call. Kept where every process sees it, and told again by nobody: what is lost here is not found elsewhere."""
    known = told_mentions(account_id)
    if (media_id, comment_id) not in known:
        cache.set(_key(account_id), [*known, (media_id, comment_id)][-_MOST:], timeout=KEPT)


def told_mentions(account_id: str) -> list[Place]:
    kept: list[Place] = cache.get(_key(account_id)) or []
    return kept


def _key(account_id: str) -> str:
    return f"instagram:mentions:{account_id}"
