"""A conversation as it is read: order, audiences, echoes, pages; and the person's history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagement.models import Delivery, Message
from engagement.services.delivery import decide_unconfirmed, sweep
from engagement.services.send import add_note, send_direct_message, send_reply
from engagement.services.thread import PAGE, Thread, read_thread
from listening.models import Mention
from profiles.models import Agent
from profiles.timeline import find_subject, read_timeline
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from tests.engagement.desk import Desk, work, work_off

pytestmark = pytest.mark.django_db


def shape(thread: Thread) -> list[tuple[str, str, bool, str]]:
    return [(bubble.kind, bubble.audience, bubble.is_ours, bubble.text) for bubble in thread]


def test_posts_messages_and_notes_stand_in_the_order_of_time_each_with_its_audience(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation("@tidewheel my bike is late", author="mara")
    desk.world.follow("mara")
    send_reply(conversation_id=conversation.pk, agent=sam, text="We look into it", hold=0)
    work(now())
    add_note(conversation_id=conversation.pk, agent=sam, text="carrier says Friday")
    desk.world.message_as("mara", "my number is 12")
    desk.read()
    send_direct_message(conversation_id=conversation.pk, agent=sam, text="It comes on Friday", hold=0, waiver="they asked")
    work(now())
    reply = desk.answers(conversation)[0]
    desk.world.reply_as("mara", reply.id, "thank you")
    desk.world.reply_as("tidewheel", desk.world.replies_to(reply.id)[0].id, "by hand, from the phone")
    desk.read()
    thread = read_thread(conversation)
    assert shape(thread) == [
        ("mention", "public", False, "@tidewheel my bike is late"),
        ("reply", "public", True, "We look into it"),
        ("note", "internal", True, "carrier says Friday"),
        ("direct_message", "private", False, "my number is 12"),
        ("direct_message", "private", True, "It comes on Friday"),
        ("mention", "public", False, "thank you"),
        ("own_post", "public", True, "by hand, from the phone"),
    ]
    assert [bubble.author for bubble in thread][:4] == ["mara", "Sam", "Sam", "mara"]
    assert (thread[1].state, thread[1].url) == ("sent", reply.url)
    assert thread[0].mention is not None
    assert thread.earlier == ""


def test_edits_and_deletions_are_marked(desk: Desk) -> None:
    conversation = desk.conversation("@tidewheel one", author="mara")
    post = desk.world.posts_by("mara")[0]
    desk.world.edit(post.id, "@tidewheel two")
    desk.read()
    assert [(bubble.text, bubble.edited_at is not None) for bubble in read_thread(conversation)] == [("@tidewheel two", True)]
    desk.world.delete(post.id)
    desk.read()
    assert read_thread(conversation)[0].deleted_at is not None


def test_reply_without_a_receipt_and_its_echo_are_shown_once(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", hold=0)
    desk.world.faults.set("timeout_after_accept", 1.0)
    work(now())
    desk.world.faults.heal()
    desk.read()
    assert [bubble.kind for bubble in read_thread(conversation)] == ["mention", "reply"]
    Delivery.objects.filter(message=message).update(state="failed")  # then the echo is all that there is of it
    assert [bubble.kind for bubble in read_thread(conversation)] == ["mention", "reply", "own_post"]


@pytest.mark.parametrize(
    ("state", "label", "actions"),
    [
        ("inflight", "Sending", ()),
        ("awaiting_retry", "Will be tried again", ()),
        ("sent", "Sent", ()),
        ("failed", "Not sent", ("retry", "abandon")),
        ("unconfirmed", "Not known whether it was sent", ("sent", "send_again", "look_again", "abandon")),
        ("aborted", "Not sent", ()),
    ],
)
def test_bubble_says_where_the_message_stands_and_what_to_do(
    desk: Desk, sam: Agent, state: str, label: str, actions: tuple[str, ...]
) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=8)
    held = read_thread(message.conversation)[-1].explanation
    assert held is not None
    assert (held.label, held.actions, held.next_at) == ("Held back", ("undo",), message.delivery.not_before)
    Delivery.objects.update(state=state, error="The network failed: 500.")
    explanation = read_thread(message.conversation)[-1].explanation
    assert explanation is not None
    assert (explanation.label, explanation.actions) == (label, actions)
    if state in ("failed", "unconfirmed", "awaiting_retry"):
        assert explanation.happened.startswith("The network failed: 500.")
        assert explanation.advice


def test_message_that_no_worker_takes_says_so(desk: Desk, sam: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=0)
    for seconds, label in ((30, "Sending"), (90, "Waiting to be sent")):
        explanation = read_thread(message.conversation, now=now() + timedelta(seconds=seconds))[-1].explanation
        assert explanation is not None
        assert explanation.label == label


def test_message_that_is_looked_for_says_so(desk: Desk, sam: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=0)
    desk.world.faults.set("dropped", 1.0)
    work(now())
    explanation = read_thread(message.conversation)[-1].explanation
    assert explanation is not None
    assert explanation.label == "Checking whether it was sent"


def fill(desk: Desk, sam: Agent, count: int) -> Any:
    conversation = desk.conversation("@tidewheel first", author="mara")
    first = Mention.objects.get()
    moment = first.posted_at
    for number in range(1, count):
        at = moment + timedelta(seconds=number // 3)  # several things at one moment
        if number % 2:
            Message.objects.create(conversation=conversation, kind="note", text=str(number), agent=sam, created_at=at)
        else:
            first.pk, first.external_id, first.posted_at, first.text = None, f"x{number}", at, str(number)
            first.save(force_insert=True)
    return conversation


def test_long_thread_is_read_upwards_page_by_page_without_gap_or_repeat(desk: Desk, sam: Agent) -> None:
    conversation = fill(desk, sam, 60)
    whole = [bubble.key for bubble in read_thread(conversation, limit=100)]
    assert len(whole) == 60
    for limit in (1, 7, 59, 60):
        pages: list[str] = []
        before = ""
        while True:
            page = read_thread(conversation, before=before, limit=limit)
            pages = [bubble.key for bubble in page] + pages
            before = page.earlier
            if not before:
                break
            assert len(page) == limit
        assert pages == whole


def test_thread_shows_its_end_first_and_costs_the_same_however_long(desk: Desk, sam: Agent) -> None:
    conversation = fill(desk, sam, 10)
    send_reply(conversation_id=conversation.pk, agent=sam, text="Hello")
    counts = []
    for more in (0, PAGE * 2):
        for number in range(more):
            at = now() + timedelta(hours=1, seconds=number)
            Message.objects.create(conversation=conversation, kind="note", text=str(number), agent=sam, created_at=at)
        with CaptureQueriesContext(connection) as queries:
            thread = read_thread(conversation)
            assert [(bubble.author, bubble.explanation and bubble.explanation.label) for bubble in thread]
        counts.append(len(queries))
    assert counts == [4, 3]  # what was done to posts is asked where there are some
    assert len(thread) == PAGE
    assert thread[-1].text == str(PAGE * 2 - 1)
    assert thread.earlier


@pytest.mark.parametrize("key", ["x", "1-2", "1-2-3-4", "9" * 30 + "-0-1", "--", "1-0-x", "é-0-1"])
def test_key_that_is_none_is_refused(desk: Desk, key: str) -> None:
    with pytest.raises(DeskError, match="no place in the conversation"):
        read_thread(desk.conversation(), before=key)


def test_history_of_a_person_holds_what_was_written_to_and_by_them(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    other = desk.conversation(author="jo")
    desk.world.follow("mara")
    send_reply(conversation_id=conversation.pk, agent=sam, text="in public")
    desk.world.message_as("mara", "in private")
    desk.read()
    add_note(conversation_id=conversation.pk, agent=sam, text="among us")
    add_note(conversation_id=other.pk, agent=sam, text="of somebody else")
    subject = find_subject(conversation.author.profile_id)
    with CaptureQueriesContext(connection) as queries:
        entries = read_timeline(subject=subject, kinds=Message.Kind.values).entries
    assert len(queries) == 1
    assert sorted((entry.kind, entry.who, entry.text) for entry in entries) == [
        ("direct_message", "mara", "in private"),
        ("note", "Sam", "among us"),
        ("reply", "Sam", "(not sent) in public"),
    ]
    assert all(entry.url == f"/conversations/{conversation.pk}/" for entry in entries)
    newest, *rest = entries
    assert read_timeline(subject=subject, kinds=Message.Kind.values, before=newest.at, limit=1).entries == rest[:1]
    work_off()
    assert "in public" in {entry.text for entry in read_timeline(subject=subject, kinds=["reply"]).entries}
    assert {"reply", "note", "mention"} <= {entry.kind for entry in read_timeline(subject=subject).entries}


def test_person_who_saw_an_open_reply_settles_it_with_its_echo(desk: Desk, sam: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=0)
    desk.world.faults.set("timeout_after_accept", 1.0)
    desk.world.faults.set("lookup_down", 1.0)
    work_off(step=1000)
    desk.world.faults.heal()
    desk.read()
    decide_unconfirmed(message_id=message.pk, agent=sam, decision="sent")
    message.refresh_from_db()
    assert message.external_id == desk.answers(message.conversation)[0].id
    assert sweep().settled == 0
