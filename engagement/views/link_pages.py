"""The staff's page of short links: whose they are, how far their customers came, and what was said in surveys."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from engagement.models import ShortLink
from engagement.services.guessing import WINDOW, read_guessing
from engagement.services.surveys import sum_up_surveys
from listening.views.responses import desk_view
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import read_key, write_key

PAGE = 50


@require_safe
@desk_view
def links(request: HttpRequest) -> HttpResponseBase:
    """Newest first, by key; `kind` narrows. Two queries however long the list is."""
    kind, after = request.GET.get("kind", ""), request.GET.get("after", "")
    found = ShortLink.objects.select_related("conversation__author", "agent", "message").order_by("-created_at", "-pk")
    if kind:
        if kind not in ShortLink.Kind.values:
            raise DeskError(f"There is no kind of link {kind[:40]!r}.")
        found = found.filter(kind=kind)
    if after:
        at, pk = read_key(after)
        found = found.filter(Q(created_at__lt=at) | Q(pk__lt=pk), created_at__lte=at)
    rows = list(found[: PAGE + 1])
    context = {
        "links": rows[:PAGE],
        "next": write_key(rows[PAGE - 1].created_at, rows[PAGE - 1].pk) if len(rows) > PAGE else "",
        "kinds": ShortLink.Kind.choices,
        "kind": kind,
        "guessing": read_guessing(),
        "window": WINDOW // 60,
        "surveys": sum_up_surveys(),
    }
    return render(request, "engagement/links.html", context)
