"""A Mastodon server's people, statuses, notifications and lists, kept in memory, and the entities that it makes of them."""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

MENTION = re.compile(r"(?<![=/\w])@([a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)(?:@([\w.-]+[\w]+))?", re.IGNORECASE)
TAG = re.compile(r"(?<![\w/&])#(\w*[^\W\d]\w*)")
LINK = re.compile(r"https?://[^\s<]*[^\s<.,;:!?)]")


@dataclass(slots=True)
class Person:
    id: str
    username: str
    domain: str = ""
    display_name: str = ""
    note: str = ""
    followers: set[str] = field(default_factory=set)
    is_shut: bool = False  # by the server, which tells them nothing any more
    is_unnameable: bool = False  # on a server that is not found any more, say

    @property
    def acct(self) -> str:
        return f"{self.username}@{self.domain}" if self.domain else self.username


@dataclass(slots=True)
class Status:
    id: str
    author: Person
    text: str
    created_at: datetime
    visibility: str = "public"
    in_reply_to: str = ""
    reblog_of: str = ""
    mentions: list[Person] = field(default_factory=list)
    media: list[dict[str, Any]] = field(default_factory=list)
    edited_at: datetime | None = None
    extra: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[str, str, Any], None]  # stream, kind of event, payload


class World:
    """`domain` is what stands behind the @ of its people, `base` where it answers."""

    def __init__(self, base: str, domain: str = "") -> None:
        self.base, self.domain = base, domain or base.partition("://")[2]
        self.lock = threading.RLock()
        self.people: dict[str, Person] = {}
        self.statuses: dict[str, Status] = {}
        self.notifications: list[dict[str, Any]] = []  # id, type, created_at, account, status: a status's id
        self.lists: dict[str, tuple[str, set[str]]] = {"7": ("Customers", set())}
        self.liked: set[tuple[str, str]] = set()
        self.boosted: set[str] = set()  # by us
        self.counts: Counter[tuple[str, str]] = Counter()
        self.media: dict[str, dict[str, Any]] = {}
        self.listener: Listener = lambda stream, kind, payload: None
        self._ids = itertools.count(1)
        self._last = datetime.now(UTC) - timedelta(seconds=1)
        self.has_letters = False  # in its ids, as GoToSocial's and Pleroma's have
        self.us = self.person("tidewheel", display_name="Tidewheel")

    def new_id(self) -> str:
        if self.has_letters:
            return f"01JWN2Z6V7D3QK5W8X9Y0{next(self._ids):05X}"
        return str(114_000_000_000_000_000 + next(self._ids))

    def new_time(self) -> datetime:
        """Now, though each millisecond once: more is not said of a time."""
        with self.lock:
            now = datetime.now(UTC)
            self._last = max(now.replace(microsecond=now.microsecond // 1000 * 1000), self._last + timedelta(milliseconds=1))
            return self._last

    def person(self, acct: str, **given: Any) -> Person:
        """The person of that name, who is made where there is none. Our own server's are customers: they stand on its list."""
        username, _, domain = acct.lower().partition("@")
        domain = "" if domain == self.domain else domain
        for person in self.people.values():
            if (person.username, person.domain) == (username, domain):
                return person
        person = Person(self.new_id(), username, domain, **({"display_name": username.title()} | given))
        self.people[person.id] = person
        if username != "tidewheel":
            self.lists["7"][1].add(person.id)
        return person

    def publish(self, author: Person, text: str, *, tell: bool = True, under: str = "", **given: Any) -> Status:
        """`under`: the id that it gets, where it is one that was left out before."""
        with self.lock:
            mentions = [self.person(f"{found[1]}@{found[2] or self.domain}") for found in MENTION.finditer(text)]
            people = list({person.id: person for person in mentions if not (person.is_shut or person.is_unnameable)}.values())
            status = Status(under or self.new_id(), author, text, self.new_time(), mentions=people, **given)
            self.statuses[status.id] = status
            self._count(status, 1)
            self._tell(status, is_pushed=tell)
            return status

    def edit(self, status_id: str, text: str) -> None:
        status = self.statuses[status_id]
        status.text, status.edited_at = text, datetime.now(UTC)
        for stream in self._streams(status):
            self.listener(stream, "status.update", self.status_entity(status))

    def delete(self, status_id: str) -> None:
        with self.lock:
            status = self.statuses.pop(status_id)
            self.notifications = [note for note in self.notifications if note["status"] != status_id]
            self._count(status, -1)
            self.liked = {(who, liked) for who, liked in self.liked if liked != status_id}
            for boost in [each for each in self.statuses.values() if each.reblog_of == status_id]:
                del self.statuses[boost.id]
            for stream in self._streams(status):
                self.listener(stream, "delete", status_id)

    def boost(self, author: Person, status_id: str) -> Status:
        for status in self.statuses.values():
            if status.author is author and status.reblog_of == status_id:
                return status
        return self.publish(author, "", reblog_of=status_id)

    def _count(self, status: Status, step: int) -> None:
        self.counts["reply", status.in_reply_to] += step
        self.counts["boost", status.reblog_of] += step
        if status.author is self.us and status.reblog_of:
            (self.boosted.add if step > 0 else self.boosted.discard)(status.reblog_of)

    def _tell(self, status: Status, *, is_pushed: bool) -> None:
        for stream in self._streams(status) if is_pushed else []:
            self.listener(stream, "update", self.status_entity(status))
        if self.us in status.mentions and status.author is not self.us:
            note = {"id": self.new_id(), "type": "mention", "created_at": status.created_at, "account": status.author, "status": status.id}
            self.notifications.append(note)
            if is_pushed:
                self.listener("user", "notification", self.notification_entity(note))

    def _streams(self, status: Status) -> list[str]:
        if status.visibility == "direct":
            return []
        streams = ["user"] if status.author is self.us or self.us.id in status.author.followers else []
        streams += [f"list:{key}" for key, (_, members) in self.lists.items() if status.author.id in members]
        return streams + [f"hashtag:{tag.lower()}" for tag in TAG.findall(status.text) if status.visibility == "public"]

    # What can be seen

    def may_see(self, status: Status, viewer: Person) -> bool:
        if status.visibility in ("public", "unlisted"):
            return True
        named = status.author is viewer or viewer in status.mentions
        return named or (status.visibility == "private" and viewer.id in status.author.followers)

    def is_listed(self, status: Status, members: set[str]) -> bool:
        return status.author.id in members and status.visibility in ("public", "unlisted", "private")

    # Entities

    def status_entity(self, status: Status) -> dict[str, Any]:
        parent = self.statuses.get(status.in_reply_to)
        original = self.statuses.get(status.reblog_of)
        uri = f"{self.base}/users/{status.author.username}/statuses/{status.id}"
        names = list(dict.fromkeys(tag.lower() for tag in TAG.findall(status.text)))
        return {
            "id": status.id,
            "created_at": stamp(status.created_at),
            "in_reply_to_id": status.in_reply_to or None,
            "in_reply_to_account_id": parent.author.id if parent else None,
            "sensitive": False,
            "spoiler_text": "",
            "visibility": status.visibility,
            "language": "en",
            "uri": uri,
            "url": f"{uri}/activity" if status.reblog_of else f"{self.base}/@{status.author.acct}/{status.id}",
            "replies_count": self.counts["reply", status.id],
            "reblogs_count": self.counts["boost", status.id],
            "favourites_count": int((self.us.id, status.id) in self.liked),
            "edited_at": stamp(status.edited_at) if status.edited_at else None,
            "favourited": (self.us.id, status.id) in self.liked,
            "reblogged": status.id in self.boosted,
            "muted": False,
            "bookmarked": False,
            "content": self.to_html(status.text),
            "reblog": self.status_entity(original) if original else None,
            "account": self.account_entity(status.author),
            "media_attachments": status.media,
            "mentions": [
                {"id": each.id, "username": each.username, "acct": each.acct, "url": self.profile_url(each)} for each in status.mentions
            ],
            "tags": [{"name": name, "url": f"{self.base}/tags/{name}"} for name in names],
            "emojis": [],
            "card": None,
            "poll": None,
        } | status.extra

    def account_entity(self, person: Person) -> dict[str, Any]:
        picture = f"{self.base}/avatars/original/missing.png"
        return {
            "id": person.id,
            "username": person.username,
            "acct": person.acct,
            "display_name": person.display_name,
            "locked": False,
            "bot": False,
            "discoverable": True,
            "indexable": False,
            "group": False,
            "created_at": "2023-04-11T00:00:00.000Z",
            "note": person.note,
            "url": self.profile_url(person),
            "uri": f"{self.base}/users/{person.username}",
            "avatar": picture,
            "avatar_static": picture,
            "header": picture,
            "header_static": picture,
            "followers_count": len(person.followers),
            "following_count": 0,
            "statuses_count": 0,
            "last_status_at": None,
            "emojis": [],
            "fields": [],
        } | ({"suspended": True} if person.is_shut else {})

    def notification_entity(self, note: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": note["id"],
            "type": note["type"],
            "created_at": stamp(note["created_at"]),
            "group_key": f"ungrouped-{note['id']}",
            "account": self.account_entity(note["account"]),
            "status": self.status_entity(self.statuses[note["status"]]) if note["status"] else None,
        }

    def profile_url(self, person: Person) -> str:
        return f"https://{person.domain}/@{person.username}" if person.domain else f"{self.base}/@{person.username}"

    def to_html(self, text: str) -> str:
        """As Mastodon does: paragraphs, links cut for the eye, people without the name of their server."""
        whole = re.compile("|".join((LINK.pattern, MENTION.pattern, TAG.pattern)), re.IGNORECASE)

        def one(found: re.Match[str]) -> str:
            word = found[0]
            if word.startswith("@"):
                person = self.person(f"{found[1]}@{found[2] or self.domain}")
                url = self.profile_url(person)
                return (
                    f'<span class="h-card" translate="no"><a href="{url}" class="u-url mention">@<span>{person.username}</span></a></span>'
                )
            if word.startswith("#"):
                tag = word[1:]
                return f'<a href="{self.base}/tags/{tag.lower()}" class="mention hashtag" rel="tag">#<span>{tag}</span></a>'
            scheme, rest = re.fullmatch(r"(https?://(?:www\.)?)(.*)", word).groups()  # type: ignore[union-attr]
            shown, hidden = rest[:30], rest[30:]
            kind = "ellipsis" if hidden else ""
            return (
                f'<a href="{html.escape(word)}" target="_blank" rel="nofollow noopener" translate="no"><span class="invisible">{scheme}'
                f'</span><span class="{kind}">{html.escape(shown)}</span><span class="invisible">{html.escape(hidden)}</span></a>'
            )

        out, at = [], 0
        for found in whole.finditer(text):
            out += [html.escape(text[at : found.start()]), one(found)]
            at = found.end()
        marked = "".join([*out, html.escape(text[at:])]).strip()
        paragraphs = [part.replace("\n", "<br />") for part in re.split(r"\n\n+", marked)]
        return "".join(f"<p>{part}</p>" for part in paragraphs) if marked else ""


def stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def challenge_of(verifier: str) -> str:
    """PKCE, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
