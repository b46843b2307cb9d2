"""Asking, answering, recording, sharing, failing, withdrawing, deleting in any order: nothing is public that its author did not allow."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from engagement.models import UNFINISHED, Compliment, Delivery, Message, Permission, TakeDown
from engagement.services.answers import GONE
from engagement.services.compliments import accept_compliment, forward_compliment
from engagement.services.delivery import decide_unconfirmed, deliver, retry_failed, sweep
from engagement.services.outcomes import LEASE
from engagement.services.permissions import decline_compliment, end_deleted, read_answers, record_answer, withdraw_permission
from engagement.services.praise_replies import ask_permission, hand_thanks, note_thanked, thank_author
from engagement.services.send import send_reply
from engagement.services.shares import share_compliment, take_back, take_down_due
from listening.models import Mention
from profiles.models import Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.networks.sandbox.records import Post
from tests.engagement.praise import PRAISE, Praise, fresh
from tests.engagement.storm import BOUNDARIES, Killed
from tests.engagement.test_machine import FAULTS, KilledAt
from tests.factories import make_agent

AUTHORS = ["ana", "ben"]
STAGES = ["written", "forwarded", "answered", "granted", "shared"]
BEGINNINGS = st.sampled_from([*STAGES, "shared", "shared"])
pick = st.integers(min_value=0, max_value=10**6)


class Loop(RuleBasedStateMachine):
    """Two authors; people at the desk press anything at any time, and record a yes only where one was written."""

    folder: Path
    django_settings: Any
    count = 0
    shared = taken_down = 0  # over all runs: that it came to that at all

    def __init__(self) -> None:
        super().__init__()
        type(self).count += 1
        self.django_settings.SANDBOX_PATH = self.folder / f"{self.count}.sqlite3"
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.praise = Praise(make_agent(), make_agent(Role.MARKETING))
        self.mentions = [self.praise.mention(PRAISE, author=author) for author in AUTHORS]
        self.moment = now() + timedelta(seconds=60)  # what is pressed is due when it is pressed
        self.seen: set[str] = set()  # what was public before

    def teardown(self) -> None:
        try:
            self.everything_comes_to_an_end()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    def everything_comes_to_an_end(self) -> None:
        self.praise.world.faults.heal()
        for _ in range(80):
            with suppress(Exception):
                self.praise.read()
            self.by_itself()
            self.work()
            for message in Message.objects.filter(delivery__state="unconfirmed"):
                decide_unconfirmed(message_id=message.pk, agent=self.praise.agent, decision="look_again", now=self.moment)
            unfinished = Delivery.objects.filter(state__in=[*UNFINISHED, "unconfirmed"])
            if not unfinished.exists() and not TakeDown.objects.filter(done_at=None).exists():
                break
            self.moment += timedelta(seconds=LEASE)
        assert set(Delivery.objects.values_list("state", flat=True)) <= {"sent", "failed", "aborted"}
        self.only_what_is_allowed_becomes_public()
        allowed = set(Permission.objects.filter(ended_at=None).values_list("share__external_id", flat=True))
        assert {post.id for post in self.praise.ours()} <= allowed, "what is not allowed any more is gone in the end"
        type(self).shared += Message.objects.filter(kind__in=["repost", "quote"], delivery__state="sent").count()
        type(self).taken_down += TakeDown.objects.exclude(done_at=None).count()

    def one(self, number: int) -> Compliment | None:
        compliments = list(Compliment.objects.select_related("mention__author").order_by("pk"))
        return compliments[number % len(compliments)] if compliments else None

    def answer_seen(self, mention: Mention) -> int:
        replies = Message.objects.filter(mention=mention, kind="reply").exclude(delivery__state__in=GONE)
        return replies.order_by("-answer_number").values_list("answer_number", flat=True).first() or 0

    @initialize(first=BEGINNINGS, second=BEGINNINGS, purpose=st.sampled_from(["repost", "quote"]))
    def begin_somewhere(self, first: str, second: str, purpose: str) -> None:
        """Each author is so far already: by chance alone hardly anybody would come to a repost."""
        for number, stage in enumerate((first, second)):
            steps = STAGES.index(stage)
            if steps >= 1:
                self.forward(number)
            if steps >= 2:
                self.ask(number, purpose, 0)
                self.work()
                self.author_says(number, "Yes, of course!")
            if steps >= 3:
                self.record(number, True, "")
            if steps >= 4:
                self.share(number, 0)

    # People at the desk

    @rule(number=pick)
    def forward(self, number: int) -> None:
        with suppress(DeskError):
            forward_compliment(mention_id=self.mentions[number % 2].pk, agent=self.praise.agent, note=f"{number % 3}")

    @rule(number=pick, purpose=st.sampled_from(["repost", "quote"]), hold=st.sampled_from([0, 0, 30]))
    def ask(self, number: int, purpose: str, hold: float) -> None:
        if compliment := self.one(number):
            seen = self.answer_seen(compliment.mention)
            with suppress(DeskError):
                ask_permission(compliment_id=compliment.pk, agent=self.praise.marketing, purpose=purpose, answer_seen=seen, hold=hold)

    @rule(number=pick, granted=st.booleans(), purpose=st.sampled_from(["", "repost", "quote"]))
    def record(self, number: int, granted: bool, purpose: str) -> None:
        compliment = self.one(number)
        if compliment is None:
            return
        wanted = "yes" if granted else "no"
        answers = read_answers([fresh(compliment)]).get(compliment.pk, [])
        for answer in (answer for answer in answers if answer.reading == wanted):
            with suppress(DeskError):
                record_answer(
                    compliment_id=compliment.pk, agent=self.praise.marketing, granted=granted, evidence=answer.evidence, purpose=purpose
                )

    @rule(number=pick, hold=st.sampled_from([0, 0, 30]))
    def share(self, number: int, hold: float) -> None:
        if compliment := self.one(number):
            with suppress(DeskError):
                share_compliment(compliment_id=compliment.pk, agent=self.praise.marketing, hold=hold)

    @rule(number=pick)
    def withdraw(self, number: int) -> None:
        if compliment := self.one(number):
            with suppress(DeskError):
                withdraw_permission(compliment_id=compliment.pk, agent=self.praise.marketing)

    @rule(number=pick, what=st.sampled_from(["accept", "decline", "hand", "take_back", "thank", "answer", "settle"]))
    def press(self, number: int, what: str) -> None:
        compliment = self.one(number)
        if compliment is None:
            return
        pk, people = compliment.pk, self.praise
        seen = self.answer_seen(compliment.mention)
        with suppress(DeskError):
            match what:
                case "accept":
                    accept_compliment(compliment_id=pk, agent=people.marketing)
                case "decline":
                    decline_compliment(compliment_id=pk, agent=people.marketing)
                case "hand":
                    hand_thanks(compliment_id=pk, agent=people.marketing)
                case "take_back":
                    take_back(compliment_id=pk, agent=people.marketing)
                case "thank":
                    thank_author(compliment_id=pk, agent=people.marketing, answer_seen=seen, hold=0)
                case "answer":
                    conversation, post = compliment.conversation_id, compliment.mention_id
                    send_reply(conversation_id=conversation, mention_id=post, agent=people.agent, text="Hi", answer_seen=seen, hold=0)
                case _:
                    self.settle(number)

    def settle(self, number: int) -> None:
        """Somebody presses Try again in the outbox, or decides about what nobody knows."""
        for message in Message.objects.filter(delivery__state__in=["failed", "unconfirmed"]).select_related("delivery"):
            if message.delivery.state == "failed":
                retry_failed(message_id=message.pk, agent=self.praise.agent, answer_seen=9, now=self.moment)
            else:
                choice = "look_again" if number % 2 else "abandon"
                decide_unconfirmed(message_id=message.pk, agent=self.praise.agent, decision=choice, now=self.moment)

    # Authors

    @rule(number=pick, text=st.sampled_from(["Yes, of course!", "No, please don't.", "Depends. On what?"]))
    def author_says(self, number: int, text: str) -> None:
        compliment = self.one(number)
        if compliment is None or compliment.asking is None or not compliment.asking.external_id:
            return
        self.praise.world.reply_as(compliment.mention.author.username, compliment.asking.external_id, text)
        self.read()

    @rule(number=pick)
    def author_deletes(self, number: int) -> None:
        if number % 2 == 0:
            self.praise.world.delete(self.mentions[number % 4 // 2].external_id)
            self.read()

    # Workers and the network

    @rule()
    def work(self) -> None:
        self.sweep()
        for pk in Delivery.objects.order_by("pk").values_list("pk", flat=True):
            deliver(pk, now=self.moment)

    @rule(number=pick, boundary=st.sampled_from(sorted(BOUNDARIES)))
    def work_and_die(self, number: int, boundary: str) -> None:
        waiting = list(Delivery.objects.filter(state__in=["queued", "awaiting_retry"]).order_by("pk"))
        if waiting:
            with suppress(Killed), KilledAt(boundary)._deadly():
                deliver(waiting[number % len(waiting)].pk, now=self.moment)

    @rule(seconds=st.sampled_from([5, 31, LEASE + 1]))
    def let_time_pass(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def sweep(self) -> None:
        sweep(now=self.moment)

    @rule()
    def by_itself(self) -> None:
        self.read()
        end_deleted()
        note_thanked()
        take_down_due(now=self.moment)

    def read(self) -> None:
        with suppress(Exception):  # reading fails like everything else
            self.praise.read()

    @rule(fault=st.sampled_from(["", "", *FAULTS]))
    def network_fails_or_heals(self, fault: str) -> None:
        self.praise.world.faults.heal()
        if fault:
            self.praise.world.faults.set(fault, 1.0)

    # What must hold

    @invariant()
    def only_what_is_allowed_becomes_public(self) -> None:
        """What was not public before this step rests on the recorded yes of its own author, which held when it was sent."""
        for post in self.praise.ours():
            if post.id not in self.seen:
                self.seen.add(post.id)
                self.is_allowed(post)

    def is_allowed(self, post: Post) -> None:
        delivery = Delivery.objects.select_related("message__permission__compliment__mention__author", "message__mention").get(
            token=post.token
        )
        message = delivery.message
        permission = message.permission
        assert permission is not None
        mention = permission.compliment.mention
        said = permission.post or permission.message
        assert said is not None
        assert said.author_id == mention.author_id
        assert said.text == "Yes, of course!"
        assert message.mention == mention
        assert message.kind == permission.purpose
        assert permission.ended_at is None, "it was sent after the permission had ended"
        assert mention.deleted_at is None, "it was sent after the desk knew that its author had deleted the post"
        assert (post.repost_of == mention.external_id) == (message.kind == "repost")

    @invariant()
    def each_permission_is_used_once(self) -> None:
        tokens = [post.token for post in self.praise.world.posts_by("tidewheel") if not post.in_reply_to]
        assert len(tokens) == len(set(tokens))

    @invariant()
    def the_board_tells_the_truth(self) -> None:
        for compliment in Compliment.objects.filter(state__in=["granted", "reposted"]):
            assert Permission.objects.filter(compliment=compliment, ended_at=None).count() == 1
        for compliment in Compliment.objects.filter(state="reposted"):
            assert Message.objects.filter(permission__compliment=compliment, delivery__state="sent").exists()

    @invariant()
    def each_change_is_in_the_history(self) -> None:
        for compliment in Compliment.objects.all():
            kinds = set(compliment.events.values_list("kind", flat=True))
            assert "forwarded" in kinds
            if compliment.state == "reposted":
                assert kinds & {"reposted", "quoted"}


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.timeout(600)
def test_nothing_is_public_without_its_authors_yes_whatever_happens_in_whatever_order(tmp_path: Path, settings: Any) -> None:
    Loop.folder, Loop.django_settings = tmp_path, settings
    run_state_machine_as_test(
        Loop,
        settings=hypothesis_settings(
            max_examples=80 if connection.vendor == "sqlite" else 40,  # fewer where they are repeated on PostgreSQL
            stateful_step_count=20,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert Loop.shared > 5
    assert Loop.taken_down > 0
