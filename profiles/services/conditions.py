"""What a condition of a segment can be: read from a form or a program, checked, and brought into one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from profiles.models import Agent, ContactPoint, CustomField, Stage
from socialdesk.lib.errors import DeskError
from socialdesk.lib.text import clean, fold
from socialdesk.networks.registry import NETWORKS

Condition = Mapping[str, Any]  # {"field": "stage", "is": "is", "value": ["customer"]}, with "days" where time counts

# As listening calls them, whose conversations these are.
SENTIMENTS = ("negative", "neutral", "positive", "unsure")
ACTIVE = ("new", "open")
PARKED = ("waiting", "snoozed", "resolved")

MOST = 12  # conditions of one segment
MOST_VALUES = 50
LONGEST = 200
MOST_DAYS = 3650

# Each way to compare, as the form says it.
WAYS = {
    "is": "is",
    "is_not": "is not",
    "begins": "begins with",
    "contains": "contains",
    "more": "is at least",
    "less": "is at most",
    "within": "in the last days",
    "before": "not in the last days",
    "filled": "is known",
    "empty": "is not known",
}
WITHOUT_VALUE = ("filled", "empty")
_TEXT = ("is", "begins", "contains", "filled", "empty")
_LIST = ("is", "is_not")


@dataclass(frozen=True, slots=True)
class Field:
    """What is asked for: how it can be compared, and the words that it can be, where they are known beforehand."""

    label: str
    ways: tuple[str, ...]
    known: tuple[str, ...] = ()
    kind: str = "text"  # text, list, number, date, yes_no


FIELDS: dict[str, Field] = {
    "name": Field("Name", _TEXT),
    "company": Field("Company", _TEXT),
    "stage": Field("Stage", _LIST, tuple(Stage.values), "list"),
    "tag": Field("Tag", _LIST, (), "list"),
    "owner": Field("Owner", (*_LIST, "filled", "empty"), (), "list"),
    "language": Field("Language", (*_LIST, "filled", "empty"), (), "list"),
    "time_zone": Field("Time zone", (*_LIST, "filled", "empty"), (), "list"),
    "preferred_channel": Field("Preferred channel", (*_LIST, "filled", "empty"), (), "list"),
    "network": Field("Network of a handle", _LIST, tuple(NETWORKS), "list"),
    "followers": Field("Followers of a handle", ("more", "less"), (), "number"),
    "contact": Field("Has a contact", _LIST, tuple(ContactPoint.Kind.values), "list"),
    "verified": Field("Has a verified contact", _LIST, tuple(ContactPoint.Kind.values), "list"),
    "do_not_contact": Field("Do not contact", ("is",), ("yes", "no"), "yes_no"),
    "last_contact": Field("Last contact", ("within", "before")),
    "sentiment": Field("Sentiment of a conversation", ("within",), SENTIMENTS, "list"),
}
_OF_CUSTOM = {
    CustomField.Kind.TEXT: (_TEXT, "text"),
    CustomField.Kind.LINK: (_TEXT, "text"),
    CustomField.Kind.NUMBER: (("is", "more", "less", "filled", "empty"), "number"),
    CustomField.Kind.DATE: (("is", "more", "less", "filled", "empty"), "date"),
    CustomField.Kind.CHOICE: (("is", "filled", "empty"), "list"),
    CustomField.Kind.YES_NO: (("is", "filled", "empty"), "yes_no"),
}


def list_fields() -> dict[str, Field]:
    """Everything that can be asked for, our own fields too. One query."""
    own = {f"custom:{field.key}": Field(field.label, *_ways_of(field)) for field in CustomField.objects.filter(archived_at=None)}
    return FIELDS | own


def _ways_of(field: CustomField) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    ways, kind = _OF_CUSTOM[CustomField.Kind(field.kind)]
    known = tuple(field.choices) if kind == "list" else ("yes", "no") if kind == "yes_no" else ()
    return ways, known, kind


def check_conditions(raw: Any) -> list[Condition]:
    """The conditions in their normal form. Raises DeskError that names the first one that cannot be, and what it could be."""
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise DeskError("Conditions are a list, as in [{field, is, value}].")
    if len(raw) > MOST:
        raise DeskError(f"{len(raw)} conditions are too many; {MOST} are the most.")
    fields = list_fields() if raw else {}
    checked = []
    for number, given in enumerate(raw, 1):
        try:
            checked.append(_check(given, fields))
        except DeskError as error:
            raise DeskError(f"Condition {number}: {error.message}") from None
    return checked


def _check(given: Any, fields: Mapping[str, Field]) -> Condition:
    if not isinstance(given, Mapping):
        raise DeskError("it must be an object with field, is and value.")
    name, way = str(given.get("field", "")), str(given.get("is", ""))
    field = fields.get(name)
    if field is None:
        raise DeskError(f"there is no field {name[:40]!r}. Fields: {', '.join(fields)}.")
    if way not in field.ways:
        raise DeskError(f"{field.label} cannot be compared by {way[:20]!r}. Use one of: {', '.join(field.ways)}.")
    condition: dict[str, Any] = {"field": name, "is": way}
    if way in ("within", "before"):
        condition["days"] = _read_days(given.get("days"))
    if way not in WITHOUT_VALUE and name != "last_contact":
        condition["value"] = _read_value(name, field, given.get("value"))
    if field.kind == "date":
        condition["kind"] = field.kind
    return condition


def _read_days(given: Any) -> int:
    text = str(given if given is not None else "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST_DAYS):
        raise DeskError(f"say a number of days from 1 to {MOST_DAYS}.")
    return int(text)


def _read_value(name: str, field: Field, given: Any) -> Any:
    if field.kind == "list":
        return _read_list(name, field, given)
    text = " ".join(clean(str(given if given is not None else "")).split())
    if not text:
        raise DeskError(f"say what {field.label} is compared with.")
    if len(text) > LONGEST:
        raise DeskError(f"{LONGEST} characters are the most.")
    if field.kind == "yes_no" and text not in field.known:
        raise DeskError(f"{field.label} is yes or no.")
    if field.kind == "number":
        return _read_number(text, whole=name == "followers")
    if field.kind == "date":
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise DeskError("write the day as 2026-05-04.") from None
    return text


def _read_number(text: str, *, whole: bool) -> Any:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= 10**15 or (whole and number != int(number)):
        raise DeskError(f"{text[:40]!r} is no {'whole ' if whole else ''}number.")
    if whole:
        return int(number)
    return format(number.normalize(), "f")


def _read_list(name: str, field: Field, given: Any) -> list[Any]:
    parts = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else [given]
    words = [" ".join(clean(str(part)).split()) for part in parts if part not in (None, "")]
    words = list(dict.fromkeys(word for word in words if word))
    if not words:
        raise DeskError(f"say what {field.label} is compared with.")
    if len(words) > MOST_VALUES or any(len(word) > LONGEST for word in words):
        raise DeskError(f"at most {MOST_VALUES} words of {LONGEST} characters.")
    if name == "owner":
        return sorted({_find_owner(word) for word in words})
    if name == "tag":
        return [fold(word) for word in words]
    if field.known:
        by_folded = {fold(known): known for known in field.known}
        unknown = [word for word in words if fold(word) not in by_folded]
        if unknown:
            raise DeskError(f"{unknown[0][:40]!r} is no {field.label.lower()}. Use one of: {', '.join(field.known)}.")
        return [by_folded[fold(word)] for word in words]
    return words


def _find_owner(word: str) -> int:
    agents = Agent.objects.all()
    found = agents.filter(username=word.lstrip("@")).first()
    if found is None and word.isascii() and word.isdecimal() and len(word) < 12:
        found = agents.filter(pk=int(word)).first()
    if found is None:
        raise DeskError(f"nobody here is called {word[:40]!r}. Name the owner by their user name.")
    return found.pk
