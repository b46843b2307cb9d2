"""What the simulated X lets be asked: its calls with the permissions, parameters and bodies that they take, and how it refuses others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

FIELDS = {
    "post.fields": "article attachments card_uri community_id context_annotations conversation_id created_at display_text_range"
    " edit_controls entities geo id lang media_metadata note_post paid_partnership possibly_sensitive public_metrics reply_settings scopes"
    " source text withheld",
    "tweet.fields": "article attachments author_id card_uri community_id context_annotations conversation_id created_at display_text_range"
    " edit_controls edit_history_tweet_ids entities geo id in_reply_to_user_id lang media_metadata note_tweet possibly_sensitive"
    " public_metrics referenced_tweets reply_settings scopes source text withheld",
    "user.fields": "connection_status created_at description entities id is_identity_verified location name parody profile_banner_url"
    " profile_image_url protected public_metrics receives_your_dm subscription subscription_type url username verified"
    " verified_followers_count verified_type withheld",
    "media.fields": "alt_text duration_ms height media_key preview_image_url public_metrics type url variants width",
    "poll.fields": "duration_minutes end_datetime id options voting_status",
    "dm_event.fields": "attachments created_at dm_conversation_id entities event_type id text",
    "usage.fields": "cap_reset_day daily_client_app_usage daily_project_usage project_cap project_id project_usage",
    "command": "STATUS",
    "event_types": "MessageCreate ParticipantsJoin ParticipantsLeave",
}
NEW_EXPANSIONS = (
    "attachments.media_keys attachments.poll_ids author_id edit_history_post_ids entities.mentions.username geo.place_id"
    " in_reply_to_user_id referenced_posts username"
)
OLD_EXPANSIONS = (
    "attachments.media_keys attachments.poll_ids author_id edit_history_tweet_ids entities.mentions.username geo.place_id"
    " in_reply_to_user_id referenced_tweets.id referenced_tweets.id.author_id referenced_tweets.id.attachments.media_keys"
)
NEW, OLD = ("post.fields", NEW_EXPANSIONS), ("tweet.fields", OLD_EXPANSIONS)
_BESIDE = ("expansions", "user.fields", "media.fields", "poll.fields")
_EVENTS = ("event_types", "dm_event.fields", "expansions", "user.fields")
_LIST = ("max_results", "pagination_token")
_SINCE = ("since_id", "until_id", "start_time", "end_time")
READ = "tweet.read users.read"


@dataclass(frozen=True)
class Call:
    """`scopes` is None where only the app may ask; `app` says that it may too. `least` is the least that max_results takes."""

    method: str
    path: str
    name: str
    scopes: str | None = READ
    app: bool = False
    params: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    is_body_required: bool = False
    wants_object: bool = False  # even an empty one
    least: int = 1
    limit: int = 900

    def match(self, method: str, path: str) -> re.Match[str] | None:
        pattern = self.path.replace("{id}", r"(?P<id>[0-9]{1,19})").replace("{other}", r"(?P<other>[0-9]{1,19})")
        return re.fullmatch(pattern, path) if method == self.method else None


CALLS = (
    Call("GET", "/2/users/me", "me", params=("user.fields", "expansions", "post.fields")),
    Call("GET", "/2/users/{id}", "user", app=True, params=("user.fields", "expansions", "post.fields")),
    Call("GET", "/2/users/{id}/mentions", "mentions", app=True, params=(*_LIST, *_SINCE, *_BESIDE, "post.fields"), least=5, limit=300),
    Call("GET", "/2/users/{id}/tweets", "timeline", app=True, params=(*_LIST, *_SINCE, *_BESIDE, "post.fields", "exclude"), least=5),
    Call(
        *("GET", "/2/tweets/search/recent", "search"),
        app=True,
        params=("query", "next_token", "sort_order", *_LIST, *_SINCE, *_BESIDE, "post.fields"),
        required=("query",),
        least=10,
        limit=300,
    ),
    Call("GET", "/2/tweets/{id}", "post", app=True, params=(*_BESIDE, "post.fields")),
    Call("POST", "/2/tweets", "create", f"{READ} tweet.write", body=("text", "reply", "media"), limit=100),
    Call("DELETE", "/2/tweets/{id}", "delete", f"{READ} tweet.write", limit=50),
    Call("PUT", "/2/tweets/{id}/hidden", "hide", f"{READ} tweet.moderate.write", body=("hidden",), is_body_required=True, limit=50),
    Call("POST", "/2/users/{id}/retweets", "repost", f"{READ} tweet.write", body=("tweet_id",), is_body_required=True, limit=50),
    Call("DELETE", "/2/users/{id}/retweets/{other}", "take_back", f"{READ} tweet.write", limit=50),
    Call("POST", "/2/users/{id}/likes", "like", f"{READ} like.write", body=("tweet_id",), is_body_required=True, limit=50),
    Call("DELETE", "/2/users/{id}/likes/{other}", "unlike", f"{READ} like.write", limit=50),
    Call(
        "GET", "/2/dm_events", "messages", f"{READ} dm.read", params=(*_LIST, "event_types", "dm_event.fields", "expansions", "user.fields")
    ),
    Call(
        *("GET", "/2/dm_conversations/with/{id}/dm_events", "conversation", f"{READ} dm.read"),
        params=(*_LIST, "event_types", "dm_event.fields", "expansions", "user.fields"),
    ),
    Call("POST", "/2/dm_conversations/with/{id}/messages", "send", f"{READ} dm.write", body=("text", "attachments"), limit=15),
    Call("POST", "/2/media/upload", "upload", "media.write", body=("media", "media_category"), is_body_required=True, limit=500),
    Call("GET", "/2/media/upload", "status", "media.write", params=("command", "media_id"), required=("media_id",), limit=1000),
    Call(
        *("POST", "/2/media/upload/initialize", "initialize", "media.write"),
        body=("media_type", "media_category", "total_bytes"),
        is_body_required=True,
        limit=1875,
    ),
    Call(
        *("POST", "/2/media/upload/{id}/append", "append", "media.write"),
        body=("media", "segment_index"),
        is_body_required=True,
        limit=1875,
    ),
    Call("POST", "/2/media/upload/{id}/finalize", "finalize", "media.write", wants_object=True, limit=1875),
    Call("POST", "/2/media/metadata", "describe", "media.write", body=("id", "metadata"), limit=500),
    Call("GET", "/2/tweets/search/stream/rules", "rules", None, app=True, params=("ids", "max_results", "pagination_token")),
    Call("POST", "/2/tweets/search/stream/rules", "change_rules", None, app=True, body=("add", "delete")),
    Call("GET", "/2/tweets/search/stream", "stream", None, app=True, params=(*_BESIDE, "tweet.fields", "backfill_minutes"), limit=50),
    Call("GET", "/2/usage/tweets", "usage", None, app=True, params=("days", "usage.fields")),
)


class Refused(Exception):
    """Answered with a status and a body of X's kind for problems."""

    def __init__(self, status: int, title: str, detail: str, kind: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"title": title, "detail": detail, "type": f"https://api.x.com/2/problems/{kind}", "status": status, **more}


def invalid(message: str, **parameters: list[str]) -> Refused:
    errors = [{"message": message, "parameters": parameters}]
    return Refused(400, "Invalid Request", "One or more parameters to your request was invalid.", "invalid-request", errors=errors)


def forbidden(detail: str) -> Refused:
    return Refused(403, "Forbidden", detail, "not-authorized-for-resource", resource_type="tweet")


def missing(detail: str = "Not Found", **more: Any) -> Refused:
    return Refused(404, "Not Found Error", detail, "resource-not-found", resource_type="tweet", **more)


def check_params(call: Call, query: dict[str, str], *, knows_new_names: bool) -> None:
    """Raises Refused for what X would not take."""
    is_old = call.name == "stream" or not knows_new_names
    allowed = [("tweet.fields" if name == "post.fields" and is_old else name) for name in call.params]
    for name, value in query.items():
        if name not in allowed:
            raise invalid(f"The query parameter [{name}] is not one of [{','.join(allowed)}]", **{name: [value]})
        words = _words_of(call, name, is_old=is_old)
        for word in value.split(",") if words else ():
            if word not in words:
                raise invalid(f"The `{name}` query parameter value [{word}] is not one of [{','.join(words)}]", **{name: [value]})
    for name in call.required:
        if not query.get(name):
            raise invalid(f"The `{name}` query parameter can not be empty", **{name: [""]})
    most = query.get("max_results")
    if most is not None and not (most.isdigit() and call.least <= int(most) <= (1000 if call.name == "rules" else 100)):
        raise invalid(f"The `max_results` query parameter value [{most}] is not between {call.least} and 100", max_results=[most])
    for name in ("since_id", "until_id"):
        if name in query and not re.fullmatch(r"[0-9]{1,19}", query[name]):
            raise invalid(f"The `{name}` query parameter value [{query[name]}] does not match ^[0-9]{{1,19}}$", **{name: [query[name]]})


def _words_of(call: Call, name: str, *, is_old: bool) -> list[str]:
    if name == "expansions":
        if call.name in ("messages", "conversation"):
            return ["attachments.media_keys", "participant_ids", "referenced_posts", "sender_id"]
        return (OLD_EXPANSIONS if is_old else NEW_EXPANSIONS).split()
    return FIELDS.get(name, "").split()


_TYPES = {
    "text": str,
    "tweet_id": str,
    "hidden": bool,
    "reply": dict,
    "media_ids": list,
    "media_category": str,
    "media_type": str,
    "total_bytes": int,
    "segment_index": int,
}


def check_body(call: Call, body: Any) -> dict[str, Any]:
    if not (call.body or call.wants_object):
        return {}
    if call.wants_object and not isinstance(body, dict):
        raise invalid("Request body must be a JSON object.")
    if not isinstance(body, dict):
        raise invalid("Requests with bodies must have content-type of application/json.")
    for name in body:
        if name not in call.body:
            raise invalid(f"[{name}] is not allowed here", **{name: [str(body[name])]})
    for name in call.body if call.is_body_required else ():
        if name not in body:
            raise invalid(f"$.{name}: is missing but it is required", **{name: [""]})
    for name, kind in _TYPES.items():
        if name in body and not isinstance(body[name], kind):
            raise invalid(f"$.{name}: {type(body[name]).__name__} found, {kind.__name__} expected", **{name: [str(body[name])]})
    return body
