"""Who may be the same person, and who was said to be."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from profiles.models.agent import Agent
from profiles.models.profile import Profile


class MatchSuggestion(models.Model):
    """Two profiles that may be one person, with what speaks for it. Nothing is ever merged by itself (brief E7)."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DISMISSED = "dismissed", "Not the same"
        MERGED = "merged", "Merged"

    first = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="+", db_index=False)  # the smaller id
    second = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="+", db_index=False)
    score = models.FloatField()  # 0..1
    evidence = models.JSONField(default=list)  # [{"kind": "same_email", "weight": 0.9, "rows": [ids]}]: never the values themselves
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    made_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="suggestion_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="suggestion_in_order"),
        ]
        indexes = [
            models.Index(fields=["-score", "-id"], condition=Q(state="open"), name="suggestion_open"),
            models.Index(fields=["second"], name="suggestion_second"),
        ]

    def __str__(self) -> str:
        return f"profiles {self.first_id} and {self.second_id}"


class Merge(models.Model):
    """`absorbed` became part of `survivor`. Until `undone_at`, that is."""

    survivor = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="merges", db_index=False)
    absorbed = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="merged", db_index=False)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    at = models.DateTimeField()
    # The survivor's empty fields that got the other's value, each with what stood in `sources` for it before: {field: entry or null}.
    filled = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["absorbed"], condition=Q(undone_at=None), name="merge_absorbed_once")]
        indexes = [models.Index(fields=["survivor", "-at", "-id"], name="merge_of_survivor")]

    def __str__(self) -> str:
        return f"profile {self.absorbed_id} into {self.survivor_id}"
