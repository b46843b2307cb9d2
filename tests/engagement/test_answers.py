"""Answers that were written outside the desk count as those of the desk do: none is added to them by somebody who did not see them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from engagement.models import Delivery, Message
from engagement.services.answers import AlreadyAnswered
from engagement.services.delivery import retry_failed
from engagement.services.outcomes import record_sent
from engagement.services.send import send_reply
from engagement.services.thread import read_thread
from engagement.views.conversation import find_target
from listening.models import Mention
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.networks.base import PostData, Sent
from tests.engagement.desk import Desk, by_hand, work
from tests.factories import make_account, make_agent, make_author, make_mention, make_post, push

pytestmark = pytest.mark.django_db


def answer(mention: Mention, agent: Agent, text: str = "From the desk", *, seen: int = 0) -> Message:
    assert mention.conversation_id
    return send_reply(conversation_id=mention.conversation_id, agent=agent, text=text, mention_id=mention.pk, answer_seen=seen, hold=0)


def refusal(mention: Mention, agent: Agent, *, seen: int = 0) -> dict[str, Any]:
    with pytest.raises(AlreadyAnswered) as refused:
        answer(mention, agent, seen=seen)
    return refused.value.extra


def on_screen(mention: Mention) -> int:
    """The `answer_seen` of an agent who has the conversation open now."""
    assert mention.conversation is not None
    target = find_target(read_thread(mention.conversation))
    assert target is not None
    assert target.mention == mention
    return target.answer_seen


def test_answer_that_was_written_outside_is_described_and_can_be_accepted(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    outside = by_hand(desk, mention, "It comes today")
    with pytest.raises(AlreadyAnswered, match="Tidewheel answered this already, outside the desk") as refused:
        answer(mention, sam)
    described = {"id": None, "agent": "Tidewheel", "text": "It comes today", "state": "sent", "url": outside.url}
    assert [{name: one[name] for name in described} for one in refused.value.extra["answers"]] == [described]
    assert refused.value.extra["answers"][0]["at"] == outside.posted_at.isoformat()
    assert answer(mention, sam, seen=refused.value.extra["answer_seen"]).answer_number == 1


def test_what_was_on_the_screen_is_accepted_at_once(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    assert on_screen(mention) == 0
    by_hand(desk, mention)
    seen = on_screen(mention)
    by_hand(desk, mention, "And once more")
    assert [one["text"] for one in refusal(mention, sam, seen=seen)["answers"]] == ["By hand", "And once more"]
    assert answer(mention, sam, seen=on_screen(mention)).answer_number == 1


def test_to_have_seen_the_one_is_not_to_have_seen_the_other(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    answer(mention, sam)
    with_desk = on_screen(mention)
    by_hand(desk, mention)
    with_both = on_screen(mention)
    outside_alone = with_both - with_desk
    shown = refusal(mention, sam, seen=outside_alone)
    assert ([one["text"] for one in shown["answers"]], shown["answer_seen"]) == (["By hand", "From the desk"], with_both)
    assert [one["text"] for one in refusal(mention, sam, seen=with_desk)["answers"]] == ["From the desk", "By hand"]
    assert answer(mention, sam, "The third", seen=with_both).answer_number == 2
    assert refusal(mention, sam, seen=with_both)["answers"][-1]["text"] == "The third"


def test_nobody_can_have_seen_what_is_still_to_come(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    by_hand(desk, mention)
    seen = on_screen(mention)
    for more in (seen + 1, seen + 99_999, seen * 2, seen * 10**9, 10**30):
        assert refusal(mention, sam, seen=more)["answer_seen"] == seen


@pytest.mark.parametrize("has_receipt", [True, False])
def test_the_echo_of_our_own_answer_is_no_second_one(desk: Desk, sam: Agent, has_receipt: bool) -> None:
    mention = desk.mention()
    answer(mention, sam)
    if not has_receipt:
        desk.world.faults.set("timeout_after_accept", 1.0)
    work(now())
    desk.world.faults.heal()
    desk.read()
    assert Mention.objects.filter(is_own=True).count() == 1
    assert on_screen(mention) == 1
    assert [one["text"] for one in refusal(mention, sam)["answers"]] == ["From the desk"]
    assert answer(mention, sam, seen=1).answer_number == 2


def test_the_echo_of_an_answer_that_was_given_up_is_one(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    message = answer(mention, sam)
    desk.world.faults.set("timeout_after_accept", 1.0)
    work(now())
    desk.world.faults.heal()
    desk.read()
    Delivery.objects.filter(message=message).update(state="failed")
    assert [one["id"] for one in refusal(mention, sam, seen=1)["answers"]] == [None]


def test_an_echo_that_was_taken_for_an_answer_leaves_no_number_to_another(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    message = answer(mention, sam, "see https://example.org")
    Delivery.objects.filter(message=message).update(state="inflight", claim="c")
    changed = by_hand(desk, mention, "see short.example/x")  # the network shortened it, and the receipt is not there yet
    seen = on_screen(mention)
    assert len(refusal(mention, sam, seen=1)["answers"]) == 2
    assert record_sent(message, Sent(changed.external_id, "", now()), claim="c")
    assert on_screen(mention) == 1
    by_hand(desk, mention)
    assert refusal(mention, sam, seen=seen)["answers"][-1]["text"] == "By hand"


def test_who_saw_what_turned_out_to_be_an_echo_is_let_in(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    message = answer(mention, sam, "see https://example.org")
    Delivery.objects.filter(message=message).update(state="inflight", claim="c")
    changed = by_hand(desk, mention, "see short.example/x")
    seen = on_screen(mention)
    record_sent(message, Sent(changed.external_id, "", now()), claim="c")
    assert answer(mention, sam, "The second", seen=seen).answer_number == 2


def test_answer_that_was_deleted_on_the_network_does_not_count(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    outside = by_hand(desk, mention)
    desk.world.edit(outside.external_id, "By hand, corrected")
    desk.read()
    assert refusal(mention, sam)["answers"][0]["text"] == "By hand, corrected"
    seen = on_screen(mention)
    desk.world.delete(outside.external_id)
    desk.read()
    assert on_screen(mention) == 0
    assert answer(mention, sam).answer_number == 1
    assert answer(mention, sam, "The second", seen=seen + 1).answer_number == 2  # who saw it before it went is not refused for that


def test_answers_to_other_posts_do_not_count(desk: Desk, sam: Agent) -> None:
    first, other = desk.mention(author="mara"), desk.mention(author="tom")
    second = desk.mention("@tidewheel hello?", author="mara")
    assert first.conversation == second.conversation
    outside = by_hand(desk, first)
    by_hand(desk, other)
    desk.world.reply_as("tidewheel", outside.external_id, "and more below our own")
    desk.read()
    assert on_screen(second) == 0
    assert answer(second, sam).answer_number == 1
    assert len(refusal(first, sam)["answers"]) == 1


def test_answer_that_came_before_its_mention_counts(desk: Desk, sam: Agent) -> None:
    post = make_post(author="mara", ago=30)
    us = make_author("tidewheel", external_id=desk.account.external_id)
    ours = make_post("By hand", author=us, in_reply_to=post.external_id, ago=20)
    push(make_post("Is that so?", author="tom", in_reply_to=ours.external_id, ago=10))
    push(ours)
    mention = Mention.objects.get(pk=push(post).ids[post.external_id])
    assert [one["text"] for one in refusal(mention, sam)["answers"]] == ["By hand"]
    assert answer(mention, sam, seen=on_screen(mention)).answer_number == 1


def test_answer_that_found_no_place_counts(desk: Desk, sam: Agent) -> None:
    """It was taken in at the same moment as its mention, and neither intake saw what the other one stored."""
    mention = desk.mention()
    by_hand(desk, mention)
    Mention.objects.filter(is_own=True).update(parent=None, conversation=None)
    assert on_screen(mention) == 0
    shown = refusal(mention, sam)
    assert [one["text"] for one in shown["answers"]] == ["By hand"]
    assert answer(mention, sam, seen=shown["answer_seen"]).answer_number == 1


def test_what_has_failed_is_not_tried_again_after_an_answer_from_outside(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    message = answer(mention, sam)
    Delivery.objects.filter(message=message).update(state="failed")
    by_hand(desk, mention)
    with pytest.raises(AlreadyAnswered, match="outside the desk"):
        retry_failed(message_id=message.pk, agent=sam)
    assert desk.state(message) == "failed"
    retry_failed(message_id=message.pk, agent=sam, answer_seen=on_screen(mention))
    assert desk.state(message) == "queued"


def standing(mention: Mention) -> set[tuple[str, int]]:
    """The answers that the customer sees, or may see."""
    echoes = Message.objects.exclude(external_id="").values("external_id")
    posts = Mention.objects.filter(is_own=True, deleted_at=None).exclude(external_id__in=echoes)
    messages = Message.objects.filter(mention=mention).exclude(delivery__state__in=["failed", "aborted"])
    return {("post", pk) for pk in posts.values_list("pk", flat=True)} | {("message", pk) for pk in messages.values_list("pk", flat=True)}


class Screens(TestCase):
    """Whatever happens to a mention's answers meanwhile."""

    @settings(max_examples=80)
    @given(st.lists(st.sampled_from(["look", "press", "colleague", "deliver", "fail", "outside", "withdraw"]), max_size=16))
    def test_a_press_is_taken_exactly_if_all_that_stands_was_on_the_screen(self, steps: list[str]) -> None:
        make_account(external_id="us")
        us, sam = make_author("tidewheel", external_id="us"), make_agent()
        mention = make_mention("@tidewheel I love my bike", author="mara", ago=30)  # no anger that the brake would see
        outside: list[PostData] = []
        shown, seen = standing(mention), 0
        for number, step in enumerate(steps):
            queued = Message.objects.filter(delivery__state="queued").order_by("pk").last()
            if step == "look":
                shown, seen = standing(mention), on_screen(mention)
            elif step == "press":
                if standing(mention) <= shown:
                    answer(mention, sam, seen=seen)
                else:
                    refusal(mention, sam, seen=seen)
            elif step == "colleague":
                answer(mention, sam, seen=on_screen(mention))
            elif step == "outside":
                outside.append(make_post(f"By hand {number}", author=us, in_reply_to=mention.external_id, ago=20))
                push(outside[-1])
            elif step == "withdraw" and outside:
                push(replace(outside[number % len(outside)], deleted=True))
            elif step == "deliver" and queued:
                record_sent(queued, Sent(f"sent{number}", "", now()))
            elif step == "fail" and queued:
                Delivery.objects.filter(message=queued).update(state="failed")
