"""A walk backward through what an account's network holds of the time before the desk listened."""

from __future__ import annotations

from django.db import models

from listening.models.source import Source
from profiles.models import Agent


class Backfill(models.Model):
    class State(models.TextChoices):
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        FAILED = "failed", "Stopped"

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="backfills")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    until = models.DateTimeField(help_text="Nothing older is fetched.")
    cursor = models.TextField(blank=True)
    reached_at = models.DateTimeField(null=True, help_text="The oldest post that was fetched so far.")
    seen = models.PositiveIntegerField(default=0)
    stored = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    started_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True, help_text="A worker fetches until then at the latest.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source"], condition=models.Q(state__in=["running", "paused"]), name="backfill_one_at_a_time")
        ]
        indexes = [models.Index(fields=["id"], condition=models.Q(state="running"), name="backfill_running")]

    def __str__(self) -> str:
        return f"backfill {self.pk} of {self.source_id}: {self.state}"
