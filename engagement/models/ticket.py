"""A tracked case with a public status page: the ticket, what was said in it, and who wants to hear of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.shortlink import ShortLink
from listening.models import Conversation, Priority
from profiles.models import Agent, Consent
from socialdesk.lib.conditions import any_of

TICKET_OPEN = ("new", "in_progress", "waiting")  # states in which we still owe something


class Ticket(models.Model):
    """new -> in_progress <-> waiting -> solved -> closed; "not solved" and whatever the customer writes lead back to in_progress.

    Only `services/tickets.py` changes it, with its conversation locked.
    """

    class Kind(models.TextChoices):
        COMPLAINT = "complaint", "Complaint"
        QUESTION = "question", "Question"
        FAULT = "fault", "Fault"
        RETURN = "return", "Return"
        OTHER = "other", "Other"

    class State(models.TextChoices):
        NEW = "new", "New"
        IN_PROGRESS = "in_progress", "In progress"
        WAITING = "waiting", "Waiting for customer"
        SOLVED = "solved", "Solved"
        CLOSED = "closed", "Closed"

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="tickets")
    link = models.OneToOneField(ShortLink, on_delete=models.PROTECT, related_name="ticket")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.COMPLAINT)
    title = models.CharField(max_length=200)  # for the team; never on the status page, where anybody with the link could read it
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    state = models.CharField(max_length=12, choices=State.choices, default=State.NEW)
    assignee = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="tickets")
    opened_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    case_opened_at = models.DateTimeField()  # the conversation's own beginning: the clock of the case does not begin anew (brief C1)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    next_update_due = models.DateTimeField(null=True, blank=True)  # we promised to write again by then (brief C15)
    alerted_at = models.DateTimeField(null=True, blank=True)  # the team was told that this promise is late
    solved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    reopened = models.PositiveSmallIntegerField(default=0)
    customer_says = models.CharField(max_length=12, blank=True)  # solved or not_solved, when they were asked (brief C16)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation"], condition=~Q(state="closed"), name="ticket_one_open")]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="ticket_newest"),
            models.Index(fields=["due_at", "id"], condition=any_of("state", TICKET_OPEN), name="ticket_due"),
            models.Index(fields=["next_update_due"], condition=any_of("state", TICKET_OPEN), name="ticket_promised"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What people call it, as T-1042."""
        return f"T-{1000 + self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state not in (self.State.SOLVED, self.State.CLOSED)


class TicketUpdate(models.Model):
    """One thing that was said. Public ones stand on the status page; internal ones and the customer's own words are for the team."""

    class Audience(models.TextChoices):
        PUBLIC = "public", "Public: on the status page"
        INTERNAL = "internal", "Internal: for the team"
        CUSTOMER = "customer", "From the customer"

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="updates")
    audience = models.CharField(max_length=10, choices=Audience.choices)
    text = models.TextField()
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    state = models.CharField(max_length=12, blank=True)  # the state that the ticket came into with it
    form_key = models.CharField(max_length=64, blank=True)  # one press of the customer's or the agent's button
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ticket", "form_key"], condition=~Q(form_key=""), name="ticket_update_once")]
        indexes = [models.Index(fields=["ticket", "at", "id"], name="ticket_update_order")]

    def __str__(self) -> str:
        return f"update {self.pk} of {self.ticket_id}"


class TicketSubscription(models.Model):
    """Somebody who wants to be written to about a ticket. They hear of it once they have confirmed that the address is theirs."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="subscriptions")
    consent = models.OneToOneField(Consent, on_delete=models.PROTECT, related_name="ticket_subscription")
    token = models.CharField(max_length=40, unique=True)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"subscription {self.pk} of {self.ticket_id}"
