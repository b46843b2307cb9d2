"""A public promise to answer by a time, made with an acknowledgement (brief C9)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.message import Message
from listening.models import Conversation


class Promise(models.Model):
    """Binds from the moment that its message reached the network. The conversation carries the one that is open: see listening."""

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="promises")
    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="promise")  # the acknowledgement
    text = models.CharField(max_length=60)  # the words that were promised: "within 2 hours"
    minutes = models.PositiveIntegerField()
    by_key = models.BooleanField(default=True)  # nobody typed it: what is taken back becomes nobody's draft
    due_at = models.DateTimeField()
    kept_at = models.DateTimeField(null=True)  # when the answer came, in time or late

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(kept_at=None), name="promise_open")]

    def __str__(self) -> str:
        return f"promise {self.pk}: {self.text}"
