"""Segments: the list in the order in which they route, and the form of one with its conditions row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from profiles.models import Agent, Role, Segment
from profiles.services import segment_edits
from profiles.services.conditions import MOST, WAYS, Condition, Field, check_conditions, list_fields
from profiles.services.people_list import read_lines
from profiles.services.search import search_people
from profiles.services.segment_edits import count_people, say_conditions
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view
from socialdesk.lib.text import clean

SHOWN = 5  # people of a preview
SPARE = 2  # empty rows under those that say something


@require_safe
@desk_view
def segments(request: HttpRequest) -> HttpResponseBase:
    """All segments, in their order."""
    found = list(Segment.objects.select_related("routes_to", "made_by"))
    context = {"lines": say_conditions(found), "may_configure": agent_of(request).may_configure}
    return render(request, "profiles/segments.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def segment_new(request: HttpRequest) -> HttpResponseBase:
    """The form of a segment that is not there yet."""
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def segment_edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The form of a segment that is."""
    return _edit(request, _get(pk))


@require_POST
@desk_view
def segment_preview(request: HttpRequest) -> HttpResponseBase:
    """How many people the form's conditions mean, and the newest of them."""
    return render(request, "profiles/_segment_preview.html", _preview(_read_rows(request.POST), agent_of(request)))


@require_POST
@desk_view
def segment_move(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One place up or down, as `to` says."""
    segment_edits.move_segment(segment=_get(pk), up=request.POST.get("to") == "up")
    return redirect("segments")


@require_POST
@desk_view
def segment_remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    segment = _get(pk)
    segment.delete()
    messages.success(request, f"{segment.name} is removed. Its people are as they were.")
    return redirect("segments")


def _edit(request: HttpRequest, segment: Segment | None) -> HttpResponseBase:
    agent = agent_of(request)
    post = request.POST
    rows = _read_rows(post) if request.method == "POST" else [*(segment.conditions if segment else ())]
    context: dict[str, Any] = {"segment": segment, "status": 200}
    typed = {"name": segment.name if segment else "", "routes_to": str(segment.routes_to_id or "") if segment else ""}
    if request.method == "POST":
        typed = {"name": clean(post.get("name", "")), "routes_to": post.get("routes_to", "")}
        if "more" not in post:
            try:
                saved = segment_edits.save_segment(
                    segment=segment, name=typed["name"], conditions=rows, routes_to=_chosen(typed["routes_to"]), agent=agent
                )
            except DeskError as error:
                context |= {"error": error.message, "status": error.status}
            else:
                messages.success(request, f"{saved.name} is saved.")
                return redirect("segments")
    spare = max(0, min(SPARE if rows else SPARE + 1, MOST - len(rows)))
    fields = list_fields()
    context |= {
        "typed": typed,
        "rows": [_as_typed(row, fields) for row in [*rows, *({} for _ in range(spare))]],
        "fields": fields.items(),
        "ways": WAYS.items(),
        "staff": _staff(),
        **_preview(rows, agent),
    }
    return render(request, "profiles/segment_form.html", context, status=context["status"])


def _read_rows(post: QueryDict) -> list[dict[str, Any]]:
    """The rows of the form in which something was chosen."""
    columns = zip(post.getlist("field"), post.getlist("is"), post.getlist("value"), post.getlist("days"), strict=False)
    return [{"field": field, "is": way, "value": value, "days": days} for field, way, value, days in columns if field][: MOST + 1]


def _as_typed(row: Condition, fields: Mapping[str, Field]) -> dict[str, Any]:
    """A condition as its row shows it: what was typed stays, what was saved stands in the words that the page names."""
    value = row.get("value", "")
    field = fields.get(row.get("field", ""))
    if field and isinstance(value, list):
        value = [field.known.get(part, part) for part in value]
    if row.get("field") == "owner" and isinstance(value, list):
        names = dict(Agent.objects.filter(pk__in=value).values_list("pk", "username"))
        value = [names.get(pk, pk) for pk in value]
    return {**row, "value": ", ".join(map(str, value)) if isinstance(value, list) else value}


def _preview(rows: Sequence[Condition], agent: Agent) -> dict[str, Any]:
    if not rows:
        return {}
    try:
        conditions = check_conditions(rows, in_words=True)
    except DeskError as error:
        return {"mistake": error.message}
    return {"count": count_people(conditions), "lines": read_lines(search_people(agent=agent, conditions=conditions, limit=SHOWN).people)}


def _staff() -> QuerySet[Agent]:
    return Agent.objects.filter(is_active=True, role__in=[Role.AGENT, Role.LEAD, Role.ADMIN]).order_by("display_name")


def _chosen(given: str) -> Agent | None:
    if not given:
        return None
    found = _staff().filter(pk=int(given)).first() if given.isascii() and given.isdecimal() and len(given) < 12 else None
    if found is None:
        raise DeskError("Choose an active care agent or lead to send their conversations to.")
    return found


def _get(pk: int) -> Segment:
    segment = Segment.objects.select_related("routes_to").filter(pk=pk).first()
    if segment is None:
        raise Http404("There is no such segment.")
    return segment
