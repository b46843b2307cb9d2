"""Sending, undoing, delivering, failing, killing, sweeping and deciding in any order: what is public is so once (invariants 1, 2)."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from engagement.models import UNFINISHED, Delivery, Message
from engagement.services.delivery import decide_unconfirmed, deliver, retry_failed, sweep, undo_delivery
from engagement.services.outcomes import LEASE
from engagement.services.send import add_note, send_direct_message, send_reply
from listening.models import Mention
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from tests.engagement.desk import Desk
from tests.engagement.storm import BOUNDARIES, Crew, Killed
from tests.factories import make_agent

FAULTS = ["rate_limit", "server_error", "dropped", "error_after_accept", "timeout_after_accept", "lookup_down"]
pick = st.integers(min_value=0, max_value=10**6)


class KilledAt(Crew):
    """A worker whose end is at one boundary."""

    def __init__(self, boundary: str) -> None:
        super().__init__(kills=0, seed="")
        self._boundary = boundary

    def _between(self, name: str, step: Any) -> Any:
        def taken(*args: Any, **kwargs: Any) -> Any:
            if self._boundary == f"before {name}":
                raise Killed
            result = step(*args, **kwargs)
            if self._boundary == f"after {name}":
                raise Killed
            return result

        return taken


class Answers(RuleBasedStateMachine):
    """People here tell the truth of what they see on the network, and nobody ever accepts a first answer: so the desk adds at most one
    to each post, and none to what it has read that somebody answered in another app."""

    folder: Path
    django_settings: Any
    count = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).count += 1
        self.django_settings.SANDBOX_PATH = self.folder / f"{self.count}.sqlite3"
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.desk = Desk()
        self.sam = make_agent()
        self.mentions = [self.desk.mention(author=f"author{number}") for number in range(3)]
        for number in range(3):
            self.desk.world.follow(f"author{number}")
        self.moment = now()

    def teardown(self) -> None:
        try:
            self.everything_comes_to_an_end()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    def everything_comes_to_an_end(self) -> None:
        self.desk.world.faults.heal()
        for _ in range(60):
            if not Delivery.objects.filter(state__in=[*UNFINISHED, "unconfirmed"]).exists():
                break
            self.let_time_pass(LEASE)
            sweep(now=self.moment)
            self.work(0)
            for message in Message.objects.filter(delivery__state="unconfirmed"):
                decide_unconfirmed(message_id=message.pk, agent=self.sam, decision="look_again", now=self.moment)
        assert set(Delivery.objects.values_list("state", flat=True)) <= {"sent", "failed", "aborted"}
        self.what_is_there_is_there_once()

    def there(self, message: Message) -> int:
        """How often the message stands on the network."""
        token = message.delivery.token
        rows = [self.desk.world.store.row(f"SELECT count(*) AS n FROM {table} WHERE token = ?", (token,)) for table in ("post", "message")]
        return sum(row["n"] for row in rows if row is not None)

    def one(self, number: int, **fields: Any) -> Message | None:
        messages = list(Message.objects.exclude(kind="note").filter(**fields).select_related("delivery").order_by("pk"))
        return messages[number % len(messages)] if messages else None

    @rule(number=pick, hold=st.sampled_from([0, 0, 8]))
    def send(self, number: int, hold: float) -> None:
        mention = self.mentions[number % 3]
        with suppress(DeskError):
            send_reply(conversation_id=mention.conversation_id or 0, agent=self.sam, text=f"Answer {number}", hold=hold)
            assert not self.knows_of_an_answer_by_hand(mention)

    def knows_of_an_answer_by_hand(self, mention: Mention) -> bool:
        return Mention.objects.filter(parent=mention, text__startswith="By hand", deleted_at=None).exists()

    @rule(number=pick)
    def answer_by_hand(self, number: int) -> None:
        self.desk.world.reply_as("tidewheel", self.mentions[number % 3].external_id, f"By hand {number}")

    @rule(number=pick)
    def delete_what_was_written_by_hand(self, number: int) -> None:
        posts = [post for post in self.desk.world.posts_by("tidewheel") if not post.token]
        if posts:
            self.desk.world.delete(posts[number % len(posts)].id)

    @rule(number=pick)
    def send_privately(self, number: int) -> None:
        with suppress(DeskError):
            send_direct_message(
                conversation_id=self.mentions[number % 3].conversation_id or 0,
                agent=self.sam,
                text=f"M {number}",
                hold=0,
                waiver="they asked",
            )

    @rule(number=pick)
    def note(self, number: int) -> None:
        add_note(conversation_id=self.mentions[number % 3].conversation_id or 0, agent=self.sam, text=f"internal {number}")

    @rule(number=pick)
    def undo(self, number: int) -> None:
        message = self.one(number)
        if message:
            with suppress(DeskError):
                undo_delivery(message_id=message.pk, agent=self.sam, now=self.moment)
                assert self.there(message) == 0

    @rule(number=pick)
    def work(self, number: int) -> None:
        """A worker comes by, with tasks in any order, some of them for nothing."""
        ids = list(Delivery.objects.order_by("pk").values_list("pk", flat=True))
        for pk in ids[number % (len(ids) or 1) :] + ids:
            deliver(pk, now=self.moment)

    @rule(number=pick, boundary=st.sampled_from(sorted(BOUNDARIES)))
    def work_and_die(self, number: int, boundary: str) -> None:
        message = self.one(number, delivery__state__in=["queued", "awaiting_retry"])
        if message:
            with suppress(Killed), KilledAt(boundary)._deadly():
                deliver(message.delivery.pk, now=self.moment)

    @rule(seconds=st.sampled_from([5, 30, LEASE + 1]))
    def let_time_pass(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        sweep(now=self.moment)

    @rule(fault=st.sampled_from(FAULTS), lookup_down=st.booleans())
    def network_fails(self, fault: str, lookup_down: bool) -> None:
        self.desk.world.faults.heal()
        self.desk.world.faults.set(fault, 1.0)
        self.desk.world.faults.set("lookup_down", float(lookup_down))

    @rule()
    def network_heals(self) -> None:
        self.desk.world.faults.heal()

    @rule()
    def read(self) -> None:
        with suppress(Exception):  # reading fails like everything else
            self.desk.read()

    @rule(number=pick, choice=st.sampled_from(["settle", "look_again"]))
    def decide(self, number: int, choice: str) -> None:
        message = self.one(number, delivery__state="unconfirmed")
        if message is None:  # no precondition: what is unconfirmed depends on the time that a run takes, too
            return
        if choice == "settle":
            choice = "sent" if self.there(message) else ("send_again", "abandon")[number % 2]
        decide_unconfirmed(message_id=message.pk, agent=self.sam, decision=choice, now=self.moment)

    @rule(number=pick)
    def retry(self, number: int) -> None:
        message = self.one(number, delivery__state="failed")
        if message is None:
            return
        with suppress(DeskError):
            retry_failed(message_id=message.pk, agent=self.sam, now=self.moment)
            assert message.mention is None or not self.knows_of_an_answer_by_hand(message.mention)

    @invariant()
    def what_is_there_is_there_once(self) -> None:
        for message in Message.objects.exclude(kind="note").select_related("delivery"):
            state, count = message.delivery.state, self.there(message)
            assert count <= 1
            if state == "sent":
                assert count == 1
            if state in ("failed", "aborted"):
                assert count == 0
            if state == "queued" and not message.delivery.must_look:
                assert count == 0

    @invariant()
    def nothing_private_is_public_and_nothing_public_private(self) -> None:
        wrong = {"direct_message": "post", "reply": "message"}
        for message in Message.objects.exclude(kind="note").select_related("delivery"):
            found = self.desk.world.store.row(f"SELECT count(*) AS n FROM {wrong[message.kind]} WHERE token = ?", (message.delivery.token,))
            assert found is not None
            assert found["n"] == 0

    @invariant()
    def each_post_has_at_most_one_answer_of_the_desk(self) -> None:
        for mention in self.mentions:
            assert len([post for post in self.desk.answers(mention) if post.token]) <= 1

    @invariant()
    def notes_stay_in_the_house(self) -> None:
        rows = self.desk.world.store.rows("SELECT text FROM post UNION ALL SELECT text FROM message")
        assert not any("internal" in row["text"] for row in rows)

    @invariant()
    def our_own_posts_are_no_work(self) -> None:
        assert Mention.objects.filter(is_own=False).count() == 3


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.timeout(600)
def test_answers_are_public_once_whatever_happens_in_whatever_order(tmp_path: Path, settings: Any) -> None:
    Answers.folder, Answers.django_settings = tmp_path, settings
    run_state_machine_as_test(
        Answers,
        settings=hypothesis_settings(
            max_examples=40,
            stateful_step_count=30,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
