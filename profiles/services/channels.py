"""Where somebody is answered, as people say it."""

from __future__ import annotations

from socialdesk.networks.registry import NETWORKS

CHANNELS = {
    "direct_message": "by private message",
    "chat": "in a chat",
    "phone": "by phone",
    "sms": "by text message",
    "email": "by e-mail",
}


def channel_words(key: str) -> str:
    """How people say where somebody is answered."""
    if key in CHANNELS:
        return CHANNELS[key]
    return f"in public on {NETWORKS[key].label}" if key in NETWORKS else key
