"""A film in a public answer: handed in, emptied of what it tells, alone, within the network's bounds, sent once, played in parts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from engagement.models import Attachment, Message
from engagement.services import checks
from engagement.services.approvals import approve_reply, submit_reply
from engagement.services.attachments import (
    MOST_UNSENT_FILMS,
    NotDescribed,
    add_attachment,
    describe_attachment,
    read_unsent,
    remove_attachment,
    say_taken,
)
from engagement.services.delivery import undo_delivery
from engagement.services.send import send_reply
from listening.models import Conversation
from profiles.models import Agent, Role
from profiles.services.erasure import erase_person
from socialdesk.lib import ranges
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.mp4 import BadFilm
from socialdesk.networks.base import Capabilities
from socialdesk.networks.sandbox.pictures import media_of, picture_at
from tests.engagement.desk import Desk, work, work_off
from tests.engagement.drawn import draw
from tests.engagement.heated import make_rule
from tests.factories import make_agent, make_conversation
from tests.mp4 import PLACE, box, film

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}
TOLD = film(more=box(b"udta", box(b"\xa9xyz", PLACE)))


@pytest.fixture
def conversation(desk: Desk) -> Conversation:
    return desk.conversation()


@pytest.fixture
def client(sam: Agent) -> Client:
    found = Client()
    found.force_login(sam)
    return found


def add(agent: Agent, conversation: Conversation | None, content: bytes = TOLD, alt: str = "How to turn it") -> Attachment:
    return add_attachment(agent=agent, content=content, alt=alt, conversation_id=conversation.pk if conversation else None)


def reply(conversation: Conversation, agent: Agent, *added: Attachment, **more: Any) -> Message:
    given: dict[str, Any] = {"hold": 0, "text": "Look at this", **more}
    return send_reply(conversation_id=conversation.pk, agent=agent, pictures=[one.pk for one in added], **given)


def file(content: bytes = TOLD) -> SimpleUploadedFile:
    return SimpleUploadedFile("turn.mp4", content, "video/mp4")


def test_a_film_goes_out_with_its_reply_and_tells_nothing_of_its_place(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    added = add(sam, conversation)
    assert PLACE not in bytes(added.content)
    assert (added.is_film, added.width, added.height, added.seconds) == (True, 640, 360, 2.0)
    reply(conversation, sam, added)
    work_off()
    (post,) = desk.answers(conversation)
    (medium,) = media_of(post)
    assert (medium.kind, medium.alt) == ("video", "How to turn it")
    assert picture_at(desk.world, medium.url) == bytes(added.content)


@pytest.mark.parametrize("fault", ["timeout_after_accept", "dropped", "server_error", "rate_limit"])
def test_every_try_sends_the_same_film_and_one_stands(desk: Desk, sam: Agent, conversation: Conversation, fault: Any) -> None:
    reply(conversation, sam, add(sam, conversation))
    desk.world.faults.set(fault, 1.0)
    work(now())
    desk.world.faults.set(fault, 0)
    work_off()
    assert [(post.film, post.pictures) for post in desk.answers(conversation)] == [(True, ("How to turn it",))]


def test_a_film_goes_alone(sam: Agent, conversation: Conversation) -> None:
    one, other, picture = add(sam, conversation), add(sam, conversation), add(sam, conversation, draw())
    for both in ([one, picture], [one, other]):
        with pytest.raises(DeskError, match="goes alone"):
            reply(conversation, sam, *both)
    assert not Message.objects.exists()
    assert reply(conversation, sam, one).attachments.get() == one


def test_a_film_that_nobody_described_stays(sam: Agent, conversation: Conversation) -> None:
    with pytest.raises(NotDescribed, match="cannot see"):
        reply(conversation, sam, add(sam, conversation, alt=""))


def test_a_network_that_takes_none_says_so_when_it_is_chosen(sam: Agent) -> None:
    with pytest.raises(DeskError, match="takes no films"):
        add(sam, make_conversation(network="web"))


def test_what_is_too_long_or_too_large_for_the_network_is_refused_when_it_is_chosen(sam: Agent, conversation: Conversation) -> None:
    with pytest.raises(DeskError, match=r"has 141 seconds; .* takes 140"):
        add(sam, conversation, film(seconds=141))
    with pytest.raises(DeskError, match=r"has 20\.5 MB; .* takes 20"):
        add(sam, conversation, film(size=20_500_000))
    assert not Attachment.objects.exists()


def test_what_a_program_handed_in_is_refused_where_it_is_sent(sam: Agent, conversation: Conversation) -> None:
    added = add(sam, None, film(seconds=200))
    with pytest.raises(DeskError, match="200 seconds"):
        reply(conversation, sam, added)
    assert not Message.objects.exists()


@pytest.mark.parametrize("content", [TOLD, draw()], ids=["film", "picture"])
def test_a_description_that_is_too_long_for_the_network_is_refused_while_it_is_written(
    sam: Agent, conversation: Conversation, content: bytes
) -> None:
    with pytest.raises(DeskError, match=r"has 1001 characters; .* takes 1000"):
        add(sam, conversation, content, alt="a" * 1001)
    added = add(sam, conversation, content, alt="a" * 1000)
    with pytest.raises(DeskError, match="takes 1000"):
        describe_attachment(attachment_id=added.pk, agent=sam, alt="b" * 1001)
    assert Attachment.objects.get().alt == "a" * 1000
    program = add(sam, None, content, alt="a" * 1500)  # not known yet where it goes
    with pytest.raises(DeskError, match=r"has 1500 characters; .* takes 1000"):
        reply(conversation, sam, program)
    assert not Message.objects.exists()
    assert reply(conversation, sam, added).picture_count == 1


def test_the_line_of_a_film_takes_no_longer_description_than_the_network(
    client: Client, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = replace(checks.abilities_in(conversation), max_picture_alt=0, max_film_alt=700)
    monkeypatch.setattr(checks, "abilities_in", lambda conversation: able)
    path = f"/conversations/{conversation.pk}/"
    assert 'maxlength="700"' in client.post(f"{path}pictures/", {"picture": file()}, headers=FRAGMENT).content.decode()
    pane = client.get(path, headers=FRAGMENT).content.decode()
    assert 'maxlength="700"' in pane
    assert re.search(r'name="picture_alt"\s+maxlength="1500"', pane)


def test_nobody_fills_the_desk_with_films(sam: Agent, conversation: Conversation) -> None:
    first, *_ = [add(sam, conversation) for _ in range(MOST_UNSENT_FILMS)]
    with pytest.raises(DeskError, match="5 films of yours wait"):
        add(sam, conversation)
    assert add(sam, conversation, draw()).pk
    remove_attachment(attachment_id=first.pk, agent=sam)
    assert add(sam, conversation).pk


@pytest.mark.parametrize(
    ("able", "words"),
    [
        ({"max_film_bytes": 512_000_000, "max_film_seconds": 140}, "Or one film: MP4 with H.264, at most 140 seconds and 30 MB."),
        ({"max_film_bytes": 8_000_000}, "Or one film: MP4 with H.264, at most 8 MB."),
    ],
)
def test_what_can_be_chosen_is_said_before_it_is(able: dict[str, Any], words: str) -> None:
    assert say_taken(Capabilities(reply=True, max_pictures=1, **able), "Elsewhere").endswith(f"at most 20 MB. {words}")


def test_where_no_films_are_taken_none_are_offered(client: Client, conversation: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/conversations/{conversation.pk}/"
    assert "image/gif,video/mp4" in client.get(path, headers=FRAGMENT).content.decode()
    monkeypatch.setattr(checks, "abilities_in", lambda conversation: Capabilities(reply=True, max_pictures=4))
    pane = client.get(path, headers=FRAGMENT).content.decode()
    assert "image/gif" in pane
    assert "video/mp4" not in pane


def test_an_answer_that_is_taken_back_gives_its_film_back(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    added = add(sam, conversation)
    undo_delivery(message_id=reply(conversation, sam, added, hold=60).pk, agent=sam)
    assert read_unsent(agent=sam, conversation_id=conversation.pk) == [added]


def test_a_lead_sees_the_film_and_sends_it(desk: Desk, sam: Agent) -> None:
    lena = make_agent(Role.LEAD, username="lena")
    make_rule("approval", "Refunds", lead=lena, query="refund")
    conversation = desk.conversation("@tidewheel where is my refund?")
    waiting: Any = submit_reply(conversation_id=conversation.pk, agent=sam, text="Look", pictures=[add(sam, conversation).pk])
    client = Client()
    client.force_login(lena)
    page = client.get(f"/approvals/?open={waiting.pk}").content.decode()
    assert f'src="/pictures/{waiting.attachments.get().pk}/"' in page
    assert 'class="post-film"' in page
    approve_reply(approval_id=waiting.pk, agent=lena)
    work_off()
    assert desk.answers(conversation)[0].film


# --- On the page ----------------------------------------------------------------------------------------------------------


def test_a_film_is_chosen_shown_and_sent(desk: Desk, client: Client, conversation: Conversation) -> None:
    line = client.post(f"/conversations/{conversation.pk}/pictures/", {"picture": file()}, headers=FRAGMENT).content.decode()
    added = Attachment.objects.get()
    assert f'<video src="/pictures/{added.pk}/"' in line
    form = {"kind": "reply", "text": "Look", "pictures": added.pk, f"alt-{added.pk}": "How to turn it"}
    assert client.post(f"/conversations/{conversation.pk}/send/", form, headers=FRAGMENT).status_code == 204
    pane = client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT).content.decode()
    assert 'class="post-film"' in pane
    assert 'aria-label="How to turn it"' in pane


def test_a_bad_film_is_refused_in_words(client: Client, sam: Agent, conversation: Conversation) -> None:
    refused = client.post(f"/conversations/{conversation.pk}/pictures/", {"picture": file(film(codec=b"hvc1"))}, headers=FRAGMENT)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_film")
    assert "Save it anew as MP4 with H.264." in refused.json()["detail"]
    with pytest.raises(BadFilm):
        add(sam, conversation, film(codec=b"hvc1"))


def test_a_file_of_any_size_is_refused_before_it_is_read(client: Client, conversation: Conversation) -> None:
    huge = file(film(size=31_000_000))
    refused = client.post(f"/conversations/{conversation.pk}/pictures/", {"picture": huge}, headers=FRAGMENT)
    assert refused.status_code == 400
    assert "at most 30" in refused.json()["detail"]


def test_players_get_the_parts_that_they_ask_for(client: Client, sam: Agent, conversation: Conversation) -> None:
    added = add(sam, conversation, film(size=2_500_000))
    content, path = bytes(added.content), f"/pictures/{added.pk}/"
    whole = client.get(path)
    assert (whole.content, whole["Content-Type"], whole["Accept-Ranges"]) == (content, "video/mp4", "bytes")
    assert whole["Content-Security-Policy"] == "sandbox; default-src 'none'"
    for asked, start, end in (
        ("bytes=0-", 0, ranges.PIECE),
        ("bytes=100-199", 100, 200),
        ("bytes=2499999-", 2_499_999, len(content)),
        ("bytes=-10", len(content) - 10, len(content)),
    ):
        part = client.get(path, headers={"Range": asked})
        assert (part.status_code, part.content) == (206, content[start:end])
        assert part["Content-Range"] == f"bytes {start}-{end - 1}/{len(content)}"
    assert client.get(path, headers={"Range": "bytes=9999999-"}).status_code == 416


# --- By programs ----------------------------------------------------------------------------------------------------------


def test_a_program_hands_in_a_film_and_sends_it(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    api = APIClient()
    api.force_authenticate(sam)
    made = api.post("/api/attachments/", {"file": file(), "alt": "How to turn it"}, format="multipart").json()
    assert {name: made[name] for name in ("media_type", "width", "height", "seconds")} == {
        "media_type": "video/mp4",
        "width": 640,
        "height": 360,
        "seconds": 2.0,
    }
    said = api.post(f"/api/conversations/{conversation.pk}/reply/", {"text": "Look", "pictures": [made["id"]]}, format="json")
    assert said.status_code == 201
    work_off()
    assert desk.answers(conversation)[0].film
    refused = api.post("/api/attachments/", {"file": file(film(codec=b"hvc1")), "alt": "x"}, format="multipart")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_film")


def test_films_go_with_the_person_whom_they_answered(sam: Agent, conversation: Conversation) -> None:
    reply(conversation, sam, add(sam, conversation))
    add(sam, conversation)
    work_off()
    erase_person(profile_id=conversation.author.profile_id, agent=make_agent(Role.ADMIN))
    assert not Attachment.objects.exists()
