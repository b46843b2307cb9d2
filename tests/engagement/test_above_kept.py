"""The thread above a conversation where the desk has it itself: in conversations with others, and as posts of our own."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagement.services import above as service
from engagement.services.above import read_above
from engagement.services.send import add_note
from listening.models import Conversation, Mention
from profiles.models import Agent, Handle, Role
from profiles.services.erasure import erase_person
from socialdesk.intake import take_in
from socialdesk.lib.clock import now
from socialdesk.networks.base import MediaData, MessageData, PostData
from tests.engagement.desk import Desk
from tests.engagement.test_above import answer_with
from tests.factories import make_agent, make_author, make_post, push

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _connected(desk: Desk) -> None:
    """An account by which the network can be asked."""


@pytest.fixture
def client(sam: Agent) -> Client:
    found = Client()
    found.force_login(sam)
    return found


def stored(post: PostData) -> Mention:
    return Mention.objects.select_related("conversation__author").get(external_id=post.external_id)


def conversation_of(post: PostData) -> Conversation:
    found = stored(post).conversation
    assert found is not None
    return found


def above_of(client: Client, conversation: Conversation) -> str:
    return client.get(f"/conversations/{conversation.pk}/above/", headers=FRAGMENT).content.decode()


def texts_above(conversation: Conversation) -> list[str]:
    return [shown.post.text for shown in read_above(conversation).posts]


@pytest.mark.parametrize("network", ["sandbox", "web"])  # of the second nothing can be asked
def test_a_post_in_a_conversation_with_somebody_else_stands_above_its_answer_with_a_link(client: Client, network: str) -> None:
    first = make_post("My <b>Tidewheel</b> squeaks", author="ana", network=network, ago=9, url="https://n.example/1")
    answer = make_post("@ana mine too", author="ben", network=network, in_reply_to=first.external_id)
    push(first, answer)
    above, theirs = conversation_of(answer), conversation_of(first)
    pane = client.get(f"/conversations/{above.pk}/", headers=FRAGMENT).content.decode()
    assert f'hx-get="/conversations/{above.pk}/above/"' in pane
    shown = above_of(client, above)
    assert "My &lt;b&gt;Tidewheel&lt;/b&gt; squeaks" in shown
    assert "@ana" in shown
    assert f'datetime="{first.posted_at:%Y-%m-%dT%H:%M}' in shown
    assert "Above it, kept here" in shown
    assert "not kept here" not in shown
    assert 'href="https://n.example/1"' in shown
    assert f'href="/conversations/{theirs.pk}/"' in shown
    assert 'Open the conversation<span class="visually-hidden"> with Ana</span>' in shown
    assert "mine too" not in shown
    page = client.get(f"/conversations/{above.pk}/above/").content.decode()
    assert "<html" in page
    assert "squeaks" in page
    assert "above/" not in client.get(f"/conversations/{theirs.pk}/", headers=FRAGMENT).content.decode()


def test_all_that_is_stored_of_the_thread_stands_there_and_what_is_unknown_further_up_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer_with(monkeypatch, (make_post("the very first", author="zoe", external_id="unknown"),))
    one = make_post("one", author="ana", in_reply_to="unknown", ago=9)
    two = make_post("two", author="ben", in_reply_to=one.external_id, ago=8)
    three = make_post("three", author="cy", in_reply_to=two.external_id, ago=7)
    for post in (one, two, three):
        push(post)
    found = read_above(conversation_of(three))
    assert [shown.post.text for shown in found.posts] == ["the very first", "one", "two"]
    assert [shown.is_kept for shown in found.posts] == [False, True, True]
    assert asked == [one.external_id]
    assert (found.is_asked, found.problem) == (True, "")


def test_what_is_stored_is_shown_though_the_network_does_not_answer(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, KeyError("down"))
    one = make_post("one", author="ana", in_reply_to="unknown", ago=9)
    two = make_post("two", author="ben", in_reply_to=one.external_id, ago=8)
    push(one, two)
    shown = above_of(client, conversation_of(two))
    assert (
        shown.index("not kept here")
        < shown.index("could not be asked just now")
        < shown.index("Above it, kept here")
        < shown.index(">one<")
    )


def test_beyond_an_unknown_post_a_stored_one_has_its_link_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    one = make_post("one", author="ana", ago=9)
    unknown = make_post("between", author="zoe", external_id="unknown", in_reply_to=one.external_id, ago=8)
    three = make_post("three", author="cy", in_reply_to="unknown", ago=7)
    push(one, three)
    answer_with(monkeypatch, (one, unknown))
    assert [(shown.post.text, shown.is_kept) for shown in read_above(conversation_of(three)).posts] == [("one", True), ("between", False)]
    assert f'href="/conversations/{conversation_of(one).pk}/"' in above_of(client, conversation_of(three))
    # What was remembered of the network is older than what was heard since.
    push(make_post("", author="ana", external_id=one.external_id, deleted=True))
    assert ">one<" not in above_of(client, conversation_of(three))


def test_a_post_of_our_own_that_is_in_no_conversation_stands_above_without_a_link(client: Client, desk: Desk) -> None:
    own = make_post("We are moving", author=make_author("tidewheel", external_id=desk.account.external_id), ago=9)
    push(own)
    answer = make_post("where to?", author="ben", in_reply_to=own.external_id)
    push(answer)
    shown = above_of(client, conversation_of(answer))
    assert "We are moving" in shown
    assert "/conversations/" not in shown


def test_an_answer_of_ours_to_somebody_else_stands_above_with_what_it_answers(desk: Desk) -> None:
    first = make_post("it squeaks", author="ana", ago=9)
    ours = make_post("Oil it", author=make_author("tidewheel", external_id=desk.account.external_id), in_reply_to=first.external_id, ago=8)
    aside = make_post("with what?", author="ben", in_reply_to=ours.external_id)
    for post in (first, ours, aside):
        push(post)
    assert texts_above(conversation_of(aside)) == ["it squeaks", "Oil it"]


def test_what_was_deleted_says_so_and_its_words_are_gone(client: Client) -> None:
    first = make_post("a slip", author="ana", ago=9, url="https://n.example/1")
    answer = make_post("really?", author="ben", in_reply_to=first.external_id)
    push(first, answer)
    push(make_post("", author="ana", external_id=first.external_id, deleted=True))
    shown = above_of(client, conversation_of(answer))
    assert "Deleted by its author." in shown
    assert "a slip" not in shown


def test_nothing_is_left_there_of_who_was_erased(client: Client) -> None:
    first = make_post(
        "my own words", author="ana", ago=9, url="https://n.example/1", media=(MediaData("image", "https://n.example/a.png"),)
    )
    answer = make_post("really?", author="ben", in_reply_to=first.external_id)
    push(first, answer)
    above = conversation_of(answer)
    erase_person(profile_id=Handle.objects.get(username="ana").profile_id, agent=make_agent(Role.ADMIN))
    shown = above_of(client, above)
    assert "Deleted by its author." in shown
    for trace in ("ana", "Ana", "my own words", "n.example"):
        assert trace not in shown


def test_what_was_said_in_private_or_among_us_in_the_other_conversation_does_not_stand_there(
    client: Client, desk: Desk, sam: Agent
) -> None:
    first = make_post("it squeaks", author="ana", ago=9)
    answer = make_post("mine too", author="ben", in_reply_to=first.external_id)
    push(first, answer)
    take_in([], [MessageData("sandbox", "m1", "my number is 12345", make_author("ana"), now())], source=desk.source)
    add_note(conversation_id=conversation_of(first).pk, agent=sam, text="she is a lawyer")
    shown = above_of(client, conversation_of(answer))
    assert "it squeaks" in shown
    assert "12345" not in shown
    assert "lawyer" not in shown


def test_a_picture_of_a_stored_post_comes_through_the_desk(client: Client) -> None:
    first = make_post("look", author="ana", ago=9, media=(MediaData("image", "https://n.example/a.png", "A wheel"),))
    answer = make_post("oh", author="ben", in_reply_to=first.external_id)
    push(first, answer)
    shown = above_of(client, conversation_of(answer))
    assert "<img" in shown
    assert 'alt="A wheel"' in shown
    assert 'src="https://n.example' not in shown


def test_posts_that_answer_each_other_in_a_circle_stand_there_once() -> None:
    one, two, three = (make_post(name, author=name, ago=9 - at) for at, name in enumerate(("one", "two", "three")))
    push(one, two, three)
    for post, above in ((one, two), (two, one), (three, two)):
        Mention.objects.filter(external_id=post.external_id).update(parent=stored(above))
    assert texts_above(conversation_of(three)) == ["one", "two"]


def test_what_stands_in_the_conversation_itself_does_not_stand_above_it(client: Client) -> None:
    one, two = make_post("one", ago=9), make_post("two", ago=8)
    push(one, two)
    Mention.objects.filter(external_id=one.external_id).update(parent=stored(two))  # their network's clocks differ
    above = conversation_of(one)
    assert "above/" not in client.get(f"/conversations/{above.pk}/", headers=FRAGMENT).content.decode()
    assert above_of(client, above).strip() == ""


def test_the_nearest_are_shown_of_a_long_stored_thread_and_each_costs_no_query(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer_with(monkeypatch, ())
    posts: list[PostData] = []
    for number in range(service.MOST + 5):
        answers = posts[-1].external_id if posts else ""
        posts.append(make_post(f"number {number}", author=f"w{number}", in_reply_to=answers, ago=100 - number))
    push(*posts)
    counts = []
    for number in (2, service.MOST - 1, service.MOST + 4):
        conversation = conversation_of(posts[number])
        above_of(client, conversation)
        with CaptureQueriesContext(connection) as queries:
            above_of(client, conversation)
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]
    assert texts_above(conversation_of(posts[-1])) == [f"number {number}" for number in range(4, service.MOST + 4)]
    assert asked == []
