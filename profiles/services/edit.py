"""Edits of a profile's own fields: checked, versioned, with the source of each value, and never over what somebody else just wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from django.db import transaction

from profiles.models import Agent, Profile, Stage, StageChange
from profiles.services.changes import note_change
from profiles.services.terms import renew_terms
from profiles.services.versions import keep_first_version, stamp
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError
from socialdesk.lib.text import clean
from socialdesk.networks.registry import NETWORKS

TEXTS = {"name": 200, "company": 200, "language": 12, "time_zone": 64, "stage": 20, "preferred_channel": 20}
EDITABLE = (*TEXTS, "owner")
ALONE = ("direct_message", "chat", "phone", "sms", "email")
FROM_AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Edit:
    """What an edit came to. `changed` names the fields whose value is another one now."""

    profile: Profile
    changed: list[str] = field(default_factory=list)


def edit_profile(
    *,
    profile_id: int,
    changes: Mapping[str, Any],
    source: str,
    agent: Agent | None,
    seen: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> Edit:
    """Set `changes` ({field: value}, see EDITABLE; `owner` is an agent's id or None) as known from `source` at `at`.

    `seen` holds what the editor saw in those fields before: where the value is another one by now, and not the wanted one, nothing is
    changed and Conflict is raised with `conflicts` ([{field, yours, theirs, by, at}]). Raises DeskError for values that cannot be.
    What changes nothing leaves no trace.
    """
    wanted = {name: check_value(name, value) for name, value in changes.items()}
    moment = at or current_time()
    with transaction.atomic():
        profile = Profile.objects.select_for_update(no_key=True).filter(pk=profile_id, erased_at=None).first()
        if profile is None:
            raise DeskError("There is no such profile. It may have been erased.")
        if seen is not None:
            _refuse_unseen(profile, wanted, {name: _read_seen(name, value) for name, value in seen.items() if name in wanted})
        changed = [name for name, value in wanted.items() if read_field(profile, name) != value]
        if not changed:
            return Edit(profile)
        keep_first_version(profile, since=profile.created_at)
        set_fields(profile, {name: wanted[name] for name in changed}, source=source, agent=agent, at=moment)
        note_change(profile=profile, fields=changed, source=source, at=moment)
        renew_terms(profile.pk)
    return Edit(profile, changed)


def set_fields(
    profile: Profile,
    values: Mapping[str, Any],
    *,
    source: str,
    agent: Agent | None,
    at: datetime,
    since: Mapping[str, datetime] | None = None,
    also: Iterable[str] = (),
) -> None:
    """Store `values`, checked and other than what stands there, in a profile that is locked or new. Inside a transaction; notes no change.

    `since` says when each was set where it is from, if that was not now; `also` names what else was set in the row already.
    """
    before = profile.stage
    for name, value in values.items():
        setattr(profile, "owner_id" if name == "owner" else name, value)
    save_version(profile, fields=[*values, *also], source=source, agent=agent, at=at, since=since)
    if "stage" in values:
        StageChange.objects.create(profile=profile, before=before, after=profile.stage, at=at, agent=agent, source=source[:200])


def read_field(profile: Profile, name: str) -> Any:
    """The value of an editable field, the owner as an id."""
    return profile.owner_id if name == "owner" else getattr(profile, name)


def save_version(
    profile: Profile,
    *,
    fields: list[str],
    source: str,
    agent: Agent | None,
    at: datetime,
    since: Mapping[str, datetime] | None = None,
) -> None:
    """Store a profile whose `fields` were set, with the version that it becomes and the source of each. Inside a transaction.

    A later value never has an earlier time than what it replaces, whatever another system's clock said: so it counts as later there too.
    """
    for name in fields:
        moment = (since or {}).get(name, at)
        last = profile.sources.get(name, {}).get("at")
        before = datetime.fromisoformat(last) if last else None
        # The same time comes from elsewhere only: that was decided by the values, and must be decided alike the next time.
        if before and (moment < before or (moment == before and name not in (since or {}))):
            moment = before + timedelta(microseconds=1)
        profile.sources[name] = {"at": moment.isoformat(), "source": source[:200], "by": agent.pk if agent else None}
    profile.version += 1
    profile.changed_at = at
    stamp(profile, source=source, agent=agent, at=at)
    profile.save()


def check_value(name: str, value: Any) -> Any:
    """The normal form of a field's value. Raises DeskError that says what it can be."""
    if name == "owner":
        if value in (None, ""):
            return None
        if not (isinstance(value, int) or (isinstance(value, str) and value.isdecimal() and len(value) < 12)):
            raise DeskError("The owner is named by the id of an agent.")
        if not Agent.objects.filter(pk=int(value), is_active=True).exists():
            raise DeskError("The owner must be an active agent. Choose another one.")
        return int(value)
    if name not in TEXTS:
        raise DeskError(f"There is no field {name[:40]!r}. Fields: {', '.join(EDITABLE)}.")
    text = " ".join(clean(str(value or "")).split())
    if len(text) > TEXTS[name]:
        raise DeskError(f"The {name.replace('_', ' ')} has {len(text)} characters; {TEXTS[name]} are the most.")
    if name == "stage" and text not in Stage.values:
        raise DeskError(f"The stage is one of {', '.join(Stage.values)}.")
    if name == "time_zone" and text and text not in available_timezones():
        raise DeskError("The time zone is a name such as Europe/Berlin.")
    if name == "language" and text:
        return _check_language(text)
    if name == "preferred_channel" and text and text not in channel_keys():
        raise DeskError(f"The preferred channel is one of {', '.join(sorted(channel_keys()))}.")
    return text


def _read_seen(name: str, value: Any) -> Any:
    """What stood there in its normal form. It may be what could not be set today: an owner who has left."""
    try:
        return check_value(name, value)
    except DeskError:
        return int(value) if name == "owner" and str(value).isdecimal() else value


def _check_language(text: str) -> str:
    try:
        Locale.parse(text.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        raise DeskError("The language is a code such as de or pt-BR.") from None
    return text


def channel_keys() -> set[str]:
    """What a preferred channel can be: a network where one answers in public, or one of the ways to somebody alone."""
    return {*ALONE, *NETWORKS}


def _refuse_unseen(profile: Profile, wanted: Mapping[str, Any], seen: Mapping[str, Any]) -> None:
    conflicts = []
    for name, before in seen.items():
        theirs = read_field(profile, name)
        if theirs not in (before, wanted[name]):
            last = profile.sources.get(name, {})
            conflicts.append({"field": name, "yours": wanted[name], "theirs": theirs, "by": last.get("by"), "at": last.get("at", "")})
    if conflicts:
        names = ", ".join(conflict["field"].replace("_", " ") for conflict in conflicts)
        raise Conflict(f"Somebody changed this meanwhile: {names}. Look at both and choose.", conflicts=conflicts)
