"""What a network or an account can do, in words: for the page of our accounts and for the page of each network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from socialdesk.lib.mp4 import MOST_BYTES
from socialdesk.networks.base import Capabilities, LengthUnit

# Names of Capabilities that are bools, in the order in which people ask.
READING = {
    "by_words": "Is asked for the words of the desk's topics",
    "streams": "Hears new posts within seconds, over a connection that stays open",
    "webhooks": "Is told of new posts by the network itself",
    "backfill": "Fetches what was posted before it was connected",
    "context": "Fetches the thread above a post",
    "tells_threads": "Learns which post another one answers",
    "reads_direct_messages": "Reads private messages",
    "tells_deletions": "Learns of posts that were deleted",
    "tells_edits": "Learns of posts that were edited",
}
WRITING = {
    "reply": "Public replies",
    "direct_message": "Private messages",
    "repost": "Reposts",
    "post": "Posts of our own",
    "like": "Likes",
    "hide": "Hides what others wrote below our posts",
    "delete": "Deletes what we wrote",
}
UNITS: dict[LengthUnit, str] = {
    "codepoints": "characters",
    "utf16": "characters, of which most emoji are two",
    "graphemes": "characters as people see them",
    "weighted": "characters as X counts them: a link is 23, an emoji 2",
}


@dataclass(frozen=True, slots=True)
class Ability:
    """One line of the table. `why` says of an account that may not what its network lets others do, why not."""

    name: str
    words: str
    is_able: bool
    why: str = ""


def list_abilities(network: Capabilities, *, cannot: Mapping[str, str] | None = None) -> list[Ability]:
    """What is read, then what is written. `cannot` is an account's: see Grant."""
    refused = cannot or {}
    able = network.within(refused)
    return [
        Ability(name, words, getattr(able, name), refused.get(name, "") if getattr(network, name) else "")
        for name, words in (READING | WRITING).items()
    ]


def list_bounds(able: Capabilities) -> list[str]:
    """The conditions and sizes within which one can write there, one sentence each."""
    unit = UNITS[able.length_unit]
    bounds = []
    if able.reply and able.max_length:
        bounds.append(f"A public reply has at most {able.max_length:,} {unit}.")
    if able.direct_message and able.max_message_length:
        bounds.append(f"A private message has at most {able.max_message_length:,} {unit}.")
    in_bytes = "bytes of UTF-8, of which letters with accents take two and emoji four or more"
    if able.reply and able.max_bytes:
        bounds.append(f"A public reply has at most {able.max_bytes:,} {in_bytes}.")
    if able.direct_message and able.max_message_bytes:
        bounds.append(f"A private message has at most {able.max_message_bytes:,} {in_bytes}.")
    if able.direct_message and able.follow_first:
        bounds.append("People take private messages from us once they follow us, or have written to us in private themselves.")
    if able.direct_message and able.message_window_hours:
        bounds.append(f"Private messages are taken for {able.message_window_hours} hours after the last one that they wrote to us.")
    if able.direct_message and able.private_reply_days:
        bounds.append(f"One private answer to a public post of theirs is taken for {_days(able.private_reply_days)}.")
    if able.reply and able.max_pictures:
        size = f", each of at most {able.max_picture_bytes / 1_000_000:.3g} MB" if able.max_picture_bytes else ""
        bounds.append(f"A public reply carries up to {able.max_pictures} picture{'s' * (able.max_pictures > 1)}{size}.")
    if able.reply and able.max_film_bytes:
        length = f" and {able.max_film_seconds} seconds" if able.max_film_seconds else ""
        size = f"{min(able.max_film_bytes, MOST_BYTES) / 1_000_000:.3g} MB"  # the desk takes no larger ones
        bounds.append(f"In place of pictures it carries one film (MP4 with H.264) of at most {size}{length}.")
    if able.reply and (able.max_picture_alt or able.max_film_alt):
        said = [(able.max_picture_alt, "a picture"), (able.max_film_alt, "a film")]
        bounds += [f"The words that describe {what} are at most {most:,} characters." for most, what in said if most]
    return bounds


def _days(number: int) -> str:
    return "a day" if number == 1 else f"{number} days"
