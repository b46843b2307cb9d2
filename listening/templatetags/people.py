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
LINE_HEIGHT = 24
LATELY = 4  # weeks that the words beside the small chart are about
FEWEST = 3  # scored posts below which nothing is said of a direction


@dataclass(frozen=True, slots=True)
class Mood:
    """A person's posts of the last WEEKS weeks by sentiment."""

    chart: VolumeChart
    total: Counts
    slots: list[Slot]


@dataclass(frozen=True, slots=True)
class MoodLine:
    """The same as small as a line of text: `words` say how it was lately, `reading` week by week."""

    chart: VolumeChart
    words: str
    reading: str


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


@register.simple_tag
def mood_line_of(handles: Sequence[Handle]) -> MoodLine | None:
    """The mood for a card; None where they wrote nothing in that time. One query."""
    mood = mood_of(handles)
    if not mood.total.total:
        return None
    chart = draw_volume(mood.slots, [], height=LINE_HEIGHT)
    reading = ". ".join(f"{slot.name}: {slot.counts.negative} of {slot.counts.total} negative" for slot in mood.slots if slot.counts.total)
    return MoodLine(chart, say_mood([slot.counts for slot in mood.slots]), f"{reading}.")


def say_mood(weeks: Sequence[Counts]) -> str:
    """How somebody sounded in the last weeks, and whether that is another tone than before; only what the numbers bear."""
    lately, before = sum(weeks[-LATELY:], Counts()), sum(weeks[:-LATELY], Counts())
    if not lately.scored:
        return f"Nothing in the last {LATELY} weeks" if not lately.total else "Hard to read"
    named = {"negative": lately.negative, "neutral": lately.neutral, "positive": lately.positive}
    most = max(named, key=lambda name: named[name])
    share = f"{named[most]} of {lately.scored} posts in {LATELY} weeks"
    words = f"Mostly {most}, {share}" if 2 * named[most] > lately.scored else f"Mixed, {lately.scored} posts in {LATELY} weeks"
    now_negative, then_negative = lately.negative_share, before.negative_share
    if now_negative is None or then_negative is None or min(lately.scored, before.scored) < FEWEST or now_negative.overlaps(then_negative):
        return words
    return f"{words}; {'worse' if now_negative.value > then_negative.value else 'better'} than before"
