"""The outbox row of one outgoing message."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.message import Message
from socialdesk.lib.conditions import any_of

UNFINISHED = ("queued", "inflight", "awaiting_retry")  # the desk still works on it; the conversation's next message waits for it
DELIVERY_WAITING = ("queued", "awaiting_retry")  # for their time, and their turn
TROUBLED = ("failed", "unconfirmed", "awaiting_retry")  # what the outbox lists


class Delivery(models.Model):
    """States: DESIGN 3, "A reply". Only `services/delivery.py` changes them, each time by a conditional UPDATE.

    queued -> inflight -> sent | failed | awaiting_retry | unconfirmed; queued -> aborted (Undo); awaiting_retry -> inflight;
    unconfirmed -> sent | queued | aborted and failed -> queued | aborted, by a person's decision. A receipt that comes after its
    worker was taken for dead makes anything that nobody holds sent.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting to be sent"
        INFLIGHT = "inflight", "Sending"
        AWAITING_RETRY = "awaiting_retry", "Will be tried again"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        ABORTED = "aborted", "Not sent"
        UNCONFIRMED = "unconfirmed", "Not known whether it was sent"

    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="delivery")
    kind = models.CharField(max_length=16)
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    token = models.CharField(max_length=40, unique=True)  # the same on every try; networks that can, refuse a second use
    not_before = models.DateTimeField()  # queued or awaiting_retry: not earlier; the Undo window first, then back-off
    hold_reason = models.CharField(max_length=300, blank=True, db_default="")  # why it is held longer than Undo lasts, in words
    told_at = models.DateTimeField(null=True)  # a worker was told of it, for that moment; the sweep tells again when it is long past
    attempts = models.PositiveSmallIntegerField(default=0)  # calls that sent, or may have
    must_look = models.BooleanField(default=False)  # an earlier try may have been accepted: look there before anything is sent
    looks = models.PositiveSmallIntegerField(default=0)  # how often it was not there since that try
    look_failures = models.PositiveSmallIntegerField(default=0)  # how often looking did not work since that try
    person_says_absent = models.BooleanField(default=False)  # one more look if the network lets us, then it is sent
    claimed_until = models.DateTimeField(null=True)  # inflight: after this its worker is taken for dead
    claim = models.CharField(max_length=40, blank=True)  # inflight: which worker's run holds it
    error = models.CharField(max_length=500, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            # Invariant 4: there is no row by which a note could leave.
            models.CheckConstraint(condition=Q(kind__in=["reply", "direct_message", "repost", "quote"]), name="delivery_never_of_a_note")
        ]
        indexes = [
            models.Index(fields=["not_before"], condition=any_of("state", DELIVERY_WAITING), name="delivery_due"),
            models.Index(fields=["claimed_until"], condition=Q(state="inflight"), name="delivery_inflight"),
            models.Index(
                fields=["-created_at", "-id"],
                condition=any_of("state", TROUBLED),
                name="delivery_troubled",
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}: {self.state}"
