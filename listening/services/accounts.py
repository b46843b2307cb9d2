"""The health of our accounts: a revoked one is said on the first screen and locks what would fail."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from listening.models import AccountEvent, NetworkAccount, Source
from socialdesk.lib import live
from socialdesk.lib.clock import now

LATE_AFTER = 5  # reads that were missed
FAILURES = 3  # in a row; one or two mend themselves
# So long before the sign-in ends that an account needs, its pages say so; and so long before, as nobody did anything, the first screen.
TOLD_BEFORE = timedelta(days=14)
TROUBLE_BEFORE = timedelta(days=5)
WAITING = "Waiting for the network's limit."  # what stands on a source instead of an error


def limited_until(*, failures: int, last_error: str, next_poll_at: datetime | None) -> datetime | None:
    """When a source goes on that waits for its network's limit; None for any other."""
    return next_poll_at if not failures and last_error == WAITING else None


def is_late(*, kind: str, last_read_at: datetime | None, interval: int, moment: datetime, limited: datetime | None = None) -> bool:
    """Should such a source have been read again by now? So it is while no worker runs, and while what is read cannot be stored.

    `limited`: when its network's limit ends, if it waits for that.
    """
    if kind != Source.Kind.POLL or last_read_at is None:
        return False
    last_read_at = max(last_read_at, limited or last_read_at)
    return (moment - last_read_at).total_seconds() > max(60, LATE_AFTER * interval)


def needs_sign_in(sign_in_until: datetime | None, moment: datetime, *, within: timedelta = TOLD_BEFORE) -> bool:
    """Whether a person should connect the account again now, while all of it still works."""
    return sign_in_until is not None and sign_in_until <= moment + within


def count_troubled() -> int:
    """How many accounts, and how many sources of sound accounts, need a person. One query."""
    moment = now()
    columns = ("kind", "last_read_at", "interval", "failures", "last_error", "next_poll_at", "is_active", "removed_at")
    accounts = NetworkAccount.objects.filter(removed_at=None)
    troubled: set[int] = set()
    sources = 0
    rows = accounts.values_list("pk", "state", "sign_in_until", *(f"sources__{column}" for column in columns))
    for pk, state, until, kind, last_read_at, interval, failures, last_error, next_poll_at, is_active, removed_at in rows:
        if state != NetworkAccount.State.OK:
            troubled.add(pk)  # of its sources, the account speaks
            continue
        if needs_sign_in(until, moment, within=TROUBLE_BEFORE):
            troubled.add(pk)
        if is_active and removed_at is None:
            limited = limited_until(failures=failures, last_error=last_error, next_poll_at=next_poll_at)
            late = is_late(kind=kind, last_read_at=last_read_at, interval=interval, moment=moment, limited=limited)
            sources += failures >= FAILURES or late
    return len(troubled) + sources


def mark_revoked(*, account_id: int, reason: str, seen: NetworkAccount | None = None) -> None:
    """The network refused our credentials. Nothing is sent or read until the account is connected again; texts are kept.

    `seen` is the account as it was when the network was asked: where a person has connected it anew since, other credentials were refused.
    """
    still = Q(connected_at=seen.connected_at) if seen is not None else Q()
    _set_state(account_id, NetworkAccount.State.REVOKED, reason, where=still)


def mark_connected(*, account_id: int) -> None:
    _set_state(account_id, NetworkAccount.State.OK, "")


def _set_state(account_id: int, state: NetworkAccount.State, reason: str, *, where: Q = Q()) -> None:  # noqa: B008  never changed
    with transaction.atomic():
        moment = now()
        changed = (
            NetworkAccount.objects.filter(where, pk=account_id)
            .exclude(state=state)
            .update(state=state, state_reason=reason[:500], state_changed_at=moment)
        )
        if changed:
            kind = AccountEvent.Kind.REVOKED if state == NetworkAccount.State.REVOKED else AccountEvent.Kind.RESTORED
            AccountEvent.objects.create(account_id=account_id, kind=kind, at=moment)
            tell_changed(account_id=account_id)


def tell_changed(*, account_id: int) -> None:
    """Tell the open desks that an account can do more or less than before. Inside a transaction: it is told after the commit."""
    network = NetworkAccount.objects.values_list("network", flat=True).get(pk=account_id)
    live.publish(live.SourcesChanged(troubled=count_troubled(), network=network))
