"""A person's page: who they are, and everything that happened with them."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from profiles.models import Handle
from profiles.services.people import find_person
from profiles.timeline import Entry, read_timeline
from socialdesk.lib.errors import NotFound

PAGE = 50
SAME_MOMENT = 50  # entries of one moment that a page can end with; more of them would be cut


@require_safe
def profile(request: HttpRequest, pk: int) -> HttpResponse:
    """The profile, and one page of its history. A fixed number of queries."""
    try:
        found = find_person(pk)
    except NotFound as error:
        raise Http404(error.message) from None
    if found.pk != pk:
        return redirect("profile", found.pk)
    handles = list(Handle.objects.filter(profile__person=found.pk).order_by("first_seen_at", "pk"))
    given = request.GET.get("before", "")
    entries, older = _read_page([handle.pk for handle in handles], _read_before(given))
    context = {
        "profile": found,
        "handles": handles,
        "first_seen_at": min((handle.first_seen_at for handle in handles), default=found.created_at),
        "entries": entries,
        "older": urlencode({"before": older.isoformat()}) if older else "",
        "is_first": not given,
    }
    return render(request, "profiles/profile.html", context)


def _read_page(handle_ids: list[int], before: datetime | None) -> tuple[list[Entry], datetime | None]:
    """A page of entries, and the time before which the next one begins.

    Pages are told apart by time alone, so a page does not end between entries of the same moment.
    """
    entries = read_timeline(handle_ids=handle_ids, before=before, limit=PAGE + SAME_MOMENT)
    if len(entries) <= PAGE:
        return entries, None
    end = PAGE
    while end < len(entries) and entries[end].at == entries[PAGE - 1].at:
        end += 1
    return entries[:end], entries[end - 1].at if end < len(entries) else None


def _read_before(given: str) -> datetime | None:
    if not given:
        return None
    try:
        before = datetime.fromisoformat(given)
        # Far years overflow once they are turned into another time zone.
        if not 1990 <= before.year <= 2200:
            raise ValueError
    except ValueError:
        raise Http404("That is no place in this history. Open the profile again.") from None
    return before if timezone.is_aware(before) else timezone.make_aware(before)
