"""Walks back-fills on: page by page into the past of an account, newest first, each page stored with the place that was reached."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import F, Q

from listening.models import Backfill, NetworkAccount, Source
from listening.services import accounts, hearing
from listening.services.renewal import renew_account
from socialdesk.lib import leases
from socialdesk.lib.clock import now
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.text import clean
from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, Batch, NetworkError
from socialdesk.reading import config_of, take_batch

logger = logging.getLogger(__name__)
LEASE = timedelta(minutes=2)  # after this a walk is taken for dead; the next begins at the page that was not stored
PAGES = 10  # at most so many in one go, so that one account's past does not hold a worker
AGAIN = 60.0  # seconds until a page that failed is asked for again
State = Backfill.State


def due_backfills() -> list[int]:
    return list(Backfill.objects.filter(_due(now())).order_by("pk").values_list("pk", flat=True)[:20])


def _due(moment: datetime) -> Q:
    return (
        Q(state=State.RUNNING, source__removed_at=None, source__account__state=NetworkAccount.State.OK)
        & (Q(next_at=None) | Q(next_at__lte=moment))
        & leases.is_free("held_until", moment)
    )


def walk(backfill_id: int) -> None:
    """Go some pages on, if it is due and nobody else walks it. What its network does is written on it and never raised."""
    lease = leases.take(Backfill.objects.filter(_due(now())), pk=backfill_id, field="held_until", length=LEASE)
    if lease is None:
        return
    backfill = Backfill.objects.select_related("source").get(pk=backfill_id)
    wait = 0.0
    try:
        _walk(backfill, lease)
    except UnreadableCredentials as error:
        wait = _note(backfill, hearing.unreadable(error))
    except NetworkError as error:
        wait = _note(backfill, error)
    except DatabaseError:
        logger.exception("back-fill %s stopped: the database did not take a page", backfill_id)
        raise
    except Exception as error:
        wait = _note(backfill, hearing.connector_fault(error))
    finally:
        lease.release(next_at=now() + timedelta(seconds=wait))


def _walk(backfill: Backfill, lease: leases.Lease) -> None:
    account = backfill.source.account
    network = registry.get(backfill.source.network)
    if account is None or network.history is None:
        raise NetworkError(f"{network.label} does not give what was posted before.", permanent=True)
    history, was_renewed = network.history(config_of(account)), False
    pages = 0
    while pages < PAGES:
        try:
            batch = history.backfill(backfill.cursor)
        except NetworkError as error:
            if error.code != EXPIRED or was_renewed:
                raise
            account, was_renewed = renew_account(account.pk, used=account.credentials), True
            history = network.history(config_of(account))
            continue
        pages += 1
        # If it took so long that another worker walks it, that one asks for the same page.
        if not lease.renew() or not _take_page(backfill, batch):
            return


def _take_page(backfill: Backfill, batch: Batch) -> bool:
    """Store one page and the place behind it, both or neither. False if that was the last, or somebody paused it."""
    source: Source = backfill.source
    posts = tuple(post for post in batch.posts if post.posted_at >= backfill.until)
    messages = tuple(message for message in batch.messages if message.sent_at >= backfill.until)
    is_beyond = bool(batch.posts or batch.messages) and not (posts or messages)
    is_last = is_beyond or not batch.more
    if not is_last and batch.cursor == backfill.cursor:
        raise NetworkError("The network gave the same page twice.", permanent=True)
    reached = _oldest([backfill.reached_at], [post.posted_at for post in posts], [message.sent_at for message in messages])
    with transaction.atomic():
        result = take_batch(replace(batch, posts=posts, messages=messages), source=source, cursor=None, is_history=True)
        Backfill.objects.filter(pk=backfill.pk).update(
            cursor=batch.cursor,
            reached_at=reached,
            seen=F("seen") + result.seen,
            stored=F("stored") + result.stored,
            error="",
        )
        if is_last:
            Backfill.objects.filter(pk=backfill.pk, state=State.RUNNING).update(state=State.DONE, finished_at=now())
    backfill.cursor, backfill.reached_at = batch.cursor, reached
    return not is_last and Backfill.objects.filter(pk=backfill.pk, state=State.RUNNING).exists()


def _oldest(*moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for some in moments for moment in some if moment is not None), default=None)


def _note(backfill: Backfill, error: NetworkError) -> float:
    """Say on the back-fill what went wrong; the seconds until it goes on. What will never succeed ends it, and can be resumed."""
    if hearing.is_limit(error):
        Backfill.objects.filter(pk=backfill.pk).update(error=accounts.WAITING)
        return hearing.wait_for(error, pause=AGAIN)
    changes: dict[str, object] = {"error": clean(str(error), limit=500)}
    if error.permanent:
        changes |= {"state": State.FAILED, "finished_at": now()}
    Backfill.objects.filter(pk=backfill.pk, state=State.RUNNING).update(**changes)
    if error.account_revoked and backfill.source.account_id:
        accounts.mark_revoked(account_id=backfill.source.account_id, reason=str(error), seen=hearing.seen_account(backfill.source))
    return hearing.wait_for(error, pause=AGAIN)
