"""The tree that a query is read into; printed, it is a query again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from listening.query.terms import Term

FieldName = Literal["from", "lang", "network", "has", "min_followers"]


@dataclass(frozen=True, slots=True)
class Text:
    """A word, phrase, tag or handle; `source` as written, a phrase with its quotes."""

    source: str
    term: Term

    def __str__(self) -> str:
        return self.source


@dataclass(frozen=True, slots=True)
class Field:
    """A condition on the post, not its text. `value` is in the form that it is compared in."""

    name: FieldName
    value: str

    def __str__(self) -> str:
        return f"{self.name}:{self.value}"


@dataclass(frozen=True, slots=True)
class Not:
    """What must not hold."""

    item: Node

    def __str__(self) -> str:
        return f"NOT {_grouped(self.item)}"


@dataclass(frozen=True, slots=True)
class Every:
    """AND: all of two or more."""

    items: tuple[Node, ...]

    def __str__(self) -> str:
        return " ".join(map(_grouped, self.items))


@dataclass(frozen=True, slots=True)
class Either:
    """OR: at least one of two or more."""

    items: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(map(_grouped, self.items))


Node = Text | Field | Not | Every | Either


def _grouped(node: Node) -> str:
    return f"({node})" if isinstance(node, Every | Either) else str(node)


def positive_leaves(node: Node, *, wanted: bool = True) -> Iterator[Text | Field]:
    """The leaves that help a text to match, in their order; those that hinder it are left out."""
    match node:
        case Not(item):
            yield from positive_leaves(item, wanted=not wanted)
        case Every(items) | Either(items):
            for item in items:
                yield from positive_leaves(item, wanted=wanted)
        case _ if wanted:
            yield node
