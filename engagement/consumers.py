"""The visitor's websocket `/ws/chat/<code>/`: let in by the code, shown a chat by its key, bounded in what it may send.

The visitor sends `{"type": "hello", "key", "after", "language"}` first, then `line` (`text`, `client_key`) and `typing`. They get
`{"type": "chat", "state", "status", "lines": [...]}` with what they do not have yet, `typing`, `taken` and `refused` (`client_key`,
`words`), and `unknown` for a key that is none.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import translation

from engagement.models import ChatSession, ShortLink
from engagement.services.chat import find_session, note_visitor_here, read_lines, say_as_visitor
from engagement.services.chat_state import LONGEST_LINE, TooFast, group_of
from engagement.services.chat_words import describe_chat, line_facts, refusal_words
from engagement.services.guessing import is_held_off, note_wrong
from engagement.services.links import resolve_link
from socialdesk.lib import live
from socialdesk.lib.address import socket_address
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.hub import Allowance

logger = logging.getLogger(__name__)
PREFIX = "/ws/chat/"
NONSENSE = 4400  # close codes: not understood; no such link; too many connections; too long
NO_LINK = 4404
TOO_MANY = 4429
TOO_LONG = 1009
BROKEN = 1011  # a fault of ours: the browser connects again
LONGEST_FRAME = 6 * LONGEST_LINE + 400  # a line whose every character is escaped, and its key
MOST_CONNECTIONS = 8  # of one link in this process
LOOK_SECONDS = 15.0  # the browser is here, and a hint may have been lost

_connections: Counter[int] = Counter()  # by link


class ChatConsumer(AsyncWebsocketConsumer):
    link: ShortLink | None = None
    session: ChatSession | None = None
    language = "en"
    known = 0  # the number of the last line that the browser has
    told = ("", "")  # the state and its words, as the browser has them
    looking: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        self.allowance = Allowance(burst=15, per_second=1.5)
        self.telling = asyncio.Lock()
        await self.accept()  # also to refuse: only an open socket can carry a code that the page understands
        address = socket_address(self.scope)
        link = await _find_link(self.scope["path"].removeprefix(PREFIX).removesuffix("/"), address)
        if link is None:
            await self.close(NO_LINK, "This link does not work.")
        elif _connections[link.pk] >= MOST_CONNECTIONS:
            await self.close(TOO_MANY, "This link is open in too many places.")
        else:
            self.link = link
            _connections[link.pk] += 1

    async def disconnect(self, code: int) -> None:
        if self.looking is not None:
            self.looking.cancel()
        if self.session is not None:
            await self.channel_layer.group_discard(group_of(self.session), self.channel_name)
        if self.link is not None:
            _connections[self.link.pk] -= 1
            if not _connections[self.link.pk]:
                del _connections[self.link.pk]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.link is None:
            return
        if text_data is not None and len(text_data) > LONGEST_FRAME:
            await self.close(TOO_LONG)
            return
        said = _read(text_data)
        match said:
            case {"type": "hello", "key": str(key), "after": int(after), "language": str(language)} if self.session is None:
                if self.allowance.take(asyncio.get_running_loop().time()):
                    await self._greet(self.link, key, after, language)
                else:
                    await self.close(TOO_MANY, "That was tried too often.")  # each key is looked up
            case {"type": "line", "text": str(text), "client_key": str(client_key)} if self.session is not None:
                await self._take(self.session, text, client_key)
            case {"type": "typing"} if self.session is not None:
                if self.allowance.take(asyncio.get_running_loop().time()):
                    live.send_now(live.ChatTyped(self.session.conversation_id, self.session.pk, "typing"))
            case _:
                await self.close(NONSENSE, 'Expected {"type": "hello", "key", "after", "language"}, then "line" or "typing".')

    async def chat_changed(self, event: dict[str, Any]) -> None:
        await self._tell_news()

    async def chat_typed(self, event: dict[str, Any]) -> None:
        await self._send({"type": "typing"})

    async def _greet(self, link: ShortLink, key: str, after: int, language: str) -> None:
        session = await database_sync_to_async(find_session)(link, key)
        if session is None:
            await self._send({"type": "unknown"})
            return
        self.session, self.known = session, max(0, min(after, session.lines_count))
        self.language = language if translation.check_for_language(language) else "en"
        await self.channel_layer.group_add(group_of(session), self.channel_name)
        self.looking = asyncio.create_task(self._look())

    async def _take(self, session: ChatSession, text: str, client_key: str) -> None:
        try:
            if not self.allowance.take(asyncio.get_running_loop().time()):
                raise TooFast("")
            await database_sync_to_async(say_as_visitor)(session_id=session.pk, text=text, client_key=client_key)
        except DeskError as error:
            with translation.override(self.language):
                await self._send({"type": "refused", "client_key": client_key, "words": refusal_words(error), "code": error.code})
            return
        live.send_now(live.ChatTyped(session.conversation_id, session.pk, "idle"))
        await self._tell_news()
        await self._send({"type": "taken", "client_key": client_key})

    async def _look(self) -> None:
        """Until the socket closes. Nobody waits for this task: if it ended alone, the visitor would be taken for away while they look."""
        try:
            while True:
                await self._tell_news(is_here=True)
                await asyncio.sleep(LOOK_SECONDS)
        except Exception as error:  # the database is away, say; the socket must not stay open without this
            logger.warning("a visitor's chat cannot be read, so its socket is closed: %s", type(error).__name__)
            await self.close(BROKEN, "Something broke on our side.")

    async def _tell_news(self, *, is_here: bool = False) -> None:
        if self.session is None or self.link is None:
            return
        async with self.telling:
            news = await _read_news(self.session.pk, self.known, self.language, is_here)
            if news is None:
                await self.close(NO_LINK, "This link does not work any more.")
                return
            told = (news["state"], news["status"])
            if news["lines"] or told != self.told:
                self.told = told
                self.known = max([self.known, *(line["number"] for line in news["lines"])])
                await self._send(news)

    async def _send(self, frame: dict[str, Any]) -> None:
        await self.send(json.dumps(frame, separators=(",", ":")))


@database_sync_to_async
def _find_link(code: str, address: str) -> ShortLink | None:
    """The living link with that code; who tries codes here is counted and held off as on the page."""
    if is_held_off(address):
        return None
    link = resolve_link(code)
    if link is not None and link.is_alive(now()):
        return link
    note_wrong(address)
    return None


@database_sync_to_async
def _read_news(session_id: int, after: int, language: str, is_here: bool) -> dict[str, Any] | None:
    """The frame with the chat's state and what came after that number; None if the link does not work any more."""
    session = ChatSession.objects.select_related("agent", "link").get(pk=session_id)
    if not session.link.is_alive(now()):
        return None
    if is_here and session.is_open:
        note_visitor_here(session)
    with translation.override(language):
        return {
            "type": "chat",
            "state": session.state,
            "status": describe_chat(session, now()),
            "lines": [line_facts(line) for line in read_lines(session, after=after)],
        }


def _read(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):  # what is nested deeper than Python reads
        return None
