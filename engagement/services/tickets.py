"""Tickets: a conversation becomes a tracked case, is worked on, solved, and closed when the customer says so (brief C14 to C16).

Every change holds the conversation's lock: ticket, hop and conversation move together or not at all.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from engagement.models import TICKET_OPEN, Hop, Message, ShortLink, Ticket, TicketUpdate
from engagement.services.guarding import check_answer, refuse_blocked
from engagement.services.hops import begin_hop, finish_channel, note_activity
from engagement.services.links import create_link, note_sent
from engagement.services.ticket_mail import tell_subscribers
from listening.models import Conversation, Priority
from listening.services.conversations import lock_conversation, record_customer_acted, require_claim, save_conversation
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.lib.text import clean

State, Kind, Audience = Ticket.State, Ticket.Kind, TicketUpdate.Audience
_OF_NETWORKS = ("length", "wrong_account")  # findings that mean nothing on a page of our own
LONGEST_TEXT = 5000  # characters of one update
LONGEST_TITLE = 200
TIME_TO_SOLVE = timedelta(days=3)
TIME_TO_UPDATE = timedelta(days=1)


class TicketChanged(Conflict):
    """The ticket is not in the state that this needs any more."""

    code = "ticket_changed"


def open_ticket(
    *,
    conversation_id: int,
    agent: Agent | None,
    kind: str = Kind.COMPLAINT,
    title: str = "",
    priority: int | None = None,
    assignee: Agent | None = None,
    due_at: datetime | None = None,
    reason: str = Hop.Reason.COMPLEX,
    at: datetime | None = None,
) -> Ticket:
    """Make the conversation a ticket; the one that is not closed, if there is one. Without an agent it was the desk, for a customer who
    wrote: what was solved is back at work then.

    It is due as its case is, counted from the conversation's own beginning (brief C1), unless `due_at` says otherwise. Raises DeskError
    for values that cannot be, Conflict (code `claimed`) under somebody else's claim.
    """
    moment = at or current_time()
    _check_kind(kind)
    if priority is not None and priority not in Priority.values:
        raise DeskError(f"There is no such priority; use {', '.join(f'{p.value} ({p.label})' for p in Priority)}.")
    with transaction.atomic():
        conversation = lock_conversation(conversation_id)
        known = Ticket.objects.filter(conversation=conversation).exclude(state=State.CLOSED).select_related("link").first()
        if known is not None:
            if agent is None and known.state == State.SOLVED:
                known.conversation = conversation
                _back_to_work(known, moment)
            return known
        if agent is not None:
            require_claim(conversation, agent, now=moment)
            save_conversation(conversation)
        link = create_link(conversation_id=conversation.pk, kind=ShortLink.Kind.TICKET, agent=agent)
        ticket = Ticket.objects.create(
            conversation=conversation,
            link=link,
            kind=kind,
            title=clean(title, limit=LONGEST_TITLE).strip() or f"{Kind(kind).label} of @{conversation.author.username}"[:LONGEST_TITLE],
            priority=conversation.priority if priority is None else priority,
            assignee=assignee or agent or conversation.assignee,
            opened_by=agent,
            case_opened_at=conversation.opened_at,
            created_at=moment,
            due_at=due_at or conversation.opened_at + timedelta(seconds=conversation.parked_seconds) + TIME_TO_SOLVE,
            next_update_due=moment + TIME_TO_UPDATE,
        )
        begin_hop(conversation=conversation, channel=Hop.Channel.TICKET, reason=reason, agent=agent, at=moment, link=link)
        _tell(ticket)
    return ticket


def add_update(
    *,
    ticket_id: int,
    agent: Agent,
    text: str,
    audience: str = Audience.PUBLIC,
    next_update_due: datetime | None = None,
    form_key: str = "",
) -> TicketUpdate:
    """Say something in a ticket. What is public stands on the status page and goes to those who asked for it.

    A public update keeps the promise to write again; `next_update_due` makes the next one. Raises DeskError for an empty text, and what
    the guards raise for one that tells or asks for personal data in public.
    """
    _check_may_work(agent)
    if audience not in (Audience.PUBLIC, Audience.INTERNAL):
        raise DeskError("Say who will read it: public (the status page) or internal (the team).")
    words = _check_text(text)
    if audience == Audience.PUBLIC:
        _check_public(ticket_id, words)
    moment = current_time()
    with transaction.atomic():
        ticket = _lock(ticket_id)
        earlier = _same_press(ticket, form_key)
        if earlier is not None:
            return earlier
        if ticket.state == State.CLOSED:
            raise TicketChanged(f"{ticket.name} is closed. Open a new one, or reopen this one first.", state=ticket.state)
        if ticket.state == State.NEW:
            ticket.state = State.IN_PROGRESS
        update = _store(ticket, audience=audience, text=words, agent=agent, at=moment, form_key=form_key)
        if audience == Audience.PUBLIC:
            ticket.next_update_due, ticket.alerted_at = next_update_due, None
            note_activity(conversation=ticket.conversation, channel=Hop.Channel.TICKET, at=moment)
            tell_subscribers(update)
        ticket.save()
        _tell(ticket)
    return update


def change_ticket(*, ticket_id: int, agent: Agent, **changes: Any) -> Ticket:
    """Set `kind`, `title`, `priority`, `assignee`, `due_at`, `next_update_due` or the state `waiting` / `in_progress`."""
    _check_may_work(agent)
    known = {"kind", "title", "priority", "assignee", "due_at", "next_update_due", "state"}
    if unknown := sorted(set(changes) - known):
        raise DeskError(f"A ticket has no {', '.join(unknown)} that could be set.")
    if "kind" in changes:
        _check_kind(changes["kind"])
    if "priority" in changes and changes["priority"] not in Priority.values:
        raise DeskError("There is no such priority.")
    if "due_at" in changes and changes["due_at"] is None:
        raise DeskError("Say by when it should be solved: by that the lists are in order.")
    if "title" in changes:
        changes["title"] = clean(str(changes["title"]), limit=LONGEST_TITLE).strip()
        if not changes["title"]:
            raise DeskError("A ticket needs a title.")
    if changes.get("state", State.WAITING) not in (State.WAITING, State.IN_PROGRESS):
        raise DeskError("A ticket is set waiting or in_progress; to solve, reopen and close it there are acts of their own.")
    with transaction.atomic():
        ticket = _lock(ticket_id)
        if not ticket.is_open and "state" in changes:
            raise TicketChanged(f"{ticket.name} is {ticket.get_state_display().lower()}. Reopen it first.", state=ticket.state)
        for name, value in changes.items():
            setattr(ticket, name, value)
        if "next_update_due" in changes:
            ticket.alerted_at = None
        ticket.save()
        _tell(ticket)
    return ticket


def solve_ticket(*, ticket_id: int, agent: Agent, text: str = "", form_key: str = "") -> Ticket:
    """It is solved, we think: the customer is asked on the status page, and the thank-you for the public thread is drafted."""
    _check_may_work(agent)
    words = _check_text(text) if text.strip() else ""
    _check_public(ticket_id, words)
    moment = current_time()
    with transaction.atomic():
        ticket = _lock(ticket_id)
        if not ticket.is_open:
            raise TicketChanged(f"{ticket.name} is {ticket.get_state_display().lower()} already.", state=ticket.state)
        ticket.state, ticket.solved_at, ticket.customer_says = State.SOLVED, moment, ""
        ticket.next_update_due = ticket.alerted_at = None
        ticket.save()
        update = _store(ticket, audience=Audience.PUBLIC, text=words, agent=agent, at=moment, form_key=form_key)
        tell_subscribers(update)
        finish_channel(conversation=ticket.conversation, channel=Hop.Channel.TICKET, agent=agent, at=moment)
        _tell(ticket)
    return ticket


def reopen_ticket(*, ticket_id: int, agent: Agent | None, text: str = "", form_key: str = "") -> Ticket:
    """It is not solved: back to work, more urgent than before (brief C16). Without an agent it was the customer who said so."""
    if agent is not None:
        _check_may_work(agent)
    words = clean(text, limit=LONGEST_TEXT).strip()
    moment = current_time()
    with transaction.atomic():
        ticket = _lock(ticket_id)
        if _same_press(ticket, form_key) is not None:
            return ticket
        if ticket.is_open or (agent is None and ticket.state != State.SOLVED):
            raise TicketChanged(f"{ticket.name} is {ticket.get_state_display().lower()}.", state=ticket.state)
        if Ticket.objects.filter(conversation=ticket.conversation).exclude(state=State.CLOSED).exclude(pk=ticket.pk).exists():
            raise Conflict("This conversation has a newer open ticket. Go on there.")
        ticket.closed_at = None
        ticket.priority = min(ticket.priority + 1, Priority.URGENT)
        ticket.reopened += 1
        if agent is None:
            ticket.customer_says = "not_solved"
        _raise_priority(ticket)
        if agent is None:
            record_customer_acted(conversation_id=ticket.conversation_id, at=moment)
        _back_to_work(ticket, moment)  # the last to change the conversation: the one in hand does not know of the debt
        audience = Audience.INTERNAL if agent else Audience.CUSTOMER
        _store(ticket, audience=audience, text=words or "Not solved.", agent=agent, at=moment, form_key=form_key)
        _tell(ticket)
    return ticket


def close_ticket(*, ticket_id: int, agent: Agent | None) -> Ticket:
    """Done with it. Without an agent it was the customer, who says that it is solved."""
    if agent is not None:
        _check_may_work(agent)
    with transaction.atomic():
        ticket = _lock(ticket_id)
        if ticket.state == State.CLOSED and agent is None:
            return ticket
        if ticket.state != State.SOLVED:
            raise TicketChanged(f"Solve {ticket.name} first: then the customer is asked.", state=ticket.state)
        ticket.state, ticket.closed_at = State.CLOSED, current_time()
        if agent is None:
            ticket.customer_says = "solved"
        ticket.save()
        _tell(ticket)
    return ticket


def add_customers_words(*, ticket_id: int, text: str, form_key: str) -> TicketUpdate:
    """The customer added something on the status page. The same press again gives the same update."""
    words = _check_text(text)
    moment = current_time()
    with transaction.atomic():
        ticket = _lock(ticket_id)
        earlier = _same_press(ticket, form_key)
        if earlier is not None:
            return earlier
        if ticket.state in (State.WAITING, State.SOLVED):
            _back_to_work(ticket, moment)
        update = _store(ticket, audience=Audience.CUSTOMER, text=words, agent=None, at=moment, form_key=form_key)
        note_sent(ticket.link, at=moment)
        record_customer_acted(conversation_id=ticket.conversation_id, at=moment)
        note_activity(conversation=lock_conversation(ticket.conversation_id), channel=Hop.Channel.TICKET, at=moment)
        _tell(ticket)
    return update


def alert_overdue(*, now: datetime | None = None, limit: int = 200) -> int:
    """Tell the team of promises to write again that have run out, each once. Returns how many."""
    moment = now or current_time()
    late = overdue_updates(moment).filter(alerted_at=None).select_related("conversation")
    told = 0
    for ticket in late[:limit]:
        with transaction.atomic():
            if Ticket.objects.filter(pk=ticket.pk, alerted_at=None, next_update_due__lt=moment).update(alerted_at=moment):
                told += 1
                live.publish(live.TicketLate(ticket.conversation_id, ticket.pk, ticket.name, ticket.assignee_id))
    return told


def overdue_updates(moment: datetime) -> QuerySet[Ticket]:
    return Ticket.objects.filter(any_of("state", TICKET_OPEN), next_update_due__lt=moment)


def overdue(moment: datetime) -> QuerySet[Ticket]:
    """Open tickets that are late: to be solved, or to be written to."""
    return Ticket.objects.filter(any_of("state", TICKET_OPEN), Q(due_at__lt=moment) | Q(next_update_due__lt=moment))


def find_ticket(ticket_id: int) -> Ticket:
    """Raises NotFound."""
    related = ("link", "assignee", "opened_by", "conversation__author__profile")
    ticket = Ticket.objects.select_related(*related).filter(pk=ticket_id).first()
    if ticket is None:
        raise NotFound("There is no such ticket.")
    return ticket


def _lock(ticket_id: int) -> Ticket:
    """The ticket as it is now, its conversation locked."""
    conversation = lock_conversation(find_ticket(ticket_id).conversation_id)
    ticket = Ticket.objects.select_related("link", "assignee").get(pk=ticket_id)
    ticket.conversation = conversation
    return ticket


def _back_to_work(ticket: Ticket, moment: datetime) -> None:
    """On a locked ticket. What was solved owes word again, and the return to the public thread once it is done."""
    if ticket.state != State.WAITING:
        ticket.next_update_due = moment + TIME_TO_UPDATE
    ticket.state, ticket.solved_at = State.IN_PROGRESS, None
    ticket.save()
    conversation = lock_conversation(ticket.conversation_id)
    begin_hop(conversation=conversation, channel=Hop.Channel.TICKET, reason=Hop.Reason.COMPLEX, agent=None, at=moment, link=ticket.link)


def _store(ticket: Ticket, *, audience: str, text: str, agent: Agent | None, at: datetime, form_key: str) -> TicketUpdate:
    return TicketUpdate.objects.create(
        ticket=ticket, audience=audience, text=text, agent=agent, state=ticket.state, form_key=clean(form_key, limit=64), at=at
    )


def _same_press(ticket: Ticket, form_key: str) -> TicketUpdate | None:
    return TicketUpdate.objects.filter(ticket=ticket, form_key=clean(form_key, limit=64)).first() if form_key else None


def _raise_priority(ticket: Ticket) -> None:
    conversation: Conversation = ticket.conversation
    conversation.priority = max(conversation.priority, ticket.priority)
    conversation.priority_reasons = ["not solved the first time", *conversation.priority_reasons][:5]
    save_conversation(conversation)


def _check_kind(kind: str) -> None:
    if kind not in Kind.values:
        raise DeskError(f"There is no kind of ticket {str(kind)[:40]!r}; there are {', '.join(Kind.values)}.")


def _check_text(text: str) -> str:
    words = clean(text, limit=LONGEST_TEXT + 1).strip()
    if not words:
        raise DeskError("There is nothing to send yet. Write something first.")
    if len(words) > LONGEST_TEXT:
        raise DeskError(f"Please use at most {LONGEST_TEXT} characters.")
    return words


def _check_public(ticket_id: int, text: str) -> None:
    """The status page is open to whoever has its link: what may not stand in a public reply may not stand there. Raises Guarded."""
    found = check_answer(conversation_id=find_ticket(ticket_id).conversation_id, kind=Message.Kind.REPLY, text=text)
    refuse_blocked([finding for finding in found if finding.kind not in _OF_NETWORKS])


def _check_may_work(agent: Agent) -> None:
    if not agent.may_answer:
        raise NotAllowed("Your role reads tickets; working on them is for care agents and their leads.")


def _tell(ticket: Ticket) -> None:
    live.publish(live.TicketChanged(ticket.conversation_id, ticket.pk, ticket.state))
