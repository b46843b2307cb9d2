"""What a trends page is narrowed to, read from its address and written back into links."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from urllib.parse import urlencode

from django.http import QueryDict

from listening.models import Sentiment, Topic
from listening.trends.windows import Window, make_window
from socialdesk.lib.errors import DeskError
from socialdesk.networks.registry import NETWORKS

DEFAULT_WINDOW = "7d"


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which mentions: of one topic, one network, one sentiment, or of all ("" and None)."""

    topic: Topic | None = None
    network: str = ""
    sentiment: str = ""

    @classmethod
    def from_query(cls, query: QueryDict, *, topics: Iterable[Topic]) -> Narrowing:
        """From `topic` (id), `network` and `sentiment`. Raises DeskError with a sentence for what does not exist."""
        network, sentiment, topic_id = query.get("network", ""), query.get("sentiment", ""), query.get("topic", "")
        if network and network not in NETWORKS:
            raise DeskError(f"There is no network “{network[:40]}”. Choose one of: {', '.join(NETWORKS)}.")
        if sentiment and sentiment not in Sentiment.values:
            raise DeskError(f"There is no sentiment “{sentiment[:40]}”. Choose one of: {', '.join(Sentiment.values)}.")
        topic = next((topic for topic in topics if str(topic.pk) == topic_id), None)
        if topic_id and topic is None:
            raise DeskError(f"There is no topic “{topic_id[:40]}”; it may have been deleted. Choose another.")
        return cls(topic, network, sentiment)

    @property
    def columns(self) -> dict[str, str]:
        """The narrowing by columns that mentions and the rollup share; the topic is a link of its own."""
        given = {"network": self.network, "sentiment": self.sentiment}
        return {name: value for name, value in given.items() if value}

    @property
    def parameters(self) -> dict[str, str]:
        """The narrowing as an address carries it."""
        return {"topic": str(self.topic.pk), **self.columns} if self.topic else self.columns

    def posts_query(self, since: datetime, until: datetime, **changes: str) -> str:
        """The query string of the list of these mentions from `since` to before `until`."""
        return urlencode({**self.parameters, **changes, "since": _utc(since), "until": _utc(until)})


@dataclass(frozen=True, slots=True)
class Filters:
    """The whole state of the trends page: which mentions, in which stretch of time."""

    narrowing: Narrowing
    window: Window

    @classmethod
    def from_query(cls, query: QueryDict, *, topics: Iterable[Topic], now: datetime, zone: tzinfo) -> Filters:
        """From a page's query: the narrowing, and `window` (24h, 7d, 30d, custom), `per` (hour, day), `from`, `to` (days).

        Raises DeskError with a sentence for what makes no sense.
        """
        window = make_window(
            name=query.get("window", "") or DEFAULT_WINDOW,
            per=query.get("per", ""),
            first_day=query.get("from", ""),
            last_day=query.get("to", ""),
            now=now,
            zone=zone,
        )
        return cls(Narrowing.from_query(query, topics=topics), window)

    def as_query(self, **changes: str) -> str:
        """The query string of this page; `changes` replace single parameters, "" takes one away."""
        window = self.window
        given = {**self.narrowing.parameters, "window": window.name}
        if window.name != "24h":
            given["per"] = window.per
        if window.name == "custom" and window.first_day and window.last_day:
            given |= {"from": window.first_day.isoformat(), "to": window.last_day.isoformat()}
        return urlencode({name: value for name, value in (given | changes).items() if value})


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
