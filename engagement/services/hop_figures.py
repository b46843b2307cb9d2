"""What moves to other channels came to: by reason, how many came back, and how the customers' tone changed (brief D3, D24, A24)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, OuterRef, Q, Subquery

from engagement.models import OWING, Hop
from listening.models import Mention, Sentiment
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of

WINDOW = timedelta(days=30)
_MOST_COMPARED = 2000  # conversations, the newest
_ORDER = {Sentiment.NEGATIVE: -1, Sentiment.POSITIVE: 1}  # all else is between


@dataclass(frozen=True, slots=True)
class ReasonFigures:
    """Hops that began in WINDOW for one reason."""

    reason: str  # in words
    begun: int
    returned: int
    waived: int
    owing: int

    @property
    def rate(self) -> float | None:
        """Which part of what was settled came back with a public word, 0 to 1; None while nothing was settled."""
        settled = self.returned + self.waived
        return self.returned / settled if settled else None


@dataclass(frozen=True, slots=True)
class ToneChange:
    """Conversations whose hop came back in WINDOW, by the customer's newest public post against their first."""

    better: int
    same: int
    worse: int


def read_reasons(*, now: datetime | None = None) -> list[ReasonFigures]:
    """The reasons that were given, the commonest first; one query."""
    begun = Hop.objects.filter(begun_at__gte=(now or current_time()) - WINDOW)
    rows = begun.values_list("reason").annotate(
        begun=Count("pk"),
        returned=Count("pk", filter=Q(state=Hop.State.RETURNED)),
        waived=Count("pk", filter=Q(state=Hop.State.WAIVED)),
        owing=Count("pk", filter=any_of("state", OWING)),
    )
    return [ReasonFigures(Hop.Reason(reason).label, *counts) for reason, *counts in rows.order_by("-begun", "reason")]


def read_tone(*, now: datetime | None = None) -> ToneChange:
    """One query. A conversation with one post of the customer says nothing and is not counted."""
    came_back = Hop.objects.filter(begun_at__gte=(now or current_time()) - WINDOW, state=Hop.State.RETURNED)
    posts = Mention.objects.filter(conversation=OuterRef("conversation"), is_own=False)
    ends = {"first": posts.order_by("posted_at", "pk"), "last": posts.order_by("-posted_at", "-pk")}
    columns = {f"{end}_{what}": Subquery(rows.values(what)[:1]) for end, rows in ends.items() for what in ("pk", "sentiment")}
    found = came_back.annotate(**columns).order_by("-begun_at").values_list("conversation", *columns)[:_MOST_COMPARED]
    changes: Counter[int] = Counter()
    for _, first, before, last, after in {row[0]: row for row in found}.values():
        if first != last:
            change = _ORDER.get(after, 0) - _ORDER.get(before, 0)
            changes[(change > 0) - (change < 0)] += 1
    return ToneChange(better=changes[1], same=changes[0], worse=changes[-1])
