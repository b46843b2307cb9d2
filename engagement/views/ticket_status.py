"""The status page of a ticket: how far it is, what was said, and what the customer may add. It names nobody and quotes nobody."""

from __future__ import annotations

import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from engagement.models import Company, ShortLink, Ticket, TicketUpdate
from engagement.services.consent_texts import consent_text
from engagement.services.ticket_mail import confirm, subscribe
from engagement.services.tickets import LONGEST_TEXT, add_customers_words, close_ticket, find_ticket, reopen_ticket
from engagement.views.visitor import visitor_page
from profiles.models import Medium
from socialdesk.lib.address import client_address
from socialdesk.lib.errors import DeskError
from socialdesk.lib.throttle import take

State = Ticket.State
STEPS = [
    (State.NEW, _("We have it")),
    (State.IN_PROGRESS, _("We are working on it")),
    (State.SOLVED, _("We think that it is solved")),
    (State.CLOSED, _("Closed")),
]
_ORDER = {State.NEW: 0, State.IN_PROGRESS: 1, State.WAITING: 1, State.SOLVED: 2, State.CLOSED: 3}
_PER_LINK, _PER_ADDRESS, _PERIOD = 30, 60, 600
DETAILS, ADDRESS, ANSWER = "details", "address", "answer"


def show_ticket(request: HttpRequest, link: ShortLink, step: str) -> HttpResponseBase:
    """GET: the status. POST by step: `details` adds to it, `news` asks for mail, `confirm` confirms it, `solved` and `again` answer us."""
    ticket = find_ticket(link.ticket.pk)
    if step == "confirm":
        return _confirm(request, ticket)
    if request.method != "POST":
        return _page(request, ticket)
    if not (
        take(f"ticket:{link.pk}", limit=_PER_LINK, seconds=_PERIOD)
        and take(f"ticket-from:{client_address(request)}", limit=_PER_ADDRESS, seconds=_PERIOD)
    ):
        return visitor_page(request, "visitors/busy.html", {}, status=429)
    act = _ACTS.get(step)
    if act is None or request.POST.get("website"):  # the field that no person sees
        return _page(request, ticket)
    try:
        return act(request, ticket)
    except DeskError:  # nothing that can be read was written, or the ticket moved on meanwhile
        return _page(request, find_ticket(ticket.pk), error=DETAILS if step == "details" else ANSWER, status=422)


def _add_details(request: HttpRequest, ticket: Ticket) -> HttpResponseBase:
    text = request.POST.get("text", "")
    if not text.strip() or len(text) > LONGEST_TEXT:
        return _page(request, ticket, error=DETAILS, text=text[: LONGEST_TEXT * 2], status=422)
    add_customers_words(ticket_id=ticket.pk, text=text, form_key=request.POST.get("form_key", ""))
    return _page(request, find_ticket(ticket.pk), done=DETAILS)


def _ask_for_news(request: HttpRequest, ticket: Ticket) -> HttpResponseBase:
    address = request.POST.get("email", "")[:320]
    language = translation.get_language() or "en"
    agreed = request.POST.get("agree") == "yes"
    try:
        given = agreed and subscribe(
            ticket=ticket, address=address, consent=consent_text(Medium.EMAIL, language=language, company=Company.current().name)
        )
    except DeskError:
        given = None
    if not given:
        return _page(request, ticket, error=ADDRESS, address=address, agreed=agreed, status=422)
    return _page(request, ticket, done=ADDRESS)


def _confirm(request: HttpRequest, ticket: Ticket) -> HttpResponseBase:
    """The link of the mail shows a button: programs that look at mail follow links, and would confirm what nobody wants."""
    token = request.POST.get("k", "") or request.GET.get("k", "")
    if request.method == "POST":
        known = confirm(ticket=ticket, token=token)
        return visitor_page(request, "visitors/ticket_confirmed.html", {"known": known}, status=200 if known else 404)
    return visitor_page(request, "visitors/ticket_confirm.html", {"token": token[:40]})


def _say_solved(request: HttpRequest, ticket: Ticket) -> HttpResponseBase:
    if ticket.state == State.SOLVED:
        close_ticket(ticket_id=ticket.pk, agent=None)
    return _page(request, find_ticket(ticket.pk), done=ANSWER)


def _say_not_solved(request: HttpRequest, ticket: Ticket) -> HttpResponseBase:
    text = request.POST.get("text", "")
    if len(text) > LONGEST_TEXT:
        return _page(request, ticket, error=ANSWER, text=text[: LONGEST_TEXT * 2], status=422)
    if ticket.state == State.SOLVED:
        reopen_ticket(ticket_id=ticket.pk, agent=None, text=text, form_key=request.POST.get("form_key", ""))
    return _page(request, find_ticket(ticket.pk), done=ANSWER)


_ACTS = {"details": _add_details, "news": _ask_for_news, "solved": _say_solved, "again": _say_not_solved}


def _page(request: HttpRequest, ticket: Ticket, *, status: int = 200, **more: Any) -> HttpResponse:
    reached = _ORDER[State(ticket.state)]
    public = ticket.updates.filter(audience=TicketUpdate.Audience.PUBLIC).exclude(text="").order_by("-at", "-pk")[:50]
    context = {
        "link": ticket.link,
        "ticket": ticket,
        "steps": [
            {"words": words, "is_past": _ORDER[state] < reached, "is_now": _ORDER[state] == reached}
            for state, words in STEPS
            if state != State.CLOSED or ticket.state == State.CLOSED
        ],
        "updates": public,
        "consent": consent_text(Medium.EMAIL, language=translation.get_language() or "en", company=Company.current().name).text,
        "form_key": request.POST.get("form_key", "")[:64] if more.get("error") else secrets.token_urlsafe(16),
        "longest": LONGEST_TEXT,
        **more,
    }
    return visitor_page(request, "visitors/ticket.html", context, status=status)
