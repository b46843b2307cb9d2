"""A call that a customer asked for: when, where, and every try to reach them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from engagement.models.shortlink import ShortLink
from listening.models import Conversation
from profiles.models import Agent, Consent, ContactPoint, Profile
from socialdesk.lib.conditions import any_of

CALLBACK_OPEN = ("waiting", "calling")  # states in which somebody is still to be called


class CallbackRequest(models.Model):
    """waiting <-> calling -> reached | not_reached | failed | cancelled. Only `services/calls.py` changes the state.

    It cannot be without a number and a consent: no call without both (invariant 6).
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        CALLING = "calling", "Being called"
        REACHED = "reached", "Reached"
        NOT_REACHED = "not_reached", "Not reached"
        FAILED = "failed", "Wrong number"
        CANCELLED = "cancelled", "Not wanted any more"

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="callbacks", db_index=False)
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="callbacks")
    contact_point = models.ForeignKey(ContactPoint, on_delete=models.PROTECT, related_name="callbacks")
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="callbacks")
    link = models.OneToOneField(ShortLink, on_delete=models.PROTECT, related_name="callback")  # a link asks for one call
    form_key = models.CharField(max_length=64)  # one press of Send, however often it arrives
    language = models.CharField(max_length=12)
    reason = models.TextField(blank=True)
    # When the customer wants to be called, and in whose time they said so.
    window_from = models.DateTimeField()
    window_until = models.DateTimeField()
    zone = models.CharField(max_length=60)
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    call_from = models.DateTimeField()  # the next try not earlier: the window first, then back-off
    due_at = models.DateTimeField()  # the next try not later
    attempts = models.PositiveSmallIntegerField(default=0)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)  # who calls, or called last
    calling_until = models.DateTimeField(null=True)  # calling: after this the call is taken for forgotten
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(window_until__gt=F("window_from")), name="callback_window_has_length"),
            models.CheckConstraint(condition=~Q(state="calling") | Q(calling_until__isnull=False), name="callback_calling_until_when"),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=any_of("state", CALLBACK_OPEN), name="callback_queue"),
            models.Index(fields=["conversation", "created_at", "id"], name="callback_of_conversation"),
        ]

    def __str__(self) -> str:
        return f"callback {self.pk}: {self.state}"  # never the number: this ends in logs

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.WAITING, self.State.CALLING)


class CallAttempt(models.Model):
    """One try to call: by whom, when, and what came of it."""

    class Outcome(models.TextChoices):
        REACHED = "reached", "Reached"
        NO_ANSWER = "no_answer", "Nobody answered"
        WRONG_NUMBER = "wrong_number", "Wrong number"
        DECLINED = "declined", "They do not want a call"
        LOST = "lost", "No outcome was noted"

    callback = models.ForeignKey(CallbackRequest, on_delete=models.PROTECT, related_name="calls")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=14, choices=Outcome.choices, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["callback"], condition=Q(ended_at=None), name="call_one_at_a_time"),
            models.CheckConstraint(
                condition=Q(ended_at=None, outcome="") | (Q(ended_at__isnull=False) & ~Q(outcome="")), name="call_ends_how"
            ),
        ]

    def __str__(self) -> str:
        return f"call {self.pk}: {self.outcome or 'under way'}"


class NumberView(models.Model):
    """Somebody was shown a customer's number. Never changed, never deleted."""

    callback = models.ForeignKey(CallbackRequest, on_delete=models.PROTECT, related_name="views")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"number of callback {self.callback_id} seen at {self.at:%Y-%m-%d %H:%M}"
