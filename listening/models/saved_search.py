"""A filter that an agent keeps as a view."""

from __future__ import annotations

from django.db import models

from profiles.models import Agent


class SavedSearch(models.Model):
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=60)
    filters = models.JSONField(default=dict)  # as the feed's query string has them
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agent", "name"], name="saved_search_agent_name")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
