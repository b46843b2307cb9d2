"""A live text chat behind a short link: its session, its lines, and which agents take chats."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.shortlink import ShortLink
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.conditions import any_of

CHAT_OPEN = ("waiting", "active", "parked")  # states in which it goes on


class ChatSession(models.Model):
    """waiting -> active -> ended, with parked while the visitor's browser is away; offline where nobody could come.

    `form_key` is that of the form that began it, and what its own visitor comes back with: the link alone, which may stand in public,
    shows nobody what was written.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for an agent"
        ACTIVE = "active", "Under way"
        PARKED = "parked", "The visitor is away"
        ENDED = "ended", "Ended"
        OFFLINE = "offline", "Left as a message"

    class Side(models.TextChoices):
        VISITOR = "visitor", "the visitor"
        AGENT = "agent", "the agent"
        DESK = "desk", "the desk"  # the visitor did not come back

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="chats", db_index=False)
    link = models.ForeignKey(ShortLink, on_delete=models.PROTECT, related_name="chats", db_index=False)
    form_key = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State.choices)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="chats", db_index=False)
    language = models.CharField(max_length=12)  # of the visitor's page
    lines_count = models.PositiveIntegerField(default=0)  # the number of the last line
    read_count = models.PositiveIntegerField(default=0)  # up to where its agent has read
    started_at = models.DateTimeField()
    waiting_since = models.DateTimeField()  # anew where its agent went away
    accepted_at = models.DateTimeField(null=True, blank=True)
    last_visitor_at = models.DateTimeField()
    last_agent_at = models.DateTimeField(null=True, blank=True)
    visitor_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=10, choices=Side.choices, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["link", "form_key"], name="chat_begun_once"),
            models.CheckConstraint(condition=~Q(state="active") | Q(accepted_at__isnull=False), name="chat_active_was_accepted"),
            models.CheckConstraint(condition=~Q(state="ended") | ~Q(ended_by=""), name="chat_ended_by_somebody"),
        ]
        indexes = [
            models.Index(fields=["conversation", "-id"], name="chat_of_conversation"),
            models.Index(fields=["started_at", "id"], condition=Q(state="waiting"), name="chat_waiting"),
            models.Index(fields=["agent", "id"], condition=any_of("state", CHAT_OPEN), name="chat_of_agent"),
            models.Index(fields=["visitor_seen_at"], condition=any_of("state", CHAT_OPEN), name="chat_seen"),
        ]

    def __str__(self) -> str:
        return f"chat {self.pk}: {self.state}"  # never the key: whoever has it is let in

    @property
    def is_open(self) -> bool:
        return self.state in CHAT_OPEN


class ChatLine(models.Model):
    """One line of a chat, numbered from 1 without gaps. It belongs to no network: nothing here can be delivered anywhere else."""

    session = models.ForeignKey(ChatSession, on_delete=models.PROTECT, related_name="lines", db_index=False)
    number = models.PositiveIntegerField()
    is_ours = models.BooleanField()
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    text = models.TextField()
    client_key = models.CharField(max_length=64)  # of whoever sent it: a line that is sent again is stored once
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "number"], name="chat_line_number"),
            models.UniqueConstraint(fields=["session", "client_key"], name="chat_line_once"),
        ]

    def __str__(self) -> str:
        return f"line {self.number} of chat {self.session_id}"


class ChatDuty(models.Model):
    """Whether an agent takes chats, and when their desk was last open."""

    agent = models.OneToOneField(Agent, on_delete=models.CASCADE, primary_key=True, related_name="chat_duty")
    takes_chats = models.BooleanField(default=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"chat duty of agent {self.agent_id}"
