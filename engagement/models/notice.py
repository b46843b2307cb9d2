"""The outbox of e-mails and text messages that the desk begins."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from listening.models import Conversation
from profiles.models import Agent, Consent, ContactPoint, Medium, Profile


class Notice(models.Model):
    """queued -> sending -> sent | failed | refused | unconfirmed; only `services/notices.py` changes the state.

    Without a consent and a coordinate there is no row, and without a row nothing is sent: the database itself keeps it (invariant 6).
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting to be sent"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        REFUSED = "refused", "Not sent: no permission any more"
        UNCONFIRMED = "unconfirmed", "Not known whether it was sent"

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="notices", db_index=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, null=True, related_name="notices", db_index=False)
    contact_point = models.ForeignKey(ContactPoint, on_delete=models.PROTECT, related_name="notices")
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="notices")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    medium = models.CharField(max_length=10, choices=Medium.choices)
    purpose = models.CharField(max_length=100)
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    language = models.CharField(max_length=12)
    token = models.CharField(max_length=40, unique=True)  # names it to the outside: Message-ID, and the address to take consent back
    request_key = models.CharField(max_length=64, blank=True)  # one order to send, however often it comes
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    not_before = models.DateTimeField()  # the customer's morning, or back-off
    told_at = models.DateTimeField(null=True)  # when a worker was told of it
    attempts = models.PositiveSmallIntegerField(default=0)
    must_look = models.BooleanField(default=False)  # an earlier try may have been accepted: look there before it is sent again
    looks = models.PositiveSmallIntegerField(default=0)  # how often it was not there since that try
    claim = models.CharField(max_length=40, blank=True)
    claimed_until = models.DateTimeField(null=True)
    external_id = models.CharField(max_length=100, blank=True)  # the carrier's receipt
    error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "request_key"], condition=~Q(request_key=""), name="notice_request_key"),
            # A call is made by a person; by these a machine writes.
            models.CheckConstraint(condition=Q(medium__in=["sms", "email"]), name="notice_is_written"),
            models.CheckConstraint(
                condition=~Q(state="sending") | (~Q(claim="") & Q(claimed_until__isnull=False)), name="notice_sending_by"
            ),
        ]
        indexes = [
            models.Index(fields=["not_before", "id"], condition=Q(state="queued"), name="notice_due"),
            models.Index(fields=["claimed_until"], condition=Q(state="sending"), name="notice_sending"),
            models.Index(fields=["profile", "created_at", "id"], name="notice_of_profile"),
            models.Index(fields=["conversation", "created_at", "id"], name="notice_of_conversation"),
            models.Index(fields=["-created_at", "-id"], name="notice_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.medium} notice {self.pk}: {self.state}"
