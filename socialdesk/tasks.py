"""What the desk does by the clock with the outside: reads its sources, walks into their past, and lets the sandbox play."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.core.cache import cache

from listening.services import accounts, pictures
from socialdesk import backfills, polling
from socialdesk.lib import live
from socialdesk.lib.clock import now
from socialdesk.networks.registry import sandbox_world
from socialdesk.networks.sandbox.script import play
from socialdesk.visitors import play_visitors

_TOLD = "sources:troubled"  # as was told last
_WAITING = 30  # seconds for which a read that waits for a worker is not asked for again, or slow networks would fill the queue


@shared_task
def poll_sources() -> None:
    """Start a read of every source that is due."""
    for pk in polling.due_sources():
        if cache.add(_waiting(pk), True, timeout=_WAITING):
            poll_source.delay(pk)


@shared_task
def poll_source(source_id: int) -> None:
    cache.delete(_waiting(source_id))
    polling.read_source(source_id)


def _waiting(source_id: int) -> str:
    return f"source:{source_id}:waiting"


@shared_task
def walk_backfills() -> None:
    """Go on with every back-fill that is due."""
    for pk in backfills.due_backfills():
        walk_backfill.delay(pk)


@shared_task
def walk_backfill(backfill_id: int) -> None:
    backfills.walk(backfill_id)


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


@shared_task
def tidy_pictures() -> None:
    """Let go of kept pictures whose posts are gone, and of the oldest where there are too many."""
    pictures.tidy()
