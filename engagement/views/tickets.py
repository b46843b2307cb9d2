"""The staff's pages of tickets: the list by what is late, one ticket with its updates, and what is pressed there."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from engagement.models import Ticket, TicketUpdate
from engagement.services import tickets as service
from engagement.services.links import link_url
from engagement.services.ticket_list import read_tickets
from listening.models import Priority
from listening.views.numbers import read_number
from profiles.models import Agent, Role
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.pages import desk_view, done

VIEWS = [("open", "Open"), ("mine", "Mine"), ("overdue", "Late"), ("solved", "Solved"), ("closed", "Closed")]


@require_safe
@desk_view
def tickets(request: HttpRequest) -> HttpResponseBase:
    """One page by key; a fixed number of queries."""
    view = request.GET.get("view", "open")
    if view not in dict(VIEWS):
        raise DeskError("There is no such list of tickets.")
    page = read_tickets(view=view, agent=agent_of(request), after=request.GET.get("after", ""))
    context = {"tickets": page.tickets, "next": page.next, "view": view, "views": VIEWS, "moment": now()}
    return render(request, "engagement/tickets.html", context)


@require_safe
@desk_view
def ticket(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _page(request, pk)


def _page(request: HttpRequest, pk: int, *, status: int = 200, **more: Any) -> HttpResponseBase:
    found = service.find_ticket(pk)
    context = {
        "ticket": found,
        "updates": list(found.updates.select_related("agent").order_by("-at", "-pk")[:200]),
        "staff": Agent.objects.filter(is_active=True, role__in=[Role.AGENT, Role.LEAD, Role.ADMIN]).order_by("display_name"),
        "kinds": Ticket.Kind.choices,
        "priorities": Priority.choices,
        "audiences": [choice for choice in TicketUpdate.Audience.choices if choice[0] != "customer"],
        "form_key": uuid.uuid4().hex,
        "url": link_url(found.link),
        "moment": now(),
        **more,
    }
    return render(request, "engagement/ticket.html", context, status=status)


@require_POST
@desk_view
def conversation_ticket(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Make the conversation a ticket; the open composer gets the link."""
    form = request.POST
    found = service.open_ticket(
        conversation_id=pk,
        agent=agent_of(request),
        kind=form.get("kind") or Ticket.Kind.COMPLAINT,
        priority=read_number(form.get("priority", "")),
        assignee=_assignee(form.get("assignee", "")),
        due_at=_moment(form.get("due_at", "")),
    )
    state = "open" if found.is_open else found.get_state_display().lower()
    return done(request, f"{found.name} is {state}.", did="linked", conversation=pk, ticket=found.pk, url=link_url(found.link))


@require_POST
@desk_view
def ticket_update(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What is refused stands in the form again, with the reason above it."""
    form = request.POST
    try:
        service.add_update(
            ticket_id=pk,
            agent=agent_of(request),
            text=form.get("text", ""),
            audience=form.get("audience", ""),
            next_update_due=_moment(form.get("next_update_due", "")),
            form_key=form.get("form_key", ""),
        )
    except NotFound:
        raise
    except DeskError as refusal:
        typed = {name: form.get(name, "") for name in ("text", "audience", "next_update_due")}
        return _page(request, pk, status=refusal.status, refusal=refusal, typed=typed, form_key=form.get("form_key", ""))
    return done(request, "Added.", did="ticket_updated", ticket=pk)


@require_POST
@desk_view
def ticket_change(request: HttpRequest, pk: int) -> HttpResponseBase:
    form = request.POST
    changes: dict[str, Any] = {name: form.get(name, "") for name in ("kind", "title")}
    changes["assignee"] = _assignee(form.get("assignee", ""))
    if (priority := read_number(form.get("priority", ""))) is not None:
        changes["priority"] = priority
    for name in ("due_at", "next_update_due"):
        if name in form:
            changes[name] = _moment(form[name])
    service.change_ticket(ticket_id=pk, agent=agent_of(request), **changes)
    return done(request, "Saved.", did="ticket_changed", ticket=pk)


@require_POST
@desk_view
def ticket_move(request: HttpRequest, pk: int) -> HttpResponseBase:
    """`to`: in_progress, waiting, solved, closed or again."""
    agent, form = agent_of(request), request.POST
    to = form.get("to", "")
    if to == "solved":
        service.solve_ticket(ticket_id=pk, agent=agent, text=form.get("text", ""), form_key=form.get("form_key", ""))
        words = "Solved: the customer is asked on the status page, and the thank-you stands in your public draft."
    elif to == "again":
        service.reopen_ticket(ticket_id=pk, agent=agent, text=form.get("text", ""), form_key=form.get("form_key", ""))
        words = "Open again, with more urgency."
    elif to == "closed":
        service.close_ticket(ticket_id=pk, agent=agent)
        words = "Closed."
    else:
        service.change_ticket(ticket_id=pk, agent=agent, state=to)
        words = "Moved."
    return done(request, words, did="ticket_moved", ticket=pk)


def _assignee(word: str) -> Agent | None:
    number = read_number(word)
    if number is None:
        return None
    found = Agent.objects.filter(pk=number, is_active=True).first()
    if found is None or not found.may_answer:
        raise DeskError("Choose a care agent or a lead.")
    return found


def _moment(word: str) -> Any:
    """A date and time of a form, in the desk's time zone; None for an empty field."""
    if not word:
        return None
    try:
        moment = parse_datetime(word)
    except ValueError:
        moment = None
    if moment is None or not 2000 < moment.year < 2100:
        raise DeskError("Give a date and a time.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
