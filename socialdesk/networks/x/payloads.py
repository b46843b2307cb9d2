"""What X answers, read as posts, people and messages: every part may be missing, of another type or unknown, and costs only itself.

An edited post has an id of its own at X, and names those of its former versions; the desk knows it by the first of them, so that an edit
changes the mention that is there. What X calls tweets in older answers and posts in newer ones is the same here.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from socialdesk.networks.base import AuthorData, MediaData, MessageData, PostData, QuoteData, Unreadable

_ID = re.compile(r"[0-9]{1,19}")
_EPOCH = 1_288_834_974_657  # milliseconds: where X's ids begin to count
_LEADING_MENTIONS = re.compile(r"(?:@\w{1,50}\s+)+")
_OWN_MEDIA = re.compile(r"/status/\d+/(?:photo|video)/\d+/?$")
_NO_LANGUAGE = ("und", "zxx", "art", "qam", "qct", "qht", "qme", "qst")  # X: no words, only links, only hashtags and the like
_KINDS = {"photo": "image", "video": "video", "animated_gif": "video"}
_ATTACHED = "(an attachment, to be seen on X)"
MESSAGE = "MessageCreate"
_NO_MESSAGES = ("ParticipantsJoin", "ParticipantsLeave")


class _Odd(ValueError):
    """It is no post or message as X describes them. The text is the reason."""


@dataclass(frozen=True, slots=True)
class Found:
    """One post as X gave it: `id` is its own, which that of the post is not where it was edited."""

    id: str
    post: PostData


def id_of(value: Any) -> str:
    """An id as X writes it, or ""."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def moment_of(external_id: str) -> datetime:
    """When an id was given, to the second, as X says it of posts: the ids count milliseconds."""
    return datetime.fromtimestamp(((int(external_id) >> 22) + _EPOCH) // 1000, UTC)


def first_id_at(moment: datetime) -> str:
    """No post from then on has a lesser id."""
    return str(max(0, int(moment.timestamp() * 1000) - _EPOCH) << 22)


def address_of(username: str, external_id: str) -> str:
    return f"{settings.X_WEB}/{username}/status/{external_id}"


def read_found(body: Mapping[str, Any], *, us: str) -> tuple[list[Found], list[Unreadable]]:
    """The posts of an answer, as X ordered them. `us` is our own id."""
    data = body.get("data")
    includes = _Includes(body.get("includes"))
    found: list[Found] = []
    odd: list[Unreadable] = []
    for entry in [data] if isinstance(data, dict) else _list(data):
        try:
            found.append(_read_post(entry, includes, us))
        except _Odd as error:
            odd.append(Unreadable(str(error), id_of(_dict(entry).get("id"))))
    return found, odd


def read_messages(body: Mapping[str, Any], *, us: str) -> tuple[list[MessageData], list[Unreadable]]:
    """The private messages of an answer, as X ordered them."""
    includes = _Includes(body.get("includes"))
    messages: list[MessageData] = []
    odd: list[Unreadable] = []
    for entry in _list(body.get("data")):
        try:
            if _dict(entry).get("event_type", MESSAGE) not in _NO_MESSAGES:
                messages.append(_read_message(entry, includes, us))
        except _Odd as error:
            odd.append(Unreadable(str(error), id_of(_dict(entry).get("id"))))
    return messages, odd


def read_author(user: Any) -> AuthorData | None:
    """A user object; None where it is none."""
    user = _dict(user)
    external_id, username = id_of(user.get("id")), _text(user.get("username"))
    if not external_id or not username:
        return None
    return AuthorData(
        external_id,
        username,
        display_name=_text(user.get("name")),
        followers=_count(_dict(user.get("public_metrics")).get("followers_count")),
        url=f"{settings.X_WEB}/{username}",
        follows_us=takes_messages(user),
        bio=_text(user.get("description")),
    )


def takes_messages(user: Mapping[str, Any]) -> bool | None:
    """Whether they take private messages from us: they follow us, or X says so. None where X says nothing of either."""
    ties, receives = user.get("connection_status"), user.get("receives_your_dm")
    if receives is True or (isinstance(ties, list) and "followed_by" in ties):
        return True
    return False if isinstance(receives, bool) or isinstance(ties, list) else None


class _Includes:
    """What an answer holds beside its posts, by id."""

    def __init__(self, given: Any) -> None:
        given = _dict(given)
        self.posts = _by(given, ("posts", "tweets"), "id")
        self.users = _by(given, ("users",), "id")
        self.media = _by(given, ("media",), "media_key")
        self.polls = _by(given, ("polls",), "id")

    def author(self, external_id: str) -> AuthorData:
        """Who is missing is deleted, suspended or private by now; their post still has to be somebody's."""
        known = read_author(self.users.get(external_id))
        return known or AuthorData(external_id, external_id, url=f"{settings.X_WEB}/i/user/{external_id}")

    def first_version(self, external_id: str) -> str:
        return _versions(self.posts.get(external_id, {}), external_id)[0]


def _by(given: Mapping[str, Any], names: Iterable[str], key: str) -> dict[str, dict[str, Any]]:
    entries = [entry for name in names for entry in _list(given.get(name)) if isinstance(entry, dict)]
    return {str(entry[key]): entry for entry in entries if isinstance(entry.get(key), str | int)}


def _versions(post: Mapping[str, Any], external_id: str) -> list[str]:
    """The ids of a post's versions, oldest first."""
    given = _list(_either(post, "edit_history_post_ids", "edit_history_tweet_ids"))
    known = sorted({int(id_of(one)) for one in given if id_of(one)} | {int(external_id)})
    return [str(one) for one in known]


def _read_post(entry: Any, includes: _Includes, us: str) -> Found:
    if not isinstance(entry, dict):
        raise _Odd("it is no object")
    external_id, author_id = id_of(entry.get("id")), id_of(entry.get("author_id"))
    if not external_id:
        raise _Odd("it has no id")
    if not author_id:
        raise _Odd("it does not say who wrote it")
    references = _references(entry)
    text = _text_of(entry, quoted=references.get("quoted", ""))
    media = tuple(_media(entry, includes))
    if not text and not media and "retweeted" not in references:
        raise _Odd("it has neither text nor pictures")
    versions = _versions(entry, external_id)
    author = includes.author(author_id)
    post = PostData(
        "x",
        versions[0],
        _without_hidden_mentions(entry, text) if author_id == us else text,
        author,
        moment_of(versions[0]) if len(versions) > 1 else _moment(entry.get("created_at")) or moment_of(external_id),
        url=address_of(author.username if author.username != author_id else "i", versions[0]),
        in_reply_to=includes.first_version(references["replied_to"]) if "replied_to" in references else "",
        repost_of=includes.first_version(references["retweeted"]) if "retweeted" in references else "",
        language=_language(entry.get("lang")),
        media=media,
        edited_at=(_moment(entry.get("created_at")) or moment_of(versions[-1])) if len(versions) > 1 else None,
        quote=_quote(references["quoted"], includes) if "quoted" in references else None,
        poll=tuple(_poll(entry, includes)),
    )
    return Found(external_id, post)


def _references(entry: Mapping[str, Any]) -> dict[str, str]:
    """Which posts this one answers, shows or repeats: the first of each kind."""
    found: dict[str, str] = {}
    for reference in _list(_either(entry, "referenced_posts", "referenced_tweets")):
        kind, external_id = _dict(reference).get("type"), id_of(_dict(reference).get("id"))
        if kind in ("replied_to", "quoted", "retweeted") and external_id:
            found.setdefault(kind, external_id)
    return found


def _text_of(entry: Mapping[str, Any], *, quoted: str = "") -> str:
    """What a post says, with its links as they were typed and without those to what is shown beside it."""
    long = _dict(_either(entry, "note_post", "note_tweet"))
    whole = long if _text(long.get("text")) else entry
    entities = _dict(whole.get("entities")) or _dict(entry.get("entities"))
    return _unescaped(_with_links(_text(whole.get("text")), entities, quoted))


def _with_links(text: str, entities: Mapping[str, Any], quoted: str) -> str:
    for link in _list(entities.get("urls")):
        short, full = _text(_dict(link).get("url")), _text(_dict(link).get("expanded_url"))
        if not short or not full.startswith(("https://", "http://")):
            continue
        is_shown = _OWN_MEDIA.search(full) or "media_key" in link or (quoted and full.partition("?")[0].endswith(f"/status/{quoted}"))
        if is_shown and text.rstrip().endswith(short):
            text = text.rstrip().removesuffix(short).rstrip()
        elif not is_shown:
            text = text.replace(short, full)
    return text


def _unescaped(text: str) -> str:
    """X writes &, < and > of its texts as HTML does."""
    return html.unescape(text) if "&" in text else text


def _without_hidden_mentions(entry: Mapping[str, Any], text: str) -> str:
    """Our own answer as we wrote it: X puts the names of those who are answered before it, and does not show them."""
    begin = next(iter(_list(entry.get("display_text_range"))), 0)
    hidden = _LEADING_MENTIONS.match(text, 0, min(_count(begin), len(text)))
    return text[hidden.end() :] if hidden else text


def is_text(found: Found, wanted: str) -> bool:
    """Whether a post of ours says that, as far as what X does to texts can be undone."""
    if found.post.quote is not None:  # the link to what is shown beside the text is not in it any more
        wanted = re.sub(rf"\s*https?://\S+/status/{found.post.quote.external_id}\b\S*\s*$", "", wanted)
    said, wanted = _comparable(_unescaped(found.post.text)), _comparable(_unescaped(wanted))
    return said == wanted or _LEADING_MENTIONS.sub("", said, count=1) == wanted


def is_message(message: MessageData, wanted: str) -> bool:
    return _comparable(_unescaped(message.text)) == _comparable(_unescaped(wanted))


def _comparable(text: str) -> str:
    words = unicodedata.normalize("NFC", text).split()
    return " ".join(re.sub(r"^(\W*)https?://(.*?)/?$", r"\1\2", word) for word in words)


def _media(entry: Mapping[str, Any], includes: _Includes) -> Iterable[MediaData]:
    for key in _list(_dict(entry.get("attachments")).get("media_keys")):
        given = includes.media.get(key, {}) if isinstance(key, str) else {}
        kind = _KINDS.get(_text(given.get("type")))
        url = _link(_film(given)) or _link(_text(given.get("url")))
        preview = _link(_text(given.get("preview_image_url"))) if kind == "video" else ""
        if kind and (url or preview):
            yield MediaData(kind, url, _text(given.get("alt_text")), preview)


def _link(url: str) -> str:
    return url if url.startswith(("https://", "http://")) else ""


def _film(media: Mapping[str, Any]) -> str:
    """The best of a film's variants that is one file."""
    files = [variant for variant in _list(media.get("variants")) if _dict(variant).get("content_type") == "video/mp4"]
    best: dict[str, Any] = max(files, key=lambda variant: _count(variant.get("bit_rate")), default={})
    return _text(best.get("url"))


def _poll(entry: Mapping[str, Any], includes: _Includes) -> Iterable[str]:
    for key in _list(_dict(entry.get("attachments")).get("poll_ids")):
        poll = includes.polls.get(key, {}) if isinstance(key, str) else {}
        options = [_dict(option) for option in _list(poll.get("options"))]
        for option in sorted(options, key=lambda option: _count(option.get("position"))):
            if label := _unescaped(_text(option.get("label"))):
                yield label


def _quote(external_id: str, includes: _Includes) -> QuoteData:
    quoted = includes.posts.get(external_id)
    if quoted is None:
        return QuoteData(external_id, url=address_of("i", external_id))
    author_id = id_of(quoted.get("author_id"))
    author = read_author(includes.users.get(author_id))
    username = author.username if author else ""
    return QuoteData(external_id, username, _text_of(quoted), address_of(username or "i", external_id))


def _read_message(entry: Any, includes: _Includes, us: str) -> MessageData:
    if not isinstance(entry, dict):
        raise _Odd("it is no object")
    external_id, sender = id_of(entry.get("id")), id_of(entry.get("sender_id"))
    if not external_id:
        raise _Odd("it has no id")
    if entry.get("event_type", MESSAGE) != MESSAGE:
        raise _Odd(f"it is of an unknown kind: {str(entry.get('event_type'))[:40]}")
    if not sender:
        raise _Odd("it does not say who wrote it")
    customer = sender if sender != us else _other_side(entry, us)
    if not customer:
        raise _Odd("it was written to several people, and the desk speaks to one at a time")
    text = _unescaped(_with_links(_text(entry.get("text")), _dict(entry.get("entities")), ""))
    at = _moment(entry.get("created_at")) or moment_of(external_id)
    return MessageData("x", external_id, text or _ATTACHED, includes.author(customer), at.replace(microsecond=0), outgoing=sender == us)


def _other_side(entry: Mapping[str, Any], us: str) -> str:
    """Whom we wrote to. The id of a conversation of two is made of theirs."""
    sides = _text(entry.get("dm_conversation_id")).split("-")
    others = [side for side in sides if side != us]
    return id_of(others[0]) if len(sides) == 2 and len(others) == 1 else ""


def _language(value: Any) -> str:
    code = _text(value)
    return "" if code in _NO_LANGUAGE else code[:12]


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _either(given: Mapping[str, Any], new: str, old: str) -> Any:
    return given[new] if given.get(new) is not None else given.get(old)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
