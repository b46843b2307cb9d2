"""Bluesky, and every server of the AT Protocol: what it can do, and how to reach its two sides."""

from __future__ import annotations

from socialdesk.networks.base import AccountConfig, Capabilities, Context, History, Network, Publisher, Reader, Stream
from socialdesk.networks.bluesky.connect import BlueskyConnecting
from socialdesk.networks.bluesky.feeds import TERMS_READ
from socialdesk.networks.bluesky.values import NETWORK as KEY
from socialdesk.networks.bluesky.writing import (
    FILM_ALT_LENGTH,
    FILM_BYTES,
    FILM_SECONDS,
    MESSAGE_BYTES,
    MESSAGE_LENGTH,
    PICTURE_BYTES,
    PICTURES,
    POST_BYTES,
    POST_LENGTH,
)


def _reader(config: AccountConfig) -> Reader:
    from socialdesk.networks.bluesky.reader import BlueskyReader

    return BlueskyReader(config)


def _publisher(config: AccountConfig) -> Publisher:
    from socialdesk.networks.bluesky.publisher import BlueskyPublisher

    return BlueskyPublisher(config)


def _stream(config: AccountConfig) -> Stream:
    from socialdesk.networks.bluesky.stream import BlueskyStream

    return BlueskyStream(config)


def _history(config: AccountConfig) -> History:
    from socialdesk.networks.bluesky.history import BlueskyHistory

    return BlueskyHistory(config)


def _context(config: AccountConfig) -> Context:
    from socialdesk.networks.bluesky.reader import BlueskyContext

    return BlueskyContext(config)


NETWORK = Network(
    KEY,
    "Bluesky",
    Capabilities(
        by_words=True,
        reads=(
            "posts that name the account, answer it or quote it",
            "private messages to it",
            "what it posts itself",
            "posts with a topic's words",
        ),
        streams=True,
        backfill=True,
        context=True,
        tells_threads=True,
        reads_direct_messages=True,
        tells_deletions=True,
        reply=True,
        direct_message=True,
        follow_first=True,
        repost=True,
        post=True,
        like=True,
        delete=True,
        max_length=POST_LENGTH,
        max_message_length=MESSAGE_LENGTH,
        length_unit="graphemes",
        max_bytes=POST_BYTES,
        max_message_bytes=MESSAGE_BYTES,
        max_pictures=PICTURES,
        max_picture_bytes=PICTURE_BYTES,
        max_film_bytes=FILM_BYTES,
        max_film_seconds=FILM_SECONDS,
        max_film_alt=FILM_ALT_LENGTH,
        idempotency="record_key",
        cost="Nothing.",
        limits="3,000 calls in five minutes; 5,000 points an hour and 35,000 a day for writing, of which a post takes three.",
        cannot=(
            "Most people take private messages only from those whom they follow. Ask them to follow you first; who takes them from "
            "everybody need not.",
            "Private messages need an app password that was made with access to them.",
            f"Words of topics are searched for the first {TERMS_READ} of them; the stream hears them all.",
            "Deletions are heard of the latest posts, and over the stream of everybody whose posts were taken in within 30 days.",
            "A film plays some seconds after it was posted, if the account's e-mail address is confirmed and it did not post too many that "
            "day.",
            "Posts cannot be changed there once they are written, and neither can answers.",
            "Conversations of more than two people are not read.",
            "What others wrote below our posts cannot be hidden.",
        ),
    ),
    reader=_reader,
    publisher=_publisher,
    stream=_stream,
    history=_history,
    context=_context,
    connecting=BlueskyConnecting(),
)
