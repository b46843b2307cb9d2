"""What a condition of a segment can be: read from a form or a program, checked, and brought into one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
_YES_NO = {"yes": "yes", "no": "no"}
_STAGES = {stage.value: str(stage.label) for stage in Stage}
_CONTACTS = {kind.value: str(kind.label) for kind in ContactPoint.Kind}


@dataclass(frozen=True, slots=True)
class Field:
    """What is asked for: how it can be compared, and what it can be, {value: as people say it}, where that is known beforehand."""

    label: str
    ways: tuple[str, ...]
    known: Mapping[str, str] = field(default_factory=dict)
    kind: str = "text"  # text, list, number, date, yes_no

    @property
    def words(self) -> list[str]:
        return list(self.known.values())


FIELDS: dict[str, Field] = {
    "name": Field("Name", _TEXT),
    "company": Field("Company", _TEXT),
    "stage": Field("Stage", _LIST, _STAGES, "list"),
    "tag": Field("Tag", _LIST, kind="list"),
    "owner": Field("Owner", (*_LIST, "filled", "empty"), kind="list"),
    "language": Field("Language", (*_LIST, "filled", "empty"), kind="list"),
    "time_zone": Field("Time zone", (*_LIST, "filled", "empty"), kind="list"),
    "preferred_channel": Field("Preferred channel", (*_LIST, "filled", "empty"), kind="list"),
    "network": Field("Network of a handle", _LIST, {key: network.label for key, network in NETWORKS.items()}, "list"),
    "followers": Field("Followers of a handle", ("more", "less"), kind="number"),
    "contact": Field("Has a contact", _LIST, _CONTACTS, "list"),
    "verified": Field("Has a verified contact", _LIST, _CONTACTS, "list"),
    "do_not_contact": Field("Do not contact", ("is",), _YES_NO, "yes_no"),
    "last_contact": Field("Last contact", ("within", "before")),
    "sentiment": Field("Sentiment of a conversation", ("within",), {word: word for word in SENTIMENTS}, "list"),
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


def _ways_of(field: CustomField) -> tuple[tuple[str, ...], Mapping[str, str], str]:
    ways, kind = _OF_CUSTOM[CustomField.Kind(field.kind)]
    known = {choice: choice for choice in field.choices} if kind == "list" else _YES_NO if kind == "yes_no" else {}
    return ways, known, kind


def check_conditions(raw: Any, *, in_words: bool = False) -> list[Condition]:
    """The conditions in their normal form. Raises DeskError that names the first one that cannot be, and what it could be: with
    `in_words` as the form's boxes say it, otherwise by the codes that programs send.
    """
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise DeskError("Conditions are a list, as in [{field, is, value}].")
    if len(raw) > MOST:
        raise DeskError(f"{len(raw)} conditions are too many; {MOST} are the most.")
    fields = list_fields() if raw else {}
    checked = []
    for number, given in enumerate(raw, 1):
        try:
            checked.append(_check(given, fields, in_words))
        except DeskError as error:
            raise DeskError(f"Condition {number}: {error.message}") from None
    return checked


def _check(given: Any, fields: Mapping[str, Field], in_words: bool) -> Condition:
    if not isinstance(given, Mapping):
        raise DeskError("it must be an object with field, is and value.")
    name, way = str(given.get("field", "")), str(given.get("is", ""))
    field = fields.get(name)
    if field is None:
        names = [one.label for one in fields.values()] if in_words else fields
        raise DeskError(f"there is no field {name[:40]!r}. Fields: {', '.join(names)}.")
    if way not in field.ways:
        said, ways = (WAYS.get(way, way), [WAYS[one] for one in field.ways]) if in_words else (way, field.ways)
        raise DeskError(f"{field.label} cannot be compared by {said[:40]!r}. Use one of: {', '.join(ways)}.")
    condition: dict[str, Any] = {"field": name, "is": way}
    if way in ("within", "before"):
        condition["days"] = _read_days(given.get("days"))
    if way not in WITHOUT_VALUE and name != "last_contact":
        condition["value"] = _read_value(name, field, given.get("value"), in_words)
    if field.kind == "date":
        condition["kind"] = field.kind
    return condition


def _read_days(given: Any) -> int:
    text = str(given if given is not None else "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST_DAYS):
        raise DeskError(f"say a number of days from 1 to {MOST_DAYS}.")
    return int(text)


def _read_value(name: str, field: Field, given: Any, in_words: bool) -> Any:
    if field.kind == "list":
        return _read_list(name, field, given, in_words)
    text = " ".join(clean(str(given if given is not None else "")).split())
    if not text:
        raise DeskError(f"say what {field.label} is compared with.")
    if len(text) > LONGEST:
        raise DeskError(f"{LONGEST} characters are the most.")
    if field.kind == "yes_no":
        if text.lower() not in field.known:
            raise DeskError(f"{field.label} is yes or no.")
        return text.lower()
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


def _read_list(name: str, field: Field, given: Any, in_words: bool) -> list[Any]:
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
        by_folded = {fold(label): known for known, label in field.known.items()} | {fold(known): known for known in field.known}
        unknown = [word for word in words if fold(word) not in by_folded]
        if unknown:
            known = field.words if in_words else field.known
            raise DeskError(f"{unknown[0][:40]!r} is no {field.label.lower()}. Use one of: {', '.join(known)}.")
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
