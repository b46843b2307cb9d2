"""The health of our accounts: a revoked one is said on the first screen and locks what would fail."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from listening.models import NetworkAccount, Source
from socialdesk.lib import live
from socialdesk.lib.clock import now

LATE_AFTER = 5  # reads that were missed
FAILURES = 3  # in a row; one or two mend themselves


def is_late(source: Source, *, moment: datetime) -> bool:
    """Should this source have been read again by now? So it is while no worker runs, and while what is read cannot be stored."""
    if source.kind != Source.Kind.POLL or source.last_read_at is None:
        return False
    return (moment - source.last_read_at).total_seconds() > max(60, LATE_AFTER * source.interval)


def count_troubled() -> int:
    """How many accounts and sources in use need a person."""
    moment = now()
    revoked = NetworkAccount.objects.filter(removed_at=None).exclude(state=NetworkAccount.State.OK).count()
    reachable = Q(account=None) | Q(account__state=NetworkAccount.State.OK)  # of a revoked account's sources, the account speaks
    sources = Source.objects.filter(reachable, removed_at=None, is_active=True)
    return revoked + sum(source.failures >= FAILURES or is_late(source, moment=moment) for source in sources)


def mark_revoked(*, account_id: int, reason: str) -> None:
    """The network refused our credentials. Nothing is sent or read until the account is connected again; texts are kept."""
    _set_state(account_id, NetworkAccount.State.REVOKED, reason)


def mark_connected(*, account_id: int) -> None:
    _set_state(account_id, NetworkAccount.State.OK, "")


def _set_state(account_id: int, state: NetworkAccount.State, reason: str) -> None:
    with transaction.atomic():
        changed = (
            NetworkAccount.objects.filter(pk=account_id)
            .exclude(state=state)
            .update(state=state, state_reason=reason[:500], state_changed_at=now())
        )
        if changed:
            live.publish(live.SourcesChanged(troubled=count_troubled()))
