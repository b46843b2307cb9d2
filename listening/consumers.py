"""The websocket of the desk: says who may listen, joins the hub, passes on presence. Everything else is the hub's."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module

from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from rest_framework.exceptions import AuthenticationFailed

from listening.live_counts import read_counts
from profiles.models import Agent
from profiles.tokens import TokenAuthentication
from socialdesk.lib.hub import Connection, Hub, Viewer
from socialdesk.lib.presence import DOING

SIGN_IN = 4401  # close codes: sign in again; not understood; too long
NONSENSE = 4400
TOO_LONG = 1009
RECHECK_SECONDS = 60.0
LONGEST_TEXT = 200  # characters; the longest sensible message has some 70

_hub: Hub | None = None


def process_hub() -> Hub:
    """The one hub of this process, made on the server's loop when the first browser comes."""
    global _hub
    if _hub is None:
        _hub = Hub(read_counts)
    return _hub


async def stop_hub() -> None:
    """When the server stops, on its loop."""
    global _hub
    if _hub is not None:
        await _hub.stop()
        _hub = None


class DeskConsumer(AsyncWebsocketConsumer):
    channel_layer_alias = "none"  # a browser has no channel of its own: the hub's subscription serves all
    connection: Connection | None = None
    watch: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        agent = await self._find_agent()
        await self.accept()  # also to refuse: only an open socket can carry a code that the page understands
        if agent is None:
            await self.close(SIGN_IN, "Sign in, or send a valid token.")
            return
        self.connection = await process_hub().join(Viewer(agent.pk, agent.name), self.base_send)
        self.watch = asyncio.create_task(self._close_when_signed_out())

    async def disconnect(self, code: int) -> None:
        if self.watch is not None:
            self.watch.cancel()
        if self.connection is not None:
            await process_hub().leave(self.connection)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.connection is None:
            return
        if text_data is not None and len(text_data) > LONGEST_TEXT:
            await self.close(TOO_LONG)
            return
        presence = _read_presence(text_data)
        if presence is None:
            await self.close(NONSENSE, 'Expected {"type": "presence", "conversation": id, "doing": "looking", "typing" or "left"}')
            return
        process_hub().say(self.connection, *presence)

    async def _close_when_signed_out(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            if await self._find_agent() is None:
                await self.close(SIGN_IN, "You were signed out.")
                return

    async def _find_agent(self) -> Agent | None:
        """Whom the token, else the session cookie, belongs to at this moment; None if to nobody who may sign in."""
        header = dict(self.scope["headers"]).get(b"authorization")
        if header is not None:
            by_token: Agent | None = await _find_by_token(header)
            return by_token
        # Read anew each time: a session that was kept would be as old as the connection.
        store = import_module(settings.SESSION_ENGINE).SessionStore
        user = await get_user({"session": store(self.scope["cookies"].get(settings.SESSION_COOKIE_NAME))})
        return user if isinstance(user, Agent) else None


@database_sync_to_async
def _find_by_token(header: bytes) -> Agent | None:
    prefix, _, token = header.partition(b" ")
    if prefix.lower() != b"token":
        return None
    try:
        return TokenAuthentication().authenticate_credentials(token.strip())[0]
    except AuthenticationFailed:
        return None


def _read_presence(text: str | None) -> tuple[int, str] | None:
    """The conversation and what the agent does there; None if the text says anything else."""
    try:
        said = json.loads(text or "")
    except ValueError:
        return None
    match said:
        case {"type": "presence", "conversation": int(conversation), "doing": str(doing)}:
            # JSON's true is an int to Python.
            return (conversation, doing) if conversation is not True and 0 < conversation < 2**63 and doing in DOING else None
    return None
