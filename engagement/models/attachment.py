"""A picture or film that goes out with a public answer."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.approval import Approval
from engagement.models.message import Message
from listening.models import Conversation
from profiles.models import Agent


class Attachment(models.Model):
    """A draft's until it hangs on a message; one that a lead reads first hangs on its approval meanwhile. Nobody's draft lasts a day."""

    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="attachments", db_index=False)
    # Null where a program handed it in before it said where it goes.
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, null=True, related_name="attachments")
    message = models.ForeignKey(Message, on_delete=models.PROTECT, null=True, related_name="attachments")
    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, null=True, related_name="attachments")
    content = models.BinaryField()
    media_type = models.CharField(max_length=20)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    seconds = models.FloatField(default=0, db_default=0)  # of a film
    alt = models.CharField(max_length=1500, blank=True)  # what it shows, for those who cannot see it; it does not go out without
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(message=None) | (~Q(alt="") & Q(conversation__isnull=False, approval=None)), name="attachment_sent_is_described"
            )
        ]
        indexes = [
            models.Index(fields=["created_at"], condition=Q(message=None, approval=None), name="attachment_unsent"),
        ]

    def __str__(self) -> str:
        return f"attachment {self.pk}"

    @property
    def is_film(self) -> bool:
        return self.media_type.startswith("video/")
