"""A person's page: who they are, and everything that happened with them."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from profiles.models import Handle
from profiles.services.erasure import find_erased_profile
from profiles.services.people import find_person
from socialdesk.lib.errors import NotFound


@require_safe
def profile(request: HttpRequest, pk: int) -> HttpResponse:
    """The person. What its sections show, they read by their own tags: a fixed number of queries."""
    try:
        found = find_person(pk)
    except NotFound as error:
        if (gone := find_erased_profile(pk)) is not None:
            return render(request, "profiles/erased.html", {"erasure": gone}, status=410)
        raise Http404(error.message) from None
    if found.pk != pk:
        return redirect("profile", found.pk)
    handles = list(Handle.objects.filter(profile__person=found.pk).order_by("first_seen_at", "pk"))
    context = {
        "profile": found,
        "handles": handles,
        "first_seen_at": min((handle.first_seen_at for handle in handles), default=found.created_at),
    }
    return render(request, "profiles/profile.html", context)
