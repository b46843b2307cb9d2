"""A short link: an unguessable code behind which one customer finds one page of one conversation."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from engagement.models.message import Message
from listening.models import Conversation
from profiles.models import Agent


class ShortLink(models.Model):
    """`/s/<code>`. `services/links.py` makes and resolves codes; what each kind shows stands in `views/links.py`."""

    class Kind(models.TextChoices):
        CHOICE = "choice", "Choice of channel"
        CALLBACK = "callback", "Callback form"
        CHAT = "chat", "Chat"
        TICKET = "ticket", "Ticket status"
        SURVEY = "survey", "Survey"
        ARTICLE = "article", "Article"

    code = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="links")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    language = models.CharField(max_length=12, blank=True)  # of the page, "" for the visitor's own
    target = models.JSONField(default=dict)  # what the kind needs: {"article": id}, {"offers": ["callback", "chat", "stay"]}, ...
    is_single_use = models.BooleanField(default=False)  # what collects personal data is sent once
    # What carried it to the customer; null while it stands in a draft, or where it was passed on by other means.
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, related_name="links")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    # What the agent sees live (brief A19): by a person's browser, never by a preview of the network.
    opened_at = models.DateTimeField(null=True, blank=True)
    opens = models.PositiveIntegerField(default=0)
    filled_at = models.DateTimeField(null=True, blank=True)  # began to fill it in
    sent_at = models.DateTimeField(null=True, blank=True)  # sent the form, began the chat, chose

    class Meta:
        indexes = [
            models.Index(fields=["conversation", "-created_at"], name="shortlink_of_conversation"),
            models.Index(fields=["-created_at", "-id"], name="shortlink_newest"),
        ]
        constraints = [models.CheckConstraint(condition=~Q(code=""), name="shortlink_has_code")]

    def __str__(self) -> str:
        return f"{self.kind} link {self.pk}"  # never the code: whoever has it is let in

    def is_alive(self, now: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > now and not (self.is_single_use and self.sent_at is not None)

    @property
    def progress(self) -> str:
        """How far the customer came: sent, filling, opened or unopened."""
        return "sent" if self.sent_at else "filling" if self.filled_at else "opened" if self.opened_at else "unopened"
