"""One edit of a person over their own fields and those that an admin made: all of it is taken, or nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from profiles.models import Agent
from profiles.services.changes import as_one_change
from profiles.services.custom import set_custom
from profiles.services.edit import FROM_AGENT, edit_profile
from profiles.services.rights import CUSTOM
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict


def edit_person(
    *,
    profile_id: int,
    changes: Mapping[str, Any],
    agent: Agent | None,
    seen: Mapping[str, Any] | None = None,
    source: str = FROM_AGENT,
    at: datetime | None = None,
) -> list[str]:
    """Set `changes`, {field: value}, where a field is one of edit.EDITABLE or custom:<key>; the fields that have another value now.

    `seen` holds what the editor began with; where something else stands by now, Conflict tells of all such fields at once.
    """
    moment = at or current_time()
    seen_own, seen_custom = (None, None) if seen is None else _split(seen)
    own, custom = _split(changes)
    changed: list[str] = []
    refused: list[Conflict] = []
    with transaction.atomic(), as_one_change():
        try:
            if own:
                edit = edit_profile(profile_id=profile_id, changes=own, source=source, agent=agent, seen=seen_own, at=moment)
                changed += edit.changed
        except Conflict as conflict:
            refused.append(conflict)
        try:
            if custom:
                keys = set_custom(profile_id=profile_id, values=custom, source=source, agent=agent, seen=seen_custom, at=moment)
                changed += [CUSTOM + key for key in keys]
        except Conflict as conflict:
            refused.append(conflict)
        if len(refused) == 1:
            raise refused[0]
        if refused:
            raise Conflict(
                "Somebody changed several of these fields meanwhile. Look at both and choose.",
                conflicts=[entry for conflict in refused for entry in conflict.extra["conflicts"]],
            )
    return sorted(changed)


def _split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(own fields, those that an admin made by their keys)."""
    own = {name: value for name, value in values.items() if not name.startswith(CUSTOM)}
    return own, {name.removeprefix(CUSTOM): value for name, value in values.items() if name.startswith(CUSTOM)}
