"""Sets the demo desk up: its staff, topics, rules and the sandbox's account; running it again changes nothing."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from engagement.models import Company, EngagementRule
from listening.models import NetworkAccount, Source, Topic
from profiles.models import Agent
from profiles.services.handles import keep_as_ours
from socialdesk.demo_people import write_people
from socialdesk.demo_texts import write_texts
from socialdesk.lib.clock import now
from socialdesk.networks.base import AuthorData
from socialdesk.networks.registry import sandbox_world
from socialdesk.networks.sandbox.script import play

PASSWORD_FILE = "demo_password"  # noqa: S105  a file's name


@dataclass(frozen=True, slots=True)
class SignIn:
    username: str
    password: str
    role: str


def prepare() -> list[SignIn]:
    """Make the demo company's desk where it is not there yet; gives the sign-ins to print.

    One password for all, made for this data folder and kept in it: a known one would be a hole in every demo that is left running.
    """
    path = settings.DATA_DIR / PASSWORD_FILE
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(f"tide-{secrets.randbelow(9000) + 1000}-{secrets.choice(('wheel', 'basket', 'pedal', 'saddle'))}")
    password = path.read_text().strip()
    sign_ins = []
    with transaction.atomic():
        for person in _read("agents.json"):
            agent, created = Agent.objects.get_or_create(
                username=person["username"],
                defaults={"display_name": person["name"], "role": person["role"], "email": person.get("email", "")},
            )
            if created:
                agent.set_password(password)
                if "certified_days" in person:
                    agent.public_send_until = now() + timedelta(days=person["certified_days"])
                agent.save()
            sign_ins.append(SignIn(agent.username, password, agent.get_role_display()))
        for topic in _read("topics.json"):
            Topic.objects.get_or_create(name=topic["name"], defaults={"query": topic["query"]})
        company = json.loads((settings.DEMO_DIR / "company.json").read_text())
        Company.objects.get_or_create(pk=1, defaults={"name": company["name"], **company["desk"]})
        write_texts()
        for rule in _read("rules.json"):
            topic_of_rule = Topic.objects.get(name=rule["topic"]) if "topic" in rule else None
            known = {"kind": rule["kind"], "query": rule.get("query", ""), "topic": topic_of_rule}
            EngagementRule.objects.get_or_create(name=rule["name"], defaults=known)
    _connect_sandbox(company)
    write_people()
    return sign_ins


def _connect_sandbox(company: dict[str, Any]) -> None:
    world = sandbox_world()
    play(world, now())
    ours = world.account(company["username"])
    if ours is not None:
        keep_as_ours(network="sandbox", author=AuthorData(ours.id, ours.username, ours.display_name), now=now())
    for network in ("sandbox", "web"):
        account, _ = NetworkAccount.objects.get_or_create(
            network=network,
            username=company["username"],
            removed_at=None,
            defaults={"display_name": company["display_name"], "external_id": ours.id if ours and network == "sandbox" else ""},
        )
        name = "Sandbox timeline" if network == "sandbox" else "Reviews on the web"
        Source.objects.get_or_create(
            network=network, kind=Source.Kind.POLL, name=name, removed_at=None, defaults={"account": account, "interval": 1}
        )


def _read(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((settings.DEMO_DIR / name).read_text())
    return entries
