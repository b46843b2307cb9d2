"""One account on one network. The author of a mention is a Handle."""

from __future__ import annotations

from django.db import models

from profiles.models.profile import Profile


class Handle(models.Model):
    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="handles")
    network = models.CharField(max_length=20)
    external_id = models.CharField(max_length=200)
    username = models.CharField(max_length=200)
    display_name = models.CharField(max_length=200, blank=True)
    followers = models.PositiveBigIntegerField(default=0)
    url = models.URLField(max_length=1000, blank=True)
    bio = models.CharField(max_length=1000, blank=True, default="", db_default="")  # what they say of themselves there
    follows_us = models.BooleanField(null=True)
    muted_at = models.DateTimeField(null=True, blank=True)  # what a muted handle posts is filtered at intake, and counted
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["network", "external_id"], name="handle_network_external_id")]
        indexes = [
            models.Index(fields=["network", "username"], name="handle_network_username"),
            # Who is heard widely; few are.
            models.Index(fields=["followers"], condition=models.Q(followers__gte=10_000), name="handle_reach"),
        ]

    def __str__(self) -> str:
        return f"@{self.username}"
