"""X, formerly Twitter, by its API of version 2."""

from __future__ import annotations

from dataclasses import replace

from socialdesk.networks.base import AccountConfig, Capabilities, Context, History, Network, Publisher, Reader, Stream
from socialdesk.networks.x.connect import XConnecting

CAPABILITIES = Capabilities(
    by_words=True,
    reads=(
        "posts that mention us",
        "answers to us",
        "posts of the last seven days with a topic's words",
        "what we post ourselves",
        "private messages",
    ),
    streams=True,
    backfill=True,
    context=True,
    tells_threads=True,
    reads_direct_messages=True,
    tells_edits=True,
    read_every=60,
    reply=True,
    direct_message=True,
    follow_first=True,
    repost=True,
    post=True,
    like=True,
    hide=True,
    delete=True,
    max_length=280,
    max_message_length=10_000,
    length_unit="weighted",
    max_pictures=4,
    max_picture_bytes=5_000_000,
    max_film_bytes=512_000_000,
    max_film_seconds=140,
    max_picture_alt=1000,
    max_film_alt=1000,
    idempotency="lookup",
    cost=(
        "X bills what is read and what is written, by your app's plan or credit. The desk asks for what is new only, leaves reposts by"
        " others out of what it searches, and says when X has counted all that is paid for."
    ),
    limits=(
        "Each kind of call has a limit of its own in 15 minutes, and some in 24 hours; the desk keeps to what X says of them. The stream is"
        " one connection for each app: where several accounts are connected, X may let only one of them hear posts within seconds."
    ),
    cannot=(
        "X does not tell of deleted posts.",
        "Messages in groups are not read, nor messages that X encrypts.",
        "Reposts by others of posts with a topic's words are not read, as each would be billed.",
        "X lets an app, by most plans, answer only who names us or quotes us: what was found by a topic's words alone can be liked or"
        " reposted from here, and is answered at X itself.",
        "X takes the same words from us only once within a short time; say it a little differently to the next person.",
    ),
)


def _reader(config: AccountConfig) -> Reader:
    from socialdesk.networks.x.client import Client
    from socialdesk.networks.x.reader import XReader

    return XReader(Client(config))


def _publisher(config: AccountConfig) -> Publisher:
    from socialdesk.networks.x.client import Client
    from socialdesk.networks.x.publisher import XPublisher

    return XPublisher(Client(config))


def _stream(config: AccountConfig) -> Stream:
    from socialdesk.networks.x.stream import XStream

    return XStream(config)


def _stream_needs(config: AccountConfig) -> AccountConfig:
    """It speaks for the app: an account's own sign-in, which is renewed every two hours, is nothing to it."""
    return replace(config, credentials={name: value for name, value in config.credentials.items() if name == "app_token"})


def _history(config: AccountConfig) -> History:
    from socialdesk.networks.x.client import Client
    from socialdesk.networks.x.past import XHistory

    return XHistory(Client(config))


def _context(config: AccountConfig) -> Context:
    from socialdesk.networks.x.client import Client
    from socialdesk.networks.x.past import XContext

    return XContext(Client(config))


def _usage(config: AccountConfig) -> str:
    from socialdesk.networks.x.client import usage

    return usage(config)


NETWORK = Network(
    "x",
    "X",
    CAPABILITIES,
    reader=_reader,
    publisher=_publisher,
    stream=_stream,
    stream_needs=_stream_needs,
    history=_history,
    context=_context,
    connecting=XConnecting(),
    usage=_usage,
)
