"""The simulated Graph API's paths that only Instagram has."""

from __future__ import annotations

from typing import Any

from tests.socialdesk.networks.facebook.graph import INSTAGRAM, newest_first
from tests.socialdesk.networks.facebook.nodes import GraphError
from tests.socialdesk.networks.facebook.routes import LISTS, Asked, answer_instagram, route


@route("GET", rf"{INSTAGRAM}/media", *LISTS)
def list_media(asked: Asked) -> Any:
    asked.needs("instagram_basic")
    return asked.list(
        newest_first([t for t in asked.world.things.values() if t.kind == "IGMedia" and t.author is asked.world.account]), "IGMedia"
    )


@route("GET", rf"{INSTAGRAM}/tags", *LISTS)
def list_tags(asked: Asked) -> Any:
    asked.needs("instagram_manage_comments")
    tagged = [t for t in asked.world.things.values() if t.kind == "IGMedia" and t.author is not asked.world.account and t.alt == "tagged"]
    return asked.list(newest_first(tagged), "IGMedia")


@route("GET", r"(\d+)/replies", *LISTS)
def list_replies(asked: Asked, comment_id: str) -> Any:
    asked.needs("instagram_manage_comments")
    return asked.list(asked.world.below(asked.thing(comment_id, "IGComment")), "IGComment")


@route("POST", r"(\d+)/replies", "message")
def answer(asked: Asked, comment_id: str) -> Any:
    return answer_instagram(asked, asked.thing(comment_id, "IGComment"))


@route("POST", rf"{INSTAGRAM}/mentions", "media_id", "comment_id", "message")
def answer_mention(asked: Asked) -> Any:
    asked.needs("instagram_manage_comments")
    thing = asked.thing(asked.params.get("comment_id") or asked.want("media_id"), "IGMedia", "IGComment")
    if thing.tagged != INSTAGRAM:
        raise GraphError(100, "Invalid parameter: the account was not mentioned there.", subcode=2207024)
    return {"id": asked.world.ig_comment(asked.world.account, thing.id, asked.want("message")).id}
