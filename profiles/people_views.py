"""The list of people: found by words, by a segment, by stage and owner, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from profiles.models import Agent, Segment, Stage
from profiles.services.conditions import Condition
from profiles.services.people_list import read_lines
from profiles.services.search import search_people
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.pages import desk_view

PAGE = 50
OWNERS = {"mine": "Mine", "anybody": "Somebody's", "nobody": "Nobody's"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the list is asked for."""

    q: str = ""
    segment: Segment | None = None
    stage: str = ""
    owner: str = ""

    @property
    def is_anything(self) -> bool:
        return bool(self.q or self.segment or self.stage or self.owner)

    def as_query(self) -> str:
        given = {"q": self.q, "segment": self.segment.pk if self.segment else "", "stage": self.stage, "owner": self.owner}
        return urlencode({name: value for name, value in given.items() if value})


@require_safe
@desk_view
def people(request: HttpRequest) -> HttpResponseBase:
    """One page. A fixed number of queries for whatever is asked."""
    agent = agent_of(request)
    segments = list(Segment.objects.all())
    asked = _read(request, segments)
    found = search_people(
        agent=agent, text=asked.q, conditions=_conditions(asked, agent), after=request.GET.get("after", "")[:400], limit=PAGE
    )
    context = {
        "lines": read_lines(found.people),
        "next": found.next,
        "is_first": "after" not in request.GET,
        "asked": asked,
        "query": asked.as_query(),
        "segments": segments,
        "stages": Stage.choices,
        "owners": OWNERS.items(),
        "may_configure": agent.may_configure,
    }
    return render(request, "profiles/people.html", context)


def _read(request: HttpRequest, segments: list[Segment]) -> Asked:
    given = request.GET
    stage, owner = given.get("stage", ""), given.get("owner", "")
    if stage and stage not in Stage.values:
        raise DeskError(f"The stage is one of {', '.join(Stage.values)}.")
    if owner and owner not in OWNERS:
        raise DeskError(f"The owner is one of {', '.join(OWNERS)}.")
    return Asked(given.get("q", "").replace("\x00", "").strip()[:200], _segment(given.get("segment", ""), segments), stage, owner)


def _segment(given: str, segments: list[Segment]) -> Segment | None:
    if not given:
        return None
    for segment in segments:
        if str(segment.pk) == given:
            return segment
    raise NotFound("There is no such segment. It may have been removed; choose another one.")


def _conditions(asked: Asked, agent: Agent) -> list[Condition]:
    conditions: list[Any] = list(asked.segment.conditions) if asked.segment else []
    if asked.stage:
        conditions.append({"field": "stage", "is": "is", "value": [asked.stage]})
    if asked.owner:
        ways: dict[str, dict[str, Any]] = {
            "mine": {"is": "is", "value": [agent.pk]},
            "anybody": {"is": "filled"},
            "nobody": {"is": "empty"},
        }
        conditions.append({"field": "owner", **ways[asked.owner]})
    return conditions
