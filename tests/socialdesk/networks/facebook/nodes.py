"""How the simulated Graph API shows its nodes: the fields that were asked for and no others, lists in pages."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from tests.socialdesk.networks.facebook.graph import INSTAGRAM, Letter, Person, Thing, World, newest_first


class GraphError(Exception):
    """An answer that is an error, in the Graph API's form."""

    def __init__(self, code: int, message: str, *, subcode: int = 0, status: int = 400, kind: str = "OAuthException", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": f"(#{code}) {message}", "type": kind, "code": code, "fbtrace_id": "AbCdEf"} | more}
        if subcode:
            self.body["error"]["error_subcode"] = subcode


def gone(thing_id: str, method: str = "get") -> GraphError:
    said = (
        f"Unsupported {method} request. Object with ID '{thing_id}' does not exist, cannot be loaded due to missing permissions, or does"
        " not support this operation."
    )
    return GraphError(100, said, subcode=33, kind="GraphMethodException")


Fields = dict[str, tuple[dict[str, str], "Fields | None"]]  # name -> modifiers, fields within

_PART = re.compile(r"([a-z_]+)((?:\.[a-z_]+\([^)]*\))*)")


def parse_fields(text: str) -> Fields:
    """`a,b.limit(5){c}` as a tree. Raises GraphError."""
    fields, rest = _parse(text)
    if rest:
        raise GraphError(2500, f"Syntax error at {rest[:20]!r}.")
    return fields


def _parse(text: str) -> tuple[Fields, str]:
    fields: Fields = {}
    while True:
        match = _PART.match(text)
        if match is None:
            raise GraphError(2500, f"Syntax error, expected a field at {text[:20]!r}.")
        modifiers = dict(re.findall(r"\.([a-z_]+)\(([^)]*)\)", match[2]))
        text = text[match.end() :]
        inner: Fields | None = None
        if text.startswith("{"):
            inner, text = _parse(text[1:])
            if not text.startswith("}"):
                raise GraphError(2500, "Syntax error, a brace is not closed.")
            text = text[1:]
        fields[match[1]] = (modifiers, inner)
        if not text.startswith(","):
            return fields, text
        text = text[1:]


def stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


class Shown:
    """The world as one token sees it. `base` begins the addresses of further pages."""

    def __init__(self, world: World, base: str, token: str) -> None:
        self.world = world
        self._base = base
        self._token = token

    def node(self, thing: Any, kind: str, fields: Fields) -> dict[str, Any]:
        known = self._kinds[kind]
        shown: dict[str, Any] = {"id": thing.id if not isinstance(thing, dict) else thing["id"]}
        for name, (modifiers, inner) in fields.items():
            if name not in known:
                raise GraphError(100, f"Tried accessing nonexisting field ({name}) on node type ({kind})")
            value = known[name](self, thing, modifiers, inner)
            if value not in (None, ""):
                shown[name] = value
        return shown

    def page_of(
        self, things: list[Any], kind: str, fields: Fields, *, limit: int, after: str, path: str, query: dict[str, str]
    ) -> dict[str, Any]:
        """One page of a list, with the cursors to the next and its whole address, token and all, as the real one gives it."""
        try:
            start = int(base64.urlsafe_b64decode(after).decode()) if after else 0
        except ValueError:
            raise GraphError(100, "Invalid cursor.") from None
        part = things[start : start + limit]
        answer: dict[str, Any] = {"data": [self.node(thing, kind, fields) for thing in part]}
        if part:
            following = _cursor(start + len(part))
            answer["paging"] = {"cursors": {"before": _cursor(start), "after": following}}
            if start + len(part) < len(things):
                onward = urlencode({**query, "limit": limit, "after": following, "access_token": self._token})
                answer["paging"]["next"] = f"{self._base}/{path}?{onward}"
        return answer

    def _within(self, things: list[Any], kind: str, modifiers: dict[str, str], inner: Fields | None, path: str) -> dict[str, Any]:
        return self.page_of(things, kind, inner or {}, limit=int(modifiers.get("limit", 25)), after="", path=path, query={})

    # --- One function for each field

    def _author(self, thing: Thing, *_: Any) -> Any:
        return {"id": thing.author.id, "name": thing.author.name} if thing.author.is_named else None

    def _ig_author(self, thing: Thing, *_: Any) -> Any:
        return {"id": thing.author.id, "username": thing.author.username} if thing.author.is_named else None

    def _attachments(self, thing: Thing, *_: Any) -> Any:
        return {"data": [_picture(thing)]} if thing.picture else None

    def _parent(self, thing: Thing, modifiers: Any, inner: Fields | None) -> Any:
        return self.node(self.world.things[thing.parent], "Comment", inner or {}) if thing.parent in self.world.things else None

    def _media(self, thing: Thing, modifiers: Any, inner: Fields | None) -> Any:
        media = self.world.things[thing.place]
        return self.node(media, "IGMedia", inner or {})

    def _replies(self, thing: Thing, modifiers: dict[str, str], inner: Fields | None) -> Any:
        below = self.world.below(thing)
        return self._within(below, "IGComment", modifiers, inner, f"{thing.id}/replies") if below else None

    def _participants(self, conversation: dict[str, Any], *_: Any) -> Any:
        us, them = self.world.us(conversation["network"]), conversation["them"]
        return {"data": [_participant(person, conversation["network"]) for person in (them, us)]}

    def _messages(self, conversation: dict[str, Any], modifiers: dict[str, str], inner: Fields | None) -> Any:
        return self._within(conversation["letters"], "Message", modifiers, inner, f"{conversation['id']}/messages")

    def _mentioned_comment(self, person: Person, modifiers: dict[str, str], inner: Fields | None) -> Any:
        return self._mentioned(modifiers.get("comment_id", ""), "IGComment", inner)

    def _mentioned_media(self, person: Person, modifiers: dict[str, str], inner: Fields | None) -> Any:
        return self._mentioned(modifiers.get("media_id", ""), "IGMedia", inner)

    def _mentioned(self, thing_id: str, kind: str, inner: Fields | None) -> Any:
        thing = self.world.things.get(thing_id)
        if thing is None or thing.kind != kind or thing.tagged != INSTAGRAM:
            raise GraphError(100, "Invalid parameter: the account was not mentioned there.", subcode=2207024)
        return self.node(thing, kind, inner or {})

    def _instagram_of(self, page: dict[str, Any], modifiers: Any, inner: Fields | None) -> Any:
        return self.node(page["account"], "IGUser", inner or {}) if page.get("account") else None

    _kinds: dict[str, dict[str, Callable[..., Any]]] = {
        "PagePost": {
            "id": lambda self, thing, *_: thing.id,
            "message": lambda self, thing, *_: thing.text,
            "story": lambda *_: None,
            "from": _author,
            "created_time": lambda self, thing, *_: stamp(thing.created),
            "updated_time": lambda self, thing, *_: stamp(thing.touched),
            "permalink_url": lambda self, thing, *_: f"https://www.facebook.com/{thing.id.replace('_', '/posts/')}",
            "is_hidden": lambda self, thing, *_: thing.is_hidden,
            "attachments": _attachments,
        },
        "Comment": {
            "id": lambda self, thing, *_: thing.id,
            "message": lambda self, thing, *_: thing.text,
            "from": _author,
            "created_time": lambda self, thing, *_: stamp(thing.created),
            "permalink_url": lambda self, thing, *_: (
                f"https://www.facebook.com/{thing.place.replace('_', '/posts/')}?comment_id={thing.id.partition('_')[2]}"
            ),
            "is_hidden": lambda self, thing, *_: thing.is_hidden,
            "parent": _parent,
            "attachment": lambda self, thing, *_: _picture(thing) if thing.picture else None,
        },
        "IGMedia": {
            "id": lambda self, thing, *_: thing.id,
            "caption": lambda self, thing, *_: thing.text,
            "media_type": lambda *_: "IMAGE",
            "media_url": lambda self, thing, *_: thing.picture,
            "thumbnail_url": lambda *_: None,
            "permalink": lambda self, thing, *_: f"https://www.instagram.com/p/{thing.id}/",
            "timestamp": lambda self, thing, *_: stamp(thing.created),
            "username": lambda self, thing, *_: thing.author.username,
            "comments_count": lambda self, thing, *_: len(self.world.below(thing)),
            "alt_text": lambda self, thing, *_: thing.alt,
            "children": lambda *_: None,
        },
        "IGComment": {
            "id": lambda self, thing, *_: thing.id,
            "text": lambda self, thing, *_: thing.text,
            "timestamp": lambda self, thing, *_: stamp(thing.created),
            "username": lambda self, thing, *_: thing.author.username if thing.author.is_named else None,
            "from": _ig_author,
            "parent_id": lambda self, thing, *_: thing.parent,
            "hidden": lambda self, thing, *_: thing.is_hidden,
            "like_count": lambda *_: 0,
            "media": _media,
            "replies": _replies,
        },
        "UnifiedThread": {
            "id": lambda self, one, *_: one["id"],
            "updated_time": lambda self, one, *_: stamp(one["letters"][0].created if one["letters"] else one["opened"]),
            "participants": _participants,
            "messages": _messages,
        },
        "Message": {
            "id": lambda self, one, *_: one.id,
            "created_time": lambda self, one, *_: stamp(one.created),
            "from": lambda self, one, *_: _participant(one.sender, _network_of(one)),
            "to": lambda self, one, *_: {"data": [_participant(one.recipient, _network_of(one))]},
            "message": lambda self, one, *_: one.text,
            "sticker": lambda *_: None,
            "attachments": lambda *_: None,
        },
        "Page": {
            "id": lambda self, page, *_: page["id"],
            "name": lambda self, page, *_: page["name"],
            "username": lambda self, page, *_: page.get("username"),
            "access_token": lambda self, page, *_: page.get("access_token"),
            "tasks": lambda self, page, *_: page.get("tasks"),
            "instagram_business_account": _instagram_of,
        },
        "IGUser": {
            "id": lambda self, person, *_: person.id,
            "name": lambda self, person, *_: person.name,
            "username": lambda self, person, *_: person.username,
            "mentioned_comment": _mentioned_comment,
            "mentioned_media": _mentioned_media,
        },
    }


def conversations(world: World, network: str, user_id: str = "") -> list[dict[str, Any]]:
    """The one touched last first."""
    us = world.us(network)
    found = []
    for (name, _), them in world.people.items():
        letters = [one for one in world.letters if {one.sender.id, one.recipient.id} == {us.id, them.id}]
        if name == network and (not user_id or them.id == user_id) and (letters or them.id in world.opened):
            found.append(
                {
                    "id": f"t_{them.id}",
                    "network": network,
                    "them": them,
                    "letters": newest_first(letters),
                    "opened": world.opened.get(them.id, 0),
                }
            )
    return sorted(found, key=lambda one: one["letters"][0].created if one["letters"] else one["opened"], reverse=True)


def _network_of(letter: Letter) -> str:
    return "facebook" if letter.id.startswith("m_fa") else "instagram"


def _participant(person: Person, network: str) -> dict[str, Any]:
    if network == "instagram":
        return {"id": person.id, "username": person.username}
    return {"id": person.id, "name": person.name, "email": f"{person.id}@facebook.com"}


def _picture(thing: Thing) -> dict[str, Any]:
    media = {"image": {"src": thing.picture, "height": 720, "width": 960}}
    if thing.kind == "Comment":
        return {"type": "photo", "media": media, "url": thing.picture, "description": thing.alt}
    return {"media_type": "photo", "type": "photo", "media": media, "description": thing.alt}


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode()
