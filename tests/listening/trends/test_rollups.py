"""The rollup equals a recount of the mentions, whatever comes in, is corrected, edited, linked or folded, and in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from listening.models import Mention, NetworkAccount, Rollup, Topic
from listening.services.corrections import correct_sentiment
from listening.services.topics import rematch_topic, save_topic
from listening.trends.rollups import Key, append_deltas, compact, count_deltas, read_counts, recount
from profiles.models import Agent, Role
from socialdesk.lib.clock import now, start_of_hour
from tests.factories import make_account, make_agent, make_author, make_post, push

WORDS = ("bike", "battery", "great", "terrible", "broken", "thanks", "rain")
HOUR = datetime(2026, 3, 4, 14, tzinfo=UTC)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)


def read_all() -> tuple[dict[Key, int], dict[Key, int]]:
    since, until = now() - timedelta(days=30), start_of_hour(now()) + timedelta(hours=1)
    return read_counts(since, until), recount(since, until)


class Desk(RuleBasedStateMachine):
    """Everything that changes a mention, by the services that the product does it with."""

    def __init__(self) -> None:
        super().__init__()
        self._example = transaction.atomic()
        self._example.__enter__()
        self.account: NetworkAccount = make_account()
        self.lead: Agent = make_agent(Role.LEAD)
        self.topics = [self.save(None, name, name) for name in ("bike", "battery")]
        self.posts: dict[str, Any] = {}

    def save(self, topic: Topic | None, name: str, query: str) -> Topic:
        return save_topic(topic=topic, name=name, query=query, agent=self.lead)

    def mention(self, number: int) -> Mention:
        mentions = list(Mention.objects.filter(is_own=False).order_by("pk"))
        return mentions[number % len(mentions)]

    @rule(wordings=st.lists(texts, min_size=1, max_size=4), ago=st.integers(1, 5000), network=st.sampled_from(["sandbox", "x"]))
    def posts_come_in(self, wordings: list[str], ago: int, network: str) -> None:
        posts = [make_post(text, ago=ago + 17 * place, network=network) for place, text in enumerate(wordings)]
        self.posts |= {post.external_id: post for post in posts}
        push(*posts)

    @rule(text=texts)
    def our_own_post_comes_back(self, text: str) -> None:
        push(make_post(text, author=make_author(self.account.username)))

    @precondition(lambda self: self.posts)
    @rule(number=st.integers(0, 50))
    def a_batch_comes_twice(self, number: int) -> None:
        push(list(self.posts.values())[number % len(self.posts)])

    @precondition(lambda self: self.posts)
    @rule(number=st.integers(0, 50), text=texts, deleted=st.booleans())
    def a_post_is_edited_or_deleted(self, number: int, text: str, deleted: bool) -> None:
        post = list(self.posts.values())[number % len(self.posts)]
        author = post.author
        push(make_post(text, author=author, network=post.network, external_id=post.external_id, posted_at=post.posted_at,
                       edited_at=None if deleted else now(), deleted=deleted))  # fmt: skip

    @precondition(lambda self: self.posts)
    @rule(number=st.integers(0, 50), label=st.sampled_from(["negative", "neutral", "positive"]))
    def an_agent_corrects(self, number: int, label: str) -> None:
        correct_sentiment(mention_id=self.mention(number).pk, agent=self.lead, label=label)

    @rule(number=st.integers(0, 1), query=st.sampled_from(["bike", "bike OR rain", "batter*", "great -bike"]))
    def a_topic_is_changed_and_matched_again(self, number: int, query: str) -> None:
        topic = self.topics[number]
        self.save(topic, topic.name, query)
        rematch_topic(topic_id=topic.pk)

    @rule(hours=st.integers(-1, 72))
    def the_rollup_is_compacted(self, hours: int) -> None:
        compact(before=now() - timedelta(hours=hours))

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self._example.__exit__(None, None, None)

    @invariant()
    def the_rollup_equals_a_recount(self) -> None:
        counted, recounted = read_all()
        assert counted == recounted


@pytest.mark.django_db
def test_the_rollup_equals_a_recount_whatever_happens() -> None:
    # Without shrinking: a failure of at most fifteen steps is read as it is, and shrinking it would take minutes.
    steps = settings(
        max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
    )
    run_state_machine_as_test(Desk, settings=steps)


def test_a_mention_counts_once_among_all_and_once_in_each_topic() -> None:
    deltas = count_deltas([(HOUR + timedelta(minutes=59), "x", "negative", [3, 7, 3])])
    assert deltas == {Key(HOUR, "x", None, "negative"): 1, Key(HOUR, "x", 3, "negative"): 1, Key(HOUR, "x", 7, "negative"): 1}


def test_an_hour_is_that_of_utc_whatever_zone_the_time_is_given_in() -> None:
    india = datetime.fromisoformat("2026-03-04T20:15:00+05:30")
    assert list(count_deltas([(india, "x", "neutral", [])])) == [Key(HOUR, "x", None, "neutral")]


@pytest.mark.django_db
def test_what_cancels_out_leaves_no_row() -> None:
    before = count_deltas([(HOUR, "x", "negative", [])], sign=-1)
    append_deltas(before, count_deltas([(HOUR, "x", "negative", [])]))
    assert not Rollup.objects.exists()


@pytest.mark.django_db
def test_compaction_leaves_one_row_for_each_key_and_none_for_zero() -> None:
    for _ in range(5):
        append_deltas(count_deltas([(HOUR, "x", "negative", []), (HOUR, "x", "positive", [])]))
    append_deltas(count_deltas([(HOUR, "x", "positive", [])] * 5, sign=-1))
    saved = compact(before=HOUR + timedelta(hours=1))
    assert saved == 10
    assert [(row.sentiment, row.count) for row in Rollup.objects.all()] == [("negative", 5)]


@pytest.mark.django_db
def test_compaction_leaves_the_hours_that_it_was_not_asked_for() -> None:
    for _ in range(3):
        append_deltas(count_deltas([(HOUR, "x", "negative", [])]))
    assert compact(before=HOUR) == 0
    assert Rollup.objects.count() == 3


@pytest.mark.django_db
def test_rows_that_were_rolled_back_are_not_counted() -> None:
    with transaction.atomic():
        append_deltas(count_deltas([(HOUR, "x", "negative", [])]))
        transaction.set_rollback(True)
    assert read_counts(HOUR, HOUR + timedelta(hours=1)) == {}
