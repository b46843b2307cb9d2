"""Reads a source from its cursor on, page by page, each page stored with the cursor that follows it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.db.models import Q

from listening.models import NetworkAccount, Source
from listening.services import hearing
from listening.services.renewal import renew_account
from socialdesk.lib import leases
from socialdesk.lib.clock import now
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.networks.base import EXPIRED, NetworkError
from socialdesk.networks.registry import NoConnector, UnknownNetwork, reader_for
from socialdesk.reading import config_of, take_batch

logger = logging.getLogger(__name__)
LEASE = timedelta(minutes=2)  # after this a read is taken for dead and may be done again
PAGES = 20  # at most so many pages in one go, so that one busy source does not hold a worker
LONGEST_PAUSE = 900  # seconds between two tries of a source that fails


def due_sources() -> list[int]:
    """Those that have waited longest come first."""
    return list(Source.objects.filter(_due(now())).order_by("next_poll_at", "pk").values_list("pk", flat=True)[:500])


def _due(moment: datetime) -> Q:
    return (
        Q(kind=Source.Kind.POLL, is_active=True, removed_at=None)
        & (Q(account=None) | Q(account__state=NetworkAccount.State.OK))
        & (Q(next_poll_at=None) | Q(next_poll_at__lte=moment))
        & leases.is_free("polled_until", moment)
    )


def read_source(source_id: int) -> None:
    """Read one source, if it is due and nobody else reads it. What its network does is written on it and never raised."""
    lease = leases.take(Source.objects.filter(_due(now())), pk=source_id, field="polled_until", length=LEASE)
    if lease is None:
        return
    source = Source.objects.get(pk=source_id)
    pause = float(source.interval)
    try:
        _read(source, lease)
    except (NoConnector, UnknownNetwork) as error:
        pause = _note(source, NetworkError(str(error), permanent=True))
    except UnreadableCredentials as error:
        pause = _note(source, hearing.unreadable(error))
    except NetworkError as error:
        pause = _note(source, error)
    except DatabaseError:
        # The cursor has not moved. The lease runs out by itself if even that cannot be written.
        logger.exception("intake from source %s stopped: the database did not take it", source_id)
        raise
    except Exception as error:
        pause = _note(source, hearing.connector_fault(error))
    finally:
        lease.release(next_poll_at=now() + timedelta(seconds=pause))


def _note(source: Source, error: NetworkError) -> float:
    return hearing.note_trouble(source, error, pause=min(LONGEST_PAUSE, source.interval * 2 ** min(source.failures + 1, 10)))


def _read(source: Source, lease: leases.Lease) -> None:
    account = source.account
    if account is None:
        return
    reader, was_renewed = reader_for(config_of(account)), False
    cursor, pages = source.cursor, 0
    while pages < PAGES:
        try:
            batch = reader.fetch(cursor)
        except NetworkError as error:
            if error.code != EXPIRED or was_renewed:
                raise
            account, was_renewed = renew_account(account.pk, used=account.credentials), True
            reader = reader_for(config_of(account))
            continue
        if not lease.renew():
            return  # it took so long that another worker reads it, and may be further
        result = take_batch(batch, source=source, cursor=batch.cursor)
        new = [post for post, fate in zip(batch.posts, result.fates, strict=True) if fate.became == "stored"]
        if new:
            hearing.note_found_late(account_id=account.pk, posts=new)
        cursor, pages = batch.cursor, pages + 1
        if not batch.more:
            return
