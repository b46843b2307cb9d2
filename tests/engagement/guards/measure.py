"""How often the guards are right on the labelled drafts: a draft is stopped or let through; a push to the telephone is flagged or not."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from engagement.guards import Finding
from tests.engagement.guards.company import TIDEWHEEL, check

DRAFTS = Path(__file__).with_name("drafts.jsonl")
NEVER_STOPS = "just_call"  # flagged, and sent all the same


def read_drafts() -> list[dict[str, Any]]:
    return [json.loads(line) for line in DRAFTS.read_text(encoding="utf-8").splitlines()]


def should_stop(draft: dict[str, Any]) -> bool:
    return any(kind != NEVER_STOPS for kind in draft["kinds"])


def find(draft: dict[str, Any]) -> list[Finding]:
    """What the guards say to a draft of Tidewheel's."""
    return check(draft["text"], network=draft["network"], audience=draft["audience"], company=TIDEWHEEL)


def is_stopped(draft: dict[str, Any]) -> bool:
    return any(finding.blocks for finding in find(draft))


def is_flagged(draft: dict[str, Any]) -> bool:
    return any(finding.kind == NEVER_STOPS for finding in find(draft))


def measure(stops: Callable[[dict[str, Any]], bool] = is_stopped) -> dict[str, dict[str, float]]:
    """{group: {drafts, recall, precision}} for all drafts, those held back from tuning, each language, both together, and the flags."""
    counts: dict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    for draft in read_drafts():
        outcome = (should_stop(draft), stops(draft))
        for group in _groups(draft):
            counts[group][outcome] += 1
    rates = {group: _rates(counts[group]) for group in sorted(counts, key=lambda name: (name != "all", name))}
    return {**rates, NEVER_STOPS: measure_flags()}


def measure_flags(flags: Callable[[dict[str, Any]], bool] = is_flagged) -> dict[str, float]:
    """The same of the flags on pushes to the telephone, in public drafts that nothing else stops."""
    drafts = [draft for draft in read_drafts() if draft["audience"] == "public" and not should_stop(draft)]
    return _rates(Counter((NEVER_STOPS in draft["kinds"], flags(draft)) for draft in drafts))


def _groups(draft: dict[str, Any]) -> Iterator[str]:
    yield from ("all", draft["language"])
    if draft["split"] == "held":
        yield from ("held", f"held {draft['language']}")


def _rates(counts: Counter[tuple[bool, bool]]) -> dict[str, float]:
    right = counts[True, True]
    return {
        "drafts": sum(counts.values()),
        "recall": round(right / max(1, right + counts[True, False]), 3),
        "precision": round(right / max(1, right + counts[False, True]), 3),
    }
