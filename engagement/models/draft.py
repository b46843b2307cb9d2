"""What an agent has typed and not sent, kept across reloads and machines."""

from __future__ import annotations

from django.db import models

from engagement.models.message import SHARES, Message
from listening.models import Conversation
from profiles.models import Agent

TYPED = [(kind.value, kind.label) for kind in Message.Kind if kind not in SHARES]  # what somebody types


class Draft(models.Model):
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="drafts")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="drafts")
    kind = models.CharField(max_length=16, choices=TYPED)
    text = models.TextField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agent", "conversation", "kind"], name="draft_agent_conversation_kind")]

    def __str__(self) -> str:
        return f"draft {self.pk}"
