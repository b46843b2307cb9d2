"""What is written down about a person by hand: their fields, coordinates, tags and notes, and how all that came to be."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from profiles.editing_forms import build_boxes, save_boxes
from profiles.models import ContactPoint, ProfileNote
from profiles.services.contacts import PAID, mark_wrong, record_contact_point
from profiles.services.edit import FROM_AGENT
from profiles.services.history import read_history
from profiles.services.looks import WHERE, read_looks, show_contact_point
from profiles.services.notes import edit_note, mark_seen, pin_note, read_naming, remove_words, write_note
from profiles.services.people import find_person
from profiles.services.phones import guess_region
from profiles.services.tags import add_tag, remove_tag, suggest_tags
from profiles.signed_in import agent_of
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from socialdesk.lib.pages import desk_view, is_fragment

TAKEN_BACK = "taken back"


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A person's own fields. Where somebody else was faster, the form comes back with both values to choose from."""
    person = find_person(pk)
    agent = agent_of(request)
    if request.method != "POST":
        return render(request, "profiles/edit.html", {"profile": person, "boxes": build_boxes(person, agent)})
    conflicts, error = [], ""
    try:
        conflicts = save_boxes(person, agent, request.POST)
    except DeskError as refusal:
        error = refusal.message
    if not conflicts and not error:
        messages.success(request, "Saved.")
        return redirect("profile", person.pk)
    person.refresh_from_db()
    boxes = build_boxes(person, agent, request.POST, conflicts)
    context = {"profile": person, "boxes": boxes, "conflicts": conflicts, "error": error}
    return render(request, "profiles/edit.html", context, status=409 if conflicts else 400)


@require_POST
@desk_view
def tag(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Add the tag `name`, or take away the tag `remove`."""
    person = find_person(pk)
    removed = request.POST.get("remove", "")
    if removed.isdecimal() and len(removed) < 12:
        remove_tag(person=person, tag_id=int(removed))
    else:
        for name in request.POST.get("name", "").split(","):
            add_tag(person=person, name=name, agent=agent_of(request))
    return redirect("profile", person.pk)


@require_safe
@desk_view
def tag_options(request: HttpRequest) -> HttpResponseBase:
    """The tags that begin as what is typed, for the box to propose."""
    return render(request, "profiles/_tag_options.html", {"names": suggest_tags(request.GET.get("name", ""))})


@require_POST
@desk_view
def contact_add(request: HttpRequest, pk: int) -> HttpResponseBase:
    person = find_person(pk)
    point = record_contact_point(
        profile=person,
        kind=request.POST.get("kind", ""),
        typed=request.POST.get("value", ""),
        state=ContactPoint.State.UNVERIFIED,
        source=FROM_AGENT,
        agent=agent_of(request),
        region=guess_region(time_zone=person.time_zone, language=person.language),
    )
    if point.problem:
        needs_country = point.kind == ContactPoint.Kind.PHONE and "+" not in point.value and point.problem != PAID
        help_with = " Write numbers with their country, as in +44 117 496 0140." if needs_country else ""
        messages.warning(request, f"Kept with the mark “{point.problem}”: nothing is sent there.{help_with}")
    else:
        messages.success(request, "Kept, as unverified. It is used once the customer gives it themselves or it is verified.")
    return redirect("profile", person.pk)


@require_POST
@desk_view
def contact_show(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One coordinate in full; that it was looked at is written down."""
    point = show_contact_point(contact_point_id=pk, agent=agent_of(request))
    template = "profiles/_contact_value.html" if is_fragment(request) else "profiles/contact.html"
    answer = render(request, template, {"point": point, "profile": point.profile})
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@desk_view
def contact_revoke(request: HttpRequest, pk: int) -> HttpResponseBase:
    point = get_object_or_404(ContactPoint, pk=pk)
    mark_wrong(contact_point=point, problem=TAKEN_BACK, agent=agent_of(request))
    messages.success(request, "Taken back, with what was allowed there. It is used again only if the customer gives it anew.")
    return redirect("profile", point.profile_id)


@require_POST
@desk_view
def note_add(request: HttpRequest, pk: int) -> HttpResponseBase:
    person = find_person(pk)
    write_note(profile_id=person.pk, text=request.POST.get("text", ""), agent=agent_of(request), is_pinned="pin" in request.POST)
    return redirect("profile", person.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def note(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Other words for a note."""
    found = ProfileNote.objects.select_related("agent", "profile__root").filter(pk=pk).first()
    if found is None:
        raise NotFound("This note is gone.")
    person = found.profile.root or found.profile
    context: dict[str, Any] = {"note": found, "profile": person, "text": found.text}
    if request.method != "POST":
        return render(request, "profiles/note.html", context)
    try:
        edit_note(note_id=pk, text=request.POST.get("text", ""), agent=agent_of(request), seen=request.POST.get("seen"))
    except Conflict as conflict:
        found.refresh_from_db()
        context |= {"text": request.POST["text"], "error": conflict.message, "theirs": found.text}
        return render(request, "profiles/note.html", context, status=409)
    return redirect("profile", person.pk)


@require_POST
@desk_view
def note_pin(request: HttpRequest, pk: int) -> HttpResponseBase:
    pinned = pin_note(note_id=pk, is_pinned="unpin" not in request.POST)
    return redirect("profile", pinned.profile_id)


@require_POST
@desk_view
def note_remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The words of a note are taken out for good."""
    emptied = remove_words(note_id=pk, agent=agent_of(request))
    messages.success(request, "The words are gone, from every version of the note.")
    return redirect("profile", emptied.profile_id)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def notes_naming(request: HttpRequest) -> HttpResponseBase:
    """The notes that name whoever looks; a press says that they are read."""
    agent = agent_of(request)
    if request.method == "POST":
        given = request.POST.get("note", "")
        mark_seen(agent=agent, note_ids=[int(given)] if given.isdecimal() and len(given) < 18 else None)
        return redirect("notes_naming")
    mentions, following = read_naming(agent, after=request.GET.get("after", ""))
    return render(request, "profiles/notes.html", {"mentions": mentions, "next": following})


@require_safe
@desk_view
def history(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Every value that became another."""
    person = find_person(pk)
    changes, following = read_history(person, agent=agent_of(request), after=request.GET.get("after", ""))
    context = {"profile": person, "changes": changes, "next": following, "is_first": "after" not in request.GET}
    return render(request, "profiles/history.html", context)


@require_safe
@desk_view
def looks(request: HttpRequest, pk: int | None = None) -> HttpResponseBase:
    """Who looked at coordinates: one person's, or anybody's."""
    person = find_person(pk) if pk is not None else None
    found, following = read_looks(person=person, after=request.GET.get("after", ""))
    rows = [(look, WHERE.get(look.where, look.where)) for look in found]
    return render(request, "profiles/looks.html", {"profile": person, "looks": rows, "next": following})
