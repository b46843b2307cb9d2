"""A person as other systems and files write them: what they say, and what becomes of it here.

Fields of a record: name, company, language, time_zone, stage, preferred_channel, owner (user name), do_not_contact (true or false),
emails, phones, addresses, tags (lists of text), custom:<key>.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from profiles.models import Agent, Profile


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """What a system or a file says of a person. A field that is not in `values` is not spoken of; an empty one is said to be empty.

    `changed_at` is when the other side set a field, where it says so. `system` and `external_id` are its number of the person, both "" if
    it has none.
    """

    values: Mapping[str, Any]
    system: str = ""
    external_id: str = ""
    changed_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """`changed` names the fields that have another value now; `kept` says what was not taken: [{field, ours, theirs, rule}];
    `marked` what was kept as text because it cannot be a number or address: [{field, value, problem}]."""

    profile: Profile
    is_new: bool = False
    changed: list[str] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    marked: list[dict[str, str]] = field(default_factory=list)


def apply_record(
    *,
    record: PersonRecord,
    source: str,
    agent: Agent | None = None,
    profile: Profile | None = None,
    rules: Mapping[str, str] | None = None,
    region: str = "",
    at: datetime | None = None,
) -> Applied:
    """Take over what `record` says into `profile`, or into whom its number names, or into somebody new. One transaction."""
    raise NotImplementedError


def write_record(profile: Profile, *, agent: Agent | None = None) -> dict[str, Any]:
    """The person as a record's values, with all fields; what `agent` may not see is left out (None: a system that may see all)."""
    raise NotImplementedError
