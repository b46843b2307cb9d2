"""Moves to other channels: their reason, the acknowledgement before them, and the return that they owe."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from engagement.models import Draft, Hop, Message, ShortLink
from engagement.services import hops
from engagement.services.calls import begin_call, end_call
from engagement.services.chat import accept_chat, end_chat
from engagement.services.delivery import decide_unconfirmed, undo_delivery
from engagement.services.hop_figures import ToneChange, read_reasons, read_tone
from engagement.services.links import link_url
from engagement.services.offers import offer_link
from engagement.services.send import NotAcknowledged, send_direct_message, send_reply
from engagement.services.tickets import open_ticket
from listening.feed import count_views
from listening.models import Conversation, ConversationEvent, Mention
from listening.services.conversations import ReturnOwed, lock_conversation, reopen_conversation, resolve_conversation
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError
from tests.engagement.calls import ask_for_call, open_day
from tests.engagement.chats import begin, make_link, put_on_duty
from tests.engagement.desk import Desk, work, work_off
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


def follower(desk: Desk, author: str = "mara_k") -> Conversation:
    """A conversation with somebody who can be written to in private."""
    desk.world.add_account(author)
    desk.world.follow(author, "tidewheel")
    return desk.conversation("@tidewheel my invoice is wrong", author=author)


def go_private(conversation: Conversation, agent: Agent, text: str = "Which number?", **options: object) -> Message:
    given = {"reason": "personal_details", "hold": 0, **options}
    return send_direct_message(conversation_id=conversation.pk, agent=agent, text=text, **given)  # type: ignore[arg-type]


def answer(conversation: Conversation, agent: Agent, text: str = "We are on it.", *, seen: int = 0) -> Message:
    message = send_reply(conversation_id=conversation.pk, agent=agent, text=text, hold=0, answer_seen=seen)
    work(now())
    return message


def owed(conversation: Conversation) -> int:
    return Conversation.objects.values_list("returns_owed", flat=True).get(pk=conversation.pk)


def test_private_message_is_refused_before_a_public_word(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    with pytest.raises(NotAcknowledged):
        go_private(conversation, sam)
    assert not Message.objects.exists()
    assert not Hop.objects.exists()
    answer(conversation, sam)
    assert go_private(conversation, sam).kind == "direct_message"


def test_waiver_of_the_acknowledgement_is_kept(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    go_private(conversation, sam, waiver="  They asked on the phone ")
    assert Hop.objects.get().acknowledge_waiver.strip() == "They asked on the phone"


def test_a_private_draft_leaves_through_no_public_door(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    secret = "The code of your door is 4711"
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    where = f"/conversations/{conversation.pk}"
    assert client.post(f"{where}/draft/", {"kind": "direct_message", "text": secret}).status_code == 204
    for kind in ("", "public", "Reply", "direct_message ", "note\0"):
        assert client.post(f"{where}/send/", {"kind": kind, "text": secret}, headers={"HX-Request": "true"}).status_code == 409
    assert not Message.objects.exists()
    client.post(f"{where}/acknowledge/", headers={"HX-Request": "true"})
    sent = {"kind": "direct_message", "text": secret, "reason": "personal_details", "waiver": "they asked"}
    assert client.post(f"{where}/send/", sent, headers={"HX-Request": "true"}).status_code == 204
    work_off()
    assert [message.text for message in Message.objects.filter(kind="direct_message")] == [secret]
    rows = desk.world.store.rows
    assert not any(secret in row["text"] for row in rows("SELECT text FROM post"))
    assert sum(secret in row["text"] for row in rows("SELECT text FROM message")) == 1


def test_who_wrote_in_private_first_needs_no_public_word(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    desk.world.message_as("mara_k", "It is invoice 12", to="tidewheel")
    desk.read()
    assert go_private(conversation, sam).kind == "direct_message"


def test_a_hop_without_a_reason_is_impossible(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    answer(conversation, sam)
    with pytest.raises(DeskError, match="Say why"):
        go_private(conversation, sam, reason="")
    with pytest.raises(DeskError, match="Say why"):
        offer_link(conversation_id=conversation.pk, kind="callback", agent=sam, reason="because")
    assert not ShortLink.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        Hop.objects.create(conversation=conversation, channel="chat", reason="", state="offered", offered_at=now())


def test_private_conversation_cannot_be_closed_until_it_came_back(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    answer(conversation, sam)
    go_private(conversation, sam)
    work(now())
    assert owed(conversation) == 1
    with pytest.raises(ReturnOwed):
        resolve_conversation(conversation_id=conversation.pk, agent=sam)
    answer(conversation, sam, "Thank you, Mara!", seen=1)
    hop = Hop.objects.get()
    assert (hop.state, hop.return_message.text if hop.return_message else "") == ("returned", "Thank you, Mara!")
    assert resolve_conversation(conversation_id=conversation.pk, agent=sam).status == "resolved"


def test_acknowledgement_that_is_still_held_back_is_no_return(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    send_reply(conversation_id=conversation.pk, agent=sam, text="We are on it.", hold=8)
    go_private(conversation, sam)
    work(now() + timedelta(seconds=10))
    work(now() + timedelta(seconds=10))
    assert set(Message.objects.values_list("delivery__state", flat=True)) == {"sent"}
    assert owed(conversation) == 1


def test_what_goes_on_in_private_after_the_return_owes_again(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    answer(conversation, sam)
    go_private(conversation, sam)
    work(now())
    answer(conversation, sam, "We wrote to you in private.", seen=1)
    assert owed(conversation) == 0
    desk.world.message_as("mara_k", "It is invoice 12", to="tidewheel", sent_at=now() + timedelta(seconds=5))
    desk.read()
    assert owed(conversation) == 1
    assert Hop.objects.get().state == "begun"


def test_private_word_after_closing_brings_the_conversation_back(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    answer(conversation, sam)
    go_private(conversation, sam)
    work(now())
    answer(conversation, sam, "Thank you!", seen=1)
    resolve_conversation(conversation_id=conversation.pk, agent=sam)
    locked_later = now() + timedelta(seconds=5)
    with transaction.atomic():
        hops.note_activity(conversation=lock_conversation(conversation.pk), channel="direct_message", at=locked_later)
    conversation.refresh_from_db()
    assert (conversation.is_active, conversation.returns_owed) == (True, 1)


def test_finished_hop_puts_the_named_thanks_into_the_public_draft(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    answer(conversation, sam)
    go_private(conversation, sam)
    work(now())
    hop = hops.finish_hop(hop_id=Hop.objects.get().pk, agent=sam)
    assert hop.state == "done"
    assert "@mara_k" in Draft.objects.get(agent=sam, kind="reply").text
    assert owed(conversation) == 1, "done is not yet come back"
    with pytest.raises(Conflict):
        hops.finish_hop(hop_id=hop.pk, agent=sam)


def test_thanks_never_replace_what_the_agent_has_typed(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    answer(conversation, sam)
    go_private(conversation, sam)
    Draft.objects.create(agent=sam, conversation=conversation, kind="reply", text="my own words")
    hops.finish_hop(hop_id=Hop.objects.get().pk, agent=sam)
    assert Draft.objects.get(agent=sam, kind="reply").text == "my own words"


def test_waived_return_says_who_and_why(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    answer(conversation, sam)
    go_private(conversation, sam)
    work(now())
    with pytest.raises(DeskError, match="Say why"):
        hops.waive_return(conversation_id=conversation.pk, agent=sam, reason="  ")
    hops.waive_return(conversation_id=conversation.pk, agent=sam, reason="They deleted their account")
    assert resolve_conversation(conversation_id=conversation.pk, agent=sam).status == "resolved"
    event = ConversationEvent.objects.get(kind="waived")
    assert (event.agent, event.data["reason"]) == (sam, "They deleted their account")
    with pytest.raises(Conflict):
        hops.waive_return(conversation_id=conversation.pk, agent=sam, reason="again")


def test_message_that_was_taken_back_begins_nothing(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    answer(conversation, sam)
    message = go_private(conversation, sam, hold=60)
    assert owed(conversation) == 1
    undo_delivery(message_id=message.pk, agent=sam)
    assert owed(conversation) == 0
    assert resolve_conversation(conversation_id=conversation.pk, agent=sam).status == "resolved"


def test_given_up_message_leaves_an_earlier_hop_alone(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    answer(conversation, sam)
    go_private(conversation, sam, "first")
    work(now())
    second = go_private(conversation, sam, "second")
    second.delivery.state = "failed"
    second.delivery.save()
    decide_unconfirmed(message_id=second.pk, agent=sam, decision="abandon")
    assert owed(conversation) == 1


def test_answer_given_on_the_network_itself_pays_too(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    mention = conversation.mentions.get(is_own=False)
    answer(conversation, sam)
    go_private(conversation, sam)
    work(now())
    desk.world.publish(
        "tidewheel", "Thanks for your patience, Mara!", in_reply_to=mention.external_id, posted_at=now() + timedelta(seconds=9)
    )
    desk.read()
    assert owed(conversation) == 0


def test_offer_owes_nothing_until_it_is_followed(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    link = offer_link(conversation_id=conversation.pk, kind="choice", agent=sam, reason="complex")
    assert Hop.objects.get().state == "offered"
    assert resolve_conversation(conversation_id=conversation.pk, agent=sam).status == "resolved"
    reopen_conversation(conversation_id=conversation.pk, agent=sam)
    with transaction.atomic():
        locked = lock_conversation(conversation.pk)
        hops.begin_hop(conversation=locked, channel="callback", reason="", agent=None, at=now(), link=link)
    hop = Hop.objects.get()
    assert (hop.state, hop.channel, hop.reason) == ("begun", "callback", "complex")
    with pytest.raises(ReturnOwed):
        resolve_conversation(conversation_id=conversation.pk, agent=sam)


@pytest.mark.parametrize("first", ["chat", "call"])
def test_a_choice_that_is_taken_twice_owes_for_each(desk: Desk, sam: Agent, first: str) -> None:
    open_day()
    put_on_duty(sam)
    conversation = desk.conversation()
    answer(conversation, sam)
    link = make_link(conversation, kind="choice")
    for what in (first, "call" if first == "chat" else "chat"):
        if what == "chat":
            session = begin(link)
        else:
            callback = ask_for_call(conversation, link=link)
    assert owed(conversation) == 2
    accept_chat(chat_id=session.pk, agent=sam)
    end_chat(session_id=session.pk, agent=sam)
    answer(conversation, sam, "Thank you for the chat", seen=1)
    assert owed(conversation) == 1
    with pytest.raises(ReturnOwed):
        resolve_conversation(conversation_id=conversation.pk, agent=sam)
    begin_call(callback_id=callback.pk, agent=sam)
    end_call(callback_id=callback.pk, agent=sam, outcome="reached")
    assert [hop.state for hop in Hop.objects.filter(channel="callback").exclude(state="offered")] == ["done"]
    answer(conversation, sam, "Thank you for the call", seen=2)
    assert owed(conversation) == 0


def test_nothing_is_done_there_while_it_goes_on(desk: Desk, sam: Agent) -> None:
    open_day()
    put_on_duty(sam)
    conversation = desk.conversation()
    session = begin(make_link(conversation))
    ask_for_call(conversation)
    open_ticket(conversation_id=conversation.pk, agent=sam)
    assert owed(conversation) == 3
    for hop in Hop.objects.filter(conversation=conversation, state="begun"):
        with pytest.raises(Conflict, match=r"that ends this too"):
            hops.finish_hop(hop_id=hop.pk, agent=sam)
    end_chat(session_id=session.pk, agent=None)
    hop = Hop.objects.get(channel="chat")
    assert (hop.state if hop.state == "done" else hops.finish_hop(hop_id=hop.pk, agent=sam).state) == "done"


def test_every_return_that_is_owed_is_listed_until_it_is_paid_or_waived(desk: Desk, sam: Agent) -> None:
    """Brief C10: missing returns are listed; page by page, and with as many queries however long the list is."""
    manager = make_agent(Role.MANAGER)
    client = Client()
    client.force_login(manager, backend="django.contrib.auth.backends.ModelBackend")
    conversations = [follower(desk, author) for author in ("mara_k", "ben", "cleo")]
    for conversation in conversations:
        answer(conversation, sam)
        go_private(conversation, sam)
        work(now())
    hops.finish_hop(hop_id=Hop.objects.get(conversation=conversations[2]).pk, agent=sam)
    first, key = hops.read_debts(limit=2)
    rest, end = hops.read_debts(after=key, limit=2)
    assert [hop.conversation for hop in first + rest] == conversations
    assert end == ""
    with CaptureQueriesContext(connection) as queries:
        page = client.get("/returns/").content.decode()
    assert [page.count(f'href="/conversations/{conversation.pk}/"') for conversation in conversations] == [1, 1, 1]
    assert page.count("the public thread waits for its thank-you") == 1
    assert count_views(sam)["returns"] == 3

    answer(conversations[0], sam, "Sorted out, thank you!", seen=1)
    hops.waive_return(conversation_id=conversations[1].pk, agent=sam, reason="They deleted their account")
    with CaptureQueriesContext(connection) as fewer:
        page = client.get("/returns/").content.decode()
    assert [page.count(f'href="/conversations/{conversation.pk}/"') for conversation in conversations] == [0, 0, 1]
    assert len(queries) == len(fewer)
    hops.waive_return(conversation_id=conversations[2].pk, agent=sam, reason="They deleted their account")
    assert "Nothing is owed" in client.get("/returns/").content.decode()
    assert client.get("/returns/?after=nonsense").status_code == 400


def test_figures_say_why_people_moved_how_many_came_back_and_how_their_tone_changed(desk: Desk, sam: Agent) -> None:
    """Brief D3 (report by reason), D24 (sent rate), A24 (sentiment change across the conversation)."""
    assert (read_reasons(), read_tone()) == ([], ToneChange(0, 0, 0))
    kind, waived, owing = (follower(desk, author) for author in ("mara_k", "ben", "cleo"))
    for conversation, reason in ((kind, "complex"), (waived, "complex"), (owing, "account")):
        answer(conversation, sam)
        go_private(conversation, sam, reason=reason)
        work(now())
    before = desk.conversation(author="mara_k").mentions.get(text__contains="invoice")
    Mention.objects.filter(pk=before.pk).update(label="negative")
    desk.mention("@tidewheel thank you so much, you are wonderful!", author="mara_k")
    answer(kind, sam, "Sorted out, thank you!")
    hops.waive_return(conversation_id=waived.pk, agent=sam, reason="They left")
    by_reason = {
        figures.reason: (figures.begun, figures.returned, figures.waived, figures.owing, figures.rate) for figures in read_reasons()
    }
    assert by_reason == {
        "It takes more than a few sentences": (2, 1, 1, 0, 0.5),
        "It is about their order or account": (1, 0, 0, 1, None),
    }
    assert read_tone() == ToneChange(better=1, same=0, worse=0)
    assert read_reasons(now=now() + timedelta(days=31)) == []
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    page = " ".join(client.get("/returns/").content.decode().split())
    assert "It takes more than a few sentences" in page
    assert "50%" in page
    assert "was kinder than the first in 1" in page


def test_the_database_itself_keeps_a_debt_open(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    answer(conversation, sam)
    go_private(conversation, sam)
    with pytest.raises(IntegrityError), transaction.atomic():
        Conversation.objects.filter(pk=conversation.pk).update(status="resolved")


def test_api_makes_links_waives_and_closes(desk: Desk, sam: Agent) -> None:
    conversation = follower(desk)
    client = APIClient()
    client.force_authenticate(sam)
    base = f"/api/conversations/{conversation.pk}"
    made = client.post(f"{base}/links/", {"kind": "callback"}, format="json")
    assert made.status_code == 201
    assert made.data["url"] == link_url(ShortLink.objects.get()) == f"http://127.0.0.1:8000/s/{made.data['code']}"
    assert client.post(f"{base}/links/", {"kind": "teleport"}, format="json").status_code == 400
    refused = client.post(f"{base}/direct_message/", {"text": "Hello"}, format="json")
    assert (refused.status_code, refused.data["code"]) == (409, "not_acknowledged")
    assert client.post(f"{base}/reply/", {"text": "We are on it."}, format="json").status_code == 201
    assert client.post(f"{base}/direct_message/", {"text": "Hello"}, format="json").status_code == 201
    closed = client.post(f"{base}/resolve/")
    assert (closed.status_code, closed.data["code"]) == (409, "return_owed")
    [hop] = client.get(f"{base}/hops/").data
    assert (hop["reason"], hop["owes_return"]) == ("program", True)
    assert client.post(f"{base}/waive/", {"reason": "solved on the phone"}, format="json").data[0]["state"] == "waived"
    assert client.post(f"{base}/resolve/").status_code == 200
