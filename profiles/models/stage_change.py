"""The history of a person's lifecycle stage (brief A5, B36). Never changed."""

from __future__ import annotations

from django.db import models

from profiles.models.agent import Agent
from profiles.models.profile import Profile, Stage


class StageChange(models.Model):
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="stage_changes", db_index=False)
    before = models.CharField(max_length=20, choices=Stage.choices)
    after = models.CharField(max_length=20, choices=Stage.choices)
    at = models.DateTimeField()
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    source = models.CharField(max_length=200)

    class Meta:
        indexes = [models.Index(fields=["profile", "-at", "-id"], name="stage_change_of_profile")]

    def __str__(self) -> str:
        return f"{self.before} to {self.after}"
