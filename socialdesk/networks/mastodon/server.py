"""A Mastodon server as it describes itself: its address, what it allows in a post, and how it counts the length of one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from socialdesk.lib import text as texts
from socialdesk.lib.outbound import NotPublic, check_url, may_be_private
from socialdesk.networks.base import NetworkError

FOR_MENTION = 32  # of a post's length are kept for the name of whom we answer: @, up to 30 characters, a space

# As the server finds them in a text (Mastodon, app/models/account.rb, MENTION_RE): what stands behind a letter, a digit, = or / is none.
MENTION = re.compile(r"(?<![=/\w])@([a-z0-9_]+(?:[.-]+[a-z0-9_]+)*)(?:@([\w.-]+\w))?", re.IGNORECASE)
_COUNTED = re.compile(r"[0-9]{1,12}")
_URL = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?'\)\]]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one post may hold there. The values that stand here are those of a server whose owner changed nothing."""

    characters: int = 500
    per_link: int = 23
    pictures: int = 4
    picture_bytes: int = 16_777_216
    alt: int = 1500  # of what describes a picture or a film
    film_bytes: int = 41_943_040  # of Mastodon before 4.2, as that of later ones is greater; 0: it takes none

    @property
    def of_text(self) -> int:
        """What is left to a text when the name of whom it answers stands before it."""
        return max(1, self.characters - FOR_MENTION)


def address_of(typed: str) -> str:
    """The address of the server that somebody typed in, whichever way: social.example, https://social.example/ or @us@social.example.

    Raises NetworkError for what is no address that the desk may ask.
    """
    text = typed.strip().rstrip("/")
    if "://" not in text:
        text = f"https://{text.rpartition('@')[2]}"
    try:
        parts = urlsplit(text)
        address = f"{parts.scheme}://{parts.netloc}".lower()
        host = parts.hostname or ""
        if parts.path or parts.query or parts.fragment or " " in address or not ("." in host or may_be_private(host)):
            raise NetworkError("This is no server's name. Write it as mastodon.example.", permanent=True, code="bad_address")
        return check_url(address)
    except ValueError:
        raise NetworkError("This is no server's name. Write it as mastodon.example.", permanent=True, code="bad_address") from None
    except NotPublic as error:
        raise NetworkError(error.message, permanent=True, code=error.code) from error


def host_of(address: str) -> str:
    return urlsplit(address).netloc.lower()


def person_id(there: str, domain: str) -> str:
    """The id of somebody as the desk keeps it: the server's own, with its name where another server may have given the same to another.

    Those are counted up from 1, as early accounts and other software have them; the others hold the time to the millisecond.
    """
    return f"{there}@{domain}" if _COUNTED.fullmatch(there) else there


def read_limits(instance: Any) -> Limits:
    """The limits in a server's description of itself; what it does not say, or not as a number, is as everywhere."""
    statuses, media = _part(instance, "configuration", "statuses"), _part(instance, "configuration", "media_attachments")
    usual = Limits()
    # Servers that follow an older description (Pleroma) say it at the top.
    characters = _number(statuses.get("max_characters")) or _number(_part(instance).get("max_toot_chars"))
    return Limits(
        characters=characters or usual.characters,
        per_link=_number(statuses.get("characters_reserved_per_url")) or usual.per_link,
        pictures=_number(statuses.get("max_media_attachments")) or usual.pictures,
        picture_bytes=_number(media.get("image_size_limit")) or usual.picture_bytes,
        alt=_number(media.get("description_limit")) or usual.alt,
        film_bytes=(_number(media.get("video_size_limit")) or usual.film_bytes) if _takes_films(media.get("supported_mime_types")) else 0,
    )


def read_domain(instance: Any, address: str) -> str:
    """The name behind the @ of those who live there, which may be another than that of the machine."""
    for key in ("domain", "uri"):  # the second one in older descriptions, where it may be an address
        said = _part(instance).get(key)
        if isinstance(said, str):
            domain = said.strip().lower().removeprefix("https://").strip("/")
            if re.fullmatch(r"[a-z0-9.-]+(:\d+)?", domain):
                return domain
    return host_of(address)


def length(text: str, limits: Limits) -> int:
    """How long the server says a text is: in characters as people see them, a link as 23, a name without its server."""
    counted = MENTION.sub(lambda found: f"@{found[1]}", _URL.sub("x" * limits.per_link, text))
    return texts.length(counted, "graphemes")


def names(text: str) -> list[tuple[str, str]]:
    """Whom a text names: (user, server or ""), lower case."""
    return [(found[1].lower(), (found[2] or "").lower()) for found in MENTION.finditer(text)]


def _takes_films(types: Any) -> bool:
    """By the kinds of files that a server names. Pleroma names one that stands for any."""
    return not (isinstance(types, list) and types) or "video/mp4" in types or "application/octet-stream" in types


def _part(value: Any, *path: str) -> Mapping[str, Any]:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _number(value: Any) -> int:
    return value if type(value) is int and 0 < value < 10**9 else 0
