"""The demo's customers behind their links: they choose, ask for calls, chat, answer on status pages, and rate, as their mood is.

They see what a person without JavaScript sees: each page is fetched from the desk itself, its form filled in and sent.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any
from zlib import crc32

from django.conf import settings
from django.db.models import F, OuterRef, Q, Subquery
from django.http import HttpResponseBase
from django.test import Client

from engagement.models import CHAT_OPEN, ChatLine, ChatSession, ShortLink, Ticket
from engagement.services.links import link_url, offers_of
from socialdesk.lib.conditions import any_of
from socialdesk.networks.registry import sandbox_world
from socialdesk.networks.sandbox.records import Account

LOOKS_AFTER = timedelta(seconds=15)  # from when a link arrived; and between two acts of one person
MOST_AT_ONCE = 10
BROWSER = "Mozilla/5.0 (Linux; Android 9; demo) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36"
SCORES = {"grateful": 5, "patient": 4, "impatient": 3, "hostile": 1}
PHONE = ("GB", "+44 117 496 0140")  # kept for stories: it reaches nobody


class _Fields(HTMLParser):
    """The first form of a page that posts and holds the field `wanted`: its address, and what its fields say."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self._wanted = wanted
        self._action = ""
        self._fields: dict[str, str] | None = None
        self._select = ""
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self._action, self._fields = given.get("action", ""), {}
        elif self._fields is None:
            return
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select and ("selected" in given or self._select not in self._fields):
            self._fields[self._select] = given.get("value", "")
        elif tag == "textarea" or (tag == "input" and given.get("type") not in ("checkbox", "radio")):
            self._fields[given.get("name", "")] = given.get("value", "")
        elif tag == "input":
            self._fields.setdefault(given.get("name", ""), "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "form" and self._fields is not None:
            if self._wanted in self._fields and not self.fields:
                self.action, self.fields = self._action, self._fields
            self._fields = None


class Visitor:
    """One customer of the demo with a browser."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._client = Client(headers={"User-Agent": BROWSER, "Accept-Language": account.language or "en"}, raise_request_exception=False)
        self._page: Any = None

    def open(self, path: str) -> None:
        self._go(self._client.get(path, **self._from_there()))  # type: ignore[arg-type]
        self._path = path

    def fill(self, wanted: str, **typed: str) -> bool:
        """Fill in the form that holds the field `wanted` and send it. False if the page has none."""
        form = _Fields(wanted)
        form.feed(self._page.content.decode(errors="replace"))
        if not form.fields:
            return False
        data = {**{name: value for name, value in form.fields.items() if name}, **typed}
        self._go(self._client.post(form.action or self._path, data, follow=True, **self._from_there()))  # type: ignore[arg-type]
        return bool(self._page.status_code < 400)

    def say(self, what: str) -> str:
        """What this person says, in their language."""
        words = _words()
        return str(words.get(self.account.language.partition("-")[0], words["en"])[what])

    def _go(self, page: HttpResponseBase) -> None:
        self._page = page

    def _from_there(self) -> dict[str, str]:
        # Each comes from an address of their own, kept for examples, so that their throttles are their own too.
        return {"REMOTE_ADDR": f"198.51.100.{crc32(self.account.username.encode()) % 254 + 1}", "HTTP_HOST": _host()}


def play_visitors(now: datetime) -> int:
    """What the people of the sandbox do behind their links by `now`. Returns how many did something."""
    return _open_links(now) + _go_on_chatting(now) + _answer_tickets(now)


def _open_links(now: datetime) -> int:
    """Links that arrived a little while ago and were not opened yet."""
    fresh = ShortLink.objects.filter(
        message__sent_at__lte=now - LOOKS_AFTER, opened_at=None, revoked_at=None, expires_at__gt=now, conversation__network="sandbox"
    )
    done = 0
    for link in fresh.select_related("conversation__author").order_by("pk")[:MOST_AT_ONCE]:
        visitor = _visitor(link)
        if visitor is not None:
            visitor.open(f"/s/{link.code}")
            done += _act(visitor, link)
    return done


def _act(visitor: Visitor, link: ShortLink) -> bool:
    mood = visitor.account.mood
    match link.kind:
        case ShortLink.Kind.SURVEY if mood in SCORES:
            return visitor.fill("score", score=str(SCORES[mood]), comment=visitor.say("happy" if SCORES[mood] > 3 else "unhappy"))
        case ShortLink.Kind.CALLBACK if mood != "silent":
            return _ask_for_a_call(visitor)
        case ShortLink.Kind.CHAT if mood != "silent":
            return visitor.fill("text", text=visitor.say("hello"))
        case ShortLink.Kind.TICKET if mood in ("patient", "impatient"):
            return visitor.fill("text", text=visitor.say("details"))
        case ShortLink.Kind.ARTICLE if mood != "silent":
            return visitor.fill("comment", helped="no" if mood == "hostile" else "yes")
        case ShortLink.Kind.CHOICE if mood != "silent":
            return _choose(visitor, link)
    return False


def _choose(visitor: Visitor, link: ShortLink) -> bool:
    wish = {"hostile": "stay", "impatient": "callback"}.get(visitor.account.mood, "chat" if link.pk % 2 else "callback")
    wish = wish if wish in offers_of(link) else "stay"
    if wish == "stay":
        return visitor._client.post(f"/s/{link.code}/stay", **visitor._from_there()).status_code == 200  # type: ignore[arg-type]
    visitor.open(f"/s/{link.code}/{wish}")
    return _ask_for_a_call(visitor) if wish == "callback" else visitor.fill("text", text=visitor.say("hello"))


def _ask_for_a_call(visitor: Visitor) -> bool:
    region, number = PHONE
    typed = {"number": number, "region": region, "reason": visitor.say("call"), "agree": "on", "step": "check"}
    return visitor.fill("number", **typed) and visitor.fill("number", step="send")


def _go_on_chatting(now: datetime) -> int:
    """Chats whose last line is ours: they answer once or twice, then say goodbye."""
    last = ChatLine.objects.filter(session=OuterRef("pk")).order_by("-number")
    waiting = (
        ChatSession.objects.filter(any_of("state", CHAT_OPEN), conversation__network="sandbox")
        .annotate(
            ours=Subquery(last.values("is_ours")[:1]), said_at=Subquery(last.values("at")[:1]), said=Subquery(last.values("number")[:1])
        )
        .filter(ours=True, said_at__lte=now - LOOKS_AFTER)
    )
    done = 0
    for session in waiting.select_related("link__conversation__author").order_by("pk")[:MOST_AT_ONCE]:
        visitor = _visitor(session.link)
        if visitor is None:
            continue
        visitor.open(f"/s/{session.link.code}{'/chat' if session.link.kind == 'choice' else ''}?k={session.form_key}")
        words = ("more", "thanks")[min(session.said // 2, 2) - 1] if session.said < 6 else "thanks"
        done += visitor.fill("client_key", text=visitor.say(words))
        if words == "thanks":
            visitor.fill("do")
    return done


def _answer_tickets(now: datetime) -> int:
    """Tickets that were solved: "is it?" is answered, and by the impatient once with no."""
    asked = Ticket.objects.filter(
        Q(customer_says="") | Q(customer_says="not_solved", solved_at__gt=F("created_at")),
        state=Ticket.State.SOLVED,
        solved_at__lte=now - LOOKS_AFTER,
        conversation__network="sandbox",
    )
    done = 0
    for ticket in asked.select_related("link__conversation__author").order_by("pk")[:MOST_AT_ONCE]:
        visitor = _visitor(ticket.link)
        if visitor is None or visitor.account.mood == "silent":
            continue
        step = "again" if visitor.account.mood in ("impatient", "hostile") and not ticket.reopened else "solved"
        data = {"text": visitor.say("unhappy") if step == "again" else "", "form_key": f"demo-{ticket.pk}-{ticket.reopened}"}
        path = f"/s/{ticket.link.code}/{step}"
        done += visitor._client.post(path, data, **visitor._from_there()).status_code == 200  # type: ignore[arg-type]
    return done


def _visitor(link: ShortLink) -> Visitor | None:
    account = sandbox_world().account(link.conversation.author.username)
    return Visitor(account) if account is not None else None


@lru_cache(maxsize=1)
def _words() -> dict[str, dict[str, str]]:
    """What they say: language -> occasion -> text."""
    words: dict[str, dict[str, str]] = json.loads((settings.DEMO_DIR / "visitors.json").read_text(encoding="utf-8"))
    return words


def _host() -> str:
    return link_url(ShortLink(code="")).split("/")[2]
