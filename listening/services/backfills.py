"""Back-fills as people begin, pause, resume and stop them: what was posted before an account was connected."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction

from listening.models import Backfill, Source
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.networks import registry

MOST_DAYS = 3650
OPEN = (Backfill.State.RUNNING, Backfill.State.PAUSED)
State = Backfill.State


class TooLate(Conflict):
    """It has ended, or somebody else decided first."""

    code = "too_late"


def can_fetch_past(source: Source) -> bool:
    """Whether what was posted before can be fetched for a source."""
    network = registry.NETWORKS.get(source.network)
    is_read = source.kind == Source.Kind.POLL and source.account is not None and source.account.is_usable
    return is_read and network is not None and network.history is not None


def start_backfill(*, source_id: int, days: int, agent: Agent) -> Backfill:
    """Fetch what was posted in the last `days` days, newest first. Raises Conflict while another one of the source is open."""
    _check_may(agent)
    if not 1 <= days <= MOST_DAYS:
        raise DeskError(f"Say how many days to go back, from 1 to {MOST_DAYS:,}.")
    source = Source.objects.select_related("account").defer("account__credentials").filter(pk=source_id, removed_at=None).first()
    if source is None:
        raise NotFound("There is no such source; it may have been removed.")
    if not can_fetch_past(source):
        raise DeskError("This source cannot fetch what was posted before: its network does not give it, or its account is not connected.")
    moment = now()
    try:
        with transaction.atomic():
            return Backfill.objects.create(
                source=source, until=moment - timedelta(days=days), started_by=agent, started_at=moment, next_at=moment
            )
    except IntegrityError:
        raise Conflict("This source fetches already what was posted before. Wait for it, or stop it first.") from None


def pause_backfill(*, backfill_id: int, agent: Agent) -> Backfill:
    """Fetch no more for now. The page that is fetched at this moment is still stored."""
    return _move(backfill_id, agent, from_states=(State.RUNNING,), state=State.PAUSED)


def resume_backfill(*, backfill_id: int, agent: Agent) -> Backfill:
    """Go on where it was paused, or where it failed."""
    try:
        with transaction.atomic():
            fresh = {"next_at": now(), "error": "", "finished_at": None}
            return _move(backfill_id, agent, from_states=(State.PAUSED, State.FAILED), state=State.RUNNING, **fresh)
    except IntegrityError:
        raise Conflict("This source fetches already what was posted before. Wait for it, or stop it first.") from None


def stop_backfill(*, backfill_id: int, agent: Agent) -> Backfill:
    """End it for good. What was fetched stays."""
    error = f"Stopped by {agent.display_name or agent.username}."
    return _move(backfill_id, agent, from_states=OPEN, state=State.FAILED, error=error, finished_at=now())


def newest_backfills(source_ids: list[int]) -> dict[int, Backfill]:
    """The newest back-fill of each source that has one."""
    found = Backfill.objects.filter(source__in=source_ids).select_related("started_by").order_by("pk")
    return {backfill.source_id: backfill for backfill in found}


def _move(backfill_id: int, agent: Agent, *, from_states: tuple[str, ...], **changes: object) -> Backfill:
    _check_may(agent)
    found = Backfill.objects.filter(pk=backfill_id, source__removed_at=None)
    if not found.filter(state__in=from_states).update(**changes):
        if not found.exists():
            raise NotFound("There is no such fetch; its source may have been removed.")
        raise TooLate("It has ended already, or somebody else decided first. Reload to see how far it came.")
    return found.select_related("source").get()


def _check_may(agent: Agent) -> None:
    if not agent.may_configure:
        raise NotAllowed("What was posted before is fetched by leads, managers and admins.")
