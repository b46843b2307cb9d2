"""What a server's entities say, as the desk's data classes: any of their fields may be missing, empty or of another type."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from socialdesk.networks.base import AuthorData, MediaData, MessageData, PostData, QuoteData, Unreadable
from socialdesk.networks.mastodon.markup import plain
from socialdesk.networks.mastodon.server import person_id

NETWORK = "mastodon"
MOST_MEDIA = 20
_KINDS = {"image": "image", "gifv": "video", "video": "video", "audio": "audio"}
_NAME = re.compile(r"\s*@([\w.-]*\w)(?:@([\w.-]*\w(?::\d+)?))?(?=\s|$)")

Entry = PostData | MessageData | Unreadable


@dataclass(frozen=True, slots=True)
class Us:
    """Whose eyes a status is read with: our account's id on its server, its name, and the name of its server."""

    id: str
    username: str
    domain: str


class _Unfit(Exception):
    """The entity is none as the network describes it."""


def read_status(status: Any, us: Us) -> Entry:
    """A post; a private message, which is a status that only those see whom it names; or why it is neither."""
    external_id = identity(status.get("id")) if isinstance(status, Mapping) else ""
    try:
        if not external_id:
            raise _Unfit("a status without an id")
        return _read(status, external_id, us)
    except _Unfit as unfit:
        return Unreadable(f"The server sent {unfit}.", external_id[:200])
    except Exception as error:  # whatever a stranger's server makes of a field: one entry never costs the others
        return Unreadable(f"A status could not be read ({type(error).__name__}).", external_id[:200])


def read_author(account: Any, us: Us) -> AuthorData:
    """Raises _Unfit, inside this module."""
    given = account if isinstance(account, Mapping) else {}
    there = identity(given.get("id"))
    if not there:
        raise _Unfit("a status whose author has no id")
    username = us.username if there == us.id else words(given.get("acct")).removeprefix("@") or words(given.get("username"))
    if not username:
        raise _Unfit("a status whose author has no name")
    return AuthorData(
        external_id=person_id(there, us.domain),
        username=username,
        display_name=words(given.get("display_name"))[:200],
        followers=count(given.get("followers_count")),
        url=words(given.get("url")),
        bio=_bio(words(given.get("note")), us.domain),
    )


@lru_cache(maxsize=512)  # the same few people write most of a page
def _bio(note: str, domain: str) -> str:
    return plain(note, host=domain)[:1000]


def identity(value: Any) -> str:
    """An id as text; "" for what can be none."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if type(value) is int and 0 < value < 10**30 else ""


def words(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def moment(value: Any) -> datetime | None:
    """A time with its zone; UTC where none is said."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_direct(status: Mapping[str, Any]) -> bool:
    return status.get("visibility") == "direct"


def mentioned(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The people whom a status names, as far as they have an id."""
    return [person for person in _list(status.get("mentions")) if isinstance(person, Mapping) and identity(person.get("id"))]


def full_text(status: Mapping[str, Any], us: Us) -> str:
    """Its text with everybody whom it names."""
    people = {words(person.get("url")): _full_name(person, us) for person in mentioned(status) if words(person.get("url"))}
    return plain(words(status.get("content")), people, host=us.domain)


def said_text(status: Mapping[str, Any], us: Us) -> str:
    """Its text as somebody wrote it: without the names at the beginning that only address it.

    These are the one whom we answer, in our own answers, and everybody in a private message.
    """
    text = full_text(status, us)
    if is_direct(status):
        return without_names(text, {_full_name(person, us) for person in mentioned(status)}, us)
    if identity(_part(status.get("account")).get("id")) == us.id and identity(status.get("in_reply_to_id")):
        answered = identity(status.get("in_reply_to_account_id"))
        return without_names(text, {_full_name(person, us) for person in mentioned(status) if identity(person.get("id")) == answered}, us)
    return text


def without_names(text: str, people: set[str], us: Us) -> str:
    """`text` without those of these names (user@server) that stand at its beginning. A text of nothing else stays as it is."""
    rest = text
    known = {name.casefold() for name in people}
    while (found := _NAME.match(rest)) and f"{found[1]}@{found[2] or us.domain}".casefold() in known:
        rest = rest[found.end() :]
    return rest.strip() or text


def _read(status: Mapping[str, Any], external_id: str, us: Us) -> Entry:
    author = read_author(status.get("account"), us)
    at = moment(status.get("created_at"))
    if at is None:
        raise _Unfit("a status without a time")
    if is_direct(status) and isinstance(status.get("content"), str | None):
        return _message(status, external_id, author, at, us)
    if not isinstance(status.get("content"), str | None):
        raise _Unfit("a status whose content is no text")
    original = _part(status.get("reblog"))
    url = words(status.get("url")) or words(status.get("uri"))
    if original:
        original_id = identity(original.get("id"))
        if not original_id:
            raise _Unfit("a boost of a status without an id")
        return PostData(NETWORK, external_id, "", author, at, url=url, repost_of=original_id)
    return PostData(
        network=NETWORK,
        external_id=external_id,
        text=said_text(status, us),
        author=author,
        posted_at=at,
        url=url,
        in_reply_to=identity(status.get("in_reply_to_id")),
        language=_language(status.get("language")),
        media=_media(status.get("media_attachments")),
        edited_at=moment(status.get("edited_at")),
        quote=_quote(status, us),
        poll=tuple(words(_part(option).get("title")) for option in _list(_part(status.get("poll")).get("options"))[:20]),
        warning=words(status.get("spoiler_text"))[:1000],
    )


def _message(status: Mapping[str, Any], external_id: str, author: AuthorData, at: datetime, us: Us) -> Entry:
    text = said_text(status, us)
    warning = words(status.get("spoiler_text"))
    if warning:
        text = f"{warning}\n\n{text}"
    text = "\n".join([text, *(media.url for media in _media(status.get("media_attachments")))]).strip()
    if author.external_id != person_id(us.id, us.domain):
        return MessageData(NETWORK, external_id, text, author, at)
    for person in mentioned(status):
        if identity(person.get("id")) != us.id:
            return MessageData(NETWORK, external_id, text, read_author(person, us), at, outgoing=True)
    return Unreadable("A private message of ours names nobody.", external_id)


def _media(attachments: Any) -> tuple[MediaData, ...]:
    found = []
    for attachment in _list(attachments)[:MOST_MEDIA]:
        given = _part(attachment)
        kind = given.get("type")
        url = words(given.get("url")) or words(given.get("remote_url"))
        if isinstance(kind, str) and kind in _KINDS and url.startswith(("https://", "http://")):
            preview = words(given.get("preview_url")) if _KINDS[kind] == "video" else ""
            found.append(MediaData(_KINDS[kind], url, words(given.get("description"))[:2000], preview))
    return tuple(found)


def _quote(status: Mapping[str, Any], us: Us) -> QuoteData | None:
    """Mastodon's own quotes hold the quoted status, or its id alone; other servers put the status there itself."""
    given = _part(status.get("quote"))
    quoted = _part(given.get("quoted_status")) or (given if "content" in given else {})
    external_id = identity(quoted.get("id")) or identity(given.get("quoted_status_id"))
    if not external_id or (given.get("state") or "accepted") != "accepted":
        return None
    author = words(_part(quoted.get("account")).get("acct"))
    return QuoteData(external_id, author, full_text(quoted, us) if quoted else "", words(quoted.get("url")))


def _language(value: Any) -> str:
    given = words(value)
    return given if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}", given) else ""


def _full_name(person: Mapping[str, Any], us: Us) -> str:
    name = words(person.get("acct")) or words(person.get("username"))
    return name if "@" in name or not name else f"{name}@{us.domain}"


def _part(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
