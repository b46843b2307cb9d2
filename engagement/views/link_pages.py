"""The staff's page of short links: whose they are, how far their customers came, and what was said in surveys."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from engagement.models import ShortLink
from engagement.services.guessing import WINDOW, read_guessing
from engagement.services.surveys import sum_up_surveys
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view
from socialdesk.lib.paging import page_of

PAGE = 50


@require_safe
@desk_view
def links(request: HttpRequest) -> HttpResponseBase:
    """Newest first, by key; `kind` narrows. Two queries however long the list is."""
    kind, after = request.GET.get("kind", ""), request.GET.get("after", "")
    found = ShortLink.objects.select_related("conversation__author", "agent", "message")
    if kind:
        if kind not in ShortLink.Kind.values:
            raise DeskError(f"There is no kind of link {kind[:40]!r}.")
        found = found.filter(kind=kind)
    page, following = page_of(found, field="created_at", after=after, limit=PAGE)
    context = {
        "links": page,
        "next": following,
        "kinds": ShortLink.Kind.choices,
        "kind": kind,
        "guessing": read_guessing(),
        "window": WINDOW // 60,
        "surveys": sum_up_surveys(),
    }
    return render(request, "engagement/links.html", context)
