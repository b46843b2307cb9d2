"""A lead's decision that a heated thread may be answered in public again."""

from __future__ import annotations

from django.db import models

from listening.models import Conversation
from profiles.models import Agent


class BrakeLift(models.Model):
    """What was answered until `at` does not count any more. Never changed, never deleted."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="brake_lifts", db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    at = models.DateTimeField()
    reason = models.CharField(max_length=300)

    class Meta:
        indexes = [models.Index(fields=["conversation", "-at"], name="brake_lift_newest")]

    def __str__(self) -> str:
        return f"lifted at {self.at:%Y-%m-%d %H:%M}"
