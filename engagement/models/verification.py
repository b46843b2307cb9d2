"""A code or a question by which a customer shows that an account or a coordinate is theirs."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from listening.models import Conversation
from profiles.models import Agent, ContactPoint, Handle


class Verification(models.Model):
    """live -> confirmed | failed | expired | replaced; only `services/verification.py` changes the state.

    It goes out by a private message, or to the coordinate itself; the database knows no public way (brief D21).
    """

    class Kind(models.TextChoices):
        CODE = "code", "Code"
        QUESTION = "question", "Question"

    class Way(models.TextChoices):
        DIRECT_MESSAGE = "direct_message", "private message"
        SMS = "sms", "text message"
        EMAIL = "email", "e-mail"

    class State(models.TextChoices):
        LIVE = "live", "Waiting for the answer"
        CONFIRMED = "confirmed", "Confirmed"
        FAILED = "failed", "Wrong answer"
        EXPIRED = "expired", "Ran out"
        REPLACED = "replaced", "Replaced by a newer one"

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="verifications", db_index=False)
    handle = models.ForeignKey(Handle, on_delete=models.PROTECT, related_name="verifications", db_index=False)
    contact_point = models.ForeignKey(ContactPoint, on_delete=models.PROTECT, null=True, related_name="verifications")  # null: the account
    kind = models.CharField(max_length=10, choices=Kind.choices)
    sent_by = models.CharField(max_length=16, choices=Way.choices)
    salt = models.CharField(max_length=40, blank=True)
    code_hash = models.CharField(max_length=64, blank=True)  # keyed with the desk's secret: six digits alone would be guessed
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.LIVE)
    tries = models.PositiveSmallIntegerField(default=0)
    has_traces = models.BooleanField(default=True)  # the text that went out still stands in the desk with the code in it
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    confirmed_how = models.CharField(max_length=100, blank=True)
    confirmed_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sent_by__in=["direct_message", "sms", "email"]), name="verification_is_private"),
            models.CheckConstraint(
                condition=~Q(kind="question") | Q(sent_by="direct_message", code_hash=""), name="verification_question_in_messages"
            ),
            models.CheckConstraint(condition=~Q(kind="code") | ~Q(code_hash=""), name="verification_code_is_hashed"),
        ]
        indexes = [
            models.Index(fields=["conversation", "-created_at", "-id"], name="verification_of_conversation"),
            models.Index(fields=["handle", "id"], condition=Q(state="live"), name="verification_live"),
            models.Index(fields=["id"], condition=Q(state="live") | Q(has_traces=True), name="verification_to_end"),
        ]

    def __str__(self) -> str:
        return f"verification {self.pk}: {self.state}"

    @property
    def request_key(self) -> str:
        """What the message or notice that carries it is known by."""
        return f"verification:{self.pk}"
