"""The one registry of what the desk keeps about a person: what is handed out to them, erased, and kept only for so long.

Each app registers its holdings in `AppConfig.ready()`, as it does with the parts of the timeline. A test walks all models and fails on
one that holds text and is neither a holding nor named as holding nothing personal (tests/profiles/test_holdings.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet


@dataclass(frozen=True, slots=True)
class Subject:
    """A person, as rows are found by: the ids of their profiles and of their handles."""

    profiles: Sequence[int]
    handles: Sequence[int]


DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of row.

    `rows`: those of a person. `clear`: DELETE, or {field: value} with which a row stays as a count without a person; a callable value is
    called with the row. `export`: the fields that the person is given, by the name that stands above them. `age`: the field by which a
    row grows old, "" where no retention rule may be made; `expired` narrows what may go by age (a conversation that is open may not).
    """

    model: type[Model]
    label: str  # for people, in the plural: "Private messages"
    rows: Callable[[Subject], QuerySet[Any]]
    clear: str | Mapping[str, Any]
    export: Mapping[str, str] = field(default_factory=dict)
    age: str = ""
    expired: Callable[[datetime], QuerySet[Any]] | None = None


_holdings: dict[str, Holding] = {}


def register(name: str, holding: Holding) -> None:
    """Add a kind of row. They are erased in the order of registration from the last to the first: apps above come first."""
    _holdings[name] = holding


def holdings() -> Mapping[str, Holding]:
    return _holdings
