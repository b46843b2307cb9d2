"""RSS, Atom and JSON feeds as a reading-only network: each feed is an account of ours there, to be read, paused and removed alike."""

from socialdesk.networks.base import AccountConfig, Capabilities, Network, Reader
from socialdesk.networks.rss.connect import Connecting

CAPABILITIES = Capabilities(
    reads=("entries of an RSS, Atom or JSON feed",),
    tells_edits=True,
    read_every=300,
    cost="Free.",
    limits="Feeds of up to 5 MB, read every five minutes; a feed that has not changed costs its server next to nothing.",
    cannot=(
        "Answers are not sent anywhere: open the entry where it was written.",
        "An entry that is taken out of a feed is not told from one that is only too old for it.",
    ),
)


def _reader(config: AccountConfig) -> Reader:
    from socialdesk.networks.rss.reader import FeedReader

    return FeedReader(config)


NETWORK = Network("rss", "RSS", CAPABILITIES, reader=_reader, connecting=Connecting())
