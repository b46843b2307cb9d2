"""`/s/<code>`: the door of every short link. What stands behind each kind is in a module of its own."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation
from django.views.decorators.http import require_http_methods

from engagement.models import ShortLink
from engagement.services.links import note_opened, resolve_link
from engagement.views.chat import show_chat
from engagement.views.visitor import choose_language, visitor_page, visitor_view
from socialdesk.lib.clock import now

# A page gets the request, the living link, and the step of its address: "" for /s/<code>, "callback" for /s/<code>/callback.
Page = Callable[[HttpRequest, ShortLink, str], HttpResponseBase]

PAGES: dict[str, Page] = {ShortLink.Kind.CHAT: show_chat}


@require_http_methods(["GET", "HEAD", "POST"])
@visitor_view
def short_link(request: HttpRequest, code: str, step: str = "") -> HttpResponseBase:
    """The page behind a code. Unknown, expired, revoked and used codes all look the same to whoever holds one."""
    link = resolve_link(code)
    # A choice leads to the pages of the other kinds as its steps.
    name = "" if link is None else step if link.kind == ShortLink.Kind.CHOICE else link.kind
    page = PAGES.get(name) if link is not None and link.is_alive(now()) else None
    if link is None or page is None:
        return no_such_link(request)
    with translation.override(choose_language(request, link)):
        if request.method == "GET" and not step and is_person(request):
            note_opened(link)
        return page(request, link, step)


def no_such_link(request: HttpRequest) -> HttpResponse:
    return visitor_page(request, "visitors/gone.html", {}, status=404)


def is_person(request: HttpRequest) -> bool:
    """Whether a person's browser asks, and not a program that draws a preview (brief A19)."""
    return "bot" not in request.headers.get("User-Agent", "bot").casefold()
