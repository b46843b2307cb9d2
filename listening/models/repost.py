"""A repost that was folded into the counter of what it repeats, so that the same one never counts twice."""

from __future__ import annotations

from django.db import models

from listening.models.mention import Mention


class Repost(models.Model):
    network = models.CharField(max_length=20)
    external_id = models.CharField(max_length=200)
    original = models.CharField(max_length=200)  # external id; its mention may come later
    mention = models.ForeignKey(Mention, on_delete=models.CASCADE, null=True, related_name="+")
    posted_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["network", "external_id"], name="repost_network_external_id")]
        indexes = [models.Index(fields=["network", "original"], condition=models.Q(mention=None), name="repost_waits_for_original")]

    def __str__(self) -> str:
        return f"{self.network}:{self.external_id} repeats {self.original}"
