"""The figures of a report: points filled with zeros, parts, comparisons, and posts that add up to them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from listening.models import Mention, Topic
from listening.services.corrections import correct_sentiment
from listening.services.topics import save_topic
from listening.trends.export import disarm, write_counts, write_mentions
from listening.trends.figures import ENOUGH, FEWEST_POINTS, make_figures, name_bucket, name_stretch, pool
from listening.trends.filters import Filters, Narrowing
from listening.trends.posts import read_posts
from listening.trends.rollups import append_deltas, count_deltas
from listening.trends.sentences import describe
from listening.trends.series import Report, count_mentions, read_days, read_report
from listening.trends.windows import Bucket
from profiles.models import Role
from socialdesk.lib.errors import DeskError
from tests.factories import make_account, make_agent, make_author, make_post, push

NOW = datetime(2025, 11, 22, 9, 40, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
pytestmark = pytest.mark.django_db


def filters(query: str = "", *, zone: ZoneInfo = BERLIN) -> Filters:
    return Filters.from_query(QueryDict(query), topics=Topic.objects.all(), now=NOW, zone=zone)


def report(query: str = "", *, zone: ZoneInfo = BERLIN) -> Report:
    return read_report(filters(query, zone=zone), topics=list(Topic.objects.all()))


def make_topic(name: str) -> Topic:
    return save_topic(topic=None, name=name, query=name, agent=make_agent(Role.LEAD))


def count_up(number: int, ago_hours: float, *, sentiment: str = "neutral", topics: tuple[int, ...] = (), network: str = "x") -> None:
    """Put `number` mentions into the rollup, without the mentions."""
    append_deltas(count_deltas([(NOW - timedelta(hours=ago_hours), network, sentiment, topics)] * number))


def steady(number: int, *, days: tuple[int, int], **what: Any) -> None:
    """`number` mentions at noon UTC of each day from `days[0]` to before `days[1]` days ago."""
    for day in range(*days):
        count_up(number, 24 * day - 2, **what)


def test_hours_without_mentions_are_there_as_zeros() -> None:
    count_up(3, 5)
    points = report("window=24h").points
    assert len(points) == 24
    assert [point.counts.total for point in points if point.counts.total] == [3]


def test_a_day_is_that_of_the_desk() -> None:
    late = datetime(2025, 11, 17, 23, 30, tzinfo=UTC)  # half past midnight in Berlin, the 18th
    append_deltas(count_deltas([(late, "x", "negative", [])]))
    in_berlin = [point.bucket.start.astimezone(BERLIN).day for point in report("window=7d").points if point.counts.total]
    in_utc = [point.bucket.start.day for point in report("window=7d", zone=ZoneInfo("UTC")).points if point.counts.total]
    assert (in_berlin, in_utc) == ([18], [17])


def test_figures_are_narrowed_by_topic_network_and_sentiment() -> None:
    topic = make_topic("battery")
    count_up(2, 5, sentiment="negative", topics=(topic.pk,), network="x")
    count_up(3, 5, sentiment="positive", topics=(topic.pk,), network="mastodon")
    count_up(5, 5, sentiment="negative", network="mastodon")
    assert report().total.total == 10
    assert report(f"topic={topic.pk}").total.total == 5
    assert report("network=mastodon").total.total == 8
    assert report("sentiment=negative").total.total == 7
    assert report(f"topic={topic.pk}&network=x&sentiment=negative").total.total == 2
    assert report("network=bluesky").total.total == 0


def test_unsure_is_a_class_of_its_own() -> None:
    count_up(4, 5, sentiment="unsure")
    count_up(1, 5, sentiment="negative")
    total = report().total
    assert (total.unsure, total.scored) == (4, 1)
    assert make_figures(report()).volume.classes == [("negative", 1), ("unsure", 4)]


def test_parts_are_ordered_by_size_and_hold_the_window_before() -> None:
    small, large = make_topic("small"), make_topic("large")
    count_up(2, 30, topics=(small.pk,))
    count_up(9, 30, topics=(large.pk, small.pk), network="mastodon")
    count_up(4, 24 * 8, topics=(large.pk,))
    parts = report("window=7d")
    assert [(part.label, part.total.total, part.comparison.before.total) for part in parts.topics] == [("small", 11, 0), ("large", 9, 4)]
    assert [(part.key, part.total.total) for part in parts.networks] == [("mastodon", 9), ("x", 2)]


def test_the_hour_that_runs_is_shown_and_not_compared() -> None:
    count_up(7, 0)
    count_up(2, 3)
    both = report("window=24h")
    assert both.points[-1].counts.total == 7
    assert both.total.total == 9
    assert both.comparison.now.total == 2


def test_a_report_costs_three_queries_however_much_there_is(django_assert_num_queries: Any) -> None:
    for number in range(12):
        topic = make_topic(f"topic{number}")
        steady(3, days=(0, 40), topics=(topic.pk,))
    topics = list(Topic.objects.all())
    chosen = filters("window=30d")
    with django_assert_num_queries(3):
        read_report(chosen, topics=topics)


def test_topics_days_cost_one_query(django_assert_num_queries: Any) -> None:
    topics = [make_topic(f"topic{number}") for number in range(8)]
    steady(2, days=(1, 4), topics=(topics[0].pk,))
    window = filters("window=7d").window
    with django_assert_num_queries(1):
        days = read_days(topics=topics, window=window)
    assert [point.counts.total for point in days[topics[0].pk]] == [0, 0, 0, 2, 2, 2, 0]
    assert sum(point.counts.total for point in days[topics[1].pk]) == 0


# --- Sentences ----------------------------------------------------------------------------------------------------------


def test_a_rise_beyond_its_band_is_said_with_its_main_topic() -> None:
    delivery, other = make_topic("delivery"), make_topic("other")
    steady(30, days=(8, 15), topics=(other.pk,))
    steady(30, days=(1, 8), topics=(other.pk,))
    steady(40, days=(1, 8), topics=(delivery.pk,))
    first = describe(report("window=7d"))[0]
    assert first.startswith("Mentions more than doubled: ")
    assert first.endswith("mostly “delivery”.")


def test_a_difference_inside_its_band_is_not_called_a_change() -> None:
    steady(10, days=(8, 15), sentiment="negative")
    steady(10, days=(8, 15), sentiment="neutral")
    steady(11, days=(1, 8), sentiment="negative")
    steady(10, days=(1, 8), sentiment="neutral")
    sentences = describe(report("window=7d"))
    assert sentences[0].startswith("No clear change in the number of mentions: ")
    assert sentences[1].startswith("The negative share has not clearly changed: ")


def test_a_negative_share_beyond_its_band_is_said() -> None:
    steady(10, days=(8, 15), sentiment="negative")
    steady(90, days=(8, 15), sentiment="neutral")
    steady(40, days=(1, 8), sentiment="negative")
    steady(60, days=(1, 8), sentiment="neutral")
    assert describe(report("window=7d"))[1].startswith("The negative share rose to 40% (between 36% and 44%), from 10% (")


CHANGE_WORDS = ("doubled", "halved", "times as often", " rose ", " fell ")


@given(st.lists(st.tuples(st.integers(1, 14), st.integers(0, 60), st.sampled_from(["negative", "neutral", "unsure"])), max_size=12))
def test_words_of_change_appear_only_beyond_the_bands(batches: list[tuple[int, int, str]]) -> None:
    from listening.models import Rollup

    Rollup.objects.all().delete()  # what the example before left
    for day, number, sentiment in batches:
        count_up(number, 24 * day - 2, sentiment=sentiment)
    made = report("window=7d")
    volume, share = describe(made)[0], " ".join(describe(made)[1:])
    comparison = made.comparison
    if comparison.volume.overlaps(comparison.volume_before):
        assert not any(word in volume for word in CHANGE_WORDS)
    now, before = comparison.now.negative_share, comparison.before.negative_share
    if now is None or before is None or now.overlaps(before):
        assert not any(word in share for word in CHANGE_WORDS)


def test_nothing_at_all_is_said_plainly() -> None:
    assert describe(report("window=7d")) == ["No mentions in the last 7 days up to 10:00, and none in the same hours of the 7 days before."]


def test_a_first_week_is_not_called_a_rise() -> None:
    steady(5, days=(1, 5))
    assert describe(report("window=7d"))[0] == ("20 mentions in the last 7 days up to 10:00; none in the same hours of the 7 days before.")


def test_a_window_that_has_just_begun_compares_nothing() -> None:
    just_after_midnight = datetime(2025, 11, 22, 23, 5, tzinfo=UTC)
    query = QueryDict("window=custom&from=2025-11-23&to=2025-11-23")
    chosen = Filters.from_query(query, topics=[], now=just_after_midnight, zone=BERLIN)
    assert describe(read_report(chosen, topics=[])) == ["The first hour of this window has not ended yet, so there is nothing to compare."]


def test_sentences_name_what_the_page_is_narrowed_to() -> None:
    topic = make_topic("battery")
    count_up(1, 30, topics=(topic.pk,), sentiment="negative")
    said = describe(report(f"topic={topic.pk}&network=x&sentiment=negative&window=custom&from=2025-11-20&to=2025-11-21"))
    assert said == ["1 negative mention of “battery” on X from 20 November 2025 to 21 November 2025; none in the 2 days before."]


# --- Pooling and names --------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_pooling_keeps_every_post_and_some_points(numbers: list[int]) -> None:
    from listening.trends.change import Counts
    from listening.trends.series import Point

    hour = timedelta(hours=1)
    points = [Point(Bucket(NOW + i * hour, NOW + (i + 1) * hour, False), Counts(negative=n)) for i, n in enumerate(numbers)]
    pooled = pool(points, per="hour")
    assert [point for group in pooled.groups for point in group] == points
    assert len(pooled.groups) >= min(len(points), FEWEST_POINTS)
    if sum(numbers) >= ENOUGH * len(numbers):
        assert pooled.size == 1


def test_an_hour_that_comes_twice_is_told_apart() -> None:
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)
    names = [
        name_bucket(Bucket(hour, hour + timedelta(hours=1), False), per="hour", zone=BERLIN, today=first)
        for hour in (first, first + timedelta(hours=1), first + timedelta(hours=2))
    ]
    assert names == ["Sun 25 Oct, 02:00 CEST", "Sun 25 Oct, 02:00 CET", "Sun 25 Oct, 03:00"]


@pytest.mark.parametrize(
    ("since", "until", "name"),
    [
        ("2026-11-20T13:00Z", "2026-11-20T14:00Z", "Friday 20 November 2026, 14:00 to 15:00"),
        ("2026-11-19T23:00Z", "2026-11-20T23:00Z", "Friday 20 November 2026"),
        ("2026-11-15T23:00Z", "2026-11-22T23:00Z", "16 November 2026 to 22 November 2026"),
        ("2026-11-15T23:00Z", "2026-11-22T10:00Z", "16 November 2026, 00:00 to 22 November 2026, 11:00"),
    ],
)
def test_a_stretch_of_time_is_named_as_people_say_it(since: str, until: str, name: str) -> None:
    assert name_stretch(datetime.fromisoformat(since), datetime.fromisoformat(until), zone=BERLIN) == name


# --- Posts and files ----------------------------------------------------------------------------------------------------


def take_in_some() -> Topic:
    topic = make_topic("battery")
    for number in range(30):
        text = ["my battery is terrible", "great battery, thanks", "=1+1 my bike @x", "where is the bike shop"][number % 4]
        network = "x" if number % 3 else "mastodon"
        posted_at = NOW - timedelta(hours=number * 7, minutes=11)
        assert not push(make_post(text, author=make_author(f"writer{number % 5}"), network=network, posted_at=posted_at)).rejected
    push(make_post("ours about the battery", author=make_author(make_account("x").username), network="x", posted_at=NOW))
    return topic


@pytest.mark.parametrize("query", ["", "network=x", "sentiment=negative", "topic={}", "topic={}&network=mastodon&sentiment=positive"])
@pytest.mark.parametrize("window", ["24h", "7d", "30d", "7d&per=hour"])
def test_figures_posts_and_files_say_the_same(query: str, window: str) -> None:
    query = query.format(take_in_some().pk)
    lead = make_agent(Role.LEAD)
    correct_sentiment(mention_id=Mention.objects.filter(is_own=False)[3].pk, agent=lead, label="negative")
    made = report(f"{query}&window={window}")
    narrowing, span = made.filters.narrowing, made.filters.window
    listed: list[Mention] = []
    after, more = "", True
    while more:
        page = read_posts(narrowing, span.since, span.until, after=after, limit=4)
        listed += page.mentions
        after, more = page.next, bool(page.next)
    assert len(listed) == len({mention.pk for mention in listed}) == made.total.total
    assert listed == sorted(listed, key=lambda mention: (mention.posted_at, mention.pk), reverse=True)
    assert count_mentions(narrowing, span.since, span.until) == made.total.total

    rows = list(csv.DictReader(io.StringIO(_read_file(narrowing, span.since, span.until))))
    assert len(rows) == made.total.total
    for label in ("negative", "neutral", "positive", "unsure"):
        assert sum(row["sentiment"] == label for row in rows) == getattr(made.total, label)
    figures = list(csv.DictReader(io.StringIO(write_counts(made).decode())))
    assert [int(row["total"]) for row in figures] == [point.counts.total for point in made.points]
    if span.per == "hour":
        for point, figure in zip(made.points, figures, strict=True):
            assert sum(row["hour"] == figure["from"] for row in rows) == point.counts.total


def _read_file(narrowing: Narrowing, since: datetime, until: datetime) -> str:
    return b"".join(write_mentions(narrowing, since, until, zone=BERLIN)).decode()


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1+1", "\ufeff=1", "=cmd|'/c calc'!A0"]
)
def test_a_cell_that_a_spreadsheet_would_run_is_disarmed(text: str) -> None:
    assert disarm(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "tidewheel", "a=b", "10 % off", "“=”"])
def test_a_harmless_cell_stays_as_it_is(text: str) -> None:
    assert disarm(text) == text


def test_a_file_survives_commas_quotes_and_line_breaks_and_runs_nothing() -> None:
    assert not push(
        make_post('=HYPERLINK("http://evil.example","a, b")\nnext', author=make_author("@evil", display_name="=1+1"), posted_at=NOW)
    ).rejected
    [row] = csv.DictReader(io.StringIO(_read_file(Narrowing(), NOW - timedelta(hours=1), NOW + timedelta(hours=1))))
    assert row["text"] == '\'=HYPERLINK("http://evil.example","a, b")\nnext'
    assert row["author_name"] == "'=1+1"
    assert not row["author"].startswith("@")


@pytest.mark.parametrize("after", ["x", "1", "1_", "_1", "1_2_3", "-1_2", "9" * 40 + "_1", "٣_٣", "999999999999999999_1"])
def test_a_key_that_no_page_gave_out_is_refused(after: str) -> None:
    with pytest.raises(DeskError, match="does not exist"):
        read_posts(Narrowing(), NOW, NOW + timedelta(hours=1), after=after)
