"""A reading-only network that programs push to, in JSON of their own make: which of their fields is what is said when it is connected."""

from socialdesk.networks.base import Capabilities, Network
from socialdesk.networks.json_hook.connect import Connecting, Nowhere
from socialdesk.networks.json_hook.reading import read_call

CAPABILITIES = Capabilities(
    reads=("posts that a program of yours pushes as JSON",),
    webhooks=True,
    tells_edits=True,
    tells_threads=True,
    tells_deletions=True,
    cost="Free.",
    limits="1 MB and 1,000 posts a call.",
    cannot=("Answers are not sent anywhere: open the post where it was written.",),
)

NETWORK = Network(
    "json",
    "JSON webhook",
    CAPABILITIES,
    connecting=Connecting(),  # type: ignore[arg-type]  # its fields are made anew each time, and never set
    webhook=Nowhere(),
)

__all__ = ["NETWORK", "read_call"]
