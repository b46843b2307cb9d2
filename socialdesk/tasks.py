"""What the desk does by the clock with the outside: reads its sources, and lets the sandbox play."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError
from django.db.models import Q

from listening.models import NetworkAccount, Source
from listening.services import accounts
from socialdesk.intake import take_in
from socialdesk.lib import live
from socialdesk.lib.clock import now
from socialdesk.networks.base import NetworkError
from socialdesk.networks.registry import NoConnector, UnknownNetwork, reader_for, sandbox_world
from socialdesk.networks.sandbox.script import play
from socialdesk.visitors import play_visitors

logger = logging.getLogger(__name__)
LEASE = timedelta(minutes=2)  # after this a read is taken for dead and may be done again
PAGES = 20  # at most so many pages in one go, so that one busy source does not hold a worker
_TOLD = "sources:troubled"  # as was told last
LONGEST_PAUSE = 900  # seconds between two tries of a source that fails


@shared_task
def poll_sources() -> None:
    """Start a read of every source that is due."""
    moment = now()
    due = Source.objects.filter(_due(moment)).values_list("pk", flat=True)
    for pk in list(due[:100]):
        poll_source.delay(pk)


def _due(moment: datetime) -> Q:
    return (
        Q(kind=Source.Kind.POLL, is_active=True, removed_at=None)
        & (Q(account=None) | Q(account__state=NetworkAccount.State.OK))
        & (Q(next_poll_at=None) | Q(next_poll_at__lte=moment))
        & (Q(polled_until=None) | Q(polled_until__lt=moment))
    )


@shared_task
def poll_source(source_id: int) -> None:
    """Read one source from its cursor, page by page, each page stored with the cursor that follows it."""
    moment = now()
    claimed = Source.objects.filter(_due(moment), pk=source_id).update(polled_until=moment + LEASE)
    if claimed != 1:
        return
    source = Source.objects.select_related("account").get(pk=source_id)
    pause = float(source.interval)
    try:
        _read(source)
    except (NoConnector, UnknownNetwork) as error:
        pause = _note_failure(source, NetworkError(str(error), permanent=True))
    except NetworkError as error:
        pause = _note_failure(source, error)
    except DatabaseError:
        # The cursor has not moved. The lease runs out by itself if even that cannot be written.
        logger.exception("intake from source %s stopped: the database did not take it", source_id)
        raise
    finally:
        Source.objects.filter(pk=source_id).update(polled_until=None, next_poll_at=now() + timedelta(seconds=pause))


def _read(source: Source) -> None:
    if source.account is None:
        return
    reader = reader_for(source.account.config)
    cursor = source.cursor
    for _ in range(PAGES):
        batch = reader.fetch(cursor)
        take_in(batch.posts, batch.messages, source=source, cursor=batch.cursor)
        cursor = batch.cursor
        if not batch.more:
            break


def _note_failure(source: Source, error: NetworkError) -> float:
    """Say on the source what went wrong; gives the pause in seconds until the next try."""
    failures = source.failures + 1
    Source.objects.filter(pk=source.pk).update(failures=failures, last_error=str(error)[:500])
    if error.account_revoked and source.account_id:
        accounts.mark_revoked(account_id=source.account_id, reason=str(error))
    elif failures == 3:
        live.publish(live.SourcesChanged(troubled=accounts.count_troubled()))
    return error.retry_after or min(LONGEST_PAUSE, source.interval * 2 ** min(failures, 10))


@shared_task
def tell_troubled() -> None:
    """Tell the open desks when more or fewer sources need a person than a moment ago: also by being late, which is told to nobody."""
    troubled = accounts.count_troubled()
    if cache.get(_TOLD) != troubled:
        cache.set(_TOLD, troubled, timeout=None)
        live.send_now(live.SourcesChanged(troubled=troubled))


@shared_task
def play_sandbox() -> None:
    """Let the people of the sandbox network write and answer, if this desk has one."""
    if not settings.SANDBOX_PATH.exists():
        return
    play(sandbox_world(), now())


@shared_task
def play_demo_visitors() -> None:
    """Let the customers of the demo follow the links that agents sent them, if this desk has a sandbox."""
    if settings.SANDBOX_PATH.exists():
        play_visitors(now())
