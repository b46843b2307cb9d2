"""The thread with one author: the unit of triage, with its status, clocks and history."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from listening.models.account import NetworkAccount
from profiles.models import Agent, Handle
from socialdesk.lib.conditions import any_of


class Status(models.TextChoices):
    NEW = "new", "New"
    OPEN = "open", "Open"
    WAITING = "waiting", "Waiting for customer"
    SNOOZED = "snoozed", "Snoozed"
    RESOLVED = "resolved", "Resolved"


ACTIVE = (Status.NEW, Status.OPEN)  # the ball is with us
PARKED = (Status.WAITING, Status.SNOOZED, Status.RESOLVED)


class Priority(models.IntegerChoices):
    LOW = 0, "low"
    NORMAL = 1, "normal"
    HIGH = 2, "high"
    URGENT = 3, "urgent"


class Conversation(models.Model):
    network = models.CharField(max_length=20)
    author = models.ForeignKey(Handle, on_delete=models.PROTECT, related_name="conversations", db_constraint=False)
    root = models.CharField(
        max_length=200, blank=True, db_default=""
    )  # external id of the post that the reply tree begins with, as far as known
    account = models.ForeignKey(NetworkAccount, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.NEW)
    assignee = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="conversations", db_index=False)
    claimed_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    claimed_until = models.DateTimeField(null=True, blank=True)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    priority_reasons = models.JSONField(default=list)  # short sentences, strongest first
    snoozed_until = models.DateTimeField(null=True, blank=True)
    # Moves with what one has to have read before resolving; two at once differ in it.
    version = models.PositiveIntegerField(default=0, db_default=0)

    # What the list shows, so that one row is one card.
    # Without a constraint: the row is written before its mention, and SQLite would look through the whole table at each insert.
    last_mention = models.ForeignKey(
        "listening.Mention", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )
    excerpt = models.CharField(max_length=300, blank=True)
    language = models.CharField(max_length=12, blank=True)
    sentiment = models.CharField(max_length=10, blank=True)
    is_proactive = models.BooleanField(default=False, db_default=False)  # asks for help without addressing us (brief A6)
    private_waiting = models.BooleanField(default=False, db_default=False)  # a private message of the customer has no answer yet
    activity_at = models.DateTimeField()  # when the customer last wrote

    # The facts that the clocks are computed from; services/clocks.py says how.
    opened_at = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    first_answered_at = models.DateTimeField(null=True, blank=True)
    last_answered_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(null=True, blank=True)  # the customer's oldest post without an answer
    unanswered = models.PositiveSmallIntegerField(default=0, db_default=0)  # posts and private messages since our last answer
    parked_at = models.DateTimeField(null=True, blank=True)  # when the ball went to the customer
    parked_seconds = models.PositiveIntegerField(default=0, db_default=0)  # time already spent waiting for the customer
    resolved_at = models.DateTimeField(null=True, blank=True)
    # Moves to another channel whose return to the public thread is still owed. engagement counts them; the database itself keeps a
    # conversation with an open debt from being closed, whoever tries.
    returns_owed = models.PositiveSmallIntegerField(default=0, db_default=0)
    chats_open = models.PositiveSmallIntegerField(default=0, db_default=0)  # live chats that go on; engagement counts them
    due_at = models.DateTimeField(null=True, blank=True)  # the nearest clock that runs
    due_kind = models.CharField(max_length=12, blank=True)  # acknowledge, first, next, final
    # An acknowledgement says only that we are on it, and by when we will answer.
    acknowledging = models.TextField(blank=True, default="", db_default="")  # its text, while it is on its way
    promised_at = models.DateTimeField(null=True, blank=True)  # when the newest one reached the network
    promise_due_at = models.DateTimeField(null=True, blank=True)  # what it promised; null once we answered

    topic_names: list[tuple[int, str]]  # (id, name), put there by feed.py for the cards

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(status="resolved") | Q(returns_owed=0), name="conversation_closes_without_debt")]
        indexes = [
            models.Index(fields=["-activity_at", "-id"], condition=any_of("status", ACTIVE), name="conversation_active"),
            models.Index(fields=["status", "-activity_at", "-id"], condition=any_of("status", PARKED), name="conversation_parked"),
            models.Index(fields=["due_at", "id"], condition=any_of("status", ACTIVE) & Q(due_at__isnull=False), name="conversation_due"),
            models.Index(fields=["assignee", "status", "-activity_at"], condition=Q(assignee__isnull=False), name="conversation_assignee"),
            models.Index(
                fields=["-activity_at", "-id"], condition=any_of("status", ACTIVE) & Q(priority__gte=2), name="conversation_urgent"
            ),
            models.Index(
                fields=["-activity_at", "-id"], condition=any_of("status", ACTIVE) & Q(is_proactive=True), name="conversation_proactive"
            ),
            models.Index(fields=["-activity_at", "-id"], condition=Q(private_waiting=True), name="conversation_private"),
            models.Index(fields=["-activity_at", "-id"], condition=Q(chats_open__gt=0), name="conversation_chats"),
            models.Index(fields=["snoozed_until"], condition=Q(status="snoozed"), name="conversation_snoozed"),
            models.Index(
                fields=["promise_due_at"],
                condition=any_of("status", ACTIVE) & Q(promise_due_at__isnull=False),
                name="conversation_promise_due",
            ),
        ]

    def __str__(self) -> str:
        return f"Conversation {self.pk}"

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE


class ConversationEvent(models.Model):
    """What was done to a conversation, by whom and when. Never changed, never deleted: the clocks can be recomputed from it."""

    class Kind(models.TextChoices):
        CLAIMED = "claimed", "claimed"
        RELEASED = "released", "released"
        ASSIGNED = "assigned", "assigned"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        ANSWERED = "answered", "answered"
        CUSTOMER_WROTE = "customer_wrote", "customer wrote"
        SNOOZED = "snoozed", "snoozed"
        WOKEN = "woken", "woken"
        RESOLVED = "resolved", "resolved"
        REOPENED = "reopened", "reopened"
        SENTIMENT_CORRECTED = "sentiment_corrected", "sentiment corrected"
        HOPPED = "hopped", "moved to another channel"
        RETURNED = "returned", "came back to the public thread"
        WAIVED = "waived", "return waived"
        ASKED_TO_FOLLOW = "asked_to_follow", "asked to follow us"
        FOLLOWED = "followed", "follows us"

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=24, choices=Kind.choices)
    at = models.DateTimeField()
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    data = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["conversation", "at", "id"], name="conversation_event_order")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"
