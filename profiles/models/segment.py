"""Saved groups of people, by conditions."""

from __future__ import annotations

from django.db import models

from profiles.models.agent import Agent


class Segment(models.Model):
    """Its people are whoever meets all conditions now; `services/segments.py` says what a condition can be."""

    name = models.CharField(max_length=80, unique=True)
    conditions = models.JSONField(default=list)  # [{"field": "stage", "is": "one_of", "value": ["customer"]}]
    made_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    made_at = models.DateTimeField()
    # Their new conversations go to this person (brief E16). Null: to nobody in particular.
    routes_to = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="routed_segments", db_index=False)
    position = models.PositiveSmallIntegerField(default=0)  # the first that fits routes

    class Meta:
        ordering = ("position", "name")

    def __str__(self) -> str:
        return self.name
