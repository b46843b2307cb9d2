"""Intake as a whole: what is stored, folded, filtered and refused, and that the ledger balances."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from listening.models import Conversation, IntakeBatch, Mention, Source, Status, Topic
from listening.services.folding import forget_deletions
from listening.trends.rollups import read_counts, recount
from profiles.models import Handle, Profile
from socialdesk import intake
from socialdesk.intake import find_source, take_in
from socialdesk.lib import bulk
from socialdesk.lib.clock import now
from socialdesk.networks.base import PostData
from tests.factories import make_account, make_author, make_post, push

pytestmark = pytest.mark.django_db


def test_a_post_becomes_a_scored_mention_in_a_conversation_with_clocks():
    Topic.objects.create(name="Delivery", query="late OR delivery")
    make_account()
    post = make_post("@tidewheel the bike is late and I am angry", ago=2)
    result = push(post)
    mention = Mention.objects.get(pk=result.ids[post.external_id])
    assert (result.seen, result.stored) == (1, 1)
    assert mention.sentiment == "negative"
    assert mention.is_addressed
    assert mention.conversation is not None
    assert mention.conversation.status == Status.NEW
    assert mention.conversation.due_kind == "acknowledge"
    assert mention.conversation.due_at == post.posted_at + timedelta(minutes=15)
    assert [link.topic.name for link in mention.topic_links.select_related("topic")] == ["Delivery"]
    assert mention.author.profile.stage == "prospect"


def test_the_same_batch_twice_stores_nothing_twice():
    posts = [make_post(f"post {n}", author=f"writer{n}") for n in range(20)]
    first, second = push(*posts), push(*posts)
    assert (first.stored, second.stored, second.duplicate) == (20, 0, 20)
    assert first.ids == second.ids
    assert Mention.objects.count() == Profile.objects.count() == Handle.objects.count() == 20


def test_an_id_twice_in_one_batch_is_stored_once():
    post = make_post()
    result = push(post, post, replace(post, text="another text"))
    assert (result.seen, result.stored, result.duplicate, result.folded) == (3, 1, 1, 1)


def test_own_posts_are_context_and_never_work():
    make_account(external_id="us")
    own = make_post("We are moving to a new hub!", author=make_author("tidewheel", external_id="us"))
    result = push(own)
    mention = Mention.objects.get(pk=result.ids[own.external_id])
    assert mention.is_own
    assert mention.conversation is None
    assert not Conversation.objects.exists()


def test_an_answer_given_outside_the_desk_stops_the_clocks():
    make_account(external_id="us")
    post = make_post(ago=10)
    answer = make_post("We are on it", author=make_author("tidewheel", external_id="us"), in_reply_to=post.external_id, ago=5)
    push(post)
    push(answer)
    conversation = Conversation.objects.get()
    assert conversation.status == Status.WAITING
    assert conversation.first_answered_at == answer.posted_at
    assert conversation.due_at is None


def test_reposts_fold_into_a_counter_and_count_once_each():
    post = make_post("my bike caught fire")
    repost = make_post("", author="other", repost_of=post.external_id)
    push(post)
    first, again = push(repost), push(repost)
    assert (first.folded, first.stored, again.duplicate) == (1, 0, 1)
    assert Mention.objects.get().reposts == 1
    assert Conversation.objects.count() == 1


def test_a_repost_that_comes_before_its_original_is_counted_when_that_comes():
    post = make_post("my bike caught fire")
    push(make_post("", author="other", repost_of=post.external_id))
    push(post)
    assert Mention.objects.get().reposts == 1


def test_an_edit_changes_text_score_topics_and_figures():
    topic = Topic.objects.create(name="Praise", query="love")
    post = make_post("I hate this bike")
    push(post)
    result = push(replace(post, text="I love this bike", edited_at=now()))
    mention = Mention.objects.get()
    assert (result.folded, result.stored) == (1, 0)
    assert (mention.text, mention.sentiment) == ("I love this bike", "positive")
    assert mention.conversation is not None
    assert mention.conversation.excerpt == "I love this bike"
    assert list(mention.topic_links.values_list("topic_id", flat=True)) == [topic.pk]
    _figures_equal_a_recount()


def test_an_older_version_that_is_delivered_again_undoes_no_edit():
    post = make_post("first words")
    push(post)
    push(replace(post, text="second words", edited_at=now()))
    assert push(post).duplicate == 1
    assert Mention.objects.get().text == "second words"


def test_a_deletion_takes_the_words_and_the_work_away():
    post = make_post()
    push(post)
    push(replace(post, text="", deleted=True))
    mention = Mention.objects.get()
    assert mention.text == mention.folded == ""
    assert mention.deleted_at is not None
    assert Conversation.objects.get().status == Status.RESOLVED
    assert push(post).duplicate == 1


@pytest.mark.parametrize("change", [{}, {"text": "second words", "edited_at": now()}])
def test_a_post_that_comes_after_its_deletion_is_filtered_and_named(change):
    post = make_post()
    first = push(replace(post, text="", deleted=True))
    assert (first.filtered, first.stored) == (1, 0)
    again, late = push(replace(post, text="", deleted=True)), push(replace(post, **change))
    assert (again.filtered, late.filtered, late.stored, late.ids) == (1, 1, 0, {})
    assert not Mention.objects.exists()
    assert not Conversation.objects.exists()
    rules = [batch.filtered_by for batch in IntakeBatch.objects.order_by("id")]
    assert rules == [{"deleted before it was seen": 1}, {"deleted before it was seen": 1}, {"came after its deletion": 1}]
    _figures_equal_a_recount()


@pytest.mark.parametrize("edited", [None, now()])
@pytest.mark.parametrize("deletion_first", [True, False])
def test_a_post_and_its_deletion_in_one_batch_are_filtered_whichever_comes_first(deletion_first, edited):
    post = make_post(edited_at=edited)
    deletion = replace(post, text="", deleted=True, edited_at=None if edited is None else edited - timedelta(minutes=1))
    result = push(*((deletion, post) if deletion_first else (post, deletion)))
    assert (result.seen, result.filtered, result.folded) == (2, 1, 1)
    assert push(post).filtered == 1
    assert not Mention.objects.exists()


def test_a_deletion_is_of_its_own_network_and_post_alone():
    post = make_post(external_id="1")
    push(replace(post, deleted=True))
    result = push(replace(post, network="web"), replace(post, external_id="2"), post)
    assert (result.stored, result.filtered) == (2, 1)


def test_what_answers_or_repeats_a_post_that_was_deleted_before_it_came_is_taken_in():
    post = make_post()
    push(replace(post, deleted=True))
    result = push(make_post("what did it say?", author="b", in_reply_to=post.external_id), make_post("", repost_of=post.external_id))
    assert (result.stored, result.folded) == (1, 1)


def test_a_repost_counts_whether_its_deletion_comes_before_or_after_it():
    post = make_post("my bike caught fire")
    push(post)
    for order in ((True, False), (False, True)):
        repost = make_post("", author="other", repost_of=post.external_id)
        for deleted in order:
            push(replace(repost, deleted=deleted))
    assert Mention.objects.get().reposts == 2


def test_a_deletion_is_remembered_for_a_month():
    post = make_post()
    push(replace(post, deleted=True))
    assert forget_deletions(now=now() + timedelta(days=29)) == 0
    assert push(post).filtered == 1
    assert forget_deletions(now=now() + timedelta(days=31)) == 1
    assert push(post).stored == 1


def test_an_edit_that_comes_before_its_post_stays():
    post = make_post("first words")
    push(replace(post, text="second words", edited_at=now()))
    assert push(post).duplicate == 1
    assert Mention.objects.get().text == "second words"


def test_a_reply_to_a_deleted_post_is_stored():
    post = make_post(author="a")
    push(post)
    push(replace(post, deleted=True))
    answer = make_post("what did it say?", author="b", in_reply_to=post.external_id)
    assert push(answer).stored == 1


def test_posts_of_a_muted_author_are_filtered_and_named():
    push(make_post(author="spammer"))
    Handle.objects.update(muted_at=now())
    result = push(make_post("buy now", author="spammer"))
    assert (result.filtered, result.stored) == (1, 0)
    assert IntakeBatch.objects.latest("id").filtered_by == {"muted author": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"network": "myspace"}, "unknown network"),
        ({"external_id": ""}, "external_id is empty"),
        ({"external_id": "x" * 201}, "longer than 200"),
        ({"external_id": "a\x00b"}, "cannot be stored"),
        ({"text": "  "}, "text is empty"),
        ({"text": "x" * 10_000_000}, "at most 100,000"),
        ({"posted_at": datetime(1, 1, 1, tzinfo=UTC)}, "cannot be the time"),
        ({"posted_at": datetime(9999, 12, 31, tzinfo=UTC)}, "cannot be the time"),
        ({"posted_at": datetime(2026, 1, 1)}, "no time zone"),
        ({"author": make_author("", external_id="a")}, "username is empty"),
    ],
)
def test_a_bad_post_is_refused_with_its_reason_and_the_rest_is_stored(change, reason):
    good, bad = make_post(), make_post(**change)
    result = push(good, bad)
    assert result.stored == 1
    assert [rejection.index for rejection in result.rejected] == [1]
    assert reason in result.rejected[0].reason
    batch = IntakeBatch.objects.get()
    assert batch.rejected == 1
    assert batch.rejections == [{"index": 1, "reason": result.rejected[0].reason}]


def test_hostile_characters_are_taken_out():
    push(make_post("a\x00b\ud800c\u202ed ok", author=make_author("wr\x00iter", external_id="w", display_name="N\u202eame")))
    mention = Mention.objects.select_related("author").get()
    assert mention.text == "abcd ok"
    assert (mention.author.username, mention.author.display_name) == ("writer", "Name")


def test_a_clock_that_runs_ahead_is_taken_for_now():
    push(make_post(ago=-60))
    assert Mention.objects.get().posted_at <= now()


def test_history_starts_its_clocks_when_it_comes():
    post = make_post(ago=60 * 24 * 400)
    before = now()
    take_in([post], is_history=True)
    assert Conversation.objects.get().opened_at >= before


def test_the_cursor_moves_with_the_rows_and_not_without_them(monkeypatch):
    source = find_source(network="sandbox", kind=Source.Kind.POLL, name="timeline")
    take_in([make_post()], source=source, cursor="one")
    assert Source.objects.get().cursor == "one"

    def full_disk(*args, **kwargs):
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(intake, "_record", full_disk)
    with pytest.raises(OperationalError):
        take_in([make_post()], source=source, cursor="two")
    assert Source.objects.get().cursor == "one"
    assert Mention.objects.count() == 1
    assert Handle.objects.count() == 1


def _mixed_batch(size: int, name: str) -> list[PostData]:
    """`size` times: a post, an answer to it by another author, a repost of it, a repost of what comes only with the next batch, a
    deletion of what never comes, and of what comes with the next batch or, in that one, came before."""
    posts = []
    for n in range(size):
        key = f"{name}-{n}"
        posts += [
            make_post(f"@tidewheel {n} is late", external_id=key, author=f"w{n}", ago=30),
            make_post("mine too", external_id=f"{key}-answer", author=f"v{n}", in_reply_to=key, ago=20),
            make_post("", external_id=f"{key}-repost", author=f"u{n}", repost_of=key),
            make_post("", external_id=f"{key}-early", author=f"u{n}", repost_of=f"{name}+-{n}"),
            make_post("taken back", external_id=f"{key}-gone", author=f"t{n}", deleted=True),
            make_post("taken back", external_id=f"{key}-back".replace("+", ""), author=f"t{n}", deleted=not name.endswith("+")),
        ]
    return posts


def test_a_batch_is_a_fixed_number_of_statements_whatever_its_size():
    Topic.objects.create(name="Delivery", query="late")
    make_account()
    counts = []
    for size, name in ((3, "few"), (60, "many")):
        take_in(_mixed_batch(size, name))
        with CaptureQueriesContext(connection) as captured:
            # Known authors with open conversations, reposts that wait for these posts, and reposts of known posts.
            again = [replace(post, repost_of=post.repost_of.replace("+", "")) for post in _mixed_batch(size, f"{name}+")]
            result = take_in(again)
        assert (result.stored, result.folded, result.filtered) == (2 * size, 2 * size, 2 * size)
        counts.append(len(captured))
    assert Mention.objects.filter(external_id__startswith="many+", reposts=1).count() == 60
    assert counts[0] == counts[1]


class LedgerBalances(TestCase):
    """Invariant 3 on batches of anything, in any order, with repeats between them."""

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_seen_is_stored_duplicate_folded_filtered_and_rejected(self, data):
        moment = now()
        ids = st.sampled_from([f"id{n}" for n in range(12)])
        posts = st.builds(
            make_post,
            st.sampled_from(["bike", "I hate it", "I love it", "", "x" * 100_001]),
            author=st.sampled_from(["a", "b", "c"]),
            external_id=ids,
            network=st.sampled_from(["sandbox", "x", "nowhere"]),
            in_reply_to=st.one_of(st.just(""), ids),
            repost_of=st.one_of(st.just(""), st.just(""), ids),
            deleted=st.sampled_from([False, False, False, True]),
            posted_at=st.integers(0, 5000).map(lambda seconds: moment - timedelta(seconds=seconds)),
            edited_at=st.one_of(st.none(), st.integers(0, 50).map(lambda seconds: moment - timedelta(seconds=seconds))),
        )
        stored = 0
        deleted, repeats = set(), set()
        for _ in range(data.draw(st.integers(1, 4))):
            batch = data.draw(st.lists(posts, max_size=12))
            result = take_in(batch)
            taken = [post for post, fate in zip(batch, result.fates, strict=True) if fate.became != "rejected"]
            deleted |= {(post.network, post.external_id) for post in taken if post.deleted}
            repeats |= {(post.network, post.external_id) for post in taken if post.repost_of}
            assert result.seen == len(batch)
            assert result.seen == result.stored + result.duplicate + result.folded + result.filtered + len(result.rejected)
            stored += result.stored
        assert Mention.objects.count() == stored
        assert not Mention.objects.filter(is_own=False, conversation=None).exists()
        assert (deleted - repeats).isdisjoint(Mention.objects.filter(deleted_at=None).values_list("network", "external_id"))
        for mention in Mention.objects.select_related("conversation"):
            assert mention.conversation is not None
            assert mention.conversation.author_id == mention.author_id
        _figures_equal_a_recount()


def _figures_equal_a_recount():
    since, until = now().replace(minute=0, second=0, microsecond=0) - timedelta(days=3), now() + timedelta(hours=1)
    assert read_counts(since, until) == recount(since, until)


def test_rows_written_in_bulk_fail_with_djangos_errors():
    # The push door answers 503 by them, and a batch that met another one is tried again.
    push(make_post())
    row = Handle.objects.values_list("id", "profile_id", "network", "external_id", "username", "first_seen_at").get()
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert_rows(Handle, ["id", "profile_id", "network", "external_id", "username", "first_seen_at"], [row])
