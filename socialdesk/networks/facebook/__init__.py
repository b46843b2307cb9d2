"""Facebook pages and the Instagram accounts linked to them: what they can do, and how to reach each side."""

from __future__ import annotations

from dataclasses import replace

from socialdesk.networks.base import AccountConfig, Context, History, Network, Publisher, Reader
from socialdesk.networks.facebook.abilities import FACEBOOK, INSTAGRAM
from socialdesk.networks.facebook.connect import MetaConnecting
from socialdesk.networks.facebook.webhook import FACEBOOK_WEBHOOK, INSTAGRAM_WEBHOOK

_PAGES, _ACCOUNTS = MetaConnecting("facebook"), MetaConnecting("instagram")


def _facebook_reader(config: AccountConfig) -> Reader:
    from socialdesk.networks.facebook.reader import FacebookReader

    return FacebookReader(config)


def _facebook_publisher(config: AccountConfig) -> Publisher:
    from socialdesk.networks.facebook.publisher import FacebookPublisher

    return FacebookPublisher(config)


def _facebook_history(config: AccountConfig) -> History:
    from socialdesk.networks.facebook.history import FacebookHistory

    return FacebookHistory(config)


def _facebook_context(config: AccountConfig) -> Context:
    from socialdesk.networks.facebook.reader import FacebookContext

    return FacebookContext(config)


def _instagram_reader(config: AccountConfig) -> Reader:
    from socialdesk.networks.facebook.instagram import InstagramReader

    return InstagramReader(config)


def _instagram_publisher(config: AccountConfig) -> Publisher:
    from socialdesk.networks.facebook.instagram_publisher import InstagramPublisher

    return InstagramPublisher(config)


def _instagram_history(config: AccountConfig) -> History:
    from socialdesk.networks.facebook.history import InstagramHistory

    return InstagramHistory(config)


def _instagram_context(config: AccountConfig) -> Context:
    from socialdesk.networks.facebook.instagram import InstagramContext

    return InstagramContext(config)


NETWORK = Network(
    "facebook",
    "Facebook",
    FACEBOOK,
    _facebook_reader,
    _facebook_publisher,
    history=_facebook_history,
    context=_facebook_context,
    connecting=_PAGES,
    chosen=_PAGES.ask_for_calls,
    webhook=FACEBOOK_WEBHOOK,
)
INSTAGRAM_NETWORK = Network(
    "instagram",
    "Instagram",
    replace(INSTAGRAM, max_message_bytes=1000),  # Messenger counts characters
    _instagram_reader,
    _instagram_publisher,
    history=_instagram_history,
    context=_instagram_context,
    connecting=_ACCOUNTS,
    chosen=_ACCOUNTS.ask_for_calls,
    webhook=INSTAGRAM_WEBHOOK,
)
