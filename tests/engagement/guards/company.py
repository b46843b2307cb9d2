"""A company for the guards, without a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engagement.guards import Audience, Finding, Place, check_draft


@dataclass(frozen=True)
class Facts:
    public_contacts: tuple[str, ...] = ()
    own_patterns: tuple[dict[str, Any], ...] = ()
    default_region: str = "GB"


NOTHING_KNOWN = Facts()
TIDEWHEEL = Facts(
    public_contacts=("+44 117 496 0140", "hello@tidewheel.example", "Tidewheel, 12 Harbour Row, Bristol BS1 9XX"),
    own_patterns=({"name": "Order number", "pattern": r"\bTW-?\d{6}\b"}, {"name": "Contract", "pattern": r"\bRC\d{8}\b"}),
)


def check(
    text: str, *, audience: Audience = "public", network: str = "facebook", company: Facts = NOTHING_KNOWN, place: Place | None = None
) -> list[Finding]:
    return check_draft(text=text, network=network, audience=audience, company=company, place=place)


def kinds(text: str, **options: Any) -> list[str]:
    return [finding.kind for finding in check(text, **options)]


def marked(text: str, **options: Any) -> list[tuple[str, str]]:
    """Kinds with the words that they are about."""
    return [(finding.kind, text[finding.start : finding.end]) for finding in check(text, **options)]
