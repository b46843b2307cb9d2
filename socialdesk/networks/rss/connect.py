"""How a feed is connected: its address is typed, and the feed itself says what it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from socialdesk.networks.base import AccountConfig, Begun, Connected, Field, Grant, NetworkError


class Connecting:
    """See the protocol. A feed asks for no sign-in."""

    steps: tuple[str, ...] = ("Find the address of the feed: many sites link it as RSS, Atom or feed.",)
    fields: tuple[Field, ...] = (Field("url", "Address of the feed", "As in https://forum.example.com/latest.rss"),)
    by_redirect = False

    def missing(self) -> str:
        return ""

    def begin(self, values: Mapping[str, str], *, redirect_uri: str, state: str, challenge: str) -> Begun:
        raise NetworkError("A feed is not signed in to.", permanent=True)

    def finish(self, values: Mapping[str, str], *, answer: Mapping[str, str], verifier: str, redirect_uri: str) -> Sequence[Connected]:
        url = values.get("url", "").strip()
        return [Connected({"url": url}, _look(url))]

    def probe(self, config: AccountConfig) -> Grant:
        return _look(config.credentials.get("url", ""))

    def renew(self, config: AccountConfig) -> None:
        return None

    def give_back(self, config: AccountConfig) -> str:
        return ""


def _look(url: str) -> Grant:
    from socialdesk.networks.rss.client import ask
    from socialdesk.networks.rss.parsing import feed_key, read_feed

    answer = ask(url)
    feed = read_feed(answer.content, url=url, media_type=answer.media_type)
    host = urlsplit(url).hostname or ""
    return Grant(external_id=feed_key(url), username=f"{feed.title} ({host})" if feed.title else host, display_name=feed.title)
