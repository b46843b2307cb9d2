"""What an account may do decides what can be done: lengths, doors and reasons; and until when a network takes private messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from engagement.models import Delivery, Message
from engagement.services.board import read_entry
from engagement.services.checks import AccountUnusable, abilities_among, abilities_in
from engagement.services.delivery import deliver, remove_sent, retry_failed
from engagement.services.drafts import read_drafts
from engagement.services.guarding import check_answer
from engagement.services.messages import receive_messages
from engagement.services.send import send_direct_message, send_reply
from engagement.services.windows import Window, WindowClosed, read_window
from listening.models import Conversation, Mention, NetworkAccount
from listening.services.accounts import mark_revoked
from profiles.models import Agent, Handle
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.networks import registry
from socialdesk.networks.base import Capabilities, MessageData, Sent
from tests.engagement.desk import Desk
from tests.engagement.praise import Praise
from tests.engagement.test_delivery import sandbox_publisher
from tests.factories import make_account, make_author, make_conversation, make_mention
from tests.listening.pages import count_queries, text_of

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}
NOT_ALLOWED = "The app was not allowed private messages."


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Capabilities:
    """The sandbox with the windows of a messenger: 24 hours after their last message, one private answer to a post within 7 days."""
    return change_sandbox(monkeypatch, follow_first=False, message_window_hours=24, private_reply_days=7)


def change_sandbox(monkeypatch: pytest.MonkeyPatch, **abilities: Any) -> Capabilities:
    sandbox = registry.get("sandbox")
    changed = replace(sandbox, capabilities=replace(sandbox.capabilities, **abilities))
    monkeypatch.setitem(registry.NETWORKS, "sandbox", changed)
    return changed.capabilities


def refuse(**cannot: str) -> None:
    NetworkAccount.objects.update(cannot=cannot)


def pane(agent: Agent, conversation: Conversation) -> str:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return text_of(client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))


def fresh(conversation: Conversation) -> Conversation:
    return Conversation.objects.select_related("author", "account").get(pk=conversation.pk)


# --- What the account may do --------------------------------------------------------------------------------------------


def test_a_private_message_that_our_account_may_not_send_is_refused_with_the_reason(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    refuse(direct_message=NOT_ALLOWED)
    with pytest.raises(
        DeskError, match=r"@tidewheel may not do that on Sandbox: The app was not allowed private messages\. Reply publicly"
    ):
        send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello", waiver="asked")
    assert NOT_ALLOWED in pane(sam, conversation)
    assert not Message.objects.exists()


def test_a_reply_that_our_account_may_not_write_is_refused_with_the_reason(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    refuse(reply="The app only reads")
    with pytest.raises(DeskError, match=r"The app only reads\. Answer there"):
        send_reply(conversation_id=conversation.pk, agent=sam, text="Hello")
    shown = pane(sam, conversation)
    assert "The app only reads." in shown


def test_an_account_of_a_server_with_longer_posts_may_write_them(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    text = "We are sorry. " * 60  # 840 characters, where the network takes 500
    with pytest.raises(DeskError, match="too long"):
        send_reply(conversation_id=conversation.pk, agent=sam, text=text)
    assert {finding.kind for finding in check_answer(conversation_id=conversation.pk, kind="reply", text=text)} == {"length"}
    NetworkAccount.objects.update(limits={"max_length": 5000})
    assert send_reply(conversation_id=conversation.pk, agent=sam, text=text).text == text.strip()
    assert check_answer(conversation_id=conversation.pk, kind="reply", text=text) == []
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    assert 'data-limit="5000"' in client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT).content.decode()


def test_a_repost_that_our_account_may_not_make_is_not_offered(sam: Agent, ana: Agent) -> None:
    praise = Praise(sam, ana)
    compliment = praise.forward()
    assert read_entry(sam, compliment.pk)[0].purposes == ["repost", "quote"]
    refuse(repost="Not allowed.")
    assert read_entry(sam, compliment.pk)[0].purposes == ["quote"]


def test_what_our_account_may_not_delete_is_not_tried(desk: Desk, sam: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=0)
    deliver(Delivery.objects.get().pk)
    refuse(delete="Not allowed.")
    with pytest.raises(Exception, match="lets nothing be deleted"):
        remove_sent(message_id=message.pk)
    assert len(desk.answers(message.conversation)) == 1


def test_the_account_that_answers_decides_also_where_no_account_was_addressed() -> None:
    conversation = make_conversation()
    assert abilities_in(conversation).direct_message  # nobody's: what the network can
    make_account(cannot={"direct_message": "No."}, state="revoked")
    assert not abilities_in(fresh(conversation)).direct_message
    make_account(username="second")  # a sound one answers before a revoked one
    assert abilities_in(fresh(conversation)).direct_message
    removed = make_account(username="third", removed_at=now(), cannot={"reply": "No."})
    Conversation.objects.update(account=removed)
    assert abilities_in(fresh(conversation)).reply


def test_of_many_conversations_it_is_known_as_of_one_and_costs_one_query() -> None:
    conversations = []
    for number in range(4):
        make_account(username=f"ours{number}", cannot={"like": "No."} if number % 2 else {}, state="revoked" if number == 0 else "ok")
        conversations.append(make_conversation(author=f"writer{number}"))
    removed = make_account(username="gone", removed_at=now())
    for account, conversation in zip([None, removed, *NetworkAccount.objects.filter(removed_at=None)[:2]], conversations, strict=True):
        Conversation.objects.filter(pk=conversation.pk).update(account=account)
    rows = list(Conversation.objects.select_related("account"))
    assert abilities_among(rows) == {row.pk: abilities_in(row) for row in rows}
    assert count_queries(lambda: abilities_among(rows)) == 1
    assert abilities_among([]) == {}


def test_an_account_that_is_revoked_locks_both_doors_and_keeps_the_text(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    Handle.objects.update(follows_us=True)
    mark_revoked(account_id=desk.account.pk, reason="HTTP 401: revoked")
    shown = pane(sam, conversation)
    assert shown.count("has to be connected again before it can send (HTTP 401: revoked)") == 2
    assert "on Sandbox has to be connected again" in shown
    for write in (send_reply, send_direct_message):
        with pytest.raises(AccountUnusable):
            write(conversation_id=conversation.pk, agent=sam, text="We are sorry")
    assert set(read_drafts(agent=sam, conversation_id=conversation.pk).values()) == {"We are sorry"}
    assert pane(sam, conversation).count("Your text is kept.") == 2  # once at each door


def test_where_private_answers_cannot_be_read_nobody_waits_for_them(desk: Desk, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = desk.conversation(author="mara")
    assert "does not come in here" not in pane(sam, conversation)
    refuse(reads_direct_messages="The app may not read them.")
    assert "What they answer in private does not come in here, because: The app may not read them. Look on Sandbox." in pane(
        sam, conversation
    )
    change_sandbox(monkeypatch, reads_direct_messages=False)
    refuse()
    assert "What they answer in private does not come in here. Look on Sandbox." in pane(sam, conversation)


# --- Windows ------------------------------------------------------------------------------------------------------------


def wrote_privately(conversation: Conversation, at: datetime, *, account: NetworkAccount | None = None, number: str = "m1") -> None:
    author = conversation.author
    data = MessageData("sandbox", number, "Hello?", make_author(author.username, external_id=author.external_id), at)
    receive_messages(messages=[data], account=account, handles={author.external_id: author})


def window_of(conversation: Conversation, able: Capabilities, at: datetime | None = None) -> Window:
    found = fresh(conversation)
    window = read_window(found, able=able, account=found.account, label="Sandbox", now=at)
    assert window is not None
    return window


def test_a_network_without_windows_is_not_asked_about_them(desk: Desk, django_assert_num_queries: Any) -> None:
    conversation = fresh(desk.conversation())
    with django_assert_num_queries(0):
        assert read_window(conversation, able=registry.get("sandbox").capabilities, account=None, label="Sandbox") is None
        assert read_window(conversation, able=Capabilities(message_window_hours=24), account=None, label="Sandbox") is None


def test_their_private_message_opens_the_window_for_its_hours(desk: Desk, windows: Capabilities) -> None:
    conversation = desk.conversation()
    moment = now()
    wrote_privately(conversation, moment - timedelta(hours=3), account=desk.account)
    window = window_of(conversation, windows, moment)
    assert (window.is_open, window.until, window.about) == (True, moment + timedelta(hours=21), None)
    assert window.words.startswith("They wrote in private 3 h ago: open until ")
    # It closes to the second; the public post of today still allows one private answer.
    edge = moment + timedelta(hours=21)
    assert window_of(conversation, windows, edge - timedelta(seconds=1)).about is None
    assert window_of(conversation, windows, edge).about is not None


def test_the_newest_message_counts_whichever_conversation_it_fell_into(desk: Desk, windows: Capabilities) -> None:
    conversation = desk.conversation(author="mara")
    moment = now()
    wrote_privately(conversation, moment - timedelta(days=3), account=desk.account, number="old")
    Mention.objects.update(posted_at=moment - timedelta(days=30))
    assert not window_of(conversation, windows).is_open
    other = make_conversation("another matter", author="mara2")
    Conversation.objects.filter(pk=other.pk).update(author=conversation.author)
    Message.objects.create(
        conversation=other,
        kind="direct_message",
        is_incoming=True,
        text="?",
        author=conversation.author,
        network="sandbox",
        created_at=moment,
    )
    assert window_of(conversation, windows).is_open


def test_what_they_wrote_to_another_account_of_ours_opens_nothing_here(desk: Desk, windows: Capabilities) -> None:
    conversation = desk.conversation(author="mara")
    Mention.objects.update(posted_at=now() - timedelta(days=30))
    wrote_privately(conversation, now(), account=make_account(username="second"))
    assert not window_of(conversation, windows).is_open


def test_what_we_wrote_opens_nothing(desk: Desk, windows: Capabilities) -> None:
    conversation = desk.conversation(author="mara")
    Mention.objects.update(posted_at=now() - timedelta(days=30))
    author = conversation.author
    data = MessageData("sandbox", "m9", "Hi", make_author(author.username, external_id=author.external_id), now(), outgoing=True)
    receive_messages(messages=[data], account=desk.account, handles={author.external_id: author})
    assert not window_of(conversation, windows).is_open


@pytest.mark.parametrize("kind", ["a post", "a reply", "a post that was edited", "a post that only the desk knows of"])
def test_every_kind_of_public_post_allows_one_private_answer(desk: Desk, windows: Capabilities, kind: str) -> None:
    conversation = desk.conversation(author="mara")
    fields: dict[str, dict[str, Any]] = {
        "a reply": {"in_reply_to": "p0"},
        "a post that was edited": {"edited_at": now()},
        "a post that only the desk knows of": {"url": ""},
    }
    Mention.objects.update(**fields.get(kind, {}))
    assert window_of(conversation, windows).about == Mention.objects.get()


def test_a_private_answer_names_the_post_and_is_taken_once(desk: Desk, sam: Agent, windows: Capabilities) -> None:
    conversation = desk.conversation(author="mara")
    said: list[dict[str, Any]] = []

    def take(**fields: Any) -> Sent:
        said.append(fields)
        return Sent("dm1", "", now())

    message = send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello Mara", waiver="private matter", hold=0)
    post = Mention.objects.get()
    assert message.mention == post
    with sandbox_publisher(direct_message=take):
        deliver(Delivery.objects.get().pk)
    assert [(fields["about"], fields["to"]) for fields in said] == [(post.external_id, conversation.author.external_id)]
    with pytest.raises(WindowClosed, match=r"can be answered in private once, within 7 days; none is left\. Ask them"):
        send_direct_message(conversation_id=conversation.pk, agent=sam, text="One more thing", waiver="private matter")
    assert read_drafts(agent=sam, conversation_id=conversation.pk)["direct_message"] == "One more thing"
    # The public thread is not answered by it, and they open the window by writing back.
    assert send_reply(conversation_id=conversation.pk, agent=sam, text="We wrote to you").answer_number == 1
    wrote_privately(conversation, now(), account=desk.account)
    again = send_direct_message(conversation_id=conversation.pk, agent=sam, text="One more thing")
    assert again.mention is None


def test_a_private_answer_that_was_taken_back_or_failed_leaves_the_post_to_another(desk: Desk, sam: Agent, windows: Capabilities) -> None:
    conversation = desk.conversation(author="mara")
    for text in ("first", "second"):
        message = send_direct_message(conversation_id=conversation.pk, agent=sam, text=text, waiver="private matter", hold=60)
        assert message.mention is not None
        Delivery.objects.filter(message=message).update(state="aborted")
    assert window_of(conversation, windows).about is not None


def test_a_private_answer_that_is_tried_again_meets_the_window_as_it_is_then(desk: Desk, sam: Agent, windows: Capabilities) -> None:
    conversation = desk.conversation(author="mara")
    wrote_privately(conversation, now() - timedelta(hours=23), account=desk.account)
    message = send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello Mara", waiver="private matter", hold=0)
    assert message.mention_id is None
    Delivery.objects.update(state="failed")
    Message.objects.filter(is_incoming=True).update(created_at=now() - timedelta(hours=25))  # two hours later
    for _ in range(2):  # its own post does not stand in its way
        retry_failed(message_id=message.pk, agent=sam)
        message.refresh_from_db()
        assert message.mention == Mention.objects.get()
        Delivery.objects.update(state="failed")
    Mention.objects.update(posted_at=now() - timedelta(days=8))
    with pytest.raises(WindowClosed):
        retry_failed(message_id=message.pk, agent=sam)
    assert Delivery.objects.get().state == "failed"


def test_each_of_their_posts_allows_one_private_answer_the_newest_first(desk: Desk, sam: Agent, windows: Capabilities) -> None:
    conversation = desk.conversation(author="mara")
    first = Mention.objects.get()
    second = make_mention("@tidewheel and my lock broke", author=make_author("mara", external_id=first.author.external_id), ago=1)
    Mention.objects.filter(pk=second.pk).update(conversation=conversation)
    for post in (first, second):  # the second was posted a minute earlier
        message = send_direct_message(conversation_id=conversation.pk, agent=sam, text=f"About {post.pk}", waiver="private matter")
        assert message.mention == post
    assert not window_of(conversation, windows).is_open


@pytest.mark.parametrize("change", ["old", "deleted", "ours"])
def test_a_post_that_is_old_or_gone_or_ours_allows_nothing(desk: Desk, sam: Agent, windows: Capabilities, change: str) -> None:
    conversation = desk.conversation(author="mara")
    changes: dict[str, dict[str, Any]] = {
        "old": {"posted_at": now() - timedelta(days=7)},
        "deleted": {"deleted_at": now()},
        "ours": {"is_own": True},
    }
    Mention.objects.update(**changes[change])
    window = window_of(conversation, windows)
    assert not window.is_open
    assert window.words.startswith("Sandbox takes private messages for 24 hours after the last one from them, and they have written none.")
    shown = pane(sam, conversation)
    assert "Ask them in public to write to us" in shown
    assert "only for followers" not in shown


def test_the_pane_shows_what_was_decided_and_by_what(desk: Desk, sam: Agent, windows: Capabilities) -> None:
    conversation = desk.conversation(author="mara")
    assert "one private answer is taken until" in pane(sam, conversation)
    wrote_privately(conversation, now() - timedelta(minutes=20), account=desk.account)
    assert "They wrote in private 20 min ago: open until" in pane(sam, conversation)


def test_where_only_posts_count_whoever_wrote_privately_can_always_be_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    able = change_sandbox(monkeypatch, follow_first=False, private_reply_days=7)
    conversation = desk.conversation()
    wrote_privately(conversation, now() - timedelta(days=90), account=desk.account)
    assert window_of(conversation, able).is_open


def test_the_api_says_that_a_window_is_closed(desk: Desk, sam: Agent, windows: Capabilities) -> None:
    conversation = desk.conversation(author="mara")
    Mention.objects.update(posted_at=now() - timedelta(days=30))
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    body = {"text": "Hello", "waiver": "asked"}
    answer = client.post(f"/api/conversations/{conversation.pk}/direct_message/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (409, "window_closed")
