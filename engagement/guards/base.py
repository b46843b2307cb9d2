"""What the guards are told and what they say: a company's facts, the place of a draft, findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Audience = Literal["public", "private"]


class CompanyFacts(Protocol):
    """What of the company the guards must know. `public_contacts` may stand in public; `own_patterns` are {name, pattern}."""

    @property
    def public_contacts(self) -> Sequence[str]: ...
    @property
    def own_patterns(self) -> Sequence[Mapping[str, Any]]: ...
    @property
    def default_region(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a draft is going, as far as it is known. Names without @; `hosts` are the desk's own, where its short links live."""

    answered: str = ""  # who is answered
    speaking: str = ""  # our account that answers
    others: frozenset[str] = frozenset()  # our other accounts
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a draft. `start` and `end` count Python characters of the text that was given; `advice` is one sentence."""

    kind: str
    start: int
    end: int
    advice: str
    blocks: bool = True
