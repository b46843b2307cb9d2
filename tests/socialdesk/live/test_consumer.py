"""Who may listen on /ws/desk/, and until when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.contrib.sessions.models import Session
from django.db import connections
from django.test import Client
from knox.models import AuthToken

from listening import consumers
from profiles.models import Agent
from socialdesk.asgi import application
from socialdesk.lib import live
from tests.socialdesk.live.conftest import GUARD

pytestmark = pytest.mark.django_db(transaction=True)
HERE = (b"origin", b"http://localhost")


@pytest.fixture
def sam() -> Agent:
    return Agent.objects.create_user("sam", password="a long password", display_name="Sam")


@pytest_asyncio.fixture(autouse=True)
async def fresh_hub() -> AsyncIterator[None]:
    yield
    await consumers.stop_hub()
    await sync_to_async(connections.close_all)()  # that of the thread which answered for the database


@sync_to_async
def cookie_of(agent: Agent) -> tuple[bytes, bytes]:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return (b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())


@sync_to_async
def token_of(agent: Agent) -> tuple[bytes, bytes]:
    return (b"authorization", f"Token {AuthToken.objects.create(agent)[1]}".encode())


class Socket(ApplicationCommunicator):
    """A websocket at the server's door, without a server."""

    def __init__(self, *headers: tuple[bytes, bytes], path: str = "/ws/desk/") -> None:
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": list(headers), "subprotocols": []}
        super().__init__(application, scope)

    async def open(self) -> bool:
        await self.send_input({"type": "websocket.connect"})
        return bool((await self.receive_output(timeout=GUARD))["type"] == "websocket.accept")

    async def say(self, text: str | None = None, data: bytes | None = None) -> None:
        await self.send_input({"type": "websocket.receive", "text": text, "bytes": data})

    async def hear(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads((await self.receive_output(timeout=GUARD))["text"])
        return frame

    async def greet(self) -> dict[str, Any]:
        assert await self.open()
        return await self.hear()

    async def close_code(self) -> int:
        while True:
            message = await self.receive_output(timeout=GUARD)
            if message["type"] == "websocket.close":
                return int(message["code"])

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(GUARD)


async def test_signed_in_agent_is_greeted_and_hears_events(sam: Agent) -> None:
    socket = Socket(await cookie_of(sam), HERE)
    hello = await socket.greet()
    assert hello == {"seq": hello["seq"], "type": "hello", "agent": sam.pk, "presence": []}
    live.send_now(live.SourcesChanged(troubled=2))
    assert await socket.hear() == {"seq": hello["seq"] + 1, "type": "sources.changed", "troubled": 2, "networks": []}
    await socket.leave()


async def test_program_with_a_token_needs_no_origin(sam: Agent) -> None:
    socket = Socket(await token_of(sam))
    assert (await socket.greet())["agent"] == sam.pk
    await socket.leave()


@pytest.mark.parametrize(
    "headers",
    [
        [HERE],
        [HERE, (b"cookie", b"sessionid=madeup12345678901234567890")],
        [(b"authorization", b"Token 0123456789abcdef")],
        [(b"authorization", b"Token \xff\xfe")],
        [(b"authorization", b"Basic c2FtOnNhbQ==")],
        [(b"authorization", b"")],
    ],
)
async def test_nobody_else_is_let_in(headers: list[tuple[bytes, bytes]]) -> None:
    socket = Socket(*headers)
    assert await socket.open()  # opened only to carry the code
    assert await socket.close_code() == 4401


async def test_cookie_is_not_taken_from_another_sites_page(sam: Agent) -> None:
    cookie = await cookie_of(sam)
    for headers in ([cookie, (b"origin", b"http://evil.example")], [cookie]):
        assert not (await Socket(*headers).open())


async def test_token_of_nobody_is_not_mended_by_a_cookie(sam: Agent) -> None:
    socket = Socket(await cookie_of(sam), HERE, (b"authorization", b"Token 0123"))
    await socket.open()
    assert await socket.close_code() == 4401


async def test_other_addresses_are_refused(sam: Agent) -> None:
    assert not (await Socket(await cookie_of(sam), HERE, path="/ws/other/").open())


async def test_agent_who_signs_out_is_cut_off(sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)
    socket = Socket(await cookie_of(sam), HERE)
    await socket.greet()
    assert await socket.receive_nothing(0.2)
    await sync_to_async(Session.objects.all().delete)()
    assert await socket.close_code() == 4401


async def test_agent_who_is_deactivated_is_cut_off(sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)
    by_cookie, by_token = Socket(await cookie_of(sam), HERE), Socket(await token_of(sam))
    await by_cookie.greet()
    await by_token.greet()
    await sync_to_async(Agent.objects.filter(pk=sam.pk).update)(is_active=False)
    assert await by_cookie.close_code() == 4401
    assert await by_token.close_code() == 4401


async def test_token_that_is_revoked_is_cut_off(sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.05)
    socket = Socket(await token_of(sam))
    await socket.greet()
    await sync_to_async(AuthToken.objects.all().delete)()
    assert await socket.close_code() == 4401


async def test_presence_of_one_agent_reaches_another(sam: Agent) -> None:
    ana = await Agent.objects.acreate(username="ana", display_name="Ana")
    first, second = Socket(await cookie_of(sam), HERE), Socket(await token_of(ana))
    await first.greet()
    await second.greet()
    await first.say(json.dumps({"type": "presence", "conversation": 7, "doing": "typing"}))
    entry = {"agent": sam.pk, "name": "Sam", "conversation": 7}
    assert (await second.hear())["presence"] == [{**entry, "doing": "typing"}]
    await first.leave()
    assert (await second.hear())["presence"] == [{**entry, "doing": "left"}]
    await second.leave()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 4400),
        ("no json", 4400),
        ("[]", 4400),
        ('{"type": "presence"}', 4400),
        ('{"type": "presence", "conversation": "7", "doing": "typing"}', 4400),
        ('{"type": "presence", "conversation": -1, "doing": "typing"}', 4400),
        ('{"type": "presence", "conversation": 99999999999999999999, "doing": "typing"}', 4400),
        ('{"type": "presence", "conversation": true, "doing": "typing"}', 4400),
        ('{"type": "presence", "conversation": 1, "doing": "dancing"}', 4400),
        ("[" * 150, 4400),
        ('{"type": "' + "x" * 300 + '"}', 1009),
    ],
)
async def test_nonsense_closes_the_socket_with_a_reason(sam: Agent, text: str, code: int) -> None:
    socket = Socket(await cookie_of(sam), HERE)
    await socket.greet()
    await socket.say(text)
    assert await socket.close_code() == code


async def test_bytes_are_nonsense_too(sam: Agent) -> None:
    socket = Socket(await cookie_of(sam), HERE)
    await socket.greet()
    await socket.say(data=b"\x00\xff")
    assert await socket.close_code() == 4400


async def test_changed_views_are_counted_for_each_agent(sam: Agent) -> None:
    socket = Socket(await cookie_of(sam), HERE)
    await socket.greet()
    live.send_now(live.ConversationsChanged([{"id": 1}]))
    async with asyncio.timeout(GUARD):
        while (frame := await socket.hear())["type"] != "counts":
            pass
    assert frame["views"]["all"] == 0
    assert frame["mine"] == 0
    await socket.leave()
