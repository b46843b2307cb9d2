"""Pages of who may be the same person. Nothing is merged before somebody saw both sides and said which one stays."""

from __future__ import annotations

import re

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from profiles.models import Agent
from profiles.services.matching import dismiss_suggestion
from profiles.services.merge import merge_profiles, undo_merge
from profiles.services.merge_preview import outcomes_of, reasons_for
from profiles.services.people import find_person
from profiles.services.proposals import find_other, preview_merge, read_proposals
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view, done

_SEEN = re.compile(r"(\d{1,18}):(\d{1,18})", re.ASCII)


@require_safe
@desk_view
def duplicates(request: HttpRequest) -> HttpResponseBase:
    """People who may be one, the surest first."""
    after = request.GET.get("after", "")
    agent = agent_of(request)
    proposals, following = read_proposals(agent=agent, after=after)
    context = {"proposals": proposals, "next": following, "is_first": not after, "may_merge": agent.may_work}
    return render(request, "profiles/duplicates.html", context)


@require_POST
@desk_view
def duplicate_dismiss(request: HttpRequest, pk: int) -> HttpResponseBase:
    dismiss_suggestion(suggestion_id=pk, agent=agent_of(request))
    return done(request, "Noted: not the same person. It is not proposed again.")


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def merge(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Both sides before the merge, and the merge itself."""
    person = find_person(pk)
    if request.method == "POST":
        return _merge(request, agent_of(request))
    wanted = request.GET.get("other", "").strip()
    try:
        other, found = find_other(wanted, person=person, agent=agent_of(request))
    except DeskError as error:
        context = {"person": person, "wanted": wanted, "error": error.message}
        return render(request, "profiles/merge_choose.html", context, status=error.status)
    if other is None:
        return render(request, "profiles/merge_choose.html", {"person": person, "wanted": wanted, "found": found})
    sides, agent = preview_merge(person.pk, other), agent_of(request)
    people = [side.person for side in sides]
    context = {
        "person": person,
        "sides": sides,
        "outcomes": zip(sides, outcomes_of(*people, agent=agent), strict=True),
        "evidence": {"reasons": reasons_for(*people, agent=agent)},
    }
    return render(request, "profiles/merge.html", context)


def _merge(request: HttpRequest, agent: Agent) -> HttpResponseBase:
    seen = {int(key): int(value) for key, value in _pairs(request.POST.getlist("seen"))}
    survivor = request.POST.get("survivor", "")
    if len(seen) != 2 or not survivor.isdecimal() or int(survivor) not in seen:
        raise DeskError("Choose who stays, then merge.")
    [other] = [pk for pk in seen if pk != int(survivor)]
    made = merge_profiles(survivor_id=int(survivor), other_id=other, agent=agent, seen_versions=seen)
    messages.success(request, "Merged: they are one person now. It can be taken back here at any time.")
    return redirect("profile", made.survivor_id)


def _pairs(texts: list[str]) -> list[tuple[str, str]]:
    """ "12:3" as (12, 3): a profile and its version."""
    found = (_SEEN.fullmatch(text) for text in texts)
    return [(match[1], match[2]) for match in found if match]


@require_POST
@desk_view
def merge_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    undo_merge(merge_id=pk, agent=agent_of(request))
    return done(request, "Taken back: they are two people again, each with what is their own.")
