"""Words that group people."""

from __future__ import annotations

from django.db import models

from profiles.models.agent import Agent
from profiles.models.profile import Profile


class Tag(models.Model):
    name = models.CharField(max_length=60)
    folded = models.CharField(max_length=60, unique=True)  # without case and accents: one tag, however it is written

    def __str__(self) -> str:
        return self.name


class ProfileTag(models.Model):
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="tags", db_index=False)
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="profiles", db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    source = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["profile", "tag"], name="profile_tag_once")]
        indexes = [models.Index(fields=["tag", "profile"], name="profile_tag_profiles")]

    def __str__(self) -> str:
        return f"tag {self.tag_id} of profile {self.profile_id}"
