"""Many hands at the same moment: threads with connections of their own, as requests and workers have."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection

from engagement.models import Delivery, Message
from engagement.services import delivery as service
from engagement.services.answers import AlreadyAnswered
from engagement.services.delivery import TooLate, decide_unconfirmed, deliver, retry_failed, sweep, undo_delivery
from engagement.services.outcomes import LEASE
from engagement.services.send import RequestKeyReused, add_note, send_direct_message, send_reply
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict
from tests.engagement.desk import Desk, work_off
from tests.engagement.threads import at_once, while_held
from tests.factories import make_agent

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 50


def codes(results: list[Message | Exception]) -> list[str]:
    assert all(isinstance(result, Message | Conflict) for result in results), results
    return sorted(result.code if isinstance(result, Conflict) else "stored" for result in results)


def test_fifty_replies_of_one_agent_to_one_mention_give_exactly_one(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    send = partial(send_reply, conversation_id=mention.conversation_id or 0, agent=sam, mention_id=mention.pk, hold=0)
    results = at_once([partial(send, text=f"Answer {number}", request_key=f"k{number}") for number in range(MANY)])
    assert codes(results) == ["already_answered"] * (MANY - 1) + ["stored"]
    work_off()
    assert len(desk.answers(mention)) == 1


def test_fifty_replies_of_fifty_agents_to_one_mention_give_exactly_one(desk: Desk) -> None:
    mention = desk.mention()
    send = partial(send_reply, conversation_id=mention.conversation_id or 0, mention_id=mention.pk, hold=0)
    agents = [make_agent() for _ in range(MANY)]
    results = at_once([partial(send, agent=agent, text=f"From {agent.name}") for agent in agents])
    assert codes(results).count("stored") == 1
    assert set(codes(results)) <= {"stored", "already_answered", "claimed"}
    work_off()
    assert len(desk.answers(mention)) == 1


def test_those_who_accepted_the_first_answer_add_exactly_one_more(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    send = partial(send_reply, conversation_id=mention.conversation_id or 0, agent=sam, mention_id=mention.pk, hold=0)
    send(text="The first")
    results = at_once([partial(send, text=f"Answer {number}", answer_seen=1) for number in range(10)])
    assert codes(results) == ["already_answered"] * 9 + ["stored"]
    work_off()
    assert len(desk.answers(mention)) == 2


def _read_conversation(pk: int) -> Conversation:
    return Conversation.objects.select_related("author").get(pk=pk)


def test_numbers_alone_let_only_one_answer_in(desk: Desk, sam: Agent) -> None:
    """Without the conversation's lock: the unique number refuses whoever came second, who is then told of the first."""
    mention = desk.mention()
    send = partial(send_reply, conversation_id=mention.conversation_id or 0, agent=sam, mention_id=mention.pk, hold=0)
    with patch("engagement.services.send.lock_conversation", _read_conversation):
        results = at_once([partial(send, text=f"Answer {number}") for number in range(10)])
    assert codes(results) == ["already_answered"] * 9 + ["stored"]


def test_one_press_that_arrives_many_times_at_once_gives_one_message(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    for send in (send_reply, send_direct_message, add_note):
        press = partial(send, conversation_id=conversation.pk, agent=sam, text="Hello", request_key=send.__name__)
        results = at_once([press] * 10)
        assert codes(results) == ["stored"] * 10
        assert len({result.pk for result in results if isinstance(result, Message)}) == 1
    work_off()
    assert len(desk.answers(conversation)) == len(desk.world.messages_between("mara")) == 1


def test_one_key_in_two_conversations_at_once_is_refused_in_one(desk: Desk, sam: Agent) -> None:
    for attempt in range(5):
        send = partial(send_reply, agent=sam, text="Hello", request_key=f"k{attempt}", hold=0)
        results = at_once([partial(send, conversation_id=desk.conversation().pk) for _ in range(2)])
        assert codes(results) == [RequestKeyReused.code, "stored"]


def test_undo_and_delivery_at_the_same_moment_exactly_one_wins(desk: Desk, sam: Agent) -> None:
    won = []
    for attempt in range(20):
        conversation = desk.conversation()
        message = send_reply(conversation_id=conversation.pk, agent=sam, text=f"Answer {attempt}", hold=1)
        pk = Delivery.objects.get(message=message).pk
        end = Delivery.objects.get(pk=pk).not_before
        # The web server's clock is a second behind the worker's: both think that it is their turn.
        undone, _ = at_once(
            [
                partial(undo_delivery, message_id=message.pk, agent=sam, now=end - timedelta(seconds=0.5)),
                partial(deliver, pk, now=end + timedelta(seconds=0.5)),
            ]
        )
        state = Delivery.objects.get(pk=pk).state
        told = "sent" if isinstance(undone, TooLate) else "aborted"
        assert (state, len(desk.answers(conversation)), told) in [("sent", 1, "sent"), ("aborted", 0, "aborted")]
        won.append(state)
    assert won.count("sent") + won.count("aborted") == 20


def test_one_delivery_told_to_many_workers_is_sent_once(desk: Desk, sam: Agent) -> None:
    for _ in range(5):
        conversation = desk.conversation()
        message = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", hold=0)
        at_once([partial(deliver, Delivery.objects.get(message=message).pk)] * 8)
        assert desk.state(message) == "sent"
        assert len(desk.answers(conversation)) == 1


def test_sweeps_at_once_do_no_harm(desk: Desk, sam: Agent) -> None:
    messages = [send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=0) for _ in range(10)]
    moment = now() + timedelta(seconds=LEASE)
    Delivery.objects.filter(message__in=messages[:5]).update(state="inflight", claimed_until=now(), claim="dead")
    results = at_once([partial(sweep, now=moment)] * 6)
    assert sum(result.dead for result in results if isinstance(result, service.Swept)) == 5
    assert list(Delivery.objects.filter(must_look=True).values_list("attempts", flat=True)) == [1] * 5
    work_off(moment)
    assert all(len(desk.answers(message.conversation)) == 1 for message in messages)


def test_two_people_who_decide_at_once_are_told_apart(desk: Desk, sam: Agent, ana: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=0)
    Delivery.objects.filter(message=message).update(state="unconfirmed", must_look=True)
    decide = partial(decide_unconfirmed, message_id=message.pk)
    results = at_once([partial(decide, agent=sam, decision="send_again"), partial(decide, agent=ana, decision="abandon")])
    assert sorted(isinstance(result, TooLate) for result in results) == [False, True]
    Delivery.objects.filter(message=message).update(state="failed")
    results = at_once([partial(retry_failed, message_id=message.pk, agent=agent) for agent in (sam, ana)])
    assert sorted(isinstance(result, TooLate) for result in results) == [False, True]


def test_failed_reply_and_a_new_answer_at_once_do_not_both_go_out(desk: Desk, sam: Agent) -> None:
    for _ in range(5):
        conversation = desk.conversation()
        message = send_reply(conversation_id=conversation.pk, agent=sam, text="First", hold=0)
        Delivery.objects.filter(message=message).update(state="failed")
        retry = partial(retry_failed, message_id=message.pk, agent=sam)
        answer = partial(send_reply, conversation_id=conversation.pk, agent=sam, text="Second", hold=0)
        results = at_once([retry, answer])
        assert sum(isinstance(result, AlreadyAnswered) for result in results) == 1
        work_off()
        assert len(desk.answers(conversation)) == 1


def test_reply_that_is_sent_while_an_answer_from_outside_is_taken_in_is_refused(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    desk.world.reply_as("tidewheel", mention.external_id, "By hand")
    send = partial(send_reply, conversation_id=mention.conversation_id or 0, agent=sam, text="Hello", hold=0)
    _, refused = while_held("socialdesk.intake._record", desk.read, send)
    assert isinstance(refused, AlreadyAnswered)
    assert not Message.objects.exists()
    assert send(answer_seen=refused.extra["answer_seen"]).answer_number == 1


def test_answer_from_outside_that_is_taken_in_while_a_reply_is_stored_refuses_the_next(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    desk.world.reply_as("tidewheel", mention.external_id, "By hand")
    send = partial(send_reply, conversation_id=mention.conversation_id or 0, agent=sam, text="Hello", hold=0)
    first, _ = while_held("engagement.services.send.check_answers_seen", send, desk.read)
    assert first.answer_number == 1
    with pytest.raises(AlreadyAnswered) as refused:
        send(answer_seen=1)
    assert [one["text"] for one in refused.value.extra["answers"]] == ["Hello", "By hand"]


_CHILD = """
import os, sys
import django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socialdesk.settings")
django.setup()
from pathlib import Path
from django.conf import settings
from django.db import connection
from engagement.services import outcomes
from engagement.services.delivery import deliver
from socialdesk.networks import registry

connection.settings_dict["NAME"], settings.SANDBOX_PATH, where = sys.argv[1], Path(sys.argv[2]), sys.argv[3]

def stop(*args, **kwargs):
    print("here", flush=True)
    sys.stdin.read()  # until killed

if where == "before the call":
    real = registry.publisher_for
    def publisher_for(config):
        publisher = real(config)
        publisher.reply = stop
        return publisher
    registry.publisher_for = publisher_for
elif where == "after the call":
    outcomes.record_sent = stop
else:
    outcomes.record_answer = stop  # in the middle of the transaction that records
deliver(int(sys.argv[4]))
"""


@pytest.mark.parametrize("where", ["before the call", "after the call", "while recording"])
def test_process_that_is_killed_with_signal_9_loses_and_doubles_nothing(desk: Desk, sam: Agent, where: str, tmp_path: Path) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="On its way", hold=0)
    pk = Delivery.objects.get(message=message).pk
    command = [sys.executable, "-c", _CHILD, str(connection.settings_dict["NAME"]), str(settings.SANDBOX_PATH), where, str(pk)]
    moment = now()
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR)
    assert child.stdout is not None
    assert child.stdout.readline() == "here\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    assert Delivery.objects.get(pk=pk).state == "inflight"
    assert len(desk.answers(message.conversation)) == (0 if where == "before the call" else 1)
    work_off(moment + timedelta(seconds=LEASE + 60))
    assert desk.state(message) == "sent"
    assert [post.id for post in desk.answers(message.conversation)] == [Message.objects.get(pk=message.pk).external_id]
