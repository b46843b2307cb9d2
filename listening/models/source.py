"""One feed that is read, with the cursor up to which it was."""

from __future__ import annotations

from django.db import models

from listening.models.account import NetworkAccount


class Source(models.Model):
    class Kind(models.TextChoices):
        POLL = "poll", "Read by the desk"
        STREAM = "stream", "Pushed by the network"
        PUSH = "push", "Pushed by a program"
        FILE = "file", "Imported from a file"

    account = models.ForeignKey(NetworkAccount, on_delete=models.SET_NULL, null=True, blank=True, related_name="sources")
    network = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=200)
    cursor = models.TextField(blank=True)
    interval = models.PositiveIntegerField(default=60, help_text="Seconds between two reads.")
    is_active = models.BooleanField(default=True)
    next_poll_at = models.DateTimeField(null=True, blank=True)
    polled_until = models.DateTimeField(null=True, blank=True, help_text="A worker reads it until then at the latest.")
    last_read_at = models.DateTimeField(null=True, blank=True)
    last_item_at = models.DateTimeField(null=True, blank=True)
    # Kind STREAM: since when its connection holds, and how many posts only reading found that it should have brought.
    connected_at = models.DateTimeField(null=True, blank=True)
    found_late = models.PositiveIntegerField(default=0, db_default=0)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["network", "kind", "name"], condition=models.Q(removed_at__isnull=True), name="source_network_kind_name"
            )
        ]

    def __str__(self) -> str:
        return self.name
