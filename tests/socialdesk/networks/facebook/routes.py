"""The simulated Graph API's paths: what each needs, what it refuses, and what it does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.socialdesk.networks.facebook.graph import DAY, INSTAGRAM, PAGE, Person, Thing, Token, World, newest_first
from tests.socialdesk.networks.facebook.nodes import GraphError, Shown, conversations, gone, parse_fields

_EVERYWHERE = {"access_token", "appsecret_proof", "fields"}
LISTS = {"limit", "after", "before"}


@dataclass
class Asked:
    """One call, as far as it is understood."""

    method: str
    path: str
    params: dict[str, str]
    files: dict[str, bytes]
    world: World
    base: str
    token: Token | None = None
    simulator: Any = None
    match: tuple[str, ...] = field(default=())

    @property
    def shown(self) -> Shown:
        return Shown(self.world, self.base, self.token.value if self.token else "")

    def needs(self, *scopes: str, task: str = "") -> None:
        """A page's token with these permissions. Raises GraphError."""
        if self.token is None:
            raise GraphError(104, "An access token is required to request this resource.", status=400)
        absent = [scope for scope in scopes if scope not in self.token.scopes]
        if self.token.kind != "page" or absent:
            said = f"Requires {', '.join(absent) or 'page'} permission to manage the object."
            raise GraphError(200 if absent and "messag" not in absent[0] else 10, said, status=403)
        if task and task not in self.world.tasks:
            raise GraphError(200, f"The user must have the {task} task on the page.", status=403)

    def want(self, name: str) -> str:
        if not self.params.get(name):
            raise GraphError(100, f"The parameter {name} is required")
        return self.params[name]

    def thing(self, thing_id: str, *kinds: str) -> Thing:
        thing = self.world.things.get(thing_id)
        if thing is None or (kinds and thing.kind not in kinds):
            raise gone(thing_id, self.method.lower())
        return thing

    def list(self, things: list[Any], kind: str) -> dict[str, Any]:
        limit = self.params.get("limit", "25")
        if not limit.isdigit() or not 0 < int(limit) <= 100:
            raise GraphError(100, "Param limit must be an integer between 1 and 100")
        query = {name: value for name, value in self.params.items() if name not in LISTS | {"access_token", "appsecret_proof"}}
        fields = parse_fields(self.params.get("fields", "id"))
        return self.shown.page_of(things, kind, fields, limit=int(limit), after=self.params.get("after", ""), path=self.path, query=query)

    def one(self, thing: Any, kind: str) -> dict[str, Any]:
        return self.shown.node(thing, kind, parse_fields(self.params.get("fields", "id")))


Route = tuple[str, re.Pattern[str], Callable[..., Any], set[str]]
ROUTES: list[Route] = []


def route(method: str, pattern: str, *params: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def keep(serve: Callable[..., Any]) -> Callable[..., Any]:
        ROUTES.append((method, re.compile(pattern), serve, set(params)))
        return serve

    return keep


def dispatch(asked: Asked, routes: list[Route]) -> Any:
    path = unquote(asked.path)
    for method, pattern, serve, params in routes:
        match = pattern.fullmatch(path)
        if match is None or method != asked.method:
            continue
        unknown = set(asked.params) - params - _EVERYWHERE
        if unknown:
            raise GraphError(100, f"Param {sorted(unknown)[0]} is not one that the simulator knows here")
        return serve(asked, *match.groups())
    raise GraphError(2500, f"Unknown path components: /{asked.path}", status=400)


# --- Signing in ---------------------------------------------------------------------------------------------------------


@route("POST", "oauth/access_token", "client_id", "client_secret", "code", "redirect_uri", "grant_type", "fb_exchange_token")
def give_token(asked: Asked) -> Any:
    from tests.socialdesk.networks.facebook.simulator import APP_ID, APP_SECRET

    if (asked.want("client_id"), asked.want("client_secret")) != (APP_ID, APP_SECRET):
        raise GraphError(1, "Error validating client secret.", status=400)
    if asked.params.get("grant_type") == "fb_exchange_token":
        brief = asked.world.tokens.get(asked.want("fb_exchange_token"))
        if brief is None or not brief.is_valid:
            raise GraphError(190, "Invalid OAuth access token.", status=400)
        lasting = asked.world.token("user", scopes=tuple(brief.scopes))
        lasting.granular = brief.granular
        return {"access_token": lasting.value, "token_type": "bearer", "expires_in": 60 * DAY}
    code = asked.want("code")
    if asked.simulator.codes.pop(code, None) != asked.want("redirect_uri"):
        raise GraphError(100, "This authorization code has been used, or does not fit the redirect_uri.", subcode=36009)
    return {"access_token": asked.world.token("user", scopes=asked.simulator.granted).value, "token_type": "bearer", "expires_in": 5000}


@route("GET", "debug_token", "input_token")
def debug_token(asked: Asked) -> Any:
    if asked.token is None or asked.token.kind != "app":
        raise GraphError(100, "You must provide an app access token, or a user access token that is an owner or developer of the app")
    token = asked.world.tokens.get(asked.want("input_token"))
    if token is None or not token.is_valid:
        return {"data": {"is_valid": False, "error": {"code": 190, "message": "The access token could not be decrypted"}, "scopes": []}}
    data = {
        "app_id": "190000000000001",
        "type": token.kind.upper(),
        "is_valid": True,
        "user_id": "10220000000001",
        "scopes": sorted(token.scopes),
        "granular_scopes": token.granular or [{"scope": scope} for scope in sorted(token.scopes)],
        "expires_at": 0,
        "data_access_expires_at": asked.world.now() + 90 * DAY,
    }
    return {"data": data}


@route("GET", "me/accounts", *LISTS)
def list_pages(asked: Asked) -> Any:
    if asked.token is None or asked.token.kind != "user":
        raise GraphError(102, "A user access token is required to request this resource.")
    if "pages_show_list" not in asked.token.scopes:
        return {"data": []}
    token = asked.world.token("page", scopes=tuple(asked.token.scopes))
    token.granular = asked.token.granular
    ours = {
        "id": PAGE,
        "name": "Tidewheel",
        "username": "tidewheel",
        "access_token": token.value,
        "tasks": asked.world.tasks,
        "account": asked.world.account,
    }
    pages = [ours, *asked.world.other_pages]
    if "business_management" not in asked.token.scopes:  # so since v17
        pages = [page for page in pages if page["id"] not in asked.world.businesses]
    return asked.list(pages, "Page")


@route("GET", r"(\d+)/subscribed_apps", *LISTS)
def list_subscribed(asked: Asked, page_id: str) -> Any:
    from tests.socialdesk.networks.facebook.simulator import APP_ID

    asked.needs("pages_manage_metadata")
    return {"data": [{"id": APP_ID}] if page_id in asked.world.subscribed else []}


@route("POST", r"(\d+)/subscribed_apps", "subscribed_fields")
def subscribe(asked: Asked, page_id: str) -> Any:
    asked.needs("pages_manage_metadata")
    fields = asked.want("subscribed_fields").split(",")
    known = {"feed", "mention", "messages", "message_echoes", "message_deliveries", "name"}
    if set(fields) - known:
        raise GraphError(100, "Param subscribed_fields must be one of the fields of the page's webhooks")
    if {"messages", "message_echoes"} & set(fields):
        asked.needs("pages_messaging")
    asked.world.subscribed[page_id] = fields
    return {"success": True}


@route("DELETE", r"(\d+)/subscribed_apps")
def unsubscribe(asked: Asked, page_id: str) -> Any:
    asked.needs("pages_manage_metadata")
    asked.world.subscribed.pop(page_id, None)
    return {"success": True}


# --- Pages --------------------------------------------------------------------------------------------------------------


@route("GET", rf"{PAGE}/feed", *LISTS)
def list_feed(asked: Asked) -> Any:
    asked.needs("pages_read_engagement")
    posts = [thing for thing in asked.world.things.values() if thing.kind == "PagePost" and not thing.tagged]
    if "pages_read_user_content" not in (asked.token.scopes if asked.token else ()):
        posts = [thing for thing in posts if thing.author is asked.world.page]
    return asked.list(newest_first(posts), "PagePost")


@route("GET", rf"{PAGE}/tagged", *LISTS)
def list_tagged(asked: Asked) -> Any:
    asked.needs("pages_read_engagement", "pages_read_user_content")
    return asked.list(newest_first([t for t in asked.world.things.values() if t.kind == "PagePost" and t.tagged == PAGE]), "PagePost")


@route("POST", rf"{PAGE}/feed", "message")
def publish(asked: Asked) -> Any:
    asked.needs("pages_manage_posts", task="CREATE_CONTENT")
    text = asked.want("message")
    mine = newest_first([t for t in asked.world.things.values() if t.kind == "PagePost" and t.author is asked.world.page])
    if mine and mine[0].text == text:
        raise GraphError(506, "Duplicate status message")
    return {"id": asked.world.post(asked.world.page, text).id}


@route("POST", rf"{PAGE}/photos", "published", "alt_text_custom")
def upload(asked: Asked) -> Any:
    asked.needs("pages_manage_posts", task="CREATE_CONTENT")
    if not asked.files.get("source", b"").startswith((b"\x89PNG", b"\xff\xd8", b"RIFF")):
        raise GraphError(324, "Missing or invalid image file")
    photo_id = str(len(asked.files["source"]) + 770_000)
    asked.simulator.photos[photo_id] = (asked.params.get("alt_text_custom", ""), asked.params.get("published") == "true")
    return {"id": photo_id}


@route("GET", r"(\d+_\d+|\d+)/comments", *LISTS, "filter", "order")
def list_comments(asked: Asked, thing_id: str) -> Any:
    thing = asked.thing(thing_id)
    if thing.kind == "IGMedia":
        asked.needs("instagram_manage_comments")
        if thing.author is not asked.world.account:
            raise gone(thing_id)
        return asked.list([one for one in asked.world.below(thing) if not one.parent], "IGComment")
    if thing.kind not in ("PagePost", "Comment"):
        raise gone(thing_id)
    asked.needs("pages_read_engagement", "pages_read_user_content")
    found = asked.world.below(thing)
    if asked.params.get("filter", "toplevel") == "toplevel":
        found = [one for one in found if thing.kind == "Comment" or not one.parent]
    if asked.params.get("order", "chronological") != "reverse_chronological":
        found.reverse()
    return asked.list(found, "Comment")


@route("POST", r"(\d+_\d+|\d+)/comments", "message", "attachment_id")
def comment(asked: Asked, thing_id: str) -> Any:
    thing = asked.thing(thing_id, "PagePost", "Comment", "IGMedia")
    if thing.kind == "IGMedia":
        return answer_instagram(asked, thing)
    asked.needs("pages_manage_engagement", task="MODERATE")
    text = asked.params.get("message", "")
    photo = asked.params.get("attachment_id", "")
    if not text and not photo:
        raise GraphError(100, "The parameter message is required")
    if len(text) > 8000:
        raise GraphError(100, "Comment is too long")
    if photo and photo not in asked.simulator.photos:
        raise GraphError(100, "Invalid attachment_id")
    written = asked.world.comment(asked.world.page, thing_id, text, picture="https://cdn.example/up.png" if photo else "")
    return {"id": written.id}


@route("POST", r"(\d+_\d+|\d+)/likes")
def like(asked: Asked, thing_id: str) -> Any:
    asked.needs("pages_manage_engagement", task="MODERATE")
    asked.world.liked.add(asked.thing(thing_id, "PagePost", "Comment").id)
    return {"success": True}


@route("DELETE", r"(\d+_\d+|\d+)/likes")
def unlike(asked: Asked, thing_id: str) -> Any:
    asked.needs("pages_manage_engagement", task="MODERATE")
    asked.world.liked.discard(asked.thing(thing_id, "PagePost", "Comment").id)
    return {"success": True}


# --- Private messages -----------------------------------------------------------------------------------------------------

_PLATFORMS = {"messenger": ("facebook", "pages_messaging"), "instagram": ("instagram", "instagram_manage_messages")}


@route("GET", rf"{PAGE}/conversations", *LISTS, "platform", "user_id")
def list_conversations(asked: Asked) -> Any:
    platform = asked.params.get("platform", "messenger")
    if platform not in _PLATFORMS:
        raise GraphError(100, "Param platform must be one of {INSTAGRAM, MESSENGER}")
    network, scope = _PLATFORMS[platform]
    asked.needs(scope, task="MESSAGING")
    return asked.list(conversations(asked.world, network, asked.params.get("user_id", "")), "UnifiedThread")


@route("GET", r"(t_\d+)/messages", *LISTS)
def list_messages(asked: Asked, thread_id: str) -> Any:
    for network, scope in _PLATFORMS.values():
        for one in conversations(asked.world, network, thread_id.removeprefix("t_")):
            asked.needs(scope, task="MESSAGING")
            return asked.list(one["letters"], "Message")
    raise gone(thread_id)


@route("POST", rf"{PAGE}/messages", "recipient", "message", "messaging_type")
def send(asked: Asked) -> Any:
    try:
        recipient, message = json.loads(asked.want("recipient")), json.loads(asked.want("message"))
    except ValueError:
        raise GraphError(100, "Param recipient must be an object") from None
    if asked.want("messaging_type") != "RESPONSE":
        raise GraphError(100, "Param messaging_type must be one of {RESPONSE, UPDATE, MESSAGE_TAG}")
    network, them = _reader_of(asked, recipient)
    about = recipient.get("comment_id") or recipient.get("post_id")
    # The private answer to a comment has needs of its own, and not those of other messages there.
    scopes = ("instagram_manage_comments", "pages_messaging") if about and network == "instagram" else (dict(_PLATFORMS.values())[network],)
    asked.needs(*scopes, task="MESSAGING")
    text = message.get("text")
    if not isinstance(text, str) or not text:
        raise GraphError(100, "Message cannot be empty, must provide valid attachment or text")
    if (len(text) if network == "facebook" else len(text.encode()) * 2) > 2000:
        raise GraphError(100, "Length of param message[text] must be less than or equal to 2000", subcode=2018109)
    if about:
        if about in asked.world.answered:
            raise GraphError(10900, "Activity already replied to")
        if asked.world.now() - asked.world.things[about].created > 7 * DAY:
            raise GraphError(10903, "This user cannot reply to this activity: it is too old")
        asked.world.answered.add(about)
    elif asked.world.now() - asked.world.opened.get(them.id, 0) > DAY:
        subcode = 2018278 if network == "facebook" else 2534022
        raise GraphError(10, "This message is sent outside of allowed window.", subcode=subcode, status=403)
    letter = asked.world.letter(asked.world.us(network), them, text, network=network)
    return {"recipient_id": them.id, "message_id": letter.id}


def _reader_of(asked: Asked, recipient: Any) -> tuple[str, Person]:
    about = recipient.get("comment_id") or recipient.get("post_id") if isinstance(recipient, dict) else None
    if about:
        thing = asked.thing(about)
        return ("instagram" if thing.kind.startswith("IG") else "facebook"), thing.author
    for network in ("facebook", "instagram"):
        person = asked.world.person_by_id(network, str(recipient.get("id", "")) if isinstance(recipient, dict) else "")
        if person is not None and person is not asked.world.us(network):
            return network, person
    raise GraphError(100, "No matching user found", subcode=2018001)


@route("GET", r"(m_\w+)")
def show_message(asked: Asked, message_id: str) -> Any:
    letter = next((one for one in asked.world.letters if one.id == message_id), None)
    if letter is None:
        raise gone(message_id)
    asked.needs("pages_messaging" if message_id.startswith("m_fa") else "instagram_manage_messages", task="MESSAGING")
    return asked.one(letter, "Message")


def answer_instagram(asked: Asked, thing: Thing) -> Any:
    asked.needs("instagram_manage_comments", task="MODERATE")
    if asked.world.things[thing.place or thing.id].author is not asked.world.account:
        raise gone(thing.id, "post")
    text = asked.want("message")
    if len(text) > 2200:
        raise GraphError(100, "The comment is too long")
    return {"id": asked.world.ig_comment(asked.world.account, thing.id, text).id}


# --- Any node -------------------------------------------------------------------------------------------------------------


@route("GET", r"(\d+_\d+|\d+)")
def show(asked: Asked, thing_id: str) -> Any:
    if thing_id == PAGE:
        asked.needs("pages_read_engagement")
        return asked.one({"id": PAGE, "name": "Tidewheel", "username": "tidewheel"}, "Page")
    if thing_id == INSTAGRAM:
        asked.needs("instagram_basic")
        return asked.one(asked.world.account, "IGUser")
    thing = asked.thing(thing_id)
    if thing.kind.startswith("IG"):
        asked.needs("instagram_basic")
        if asked.world.things[thing.place or thing.id].author is not asked.world.account:
            raise gone(thing_id)
    else:
        asked.needs("pages_read_engagement")
    return asked.one(thing, thing.kind)


@route("POST", r"(\d+_\d+|\d+)", "is_hidden", "hide")
def hide(asked: Asked, thing_id: str) -> Any:
    thing = asked.thing(thing_id, "Comment", "PagePost", "IGComment")
    name = "hide" if thing.kind == "IGComment" else "is_hidden"
    asked.needs("instagram_manage_comments" if thing.kind == "IGComment" else "pages_manage_engagement", task="MODERATE")
    if asked.want(name) not in ("true", "false"):
        raise GraphError(100, f"Param {name} must be a boolean")
    if thing.author in (asked.world.page, asked.world.account):
        raise GraphError(200, "A page cannot hide its own comment", status=403)
    thing.is_hidden = asked.params[name] == "true"
    return {"success": True}


@route("DELETE", r"(\d+_\d+|\d+)")
def delete(asked: Asked, thing_id: str) -> Any:
    thing = asked.thing(thing_id, "Comment", "PagePost", "IGComment")
    asked.needs("instagram_manage_comments" if thing.kind == "IGComment" else "pages_manage_engagement", task="MODERATE")
    asked.world.delete(thing_id)
    return {"success": True}
