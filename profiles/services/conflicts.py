"""Which of two values of one field is taken when a system or a file says another one than ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from profiles.models import Connection, Stage
from socialdesk.lib.errors import DeskError

# How the source of what the customer said themselves begins.
FROM_CUSTOMER = ("form:", "callback form", "direct message", "ticket status page", "chat")
ALL_OTHERS = "*"  # in a table of rules: every field that is not named


class Rule(models.TextChoices):
    NEWEST = "newest", "The newer value wins"
    THEIRS = "theirs", "Theirs always wins"
    OURS = "ours", "Ours always wins"
    FILL = "fill", "Theirs only where we have nothing"


@dataclass(frozen=True, slots=True)
class Value:
    """One side's value of a field, since when it stands there, and where it is from. `at` None: nobody said."""

    value: Any
    at: datetime | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether theirs is taken, and by which rule; `rule` is what the log and the answer say."""

    taken: bool
    rule: str


def judge(*, field: str, rule: str, ours: Value, theirs: Value) -> Verdict:
    """Whether `theirs` replaces `ours`, which is another value.

    Over all rules but `theirs`: what the customer said themselves stays. With `newest` both systems come to the same value, whoever asks:
    the later one, and of the same moment the one that sorts higher.
    """
    if rule == Rule.THEIRS:
        return Verdict(True, rule)
    if not is_empty(field, ours) and is_from_customer(ours.source):
        return Verdict(False, "the customer said so themselves")
    if rule == Rule.OURS:
        return Verdict(False, rule)
    if rule == Rule.FILL:
        return Verdict(is_empty(field, ours) and not is_empty(field, theirs), rule)
    if theirs.at is None:
        # That they have nothing, and never had, is no news.
        return Verdict(not is_empty(field, theirs) and is_empty(field, ours), Rule.NEWEST)
    if ours.at is None:
        return Verdict(True, Rule.NEWEST)
    return Verdict((theirs.at, _sort_key(theirs.value)) > (ours.at, _sort_key(ours.value)), Rule.NEWEST)


def is_empty(field: str, value: Value) -> bool:
    """Whether nobody has said anything. A stage is never empty, but the one that everybody begins with says as little."""
    if field == "stage" and value.at is None:
        return value.value in ("", Stage.PROSPECT)
    return value.value in ("", None, False)


def source_of(connection: Connection) -> str:
    """The source of what a system tells us, as it stands beside values and events."""
    return f"system:{connection.system}"


def is_from_customer(source: str) -> bool:
    return source.startswith(FROM_CUSTOMER)


def rule_of(rules: Mapping[str, str] | None, field: str) -> str:
    """The rule of a field: its own, else the one of all others, else the newest value."""
    found = rules or {}
    return found.get(field) or found.get(ALL_OTHERS) or Rule.NEWEST


def check_rules(rules: Mapping[str, str]) -> dict[str, str]:
    """The table as it is stored. Raises DeskError for a rule that does not exist."""
    for field, rule in rules.items():
        if rule not in Rule.values:
            raise DeskError(f"The rule of {field[:60]} is one of {', '.join(Rule.values)}.")
    return dict(rules)


def _sort_key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
