"""What colleagues write down about a person, and whom they name in it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from profiles.models.agent import Agent
from profiles.models.profile import Profile


class ProfileNote(models.Model):
    """Internal, with no way to a network (invariant 4)."""

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="notes", db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="profile_notes", db_index=False)
    text = models.TextField()
    pinned_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    history = HistoricalRecords(excluded_fields=["pinned_at"])

    class Meta:
        indexes = [models.Index(fields=["profile", "-created_at", "-id"], name="note_of_profile")]

    def __str__(self) -> str:
        return f"note {self.pk}"


class NoteMention(models.Model):
    """A colleague who is named in a note (@username), until they have seen it."""

    note = models.ForeignKey(ProfileNote, on_delete=models.CASCADE, related_name="mentions", db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="note_mentions", db_index=False)
    at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["note", "agent"], name="note_mention_once")]
        indexes = [models.Index(fields=["agent", "-at"], condition=Q(seen_at=None), name="note_mention_unseen")]

    def __str__(self) -> str:
        return f"note {self.note_id} names agent {self.agent_id}"
