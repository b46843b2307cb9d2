"""Mastodon, and every server that speaks its API: what it can do, and how to reach its two sides."""

from __future__ import annotations

from socialdesk.networks.base import AccountConfig, Capabilities, Context, History, Network, Publisher, Reader, Stream
from socialdesk.networks.mastodon.connect import MastodonConnecting
from socialdesk.networks.mastodon.feeds import TAGS
from socialdesk.networks.mastodon.server import FOR_MENTION, Limits

LIMITS = Limits()


def _reader(config: AccountConfig) -> Reader:
    from socialdesk.networks.mastodon.reader import MastodonReader

    return MastodonReader(config)


def _publisher(config: AccountConfig) -> Publisher:
    from socialdesk.networks.mastodon.publisher import MastodonPublisher

    return MastodonPublisher(config)


def _stream(config: AccountConfig) -> Stream:
    from socialdesk.networks.mastodon.stream import MastodonStream

    return MastodonStream(config)


def _history(config: AccountConfig) -> History:
    from socialdesk.networks.mastodon.history import MastodonHistory

    return MastodonHistory(config)


def _context(config: AccountConfig) -> Context:
    from socialdesk.networks.mastodon.reader import MastodonContext

    return MastodonContext(config)


NETWORK = Network(
    "mastodon",
    "Mastodon",
    Capabilities(
        by_words=True,
        reads=(
            "posts that name the account or quote it",
            "private messages to it",
            "what it posts itself",
            "posts with a topic's word as a hashtag",
            "posts of the people on one list of the account",
        ),
        streams=True,
        backfill=True,
        context=True,
        tells_threads=True,
        reads_direct_messages=True,
        tells_deletions=True,
        tells_edits=True,
        reply=True,
        direct_message=True,
        repost=True,
        post=True,
        like=True,
        delete=True,
        max_length=LIMITS.of_text,
        max_message_length=LIMITS.of_text,
        length_unit="graphemes",
        max_pictures=LIMITS.pictures,
        max_picture_bytes=LIMITS.picture_bytes,
        max_film_bytes=LIMITS.film_bytes,
        max_picture_alt=LIMITS.alt,
        max_film_alt=LIMITS.alt,
        idempotency="token",
        cost="Nothing.",
        limits="300 calls in five minutes, 30 pictures or films and 30 deletions in half an hour, unless the server sets others.",
        cannot=(
            f"Answers have {FOR_MENTION} characters less than the server allows: the name of whom they answer stands before them.",
            f"Words of topics are heard as hashtags only, and only the first {TAGS} of them: Mastodon has no search of all posts.",
            "Deletions and edits are heard for posts that came lately, or while the connection holds.",
            "A private message on Mastodon is a post that only those see whom it names, and the owners of their servers.",
            "What others wrote below our posts cannot be hidden.",
        ),
    ),
    reader=_reader,
    publisher=_publisher,
    stream=_stream,
    history=_history,
    context=_context,
    connecting=MastodonConnecting(),
)
