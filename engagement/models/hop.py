"""A move to another channel: why, what is to be done there, by when, and the return to the public thread that it owes."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.message import Message
from engagement.models.shortlink import ShortLink
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.conditions import any_of

OWING = ("begun", "done")  # states whose return to the public thread is owed


class Hop(models.Model):
    """offered -> begun -> done -> returned | waived. An offer that nobody follows stays one; what goes on after a return owes again."""

    class Reason(models.TextChoices):
        PERSONAL_DETAILS = "personal_details", "It needs personal details"
        COMPLEX = "complex", "It takes more than a few sentences"
        HEATED = "heated", "Public back and forth does not help"
        VERIFY = "verify", "We must know who it is"
        ACCOUNT = "account", "It is about their order or account"
        CUSTOMER_ASKED = "customer_asked", "The customer asked for it"
        REMEDY = "remedy", "We offer a remedy"
        PROGRAM = "program", "A program asked for it"  # for the API, where none was named; never offered on a screen

    class Channel(models.TextChoices):
        DIRECT_MESSAGE = "direct_message", "Private message"
        CHOICE = "choice", "Choice"
        CALLBACK = "callback", "Callback"
        CHAT = "chat", "Chat"
        TICKET = "ticket", "Ticket"

    class State(models.TextChoices):
        OFFERED = "offered", "Offered"
        BEGUN = "begun", "Under way"
        DONE = "done", "Done there"
        RETURNED = "returned", "Came back"
        WAIVED = "waived", "Return waived"

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="hops")
    channel = models.CharField(max_length=16, choices=Channel.choices)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    task = models.CharField(max_length=300, blank=True)  # what is to be done there
    state = models.CharField(max_length=10, choices=State.choices)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    link = models.OneToOneField(ShortLink, on_delete=models.PROTECT, null=True, related_name="hop")
    # Why the customer was not answered in public first (brief A11); "" where they were, or wrote in private themselves.
    acknowledge_waiver = models.CharField(max_length=300, blank=True)
    offered_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # by when the task should be done
    active_at = models.DateTimeField(null=True, blank=True)  # when either side last wrote or spoke there
    done_at = models.DateTimeField(null=True, blank=True)
    returned_at = models.DateTimeField(null=True, blank=True)
    return_message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, related_name="+")  # null: written outside the desk
    waived_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    waiver = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="hop_has_reason"),
            models.CheckConstraint(condition=~Q(state="waived") | ~Q(waiver=""), name="hop_waiver_says_why"),
            models.CheckConstraint(condition=Q(state="offered") | Q(begun_at__isnull=False), name="hop_begun_when"),
        ]
        indexes = [
            models.Index(fields=["conversation", "id"], name="hop_of_conversation"),
            models.Index(fields=["due_at", "id"], condition=any_of("state", OWING), name="hop_owing"),
            models.Index(fields=["begun_at"], name="hop_begun"),  # what the figures are about
        ]

    def __str__(self) -> str:
        return f"hop {self.pk} to {self.channel}: {self.state}"

    @property
    def owes_return(self) -> bool:
        return self.state in OWING
