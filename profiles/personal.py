"""The one registry of what the desk keeps about a person: what is handed out to them, erased, and kept only for so long.

Each app registers its holdings in `AppConfig.ready()`, as it does with the parts of the timeline. A test walks all models and fails on
one that holds text and is neither a holding nor named as holding nothing personal (tests/profiles/test_holdings.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import CharField, F, Model, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils.crypto import get_random_string


@dataclass(frozen=True, slots=True)
class Subject:
    """A person, as rows are found by: the ids of their profiles and of their handles, and the words that name nobody else."""

    profiles: Sequence[int]
    handles: Sequence[int]
    identifiers: Sequence[str] = ()  # ids on networks and elsewhere, user names, coordinates, full names


DELETE = "delete"


def gone_id() -> Concat:
    """What stands in the place of a number that names a person, where there must be one and no two may be equal. Nobody can foresee it,
    so that nobody can be in its place already."""
    return Concat(Value(f"erased:{get_random_string(10)}:"), Cast(F("pk"), CharField()))


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of row.

    `rows`: those of a person. `clear`: DELETE, or {field: value} with which a row stays as a count without a person; a callable value is
    called once and gives what is stored. `export`: the fields that the person is given, by the name that stands above them. `age`: the
    field by which a row grows old, "" where no retention rule may be made; `expired` gives the rows older than a moment that may go (a
    conversation that is open may not, and what is cleared already need not).
    """

    model: type[Model]
    label: str  # for people, in the plural: "Private messages"
    rows: Callable[[Subject], QuerySet[Any]]
    clear: str | Mapping[str, Any]
    export: Mapping[str, str] = field(default_factory=dict)
    age: str = ""
    expired: Callable[[datetime], QuerySet[Any]] | None = None
    aged: str | Mapping[str, Any] | None = None  # what a retention rule does where it is not what erasure does


@dataclass(frozen=True, slots=True)
class Naming:
    """What others wrote that names the person: it is theirs, and stays. `words` say how much there is, `url` leads to it."""

    words: str
    url: str


_holdings: dict[str, Holding] = {}
_namings: dict[str, Callable[[Subject], Naming | None]] = {}
_stops: dict[str, Callable[[Subject, datetime], None]] = {}


def register(name: str, holding: Holding) -> None:
    """Add a kind of row. They are erased in the order of registration from the last to the first: apps above come first."""
    _holdings[name] = holding


def register_stop(name: str, stop: Callable[[Subject, datetime], None]) -> None:
    """Add what an app does before a person is erased, in the same transaction: it raises Conflict while something is on its way to
    them, takes back what waits, and closes what is open without a word to them."""
    _stops[name] = stop


def register_naming(name: str, find: Callable[[Subject], Naming | None]) -> None:
    """Add where others may name a person."""
    _namings[name] = find


def namings(subject: Subject) -> list[Naming]:
    return [found for find in _namings.values() if (found := find(subject)) is not None]


def holdings() -> Mapping[str, Holding]:
    return _holdings


def stops() -> Mapping[str, Callable[[Subject, datetime], None]]:
    return _stops
