"""Other systems that know the same people: their numbers, what is told to them, and what became of it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from profiles.models.agent import Agent
from profiles.models.profile import Profile
from socialdesk.lib.encrypted import EncryptedJSONField


class ExternalRef(models.Model):
    """What another system calls a person."""

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="external_refs")
    system = models.SlugField(max_length=40)
    external_id = models.CharField(max_length=200)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "external_id"], name="external_ref_once")]

    def __str__(self) -> str:
        return f"{self.system} of profile {self.profile_id}"


class ProfileEvent(models.Model):
    """Something changed about a person: what the changed-since feed lists and webhooks tell. Field names only, never values.

    `number` is given after the commit, by whoever reads first (services/changes.py): so numbers appear in their order, and a reader who
    has seen one misses none before it.
    """

    class Kind(models.TextChoices):
        CREATED = "created", "created"
        CHANGED = "changed", "changed"
        MERGED = "merged", "merged"
        UNMERGED = "unmerged", "merge taken back"
        ERASED = "erased", "erased"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    number = models.PositiveBigIntegerField(null=True, unique=True)
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="events", db_index=False)
    other = models.ForeignKey(Profile, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)  # of a merge
    kind = models.CharField(max_length=10, choices=Kind.choices)
    fields = models.JSONField(default=list)
    source = models.CharField(max_length=200)  # "agent", "system:<slug>": a change is never told to the system that it is from
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(number=None), name="profile_event_unnumbered"),
            models.Index(fields=["profile", "-id"], name="profile_event_of_profile"),
        ]

    def __str__(self) -> str:
        return f"profile {self.profile_id} {self.kind}"


class Counter(models.Model):
    """Hands out numbers one after the other, without holes, to whoever holds its row."""

    name = models.CharField(max_length=40, primary_key=True)
    last = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Connection(models.Model):
    """A system that people are kept in step with."""

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", "Signed webhooks"
        SALESFORCE = "salesforce", "Salesforce"

    class State(models.TextChoices):
        OK = "ok", "Working"
        TROUBLED = "troubled", "In trouble"
        OFF = "off", "Switched off"

    system = models.SlugField(max_length=40, unique=True)  # as in ExternalRef and in the source of a value
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    url = models.URLField(max_length=1000)
    credentials = EncryptedJSONField(default=dict)
    rules = models.JSONField(default=dict)  # {field: rule}; services/conflicts.py names the rules
    state = models.CharField(max_length=10, choices=State.choices, default=State.OK)
    last_error = models.CharField(max_length=500, blank=True)
    told_to = models.PositiveBigIntegerField(default=0)  # number of the last event for which a delivery was made
    cursor = models.TextField(blank=True)  # where reading from there goes on
    polled_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class EventDelivery(models.Model):
    """One event on its way to one connection; its text is written when it is sent, so that nothing personal lies here."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        INFLIGHT = "inflight", "On its way"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Given up"

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event = models.ForeignKey(ProfileEvent, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    # The event's, which never changes: who else waits of the same person is asked for each row of a queue.
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="+", db_index=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # the last answer's HTTP status
    error = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "event"], name="event_delivery_once")]
        indexes = [
            # In the order in which a queue is handed out: a piece of it costs the same however long it is.
            models.Index(fields=["connection", "next_at", "id"], condition=Q(state="queued"), name="event_delivery_due"),
            models.Index(
                fields=["connection", "profile", "event"],
                condition=Q(state="queued") | Q(state="inflight"),
                name="event_delivery_of_person",
            ),
            # By connection first, or SQLite would rather count what is on its way to one among all that waits for it.
            models.Index(fields=["connection", "claimed_until"], condition=Q(state="inflight"), name="event_delivery_inflight"),
            models.Index(fields=["connection", "-id"], name="event_delivery_log"),
        ]

    def __str__(self) -> str:
        return f"event {self.event_id} to connection {self.connection_id}"


class DeepLink(models.Model):
    """An address in another system, filled in from the profile: https://crm.example.com/people/{external:crm}."""

    name = models.CharField(max_length=60)
    template = models.CharField(max_length=500)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("position", "pk")

    def __str__(self) -> str:
        return self.name


class SeenHook(models.Model):
    """The id of a signed event that came in: it counts once, however often it is sent."""

    system = models.SlugField(max_length=40)
    event = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "event"], name="seen_hook_once")]

    def __str__(self) -> str:
        return f"{self.event} of {self.system}"
