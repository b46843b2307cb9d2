"""Short links: guesses that find nothing, and what a resolve costs among few and among many."""

from __future__ import annotations

import statistics
import time
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

FEW, MANY, GUESSES = 10_000, 1_000_000, 1_000_000
AT_ONCE = 10_000  # rows of one insert, and guesses of one question
ROUNDS, OF_A_ROUND = 9, 500


def bench(guesses: int = GUESSES, many: int = MANY) -> dict[str, Any]:
    """`found` of so many random codes among `many` live links; queries of one resolve; its microseconds among FEW and among `many`.

    The guesses are looked up as resolve_link does, by equality of the code, but AT_ONCE to a question; one by one they did not
    end in a quarter of an hour.
    """
    from engagement.models import ShortLink
    from engagement.services.links import new_code, resolve_link
    from socialdesk.lib.clock import now
    from tests.factories import make_conversation

    conversation = make_conversation()
    moment = now()

    def add(count: int) -> None:
        for start in range(0, count, AT_ONCE):
            ShortLink.objects.bulk_create(
                ShortLink(
                    code=new_code(), kind="choice", conversation=conversation, created_at=moment, expires_at=moment + timedelta(days=14)
                )
                for _ in range(min(AT_ONCE, count - start))
            )

    def per_resolve() -> float:
        codes = list(ShortLink.objects.order_by("pk").values_list("code", flat=True)[:OF_A_ROUND])
        spent = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            for code in codes:
                assert resolve_link(code) is not None
            spent.append((time.perf_counter() - started) / len(codes) * 1e6)
        return statistics.median(spent)

    def hits(codes: list[str]) -> int:
        return ShortLink.objects.filter(code__in=codes).count()

    add(FEW)
    few = per_resolve()
    add(many - FEW)
    large = per_resolve()
    there = list(ShortLink.objects.order_by("pk").values_list("code", flat=True)[:OF_A_ROUND])
    assert hits(there) == OF_A_ROUND, "the guesses' question does not find what is there"
    found = sum(hits([new_code() for _ in range(min(AT_ONCE, guesses - start))]) for start in range(0, guesses, AT_ONCE))
    with CaptureQueriesContext(connection) as captured:
        resolve_link(new_code())
    return {
        "live": many,
        "guesses": guesses,
        "found": found,
        "queries_of_a_resolve": len(captured),
        "us_among_few": round(few),
        "us_among_many": round(large),
        "ratio": round(large / few, 2),
    }
