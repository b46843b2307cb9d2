"""Counts of mentions by hour, network, topic and sentiment: what trends are drawn from."""

from __future__ import annotations

from django.db import models

from listening.models.topic import Topic


class Rollup(models.Model):
    """Rows add up: intake, corrections and edits append small rows (also negative ones), and a task folds equal keys into one.

    So two intakes never wait for the same row, and the sum equals a recount at every moment.
    """

    hour = models.DateTimeField()  # UTC, of `posted_at`
    network = models.CharField(max_length=20)
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)  # null: all mentions
    sentiment = models.CharField(max_length=10)
    count = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["topic", "hour"], name="rollup_topic_hour")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h {self.network} {self.sentiment}: {self.count}"
