"""How long what is kept stays: one rule for each kind, none by default, shown before it runs, run by night in small steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Min

from profiles.models import Agent, RetentionRule
from profiles.personal import DELETE, Holding, holdings
from profiles.services.erasure import AT_ONCE, clear_rows
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError, NotAllowed, NotFound

SHORTEST, LONGEST = 1, 36_500  # days


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind that may have a rule. `goes`: its rows are removed, rather than emptied."""

    name: str
    label: str
    goes: bool
    rule: RetentionRule | None


def kinds() -> dict[str, Holding]:
    """What may have a rule."""
    return {name: holding for name, holding in holdings().items() if holding.age and holding.expired}


def read_rules() -> Sequence[Kept]:
    """All kinds with their rules. One query."""
    rules = {rule.kind: rule for rule in RetentionRule.objects.select_related("changed_by")}
    return [Kept(name, holding.label, _goes(holding), rules.get(name)) for name, holding in kinds().items()]


def count_due(kind: str, keep_days: int, *, now: datetime | None = None) -> tuple[int, datetime | None]:
    """How many rows a run would remove with that rule, and when the oldest of them is from. Changes nothing."""
    holding = _find(kind)
    assert holding.expired is not None
    rows = holding.expired(_before(keep_days, now))
    return rows.count(), rows.aggregate(oldest=Min(holding.age))["oldest"]


def save_rule(*, kind: str, keep_days: int | None, agent: Agent, at: datetime | None = None) -> RetentionRule | None:
    """Keep that kind for so many days from the next night on; None: for good."""
    _check_may(agent)
    _find(kind)
    if keep_days is None:
        RetentionRule.objects.filter(kind=kind).delete()
        return None
    if not SHORTEST <= keep_days <= LONGEST:
        raise DeskError(f"Give a number of days from {SHORTEST} to {LONGEST:,}, or nothing to keep it for good.")
    rule, _ = RetentionRule.objects.update_or_create(
        kind=kind, defaults={"keep_days": keep_days, "changed_by": agent, "changed_at": at or current_time()}
    )
    return rule


def run_rule(kind: str, *, agent: Agent | None = None, now: datetime | None = None, most: int | None = None) -> int:
    """Remove what is older than the rule of that kind allows; how many rows. Each step is a transaction, and counted on the rule, so that
    a run that is cut off goes on where it was."""
    if agent is not None:
        _check_may(agent)
    rule = RetentionRule.objects.filter(kind=kind).first()
    if rule is None or kind not in kinds():
        return 0
    holding, moment, removed = _find(kind), now or current_time(), 0
    assert holding.expired is not None
    before = _before(rule.keep_days, moment)
    while most is None or removed < most:
        with transaction.atomic():
            rows = holding.expired(before).order_by("pk")
            ids = list(rows.values_list("pk", flat=True)[:AT_ONCE])
            # Once more by their ids and locked: what was taken up again meanwhile stays.
            ids = list(holding.expired(before).select_for_update(of=("self",)).filter(pk__in=ids).values_list("pk", flat=True))
            clear_rows(holding, ids, how=holding.aged)
            RetentionRule.objects.filter(pk=rule.pk).update(removed=F("removed") + len(ids), ran_at=moment)
        removed += len(ids)
        if len(ids) < AT_ONCE:
            break
    return removed


def run_rules(*, now: datetime | None = None) -> dict[str, int]:
    """Every rule, one after the other."""
    return {kind: run_rule(kind, now=now) for kind in RetentionRule.objects.order_by("kind").values_list("kind", flat=True)}


def _before(keep_days: int, now: datetime | None) -> datetime:
    return (now or current_time()) - timedelta(days=keep_days)


def _goes(holding: Holding) -> bool:
    return (holding.clear if holding.aged is None else holding.aged) == DELETE


def _find(kind: str) -> Holding:
    holding = kinds().get(kind)
    if holding is None:
        raise NotFound(f"Nothing called {kind[:60]!r} can have a rule. Choose one of {', '.join(kinds())}.")
    return holding


def _check_may(agent: Agent) -> None:
    if agent.role != "admin":
        raise NotAllowed("How long things are kept is for admins to decide.")
