"""Praise that an agent handed to marketing, where it stands, and all that was done with it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from listening.models import Conversation, Mention
from profiles.models import Agent


class Compliment(models.Model):
    """One post of praise, forwarded once. Only the services change it, on the locked row and by a conditional UPDATE of its state.

    new -> permission_asked -> granted -> reposted -> thanked; declined by the author or by us; thanked and declined from anywhere.
    A permission that ends makes it declined, whatever it was.
    """

    class State(models.TextChoices):
        NEW = "new", "New"
        ASKED = "permission_asked", "Permission asked"
        GRANTED = "granted", "Granted"
        REPOSTED = "reposted", "Reposted"
        THANKED = "thanked", "Thanked"
        DECLINED = "declined", "Declined"

    class Purpose(models.TextChoices):
        """What the author is asked for; the kind of message that may then go out."""

        REPOST = "repost", "Repost"
        QUOTE = "quote", "Quote with credit"

    class Answer(models.TextChoices):
        GRANTED = "granted", "The author agreed"
        REFUSED = "refused", "The author said no"

    mention = models.OneToOneField(Mention, on_delete=models.PROTECT, related_name="compliment")
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="compliments")
    forwarded_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    forwarded_to = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)  # null: marketing
    note = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.NEW)
    accepted_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)  # who works on it

    purpose = models.CharField(max_length=10, choices=Purpose.choices, blank=True)  # what was asked for, and given
    asking = models.OneToOneField("engagement.Message", on_delete=models.PROTECT, null=True, related_name="+")
    answer = models.CharField(max_length=10, choices=Answer.choices, blank=True)  # the author's; its evidence is in Permission and history
    thanks = models.ForeignKey("engagement.Message", on_delete=models.PROTECT, null=True, related_name="+")
    thanks_from = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)  # who was asked to thank

    forwarded_at = models.DateTimeField()
    asked_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)  # when the answer was recorded
    shared_at = models.DateTimeField(null=True)
    handed_at = models.DateTimeField(null=True)
    thanked_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["granted", "reposted"]) | Q(answer="granted"), name="compliment_shared_if_granted"
            )
        ]
        indexes = [
            models.Index(fields=["state", "-changed_at", "-id"], name="compliment_board"),
            models.Index(fields=["-forwarded_at", "-id"], name="compliment_newest"),
            models.Index(fields=["handed_at"], condition=Q(handed_at__isnull=False, thanked_at=None), name="compliment_handed"),
        ]

    def __str__(self) -> str:
        return f"compliment {self.pk}: {self.state}"


class ComplimentEvent(models.Model):
    """What was done with a compliment, by whom, when, and the post or message that shows it. Never changed, never deleted."""

    class Kind(models.TextChoices):
        FORWARDED = "forwarded", "forwarded it"
        NOTED = "noted", "forwarded it again, with a note"
        ACCEPTED = "accepted", "took it on"
        ASKED = "asked", "asked for permission"
        GRANTED = "granted", "recorded that the author agrees"
        REFUSED = "refused", "recorded that the author says no"
        REPOSTED = "reposted", "reposted it"
        QUOTED = "quoted", "quoted it with credit"
        HANDED = "handed", "asked an agent to thank"
        THANKED = "thanked", "thanked the author"
        DECLINED = "declined", "decided not to use it"
        WITHDRAWN = "withdrawn", "recorded that the author withdraws the permission"
        DELETED = "deleted", "saw that the author deleted the post"
        TAKEN_BACK = "taken_back", "took back what was not sent yet"
        TAKEN_DOWN = "taken_down", "removed our repost or quote"

    compliment = models.ForeignKey(Compliment, on_delete=models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    at = models.DateTimeField()
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)  # null: the desk by itself
    post = models.ForeignKey(Mention, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    message = models.ForeignKey("engagement.Message", on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    note = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["compliment", "at", "id"], name="compliment_event_order")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"
