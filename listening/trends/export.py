"""Mentions and counts as CSV that a spreadsheet opens without obeying it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

from listening.models import Mention
from listening.trends.charts import STACK
from listening.trends.filters import Narrowing
from listening.trends.posts import read_posts
from listening.trends.series import Report

AT_ONCE = 1000  # mentions read for one piece of the file
MENTION_COLUMNS = [
    *("posted_at", "hour", "network", "author", "author_name", "text", "deleted", "language", "sentiment", "sentiment_by"),
    *("score", "confidence", "topics", "conversation", "url", "external_id"),
]
COUNT_COLUMNS = ["from", "to", "complete", *STACK, "total", "negative_share", "negative_share_low", "negative_share_high"]

# A spreadsheet takes a cell that begins with one of these for a formula, and a stranger wrote it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def disarm(text: str) -> str:
    """`text` for one cell: an apostrophe before what a spreadsheet would run, which it shows as text."""
    return f"'{text}" if text.lstrip(" \u00a0\u200b\ufeff").startswith(_FORMULA_STARTS) else text


def write_mentions(narrowing: Narrowing, since: datetime, until: datetime, *, zone: tzinfo) -> Iterator[bytes]:
    """The file piece by piece, oldest mention first: as many rows as the chart of the same filters counts."""
    yield _lines([MENTION_COLUMNS])
    after, more = "", True
    while more:
        page = read_posts(narrowing, since, until, after=after, limit=AT_ONCE, newest_first=False)
        if page.mentions:
            yield _lines(_mention_row(mention, zone) for mention in page.mentions)
        after, more = page.next, bool(page.next)


def write_counts(report: Report) -> bytes:
    """The figures of the chart: one row for each of its points."""
    zone = report.filters.window.zone
    rows: list[list[object]] = [list(COUNT_COLUMNS)]
    for point in report.points:
        counts, share = point.counts, point.counts.negative_share
        rows.append(
            [
                point.bucket.start.astimezone(zone).isoformat(),
                point.bucket.end.astimezone(zone).isoformat(),
                "no" if point.bucket.is_partial else "yes",
                *(getattr(counts, sentiment) for sentiment in STACK),
                counts.total,
                *([round(share.value, 4), round(share.low, 4), round(share.high, 4)] if share else ["", "", ""]),
            ]
        )
    return _lines(rows)


def _mention_row(mention: Mention, zone: tzinfo) -> list[object]:
    posted_at = mention.posted_at.astimezone(zone)
    named = getattr(mention, "named_topics", [])
    return [
        posted_at.isoformat(),
        posted_at.replace(minute=0, second=0, microsecond=0).isoformat(),
        mention.network,
        disarm(mention.author.username),
        disarm(mention.author.display_name),
        disarm(mention.text),
        "yes" if mention.deleted_at else "no",
        disarm(mention.language),
        mention.sentiment,
        "agent" if mention.corrected_label else "scorer",
        mention.score,
        mention.confidence,
        disarm("; ".join(link.topic.name for link in named)),
        mention.conversation_id or "",
        disarm(mention.url),
        disarm(mention.external_id),
    ]


def _lines(rows: Iterable[Iterable[object]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()
