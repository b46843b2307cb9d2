"""What the simulated Graph API holds: people, pages, what was written, private messages, tokens, and the calls that it would make."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

PAGE, INSTAGRAM = "104857600001", "17841400000001"
DAY = 86_400
ALL_SCOPES = (
    "pages_show_list",
    "pages_read_engagement",
    "pages_read_user_content",
    "pages_manage_engagement",
    "pages_manage_posts",
    "pages_manage_metadata",
    "pages_messaging",
    "business_management",
    "instagram_basic",
    "instagram_manage_comments",
    "instagram_manage_messages",
)
ALL_TASKS = ("ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MANAGE", "MESSAGING", "MODERATE")


@dataclass
class Person:
    """Somebody with an id of their own for our page (Facebook) or account (Instagram)."""

    id: str
    name: str
    username: str
    is_named: bool = True  # false: our app is not told who it is


@dataclass
class Thing:
    """A post, comment, photo or media. `kind` is the node type by which the Graph API calls it."""

    id: str
    kind: str
    author: Person
    text: str
    created: int
    seq: int
    parent: str = ""
    place: str = ""  # the post that a comment is below
    is_hidden: bool = False
    picture: str = ""
    tagged: str = ""  # whom it names, if it stands at a place of its own
    touched: int = 0
    alt: str = ""


@dataclass
class Letter:
    id: str
    sender: Person
    recipient: Person
    text: str
    created: int
    seq: int


@dataclass
class Token:
    """`kind` is user, page or app."""

    value: str
    kind: str
    scopes: set[str]
    page: str = ""
    is_valid: bool = True
    granular: list[dict[str, Any]] = field(default_factory=list)


class World:
    """All of it. Methods do what people do; permissions are the routes' business."""

    def __init__(self) -> None:
        self.page = Person(PAGE, "Tidewheel", "tidewheel")
        self.account = Person(INSTAGRAM, "Tidewheel", "tidewheel")
        self.people: dict[tuple[str, str], Person] = {}
        self.things: dict[str, Thing] = {}
        self.letters: list[Letter] = []
        self.opened: dict[str, int] = {}  # when somebody last did what lets us write to them
        self.answered: set[str] = set()  # comments that had their one private answer
        self.tokens: dict[str, Token] = {}
        self.subscribed: dict[str, list[str]] = {}
        self.tasks: list[str] = list(ALL_TASKS)
        self.liked: set[str] = set()
        self.skew = 0
        self.events: list[dict[str, Any]] = []
        self._ids = itertools.count(501)
        self.other_pages: list[dict[str, Any]] = []
        self.businesses: set[str] = set()  # pages that belong to a business

    def now(self) -> int:
        return int(time.time()) + self.skew

    def us(self, network: str) -> Person:
        return self.page if network == "facebook" else self.account

    def person(self, network: str, username: str) -> Person:
        if username == "tidewheel":
            return self.us(network)
        known = self.people.get((network, username))
        if known is None:
            # On Facebook a name is all that is told of people.
            number = next(self._ids)
            prefix = "2400" if network == "facebook" else "1784"
            known = self.people[network, username] = Person(f"{prefix}{number:08}", username, username)
        return known

    def person_by_id(self, network: str, person_id: str) -> Person | None:
        ours = self.us(network)
        return next((p for p in [ours, *(one for (n, _), one in self.people.items() if n == network)] if p.id == person_id), None)

    def token(self, kind: str = "page", *, scopes: tuple[str, ...] = ALL_SCOPES, page: str = PAGE) -> Token:
        value = f"EAAB{kind}{next(self._ids):030}"
        self.tokens[value] = Token(value, kind, set(scopes), page if kind == "page" else "")
        return self.tokens[value]

    # --- Facebook

    def post(self, author: Person, text: str, *, tagged: str = "", picture: str = "", at: int | None = None) -> Thing:
        number = next(self._ids) + 70_000
        home = PAGE if not tagged else author.id
        thing = self._add(f"{home}_{number}", "PagePost", author, text, at=at, tagged=tagged, picture=picture)
        if not tagged:
            self._told("feed", _post_value(thing, "add"))
        return thing

    def comment(self, author: Person, below: str, text: str, *, picture: str = "", at: int | None = None) -> Thing:
        target = self.things[below]
        post = self.things[target.place] if target.place else target
        # Facebook shows two levels: what answers an answer stands below the same comment.
        parent = "" if target is post else (target.parent or target.id)
        number = next(self._ids) + 900_000
        comment_id = f"{post.id.partition('_')[2]}_{number}"
        thing = self._add(comment_id, "Comment", author, text, at=at, parent=parent, place=post.id, picture=picture)
        post.touched = max(post.touched, thing.created)
        self._told("feed", _comment_value(thing, "add"))
        return thing

    # --- Instagram

    def media(
        self, author: Person, caption: str, *, tagged: str = "", at: int | None = None, picture: str = "https://cdn.example/m.jpg"
    ) -> Thing:
        return self._add(f"1799{next(self._ids):010}", "IGMedia", author, caption, at=at, tagged=tagged, picture=picture)

    def ig_comment(self, author: Person, below: str, text: str, *, at: int | None = None) -> Thing:
        target = self.things[below]
        media = self.things[target.place] if target.place else target
        parent = "" if target is media else (target.parent or target.id)
        thing = self._add(f"1801{next(self._ids):010}", "IGComment", author, text, at=at, parent=parent, place=media.id)
        if media.author is self.account:
            self._told_ig({"field": "comments", "value": _ig_comment_value(thing)})
        return thing

    def name_us(self, thing: Thing) -> None:
        """Instagram tells us that this names us."""
        thing.tagged = thing.tagged or INSTAGRAM
        ids = {"media_id": thing.place or thing.id} | ({"comment_id": thing.id} if thing.kind == "IGComment" else {})
        self._told_ig({"field": "mentions", "value": ids})

    # --- Both

    def letter(self, sender: Person, recipient: Person, text: str, *, network: str, at: int | None = None) -> Letter:
        number = next(self._ids)
        created = self.now() if at is None else at
        letter = Letter(f"m_{network[:2]}{number:012}ZDZD", sender, recipient, text, created, number)
        self.letters.append(letter)
        ours = self.us(network)
        if sender is not ours:
            self.opened[sender.id] = max(created, self.opened.get(sender.id, 0))
        message: dict[str, Any] = {"mid": letter.id, "text": text} | ({"is_echo": True, "app_id": 1} if sender is ours else {})
        entry = {
            "id": ours.id,
            "time": created * 1000,
            "messaging": [
                {"sender": {"id": sender.id}, "recipient": {"id": recipient.id}, "timestamp": created * 1000, "message": message}
            ],
        }
        self.events.append({"object": "page" if network == "facebook" else "instagram", "entry": [entry]})
        return letter

    def edit(self, thing_id: str, text: str) -> None:
        thing = self.things[thing_id]
        thing.text = text
        if thing.kind in ("PagePost", "Comment"):
            value = _comment_value if thing.kind == "Comment" else _post_value
            self._told("feed", value(thing, "edited"))

    def delete(self, thing_id: str) -> None:
        thing = self.things.pop(thing_id)
        for below in [one.id for one in self.things.values() if thing_id in (one.parent, one.place)]:
            del self.things[below]
        if thing.kind in ("PagePost", "Comment"):
            value = _comment_value if thing.kind == "Comment" else _post_value
            self._told("feed", value(thing, "remove"))

    def below(self, thing: Thing) -> list[Thing]:
        """All comments below a post, or all answers below a comment, newest first."""
        if thing.kind in ("Comment", "IGComment"):
            found = [one for one in self.things.values() if one.parent == thing.id]
        else:
            found = [one for one in self.things.values() if one.place == thing.id]
        return newest_first(found)

    def _add(self, thing_id: str, kind: str, author: Person, text: str, *, at: int | None = None, **more: str) -> Thing:
        created = self.now() if at is None else at
        thing = Thing(thing_id, kind, author, text, created, next(self._ids), touched=created, **more)  # type: ignore[arg-type]
        self.things[thing_id] = thing
        return thing

    def _told(self, field_name: str, value: dict[str, Any]) -> None:
        entry = {"id": PAGE, "time": self.now(), "changes": [{"field": field_name, "value": value}]}
        self.events.append({"object": "page", "entry": [entry]})

    def _told_ig(self, change: dict[str, Any]) -> None:
        self.events.append({"object": "instagram", "entry": [{"id": INSTAGRAM, "time": self.now(), "changes": [change]}]})


def newest_first(things: list[Any]) -> list[Any]:
    return sorted(things, key=lambda thing: (thing.created, thing.seq), reverse=True)


def _from(author: Person) -> dict[str, Any]:
    return {"from": {"id": author.id, "name": author.name}} if author.is_named else {}


def _post_value(thing: Thing, verb: str) -> dict[str, Any]:
    value = {"item": "status", "verb": verb, "post_id": thing.id, "created_time": thing.created, **_from(thing.author)}
    return value if verb == "remove" else {**value, "message": thing.text, "published": 1}


def _comment_value(thing: Thing, verb: str) -> dict[str, Any]:
    value = {
        "item": "comment",
        "verb": verb,
        "comment_id": thing.id,
        "post_id": thing.place,
        "parent_id": thing.parent or thing.place,
        "created_time": thing.created,
        **_from(thing.author),
    }
    return value if verb == "remove" else {**value, "message": thing.text}


def _ig_comment_value(thing: Thing) -> dict[str, Any]:
    value: dict[str, Any] = {
        "id": thing.id,
        "text": thing.text,
        "from": {"id": thing.author.id, "username": thing.author.username},
        "media": {"id": thing.place, "media_product_type": "FEED"},
    }
    return value | ({"parent_id": thing.parent} if thing.parent else {})
