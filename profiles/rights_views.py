"""Pages of people's rights: handing out and erasing what is kept about somebody, leaving them alone, and how long things are kept."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from profiles.personal import namings
from profiles.services.archive import build_archive
from profiles.services.do_not_contact import lift_do_not_contact, set_do_not_contact
from profiles.services.erasure import WHY, erase_person, find_erased_profile, plan_erasure, read_erasures
from profiles.services.people import find_person
from profiles.services.retention import count_due, kinds, read_rules, run_rule, save_rule
from profiles.services.subjects import read_subject
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view

MOST_AT_ONCE = 20_000  # rows that a page waits for


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def erase(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What an erasure takes and leaves; and the erasure itself, once their name was typed."""
    if request.method != "POST" and (gone := find_erased_profile(pk)) is not None:
        return render(request, "profiles/erased.html", {"erasure": gone}, status=410)
    person = find_person(pk)
    if person.pk != pk:
        return redirect("profile_erase", person.pk)
    error = ""
    if request.method == "POST":
        if request.POST.get("name", "").strip() != str(person):
            error = f"Nothing was erased: type the name exactly as it stands here, {person}."
        else:
            erasure = erase_person(profile_id=person.pk, agent=agent_of(request), why=request.POST.get("why", ""))
            messages.success(request, f"Erased. {sum(erasure.counts.values()):,} rows are gone or empty.")
            return redirect("profile_erase", person.pk)
    context = {"person": person, "shares": plan_erasure(person), "reasons": WHY, "error": error, "namings": namings(read_subject(person))}
    return render(request, "profiles/erase.html", context, status=400 if error else 200)


@require_POST
@desk_view
def archive(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The person's archive as a file."""
    person, file = build_archive(profile_id=pk, agent=agent_of(request))
    answer = FileResponse(file, as_attachment=True, filename=f"person-{person.pk}.zip", content_type="application/zip")
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@desk_view
def do_not_contact(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Leave the person alone from now on, or no longer."""
    if "lift" in request.POST:
        person = lift_do_not_contact(profile_id=pk, agent=agent_of(request))
        messages.success(request, "They may be contacted again, within what they agreed to.")
    else:
        person = set_do_not_contact(profile_id=pk, why=request.POST.get("why", ""), agent=agent_of(request))
        messages.success(request, "Nothing is sent to them any more unless they begin.")
    return redirect("profile", person.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def privacy(request: HttpRequest) -> HttpResponseBase:
    """How long each kind is kept, what a rule would remove now, and who was erased."""
    shown: dict[str, Any] = {}
    if request.method == "POST":
        kind, days = request.POST.get("kind", ""), _read_days(request.POST.get("days", ""))
        if request.POST.get("act") == "save":
            save_rule(kind=kind, keep_days=days, agent=agent_of(request))
            messages.success(request, f"Kept for {days:,} days from tonight on." if days else "Kept for good.")
            return redirect("privacy")
        if days is None:
            raise DeskError("Give a number of days to see what would go.")
        count, oldest = count_due(kind, days)
        shown = {"kind": kind, "label": kinds()[kind].label, "days": days, "count": count, "oldest": oldest}
    page = read_erasures(after=request.GET.get("after", ""))
    return render(request, "profiles/privacy.html", {"kinds": read_rules(), "shown": shown, "erasures": page[0], "next": page[1]})


@require_POST
@desk_view
def privacy_run(request: HttpRequest) -> HttpResponseBase:
    """A rule is run now rather than tonight."""
    kind = request.POST.get("kind", "")
    removed = run_rule(kind, agent=agent_of(request), most=MOST_AT_ONCE)
    more = " There is more: run it again, or leave it to the night." if removed >= MOST_AT_ONCE else ""
    messages.success(request, f"{removed:,} removed.{more}")
    return redirect("privacy")


def _read_days(given: str) -> int | None:
    text = given.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 7):
        raise DeskError("Give the days as a whole number, or nothing to keep it for good.")
    return int(text)
