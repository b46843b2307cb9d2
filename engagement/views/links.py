"""`/s/<code>`: the door of every short link. What stands behind each kind is in a module of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from crawleruseragents import is_crawler
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation
from django.views.decorators.http import require_http_methods

from engagement.models import ShortLink
from engagement.services.callbacks import was_asked_with
from engagement.services.guessing import WINDOW, is_held_off, note_wrong
from engagement.services.links import note_opened, offers_of, resolve_link
from engagement.services.surveys import was_answered_with
from engagement.views.callback_page import show_callback
from engagement.views.chat import show_chat
from engagement.views.choice import show_choice
from engagement.views.help_pages import show_article_by_link
from engagement.views.survey import show_survey
from engagement.views.ticket_status import show_ticket
from engagement.views.visitor import choose_language, visitor_page, visitor_view
from socialdesk.lib.address import client_address
from socialdesk.lib.clock import now

Show = Callable[[HttpRequest, ShortLink, str], HttpResponseBase]


class Page(NamedTuple):
    """What stands behind a kind of link.

    `show` gets the request, the link and the step of its address: "" for /s/<code>, "callback" for /s/<code>/callback.
    `was_sent_with` says whether the form with that key is what used the link up: a second press of its button is told the same again,
    while everybody else finds a link that does not work.
    """

    show: Show
    was_sent_with: Callable[[ShortLink, str], bool] = lambda link, form_key: False


PAGES: dict[str, Page] = {
    ShortLink.Kind.ARTICLE: Page(show_article_by_link),
    ShortLink.Kind.CHOICE: Page(show_choice),
    ShortLink.Kind.CHAT: Page(show_chat),
    ShortLink.Kind.CALLBACK: Page(show_callback, was_asked_with),
    ShortLink.Kind.SURVEY: Page(show_survey, was_answered_with),
    ShortLink.Kind.TICKET: Page(show_ticket),
}

# What servers of open networks fetch previews with, beside the crawlers that the list knows.
_FETCHERS = re.compile(r"cardyb|mastodon|pleroma|akkoma|misskey|friendica|lemmy|unfurl|link-?(?:expand|preview)", re.IGNORECASE)


@require_http_methods(["GET", "HEAD", "POST"])
@visitor_view
def short_link(request: HttpRequest, code: str, step: str = "") -> HttpResponseBase:
    """The page behind a code. Unknown, expired, revoked and used codes all look the same to whoever holds one."""
    address = client_address(request)
    if is_held_off(address):
        response = visitor_page(request, "visitors/wait.html", {}, status=429)
        response.headers["Retry-After"] = str(WINDOW)
        return response
    link = resolve_link(code)
    page = _page_of(link, step) if link is not None else None
    if link is None or page is None or not (link.is_alive(now()) or page.was_sent_with(link, request.POST.get("form_key", "")[:64])):
        note_wrong(address)
        return no_such_link(request)
    with translation.override(choose_language(request, link)):
        if request.method == "GET" and not step and is_person(request):
            note_opened(link)
        return page.show(request, link, step)


def _page_of(link: ShortLink, step: str) -> Page | None:
    """A choice leads to the very pages that links of their own lead to."""
    if link.kind == ShortLink.Kind.CHOICE and step in offers_of(link):
        return PAGES.get(step, PAGES[ShortLink.Kind.CHOICE])
    return PAGES.get(link.kind)


def no_such_link(request: HttpRequest) -> HttpResponse:
    return visitor_page(request, "visitors/gone.html", {}, status=404)


def is_person(request: HttpRequest) -> bool:
    """Whether a customer's browser asks, and not a program that draws a preview, a browser that looks ahead, or one of our own."""
    ahead = (request.headers.get(name, "") for name in ("Purpose", "Sec-Purpose", "X-Moz"))
    if any("prefetch" in value or "preview" in value for value in ahead):
        return False
    if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
        return False
    return not _is_program(request.headers.get("User-Agent", "")[:500])


@lru_cache(maxsize=2048)
def _is_program(agent: str) -> bool:
    return not agent or _FETCHERS.search(agent) is not None or is_crawler(agent)
