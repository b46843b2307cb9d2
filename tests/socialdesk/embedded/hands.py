"""Somebody who works at a desk that runs: one process beside it, told line by line what to do. Run with -m."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.socialdesk.embedded.conftest import ROOT, Desk


class Hands:
    """Does things on the data of a running desk, as its people would. Each call is a function of this module."""

    def __init__(self, desk: Desk) -> None:
        environment = {**desk.environment, "DJANGO_SETTINGS_MODULE": "socialdesk.settings"}
        command = [sys.executable, "-m", "tests.socialdesk.embedded.hands"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, what: str, **with_what: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([what, with_what]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{what} failed"
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)


def connect(system: str, url: str) -> str:
    """Connect a system; the secret of what is sent to it."""
    from profiles.models import Agent
    from profiles.services.connections import make_connection

    agent, _ = Agent.objects.get_or_create(username="boss", defaults={"role": "admin"})
    made = make_connection(system=system, name=system, kind="webhook", url=url, settings={}, rules={}, agent=agent)
    return made.credentials["secret"]


def enter_secret(system: str, secret: str) -> None:
    from profiles.models import Connection
    from profiles.services.connections import change_connection

    row = Connection.objects.get(system=system)
    change_connection(connection_id=row.pk, name=row.name, url=row.url, settings={"their_secret": secret}, rules={})


def make(values: dict[str, Any]) -> int:
    from profiles.services.records import PersonRecord, apply_record

    return apply_record(record=PersonRecord(values), source="agent").profile.pk


def edit(person: int, field: str, value: str) -> bool:
    from profiles.services.edit import edit_profile

    return bool(edit_profile(profile_id=person, changes={field: value}, source="agent", agent=None).changed)


def add(person: int, field: str, value: str) -> bool:
    """One more value of a list."""
    from profiles.models import Profile
    from profiles.services.records import PersonRecord, apply_record, write_record

    profile = Profile.objects.get(pk=person)
    record = PersonRecord({field: [*write_record(profile)[field], value]})
    return bool(apply_record(record=record, source="agent", profile=profile).changed)


def people() -> dict[int, dict[str, Any]]:
    from profiles.models import Profile
    from profiles.services.record_writing import write_records

    return write_records(Profile.objects.people())


def deliveries() -> dict[str, int]:
    """How many there are, by state; what has not been spread yet waits."""
    from collections import Counter

    from profiles.models import Connection, EventDelivery, ProfileEvent

    counted = Counter(EventDelivery.objects.values_list("state", flat=True))
    last = ProfileEvent.objects.order_by("-number").values_list("number", flat=True).first() or 0
    behind = sum(max(last - told_to, 0) for told_to in Connection.objects.values_list("told_to", flat=True))
    counted["queued"] += behind + ProfileEvent.objects.filter(number=None).count()
    return dict(counted)


def main() -> None:
    import django

    django.setup()
    for line in sys.stdin:
        what, with_what = json.loads(line)
        print(json.dumps(globals()[what](**with_what)), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "socialdesk.settings")
    main()
