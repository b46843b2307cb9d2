"""That we asked somebody in public to follow us, so that they can be written to in private."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.approval import Approval
from engagement.models.message import Message
from listening.models import Conversation
from profiles.models import Agent, Handle


class FollowRequest(models.Model):
    """One for each account, whichever conversation it was asked in; who is asked again moves it on. It stands as its message does."""

    author = models.OneToOneField(Handle, on_delete=models.CASCADE, related_name="follow_request")  # who was asked
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="+")  # where
    message = models.OneToOneField(Message, on_delete=models.PROTECT, null=True, related_name="follow_request")  # the public reply
    approval = models.OneToOneField(Approval, on_delete=models.PROTECT, null=True, related_name="follow_request")  # a lead reads it first
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)  # who is told
    asked_at = models.DateTimeField()
    look_at = models.DateTimeField(null=True)  # when the network is asked next whether they follow; null: no more
    followed_at = models.DateTimeField(null=True)  # when we saw that they did, after having been asked

    class Meta:
        indexes = [
            models.Index(fields=["look_at", "id"], condition=Q(followed_at=None, look_at__isnull=False), name="follow_waiting"),
        ]

    def __str__(self) -> str:
        return f"follow request {self.pk} to {self.author_id}"
