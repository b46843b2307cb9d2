"""The visitor's chat page behind a link: plain forms and a link that refreshes it; JavaScript only makes it live."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation

from engagement.models import ChatSession, ShortLink
from engagement.services.chat import begin_chat, find_session, find_survey, note_visitor_here, read_lines, say_as_visitor
from engagement.services.chat import end_chat as end_for
from engagement.services.chat_duty import is_staffed
from engagement.services.chat_state import LONGEST_LINE, BadLine, ChatOver, TooFast
from engagement.services.chat_words import describe_chat, name_of, refusal_words
from engagement.services.links import note_filled
from engagement.views.visitor import visitor_page
from socialdesk.lib.address import client_address
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.throttle import take

# Beginnings within ten minutes: more than a person needs, too few for a form bot.
PER_LINK = 30
PER_ADDRESS = 8
_PERIOD = 600
WATCH_SECONDS = 8
KEPT = 4_000  # characters of a text that was refused which stand in the form again


def show_chat(request: HttpRequest, link: ShortLink, step: str) -> HttpResponseBase:
    """GET: the form that begins a chat, or with its key `k` the chat itself. POST: begin, say or end.

    The link alone may stand in public, so it shows nobody what was written: only the key does, which the first form carried.
    """
    session = find_session(link, request.GET.get("k", ""))
    if request.method != "POST":
        return _form(request, link) if session is None else _page(request, link, session)
    if session is None:
        return _begin(request, link)
    if request.POST.get("do") == "end":
        end_for(session_id=session.pk, agent=None)
        return _to(link, session)
    return _say(request, link, session)


def _begin(request: HttpRequest, link: ShortLink) -> HttpResponseBase:
    form = request.POST
    key = form.get("form_key", "")
    known = find_session(link, key)
    if known is not None:
        return _to(link, known)
    if form.get("website"):  # the field that no person sees
        return _form(request, link, error=refusal_words(DeskError("")), status=400)
    note_filled(link)
    here = f"chat:{link.pk}"
    if not (take(here, limit=PER_LINK, seconds=_PERIOD) and take(f"{here}:{client_address(request)}", limit=PER_ADDRESS, seconds=_PERIOD)):
        return _form(request, link, error=refusal_words(TooFast("")), status=429)
    try:
        session = begin_chat(link=link, form_key=key, text=form.get("text", ""), language=translation.get_language() or "en")
    except BadLine as error:
        return _form(request, link, error=refusal_words(error), key=key, status=422)
    except TooFast as error:
        return _form(request, link, error=refusal_words(error), status=429)
    except DeskError as error:
        return _form(request, link, error=refusal_words(error), status=error.status)
    return _to(link, session)


def _say(request: HttpRequest, link: ShortLink, session: ChatSession) -> HttpResponseBase:
    try:
        say_as_visitor(session_id=session.pk, text=request.POST.get("text", ""), client_key=request.POST.get("client_key", ""))
    except ChatOver as error:  # what was typed may begin another one
        return _form(request, link, error=refusal_words(error), status=error.status)
    except DeskError as error:
        return _page(request, link, session, error=refusal_words(error), status=422 if isinstance(error, BadLine) else error.status)
    return _to(link, session)


def _form(request: HttpRequest, link: ShortLink, *, error: str = "", key: str = "", status: int = 200) -> HttpResponse:
    context = {
        "link": link,
        "action": f"{reverse('short_link_step', args=[link.code, 'chat'])}?{urlencode({'lang': translation.get_language() or 'en'})}",
        "form_key": key or secrets.token_urlsafe(16),
        "is_staffed": is_staffed(),
        "error": error,
        "typed": request.POST.get("text", "")[:KEPT],
        "longest": LONGEST_LINE,
    }
    return visitor_page(request, "visitors/chat_begin.html", context, status=status)


def _page(request: HttpRequest, link: ShortLink, session: ChatSession, *, error: str = "", status: int = 200) -> HttpResponse:
    if session.is_open:
        note_visitor_here(session)
    lines = read_lines(session)
    address = _address(link, session)
    context: dict[str, Any] = {
        "link": link,
        "session": session,
        "lines": [(line, name_of(line)) for line in lines],
        "status": describe_chat(session, now()),
        "address": address,
        "watch": f"{address}&watch=1",
        "is_watching": "watch" in request.GET and session.is_open and not error,
        "client_key": secrets.token_urlsafe(12),
        "error": error,
        "typed": request.POST.get("text", "")[:KEPT] if error else "",
        "longest": LONGEST_LINE,
        "survey": find_survey(session) if session.state == ChatSession.State.ENDED else None,
        "again": f"{reverse('short_link_step', args=[link.code, 'chat'])}?{urlencode({'lang': translation.get_language() or 'en'})}",
    }
    response = visitor_page(request, "visitors/chat.html", context, status=status)
    if context["is_watching"]:  # only browsers without JavaScript are led there, and nothing is typed there that would be lost
        response["Refresh"] = str(WATCH_SECONDS)
    return response


def _address(link: ShortLink, session: ChatSession) -> str:
    query = urlencode({"k": session.form_key, "lang": translation.get_language() or "en"})
    return f"{reverse('short_link_step', args=[link.code, 'chat'])}?{query}"


def _to(link: ShortLink, session: ChatSession) -> HttpResponseBase:
    response = HttpResponseRedirect(_address(link, session) + "#write")
    response.status_code = 303
    return response
