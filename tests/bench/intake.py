"""What a mention costs from batch to commit, against its floor: plain vaderSentiment and one bare 500-row insert."""

from __future__ import annotations

import csv
import gc
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from socialdesk.lib.clock import now
from socialdesk.networks.base import AuthorData, PostData

BATCH = 500
SUBJECTS = (
    *("delay* OR late OR waiting", "cancel* OR rebook*", "bag* OR luggage", '"customer service" OR support', "refund* OR money -joke"),
    *("thank* OR thanks OR love", "gate OR boarding", "seat* -booked", "app OR website OR login", "crew OR attendant*"),
)
BRANDS = ("@united", "@usairways", "@americanair", "@southwestair", "@jetblue")


def fifty_topics() -> dict[str, str]:
    """Fifty queries of the kind that a brand listens for: five brands by ten subjects."""
    return {f"{brand} {number}": f"{brand} ({subject})" for brand in BRANDS for number, subject in enumerate(SUBJECTS)}


def read_posts(path: Path, *, copies: int = 1) -> list[PostData]:
    """The real posts of the airline file, `copies` times over with ids and authors of their own."""
    with path.open(encoding="utf-8") as file:
        rows = list({row["tweet_id"]: row for row in csv.DictReader(file)}.values())
    moment = now()
    posts = []
    for copy in range(copies):
        for number, row in enumerate(rows):
            name = f"{row['name']}{copy or ''}"
            posts.append(
                PostData(
                    network="x",
                    external_id=f"{row['tweet_id']}-{copy}",
                    text=row["text"],
                    author=AuthorData(external_id=name.casefold(), username=name, display_name=row["name"]),
                    posted_at=moment - timedelta(seconds=(copies - copy) * len(rows) - number),
                )
            )
    return posts


def _floor(posts: list[PostData]) -> float:
    """Seconds for scoring `posts` with plain vaderSentiment and inserting them by 500 with execute_values, five indexes."""
    from psycopg2.extras import execute_values
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_floor")
        cursor.execute(
            "CREATE TABLE bench_floor (id bigserial PRIMARY KEY, network varchar(20), external_id varchar(200), author varchar(200),"
            " text text, posted_at timestamptz, score double precision, UNIQUE (network, external_id))"
        )
        for column in ("author", "posted_at", "score"):
            cursor.execute(f"CREATE INDEX ON bench_floor ({column})")
        started = time.perf_counter()
        for start in range(0, len(posts), BATCH):
            part = posts[start : start + BATCH]
            scores = [analyzer.polarity_scores(p.text)["compound"] for p in part]
            rows = [
                (p.network, p.external_id, p.author.username, p.text, p.posted_at, score) for p, score in zip(part, scores, strict=True)
            ]
            with transaction.atomic():
                execute_values(
                    cursor.cursor,
                    "INSERT INTO bench_floor (network, external_id, author, text, posted_at, score) VALUES %s",
                    rows,
                    page_size=BATCH,
                )
        seconds = time.perf_counter() - started
        cursor.execute("DROP TABLE bench_floor")
    return seconds


def _ours(posts: list[PostData]) -> float:
    from socialdesk.intake import take_in

    started = time.perf_counter()
    for start in range(0, len(posts), BATCH):
        result = take_in(posts[start : start + BATCH])
        assert result.stored + result.duplicate == len(posts[start : start + BATCH])
    return time.perf_counter() - started


def bench(path: Path, *, rounds: int = 5) -> dict[str, Any]:
    """Microseconds a mention, ours and the floor's in turn on fresh posts each round, and the median of the rounds' ratios."""
    from listening.models import Topic

    for name, query in fifty_topics().items():
        Topic.objects.create(name=name, query=query)
    every = read_posts(path, copies=rounds + 1)
    size = len(every) // (rounds + 1)
    _ours(every[:size])  # warm: plans, caches, the first pages of every table
    gc.collect()
    gc.freeze()
    ratios, ours, floors = [], [], []
    for number in range(1, rounds + 1):
        part = every[number * size : (number + 1) * size]
        floor, own = _floor(part), _ours(part)
        floors.append(floor / size * 1e6)
        ours.append(own / size * 1e6)
        ratios.append(own / floor)
    middle = rounds // 2
    return {
        "mentions": size * rounds,
        "topics": 50,
        "floor_us": round(sorted(floors)[middle], 1),
        "intake_us": round(sorted(ours)[middle], 1),
        "ratio": round(sorted(ratios)[middle], 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
        "goal": 3.0,
    }
