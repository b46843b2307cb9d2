"""What the demo company knows of some of its customers; who is known already is left as they are."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from profiles.models import Agent, CustomField, DeepLink, ExternalRef, Handle, Profile, Segment
from profiles.services.conditions import check_conditions
from profiles.services.handles import find_or_create_handles
from profiles.services.notes import write_note
from profiles.services.records import PersonRecord, apply_record
from socialdesk.lib.clock import now
from socialdesk.networks.base import AuthorData
from socialdesk.networks.registry import sandbox_world

SOURCE = "import of the customer list"


def write_people() -> None:
    """Make the fields, the links, the people, whom the sandbox must know already, and the segments."""
    given = json.loads((settings.DEMO_DIR / "people.json").read_text(encoding="utf-8"))
    for position, entry in enumerate(given["fields"]):
        CustomField.objects.get_or_create(key=entry["key"], defaults={**entry, "position": position})
    for position, entry in enumerate(given["links"]):
        DeepLink.objects.get_or_create(name=entry["name"], defaults={"template": entry["template"], "position": position})
    for entry in given["people"]:
        # Who writes at this very moment comes in by themselves, and stays as they came.
        with suppress(IntegrityError), transaction.atomic():
            _write(entry)
    for position, entry in enumerate(given["segments"]):
        owner = Agent.objects.filter(username=entry.get("routes_to", "")).first()
        known = {"conditions": [dict(one) for one in check_conditions(entry["conditions"])], "position": position, "routes_to": owner}
        Segment.objects.get_or_create(name=entry["name"], defaults={**known, "made_at": now()})


def _write(entry: dict[str, Any]) -> None:
    account = sandbox_world().account(entry["username"], network=entry["network"])
    if account is None or Handle.objects.filter(network=account.network, external_id=account.id).exists():
        return
    author = AuthorData(account.id, account.username, account.display_name, account.followers, account.url)
    handles = find_or_create_handles(authors=[(account.network, author)], now=now())
    profile = Profile.objects.get(handles=handles[account.network, account.id].id)
    owner = {"owner": entry["owner"]} if "owner" in entry else {}
    known = {"system": entry.get("system", ""), "external_id": entry.get("external_id", "")}
    if known["external_id"] and ExternalRef.objects.filter(**known).exists():
        return
    apply_record(record=PersonRecord(values={**entry["values"], **owner}, **known), source=SOURCE, profile=profile, region="GB")
    if "note" in entry:
        author_of_note = Agent.objects.get(username="lead")
        write_note(profile_id=profile.pk, text=entry["note"], agent=author_of_note, is_pinned=entry.get("pinned", False))
