"""A public reply that a lead reads before it goes out."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.message import Message
from engagement.models.template import TemplateVariant
from listening.models import Conversation, Mention
from profiles.models import Agent


class Approval(models.Model):
    """pending -> approved | declined | withdrawn, each step with the conversation locked. Nothing goes out while it is pending."""

    class State(models.TextChoices):
        PENDING = "pending", "Waits for a lead"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="approvals", db_index=False)
    mention = models.ForeignKey(Mention, on_delete=models.PROTECT, related_name="+")  # what it answers
    answer_seen = models.PositiveBigIntegerField(default=0)  # the mention's last answer that the author saw
    text = models.TextField()
    variant = models.ForeignKey(TemplateVariant, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)  # made from it
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="approvals", db_index=False)  # its author
    reasons = models.JSONField(default=list)  # why a lead is needed, in words
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    request_key = models.CharField(max_length=64, blank=True)  # the press of Send that it came from
    created_at = models.DateTimeField()
    decided_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True)
    final_text = models.TextField(blank=True)  # as it was approved
    note = models.CharField(max_length=1000, blank=True)  # the lead's word to the author
    message = models.OneToOneField(Message, on_delete=models.PROTECT, null=True, related_name="approval")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agent", "conversation"], condition=Q(state="pending"), name="approval_one_draft_each"),
            models.UniqueConstraint(fields=["agent", "request_key"], condition=~Q(request_key=""), name="approval_request_key"),
            models.CheckConstraint(
                condition=Q(state="approved", message__isnull=False) | (~Q(state="approved") & Q(message=None)),
                name="approval_approved_is_a_message",
            ),
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], condition=Q(state="pending"), name="approval_queue"),
            models.Index(fields=["-created_at", "-id"], name="approval_newest"),
            models.Index(fields=["conversation", "-id"], name="approval_of_conversation"),
        ]

    def __str__(self) -> str:
        return f"approval {self.pk}: {self.state}"
