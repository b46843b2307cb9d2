"""How often the guards are right on the labelled drafts, by language, and what a check costs."""

from __future__ import annotations

import time
from typing import Any

from tests.engagement.guards.measure import is_stopped, measure, read_drafts


def bench() -> dict[str, Any]:
    """{group: {drafts, recall, precision}}, and milliseconds of processor time for one draft."""
    drafts = read_drafts()
    rates: dict[str, Any] = dict(measure())
    begun = time.process_time()
    for draft in drafts:
        is_stopped(draft)
    return {**rates, "ms per draft": round((time.process_time() - begun) / len(drafts) * 1e3, 2)}
