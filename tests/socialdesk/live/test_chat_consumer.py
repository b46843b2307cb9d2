"""Who is let into /ws/chat/<code>/, what they are told, and how little a flood does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.db import OperationalError, connections

from engagement import consumers
from engagement.models import ChatLine, ChatSession, ShortLink
from engagement.services.chat import accept_chat, end_chat, say_as_agent, type_to_visitor
from engagement.services.links import revoke_link
from listening.consumers import stop_hub
from profiles.models import Agent
from socialdesk.asgi import application
from tests import servers
from tests.engagement.chats import begin, make_link, put_on_duty
from tests.factories import make_agent
from tests.socialdesk.live.conftest import GUARD
from tests.socialdesk.live.test_consumer import Socket, token_of

pytestmark = pytest.mark.django_db(transaction=True)
HERE = (b"origin", b"http://localhost")


def allowed_since(began: float) -> float:
    """How much a socket may have said that was opened then: fifteen at once, and three every two seconds."""
    return 15 + 1.5 * (time.monotonic() - began)


@pytest.fixture
def sam() -> Agent:
    agent = make_agent(username="sam")
    put_on_duty(agent)
    return agent


@pytest.fixture
def session(sam: Agent) -> ChatSession:
    return begin(make_link())


@pytest_asyncio.fixture(autouse=True)
async def clean_end() -> AsyncIterator[None]:
    yield
    await stop_hub()
    await sync_to_async(connections.close_all)()


class Phone(ApplicationCommunicator):
    """A visitor's websocket at the server's door."""

    def __init__(self, code: str, *headers: tuple[bytes, bytes]) -> None:
        path = f"/ws/chat/{code}/"
        super().__init__(
            application,
            {"type": "websocket", "path": path, "query_string": b"", "headers": list(headers or [HERE]), "subprotocols": []},
        )

    async def open(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return bool((await self.receive_output(timeout=GUARD))["type"] == "websocket.accept")

    async def say(self, **frame: Any) -> None:
        await self.send_input({"type": "websocket.receive", "text": json.dumps(frame)})

    async def hear(self, kind: str = "") -> dict[str, Any]:
        while True:
            message = await self.receive_output(timeout=GUARD)
            assert message["type"] == "websocket.send", message
            frame: dict[str, Any] = json.loads(message["text"])
            if not kind or frame["type"] == kind:
                return frame

    async def greet(self, key: str, *, after: int = 0, language: str = "en") -> dict[str, Any]:
        assert await self.open()
        await self.say(type="hello", key=key, after=after, language=language)
        return await self.hear()

    async def close_code(self) -> int:
        while True:
            message = await self.receive_output(timeout=GUARD)
            if message["type"] == "websocket.close":
                return int(message["code"])

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(GUARD)


async def test_a_visitor_is_told_of_lines_acceptance_typing_and_the_end(session: ChatSession, sam: Agent) -> None:
    phone = Phone(session.link.code)
    first = await phone.greet(session.form_key)
    assert [(line["number"], line["is_ours"], line["text"]) for line in first["lines"]] == [(1, False, "My wheel squeaks")]
    assert first["state"] == "waiting"
    assert "You are next" in first["status"]
    await sync_to_async(accept_chat)(chat_id=session.pk, agent=sam)
    accepted = await phone.hear("chat")
    assert (accepted["state"], accepted["status"], accepted["lines"]) == ("active", "An agent is with you: Sam.", [])
    await sync_to_async(type_to_visitor)(chat_id=session.pk, agent=sam)
    assert (await phone.hear("typing")) == {"type": "typing"}
    await sync_to_async(say_as_agent)(chat_id=session.pk, agent=sam, text="Which?", client_key="k")
    [line] = (await phone.hear("chat"))["lines"]
    assert (line["number"], line["is_ours"], line["who"], line["text"]) == (2, True, "Sam", "Which?")
    await phone.say(type="line", text="The back one", client_key="a")
    [line] = (await phone.hear("chat"))["lines"]
    assert (line["number"], line["who"], line["text"]) == (3, "You", "The back one")
    assert (await phone.hear("taken"))["client_key"] == "a"
    await sync_to_async(end_chat)(session_id=session.pk, agent=sam)
    assert (await phone.hear("chat"))["state"] == "ended"
    await phone.leave()


async def test_reconnecting_loses_and_doubles_nothing(session: ChatSession, sam: Agent) -> None:
    phone = Phone(session.link.code)
    await phone.greet(session.form_key)
    await phone.say(type="line", text="One", client_key="a")
    await phone.hear("taken")
    await phone.leave()
    await sync_to_async(accept_chat)(chat_id=session.pk, agent=sam)
    await sync_to_async(say_as_agent)(chat_id=session.pk, agent=sam, text="Two", client_key="b")
    again = Phone(session.link.code)
    frame = await again.greet(session.form_key, after=2)
    assert [(line["number"], line["text"]) for line in frame["lines"]] == [(3, "Two")]
    await again.say(type="line", text="One", client_key="a")  # nobody had told the page that it was taken
    await again.hear("taken")
    assert await sync_to_async(ChatLine.objects.count)() == 3
    await again.leave()


async def test_the_visitors_language_is_kept(session: ChatSession) -> None:
    phone = Phone(session.link.code)
    frame = await phone.greet(session.form_key, language="no-such-language")
    assert "You are next" in frame["status"]
    await phone.leave()


async def test_the_code_alone_tells_nothing(session: ChatSession) -> None:
    phone = Phone(session.link.code)
    assert await phone.greet("k" * 22) == {"type": "unknown"}
    await phone.leave()


async def test_unknown_and_revoked_links_are_closed_alike(session: ChatSession, sam: Agent) -> None:
    await sync_to_async(revoke_link)(link_id=session.link_id, agent=sam)
    for code in (session.link.code, "0" * 13, "nonsense", ""):
        phone = Phone(code)
        assert await phone.open()  # opened only to carry the code
        assert await phone.close_code() == 4404


async def test_another_sites_page_is_not_let_in(session: ChatSession) -> None:
    assert not await Phone(session.link.code, (b"origin", b"http://evil.example")).open()


async def test_a_link_that_is_revoked_cuts_the_chat_off(session: ChatSession, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "LOOK_SECONDS", 0.05)
    phone = Phone(session.link.code)
    await phone.greet(session.form_key)
    await sync_to_async(revoke_link)(link_id=session.link_id, agent=sam)
    assert await phone.close_code() == 4404


async def test_a_hint_that_was_lost_is_made_up_for(session: ChatSession, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "LOOK_SECONDS", 0.05)
    phone = Phone(session.link.code)
    await phone.greet(session.form_key)

    def say_unheard() -> None:
        ChatLine.objects.create(session=session, number=2, is_ours=True, agent=sam, text="Quiet", client_key="q", at=session.started_at)
        ChatSession.objects.filter(pk=session.pk).update(lines_count=2)

    await sync_to_async(say_unheard)()
    assert [line["text"] for line in (await phone.hear("chat"))["lines"]] == ["Quiet"]
    await phone.leave()


async def test_a_flood_is_refused_with_words_and_ends_nothing(session: ChatSession) -> None:
    phone, began = Phone(session.link.code), time.monotonic()
    await phone.greet(session.form_key)
    for number in range(60):
        await phone.say(type="line", text=f"Line {number}", client_key=f"k{number}")
    answers: list[dict[str, Any]] = []
    while len(answers) < 60:
        frame = await phone.hear()
        if frame["type"] in ("taken", "refused"):
            answers.append(frame)
    refused = [frame for frame in answers if frame["type"] == "refused"]
    assert refused
    assert all("Wait a moment" in frame["words"] for frame in refused)
    assert 60 - len(refused) <= allowed_since(began)
    assert await sync_to_async(ChatLine.objects.count)() == 61 - len(refused)
    await phone.leave()


async def test_a_database_that_is_away_closes_the_socket_so_that_the_browser_comes_back(
    session: ChatSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "LOOK_SECONDS", 0.05)
    phone = Phone(session.link.code)
    await phone.greet(session.form_key)

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patched:
        patched.setattr(consumers, "read_lines", fail)
        assert await phone.close_code() == 1011
    await phone.leave()
    again = Phone(session.link.code)
    assert (await again.greet(session.form_key))["state"] == "waiting"
    await again.leave()


async def test_whoever_tries_keys_is_soon_shut_out(session: ChatSession) -> None:
    phone, began = Phone(session.link.code), time.monotonic()
    assert await phone.open()
    for number in range(100):
        await phone.say(type="hello", key=f"{number:022}", after=0, language="en")
    answers = 0
    while (message := await phone.receive_output(timeout=GUARD))["type"] == "websocket.send":
        assert json.loads(message["text"]) == {"type": "unknown"}
        answers += 1
    assert (message["type"], message["code"]) == ("websocket.close", 4429)
    assert answers <= allowed_since(began)
    await phone.leave()


async def test_a_link_has_few_connections(session: ChatSession) -> None:
    phones = [Phone(session.link.code) for _ in range(consumers.MOST_CONNECTIONS)]
    for phone in phones:
        await phone.greet(session.form_key)
    one_more = Phone(session.link.code)
    assert await one_more.open()
    assert await one_more.close_code() == 4429
    for phone in phones:
        await phone.leave()
    assert session.link_id not in consumers._connections
    late = Phone(session.link.code)
    await late.greet(session.form_key)
    await late.leave()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 4400),
        ("no json", 4400),
        ("[]", 4400),
        ('{"type": "line", "text": "too early", "client_key": "k"}', 4400),
        ('{"type": "typing"}', 4400),
        ('{"type": "hello", "key": 1, "after": 0, "language": "en"}', 4400),
        ("[" * 3000, 4400),
        ("x" * 100_000, 1009),
    ],
)
async def test_nonsense_closes_the_socket_with_a_reason(session: ChatSession, text: str, code: int) -> None:
    phone = Phone(session.link.code)
    assert await phone.open()
    await phone.send_input({"type": "websocket.receive", "text": text})
    assert await phone.close_code() == code


async def test_a_line_that_is_none_is_refused_with_words(session: ChatSession) -> None:
    phone = Phone(session.link.code)
    await phone.greet(session.form_key, after=-5)
    for text, key, words in (("", "a", "Write something"), ("x" * 2001, "b", "too long"), ("Hello", "", "did not work")):
        await phone.say(type="line", text=text, client_key=key)
        frame = await phone.hear("refused")
        assert frame["client_key"] == key
        assert words in frame["words"]
    await phone.leave()


async def test_the_desk_hears_of_a_chat_and_of_typing(session: ChatSession, sam: Agent) -> None:
    desk = Socket(await token_of(sam))
    await desk.greet()
    phone = Phone(session.link.code)
    await phone.greet(session.form_key)
    of_chat = {"conversation": session.conversation_id, "chat": session.pk}
    heard: dict[str, Any] = {}
    async with asyncio.timeout(GUARD):
        await phone.say(type="typing")
        while "chat.typed" not in heard:
            frame = await desk.hear()
            heard[frame["type"]] = frame
        assert heard.pop("chat.typed")["chats"] == [{**of_chat, "doing": "typing"}]
        await phone.say(type="line", text="Hello?", client_key="a")
        while not {"chat.typed", "chat.changed"} <= set(heard):
            frame = await desk.hear()
            heard[frame["type"]] = frame
    assert heard["chat.typed"]["chats"] == [{**of_chat, "doing": "idle"}]
    assert heard["chat.changed"]["chats"] == [{**of_chat, "state": "waiting", "agent": None}]
    await phone.leave()
    await desk.leave()


async def test_a_link_of_another_kind_shows_no_foreign_chat(session: ChatSession) -> None:
    other: ShortLink = await sync_to_async(make_link)(kind="callback")
    phone = Phone(other.code)
    assert await phone.greet(session.form_key) == {"type": "unknown"}
    await phone.leave()


@pytest.mark.servers
async def test_lines_and_typing_travel_over_redis(session: ChatSession, sam: Agent) -> None:
    with servers.redis() as url:
        channel_layers.set("default", RedisPubSubChannelLayer(hosts=[url]))
        phone = Phone(session.link.code)
        await phone.greet(session.form_key)
        await sync_to_async(accept_chat)(chat_id=session.pk, agent=sam)
        assert (await phone.hear("chat"))["state"] == "active"
        await sync_to_async(say_as_agent)(chat_id=session.pk, agent=sam, text="Which?", client_key="k")
        assert [line["text"] for line in (await phone.hear("chat"))["lines"]] == ["Which?"]
        await sync_to_async(type_to_visitor)(chat_id=session.pk, agent=sam)
        await phone.hear("typing")
        await phone.leave()
