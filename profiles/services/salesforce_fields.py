"""Which field of a Salesforce contact stands for which of ours, and how each is written there and read from there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from profiles.services.record_lists import LISTS
from profiles.services.records import FIELDS
from profiles.services.rights import CUSTOM
from socialdesk.lib.errors import DeskError

EXTERNAL_FIELD = "SocialDeskId__c"  # where our number of a person stands there, unless another is named
# A contact has one of each where we have a list, and its name is in two.
NAME = ("FirstName", "LastName")
MAPPING = {"emails": "Email", "phones": "Phone", "addresses": "MailingStreet", "do_not_contact": "DoNotCall"}
NAMELESS = "Unknown"  # LastName must not be empty there
_LONGEST = {"FirstName": 40, "LastName": 80, "Email": 80, "Phone": 40, "MailingStreet": 255}
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")


def check_mapping(pairs: Mapping[str, Any]) -> dict[str, str]:
    """{our field: theirs}, as an admin wrote it. Raises DeskError that says what is wrong."""
    for ours, theirs in pairs.items():
        if ours == "name" or (ours not in FIELDS and not ours.startswith(CUSTOM)):
            raise DeskError(f"{ours[:60]} is no field that can be mapped. FirstName and LastName are the name by themselves.")
        if not isinstance(theirs, str) or not _FIELD.fullmatch(theirs) or theirs in (*NAME, "Id", "SystemModstamp"):
            raise DeskError(f"Name one field of the contact for {ours[:60]}, by its API name, as in Company__c.")
    if len(set(pairs.values())) < len(pairs):
        raise DeskError("Two of our fields cannot stand in one of theirs.")
    return dict(pairs)


def to_salesforce(record: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    """A contact's fields as they should be for this person."""
    first, _, last = record.get("name", "").rpartition(" ")
    contact: dict[str, Any] = {"FirstName": _cut("FirstName", first), "LastName": _cut("LastName", last) or NAMELESS}
    for ours, theirs in mapping.items():
        if ours not in record and not ours.startswith(CUSTOM):
            continue
        value = record.get(ours, "")
        if ours == "tags":
            value = "; ".join(value)
        elif ours in LISTS:
            value = value[0] if value else ""
        contact[theirs] = _cut(theirs, value)
    return contact


def from_salesforce(contact: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    """What a contact says of a person, as a record's values. A name that says nothing is not spoken of."""
    values: dict[str, Any] = {}
    name = " ".join(part for part in (contact.get("FirstName"), contact.get("LastName")) if part)
    if name and name != NAMELESS:
        values["name"] = name
    for ours, theirs in mapping.items():
        given = contact.get(theirs)
        if ours == "do_not_contact":
            values[ours] = bool(given)
        elif ours == "tags":
            values[ours] = [tag.strip() for tag in str(given or "").split(";") if tag.strip()]
        elif ours in LISTS:
            values[ours] = [str(given)] if given else []
        else:
            values[ours] = "" if given is None else str(given)
    return values


def is_ours(field: str, contact: Mapping[str, Any], as_ours: Mapping[str, Any], mapping: Mapping[str, str]) -> bool:
    """Whether a contact says of a field what we would write there: then it is no news, although theirs is shorter than ours."""
    names = NAME if field == "name" else (mapping[field],)
    return all((contact.get(name) or "") == (as_ours.get(name) or "") for name in names)


def _cut(field: str, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    text = str(value)
    return (text[: _LONGEST.get(field, 255)].strip()) or None
