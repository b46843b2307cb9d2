"""How a source fares, written on it: heard, failing, waiting for its network's limit, and what only reading again found."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.core.cache import cache
from django.db.models import F

from listening.models import NetworkAccount, Source
from listening.services import accounts
from socialdesk.lib import live
from socialdesk.lib.clock import now
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.errors import without_words
from socialdesk.lib.text import clean
from socialdesk.networks.base import NetworkError, PostData

logger = logging.getLogger(__name__)
GRACE = timedelta(seconds=30)  # how long a pushed post may take, and how far two clocks may differ
RECENT = 3600  # seconds for which the page warns of posts that were found late
_WAITS = ("budget", "rate_limit", "renewing")
_LONGEST_WAIT = 24 * 3600.0


def note_trouble(source: Source, error: NetworkError, *, pause: float) -> float:
    """Say on a source what went wrong. Gives the seconds until the next try: `pause`, unless the network named others.

    Waiting for a limit is no failure: the network works, and the desk knows when it goes on.
    """
    wait = wait_for(error, pause=pause)
    if is_limit(error):
        Source.objects.filter(pk=source.pk).update(
            failures=0, last_error=accounts.WAITING, connected_at=None, next_poll_at=now() + timedelta(seconds=wait)
        )
        return wait
    failures = source.failures + 1
    Source.objects.filter(pk=source.pk).update(
        failures=failures,
        last_error=clean(str(error), limit=500),
        connected_at=None,
        next_poll_at=now() + timedelta(seconds=wait),
    )
    if error.account_revoked and source.account_id:
        accounts.mark_revoked(account_id=source.account_id, reason=str(error), seen=seen_account(source))
    elif failures == accounts.FAILURES:
        live.publish(live.SourcesChanged(troubled=accounts.count_troubled()))
    return wait


def seen_account(source: Source) -> NetworkAccount | None:
    """The account as it was loaded before its network was asked; None where it was not, as where its credentials are unreadable."""
    return source.account if Source._meta.get_field("account").is_cached(source) else None


def is_limit(error: NetworkError) -> bool:
    """Whether the network works and only wants to be asked later."""
    return error.retryable and error.retry_after is not None and error.code in _WAITS


def wait_for(error: NetworkError, *, pause: float) -> float:
    """The seconds until the next try: those that the network named, else `pause`."""
    return min(max(1.0, error.retry_after), _LONGEST_WAIT) if error.retry_after else pause


def unreadable(error: UnreadableCredentials) -> NetworkError:
    return NetworkError(f"The account has to be connected again: its {error}.", permanent=True, account_revoked=True)


def connector_fault(error: Exception) -> NetworkError:
    """A connector raised what is no NetworkError: a mistake in it. Its words stay unlogged, they may hold an address with a token."""
    logger.error("a connector failed with %s", without_words(error))
    return NetworkError(f"The connector failed: {type(error).__name__}.", retryable=True, code="connector_fault")


def note_connected(source_id: int, *, account_id: int) -> None:
    """A network pushes from now on. What it did not push before is read at once."""
    moment = now()
    Source.objects.filter(pk=source_id).update(connected_at=moment, failures=0, last_error="")
    read = Source.objects.filter(account_id=account_id, kind=Source.Kind.POLL, is_active=True, removed_at=None, last_error="")
    read.update(next_poll_at=moment)


def note_found_late(*, account_id: int, posts: Iterable[PostData]) -> int:
    """`posts` were new when the account was read. How many of them its network should have pushed; they are counted on the source."""
    stream = Source.objects.filter(account_id=account_id, kind=Source.Kind.STREAM, is_active=True, removed_at=None)
    pushed = stream.exclude(connected_at=None).only("pk", "connected_at").first()
    if pushed is None or pushed.connected_at is None:
        return 0
    since, until = pushed.connected_at + GRACE, now() - GRACE
    late = sum(since <= post.posted_at <= until and not post.deleted for post in posts)
    if late:
        Source.objects.filter(pk=pushed.pk).update(found_late=F("found_late") + late)
        cache.set(_late_key(pushed.pk), True, RECENT)
    return late


def found_late_lately(source_ids: Iterable[int]) -> set[int]:
    """Those of the sources that missed something within the last hour."""
    keys = {_late_key(pk): pk for pk in source_ids}
    return {keys[key] for key in cache.get_many(keys)}


def _late_key(source_id: int) -> str:
    return f"source:{source_id}:found_late"
