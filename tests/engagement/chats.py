"""What the tests of chats begin with: a link, agents on duty, a visitor without JavaScript."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from engagement.models import ChatSession, ShortLink
from engagement.services.chat import begin_chat
from engagement.services.chat_duty import note_here
from engagement.services.offers import offer_link
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.clock import now
from tests.factories import make_conversation

PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) Mobile"}


def make_link(conversation: Conversation | None = None, *, kind: str = "chat", language: str = "en") -> ShortLink:
    found = conversation or make_conversation()
    return offer_link(conversation_id=found.pk, kind=kind, agent=None, reason="complex", language=language)


def begin(link: ShortLink, text: str = "My wheel squeaks") -> ChatSession:
    return begin_chat(link=link, form_key=secrets.token_urlsafe(16), text=text, language="en")


def put_on_duty(*agents: Agent) -> None:
    for agent in agents:
        note_here(agent=agent)


def away(session: ChatSession, **ago: float) -> None:
    """The visitor's browser was last heard of so long ago."""
    ChatSession.objects.filter(pk=session.pk).update(visitor_seen_at=now() - timedelta(**ago))


class Visitor:
    """A phone without JavaScript: reads pages, sends forms, follows where they lead."""

    def __init__(self, link: ShortLink, **options: Any) -> None:
        self.client = Client(**options)
        self.path = f"/s/{link.code}"
        self.page = ""
        self.status = 0
        self.refreshes = False  # by itself

    @property
    def key(self) -> str:
        return parse_qs(urlsplit(self.path).query).get("k", [""])[0]

    def look(self, path: str = "") -> str:
        return self._take(self.client.get(path or self.path, headers=PHONE))

    def send(self, text: str, **fields: str) -> str:
        """What stands in the form's hidden fields goes along, as in a browser."""
        hidden = dict(re.findall(r'<input type="hidden"\s+name="(\w+)"\s+value="([^"]*)">', self.page))
        hidden.pop("do", None)
        action = re.search(r'method="post"\s+action="([^"]+)"', self.page)
        assert action is not None, self.page
        where = action[1].replace("&amp;", "&")
        return self._take(self.client.post(where, {**hidden, "text": text, **fields}, headers=PHONE))

    def end(self) -> str:
        return self._take(self.client.post(self.path, {"do": "end"}, headers=PHONE))

    def _take(self, response: Any) -> str:
        self.status = response.status_code
        if response.status_code == 303:
            self.path = response["Location"].split("#")[0]
            self.look()
            self.status = 303
            return self.page
        self.page = response.content.decode()
        self.refreshes = "Refresh" in response
        return " ".join(self.page.split())
