"""What listening shows on a person's page. The page is below listening and may not import it; its template loads this by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.db.models import Count
from django.db.models.functions import TruncWeek
from django.template import Library
from django.utils import timezone

from listening.models import Conversation, Mention
from listening.trends.axes import Tick
from listening.trends.change import Counts
from listening.trends.charts import Slot, VolumeChart, draw_volume
from profiles.models import Handle
from socialdesk.lib.clock import now

register = Library()
WEEKS = 12
CONVERSATIONS = 20
HEIGHT = 96


@dataclass(frozen=True, slots=True)
class Mood:
    """A person's posts of the last WEEKS weeks by sentiment."""

    chart: VolumeChart
    total: Counts
    slots: list[Slot]


@register.simple_tag
def conversations_of(handles: Sequence[Handle]) -> list[Conversation]:
    """The newest conversations with this person, over all their handles. One query."""
    found = Conversation.objects.filter(author__in=handles).select_related("author", "assignee")
    return list(found.order_by("-activity_at", "-id")[:CONVERSATIONS])


@register.simple_tag
def mood_of(handles: Sequence[Handle]) -> Mood:
    """How this person's posts sounded, week by week, the present one last. One query."""
    zone = timezone.get_current_timezone()
    today = now().astimezone(zone).date()
    this_week = today - timedelta(days=today.weekday())
    mondays = [this_week - timedelta(weeks=back) for back in reversed(range(WEEKS))]
    since = datetime.combine(mondays[0], time.min, tzinfo=zone).astimezone(UTC)
    rows = (
        Mention.objects.filter(author__in=handles, is_own=False, posted_at__gte=since)
        .annotate(week=TruncWeek("posted_at", tzinfo=zone))
        .values_list("week", "sentiment")
        .annotate(n=Count("id"))
        .order_by()
    )
    weeks = dict.fromkeys(mondays, Counts())
    for week, sentiment, count in rows:
        monday = week.astimezone(zone).date()
        if monday in weeks:
            weeks[monday] += Counts(**{sentiment: count})
    slots = [Slot(f"Week of {day.day} {day:%b}", counts, is_partial=day == this_week) for day, counts in weeks.items()]
    ticks = [Tick((i + 0.5) / WEEKS, f"{day.day} {day:%b}", is_minor=i % 6 == 3) for i, day in enumerate(mondays) if i % 3 == 0]
    return Mood(draw_volume(slots, ticks, height=HEIGHT), sum(weeks.values(), Counts()), slots)
