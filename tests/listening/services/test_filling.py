"""A post that comes thinly and again in full, in whichever order: one row that has all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from listening.models import Conversation, IntakeBatch, Mention, Status, Topic
from listening.trends.rollups import read_counts, recount
from profiles.models import Handle, Role
from profiles.services.erasure import erase_person
from socialdesk.intake import Result
from socialdesk.lib.clock import now
from socialdesk.networks.base import MediaData, PostData, QuoteData
from tests.engagement.threads import at_once
from tests.factories import make_account, make_agent, make_author, make_post, push

pytestmark = pytest.mark.django_db
US = make_author("tidewheel", external_id="us")
PICTURE = MediaData("image", "https://n.example/a.png", "A wheel")
NOTHING: dict[str, Any] = {
    name: default
    for default, names in (("", ("url", "in_reply_to", "language", "warning")), ((), ("media", "poll")), (None, ("quote", "edited_at")))
    for name in names
}
_numbers = count(1)


def row_of(post: PostData) -> Mention:
    return Mention.objects.get(network=post.network, external_id=post.external_id)


def figures_equal_a_recount() -> None:
    since, until = now().replace(minute=0, second=0, microsecond=0) - timedelta(days=3), now() + timedelta(hours=1)
    assert read_counts(since, until) == recount(since, until)


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("thin_first", [True, False])
def test_a_thin_delivery_and_a_full_one_are_one_full_row(thin_first: bool, together: bool) -> None:
    question = make_post("what do you ride?", author="ana", ago=9)
    push(question)
    full = make_post(
        "this one", author="ben", in_reply_to=question.external_id, url="https://n.example/1", media=(PICTURE,), warning="blood"
    )
    thin = replace(full, **NOTHING)
    order = (thin, full) if thin_first else (full, thin)
    results = [push(*order)] if together else [push(post) for post in order]
    assert sum(result.stored for result in results) == sum(result.duplicate for result in results) == 1
    row = row_of(full)
    assert (row.url, row.in_reply_to, row.parent) == ("https://n.example/1", question.external_id, row_of(question))
    assert [part["kind"] for part in row.media] == ["warning", "image"]
    assert row.conversation is not None
    assert row.conversation.excerpt == "Warning by its author: blood"


def test_what_was_there_stays() -> None:
    one, two = make_post(author="ana", ago=9), make_post(author="cy", ago=8)
    push(one, two)
    first = make_post("this", author="ben", in_reply_to=one.external_id, url="https://n.example/1", media=(PICTURE,), language="de")
    other = MediaData("image", "https://n.example/other.png")
    push(first)
    push(replace(first, in_reply_to=two.external_id, url="https://n.example/2", media=(other,), language="fr"))
    row = row_of(first)
    assert (row.url, row.parent) == ("https://n.example/1", row_of(one))
    assert [part["url"] for part in row.media] == [PICTURE.url]
    assert row.language == "de"


def test_a_third_time_changes_nothing_and_an_ordinary_duplicate_costs_nothing() -> None:
    full = make_post(url="https://n.example/1", in_reply_to="unknown", media=(PICTURE,))
    push(replace(full, **NOTHING))
    with CaptureQueriesContext(connection) as filling:
        push(full)
    with CaptureQueriesContext(connection) as again:
        assert push(full).duplicate == 1
    sql = " ".join(query["sql"] for query in again)
    assert 'UPDATE "listening_mention"' not in sql
    assert 'UPDATE "listening_conversation"' not in sql
    assert len(again) < len(filling)
    batch = IntakeBatch.objects.latest("id")
    assert (batch.seen, batch.duplicate) == (1, 1)


def test_many_are_filled_by_as_many_statements_as_few() -> None:
    make_account(external_id="us")
    Topic.objects.create(name="Pictures", query="has:media")
    counts = []
    for size in (2, 40):
        above = [make_post("we moved", author=US, ago=9) for _ in range(size)]
        push(*above)
        posts = [
            make_post("hm", author=f"w{size}-{n}", in_reply_to=post.external_id, url="https://n.example/1", media=(PICTURE,), language="de")
            for n, post in enumerate(above)
        ]
        push(*(replace(post, **NOTHING) for post in posts))
        with CaptureQueriesContext(connection) as captured:
            assert push(*posts).duplicate == size
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert Mention.objects.filter(media=[], is_own=False).count() == 0


def test_a_customers_post_stays_in_the_conversation_that_it_opened() -> None:
    question = make_post("what do you ride?", author="ana", ago=9)
    push(question)
    full = make_post("this one", author="ben", in_reply_to=question.external_id)
    push(replace(full, in_reply_to=""))
    conversation = row_of(full).conversation
    push(full)
    assert row_of(full).conversation == conversation
    # Whoever wrote it is known to be in that tree now.
    Conversation.objects.filter(mentions__external_id=full.external_id).update(activity_at=now() - timedelta(days=9))
    later = make_post("another day", author="ben", in_reply_to=question.external_id)
    push(later)
    assert row_of(later).conversation == conversation


def test_what_it_answers_may_come_after_it_was_told() -> None:
    question = make_post("what do you ride?", author="ana", ago=9)
    full = make_post("this one", author="ben", in_reply_to=question.external_id)
    push(replace(full, in_reply_to=""))
    push(full)
    assert row_of(full).parent is None
    push(question)
    assert row_of(full).parent == row_of(question)


def test_an_answer_of_ours_that_was_heard_without_its_place_stops_the_clocks_once_that_is_known() -> None:
    make_account(external_id="us")
    question = make_post("where is it?", author="ana", ago=9)
    ours = make_post("On its way", author=US, in_reply_to=question.external_id)
    push(question)
    push(replace(ours, in_reply_to=""))
    assert Conversation.objects.get().is_active
    push(ours)
    conversation = Conversation.objects.get()
    assert row_of(ours).conversation == conversation
    assert (conversation.status, conversation.first_answered_at) == (Status.WAITING, ours.posted_at)
    assert conversation.due_at is None


def test_a_comment_below_a_post_of_ours_addresses_us_once_that_is_known() -> None:
    make_account(external_id="us")
    own = make_post("We moved", author=US, ago=9)
    push(own)
    full = make_post("is the shop open?", author="ana", in_reply_to=own.external_id)
    push(replace(full, in_reply_to=""))
    assert not row_of(full).is_addressed
    push(full)
    row = row_of(full)
    assert row.is_addressed
    assert row.conversation is not None
    assert not row.conversation.is_proactive
    assert row.conversation.priority_reasons == []


def test_topics_and_figures_follow_what_was_filled_and_a_paused_topic_keeps_its_past() -> None:
    Topic.objects.create(name="Pictures", query="has:media")
    Topic.objects.create(name="Words alone", query="NOT has:media AND this")
    paused = Topic.objects.create(name="Paused", query="this")
    full = make_post("this one", media=(PICTURE,))
    push(replace(full, media=()))
    paused.is_active = False
    paused.save()
    push(full)
    row = row_of(full)
    assert set(row.topic_links.values_list("topic__name", flat=True)) == {"Pictures", "Paused"}
    assert row.conversation is not None
    assert "Pictures" in row.conversation.topic_links.values_list("topic__name", flat=True)
    figures_equal_a_recount()


def test_an_edit_that_comes_thinly_keeps_what_the_post_had_and_gets_what_it_lacked() -> None:
    full = make_post("first words", url="https://n.example/1", in_reply_to="unknown")
    push(replace(full, url="", in_reply_to=""))
    assert push(replace(full, text="second words", edited_at=now())).folded == 1
    row = row_of(full)
    assert (row.text, row.url, row.in_reply_to) == ("second words", "https://n.example/1", "unknown")
    push(replace(full, text="third words", url="", in_reply_to="", edited_at=now()))
    row.refresh_from_db()
    assert (row.text, row.url, row.in_reply_to) == ("third words", "https://n.example/1", "unknown")


def test_an_earlier_state_brings_back_nothing_that_an_edit_took_away() -> None:
    first = make_post("look", media=(PICTURE,))
    edited = replace(first, media=(), edited_at=now())
    for order in ((first, edited, first), (edited, first)):
        posts = [replace(post, external_id=f"e{len(order)}") for post in order]
        for post in posts:
            push(post)
        assert row_of(posts[0]).media == []


def test_nothing_comes_back_into_a_post_that_was_deleted_or_to_who_was_erased() -> None:
    above, gone = make_post("my words", author="ana", ago=9), make_post("a slip", author="cy", url="https://n.example/1", media=(PICTURE,))
    answer = make_post("really?", author="ben", in_reply_to=above.external_id)
    push(above, gone, answer)
    push(replace(gone, text="", deleted=True))
    Mention.objects.filter(external_id=gone.external_id).update(url="")
    erase_person(profile_id=Handle.objects.get(username="ana").profile_id, agent=make_agent(Role.ADMIN))
    push(gone, answer)
    assert (row_of(gone).url, row_of(gone).media, row_of(gone).text) == ("", [], "")
    assert row_of(answer).in_reply_to is None
    assert row_of(answer).parent_id is not None


def test_a_post_that_is_told_to_answer_itself_answers_nothing() -> None:
    post = make_post()
    push(post)
    push(replace(post, in_reply_to=post.external_id))
    assert (row_of(post).in_reply_to, row_of(post).parent) == (None, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_known", [True, False])
def test_thin_and_full_deliveries_at_the_same_moment_end_in_one_full_row(is_known: bool) -> None:
    full = make_post("this one", url="https://n.example/1", in_reply_to="unknown", media=(PICTURE,))
    parts = [replace(full, **{**NOTHING, name: getattr(full, name)}) for name in ("url", "in_reply_to", "media")]
    if is_known:
        push(replace(full, **NOTHING))
    # Facebook names an author to some readers only: under another name nothing holds the two batches apart.
    parts[1] = replace(parts[1], author=make_author("somebody"))
    results = at_once([partial(push, post) for post in parts])
    assert all(isinstance(result, Result) for result in results), results
    assert sum(result.stored for result in results) == (0 if is_known else 1)
    row = row_of(full)
    assert (row.url, row.in_reply_to, [part["url"] for part in row.media]) == ("https://n.example/1", "unknown", [PICTURE.url])


class OrderDoesNotMatter(TestCase):
    """Deliveries of one post, each with some of what it has, in any order and any batches, end as the full one alone does."""

    def setUp(self) -> None:
        make_account(external_id="us")
        for name, query in (("Pictures", "has:media"), ("None", "12 AND NOT has:media"), ("German", "lang:de")):
            Topic.objects.create(name=name, query=query)
        self.above = [make_post("we moved", author=US, ago=9), make_post("what do you ride?", author="ana", ago=8)]
        push(*self.above)

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_the_row_ends_the_same(self, data: Any) -> None:
        draw = data.draw
        moment = now()
        has = {
            "url": draw(st.sampled_from(["", "https://n.example/1"])),
            "in_reply_to": draw(st.sampled_from(["", "unknown", *(post.external_id for post in self.above)])),
            "language": draw(st.sampled_from(["", "de"])),
            "media": draw(st.sampled_from([(), (PICTURE,)])),
            "warning": draw(st.sampled_from(["", "blood"])),
            "poll": draw(st.sampled_from([(), ("yes", "no")])),
            "quote": draw(st.sampled_from([None, QuoteData("q1", "eve", "well", "https://n.example/q")])),
            "edited_at": draw(st.sampled_from([None, moment - timedelta(minutes=1)])),
        }
        # Without letters, or the desk would have guessed a language, and that one stays.
        author, text = draw(st.sampled_from(["customer", "us"])), draw(st.sampled_from(["🙁 12", "12"]))

        def make(**fields: Any) -> PostData:
            who = US if author == "us" else make_author(f"w{next(_numbers)}")
            return make_post(text, author=who, posted_at=moment - timedelta(minutes=5), **{**has, **fields})

        alone, full = make(), make()
        push(alone)
        # An edit says all that its state has: what it does not say is not there any more.
        may_lack = [name for name in has if name != "edited_at"]
        if has["edited_at"] is not None:
            may_lack = [name for name in may_lack if name in ("url", "in_reply_to")]
        lacking = st.sets(st.sampled_from(may_lack)).map(lambda names: replace(full, **{name: NOTHING[name] for name in names}))
        bare = st.just(replace(full, **NOTHING))
        deliveries = draw(st.permutations([full, *draw(st.lists(st.one_of(lacking, bare), max_size=4))]))
        while deliveries:
            size = draw(st.integers(1, len(deliveries)))
            result = push(*deliveries[:size])
            assert result.seen == result.stored + result.duplicate + result.folded + result.filtered + len(result.rejected)
            deliveries = deliveries[size:]
        assert self._ended(full) == self._ended(alone)
        figures_equal_a_recount()

    def _ended(self, post: PostData) -> dict[str, Any]:
        names = (
            "url",
            "in_reply_to",
            "parent_id",
            "media",
            "language",
            "edited_at",
            "is_addressed",
            "score",
            "label",
            "confidence",
            "scorer",
        )
        row = row_of(post)
        found = {name: getattr(row, name) for name in names} | {"topics": set(row.topic_links.values_list("topic__name", flat=True))}
        conversation = row.conversation
        if row.is_own or conversation is None:
            return found | {"conversation": conversation and conversation.pk}
        shown = ("excerpt", "language", "sentiment", "is_proactive", "priority", "status", "due_kind")
        root = conversation.root.replace(post.external_id, "its own")
        return found | {f"of conversation {name}": getattr(conversation, name) for name in shown} | {"root": root}
