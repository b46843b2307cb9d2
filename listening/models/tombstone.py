"""A deletion that came before the post that it withdraws, so that the post is not shown when it comes."""

from __future__ import annotations

from django.db import models


class Tombstone(models.Model):
    network = models.CharField(max_length=20)
    external_id = models.CharField(max_length=200)
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["network", "external_id"], name="tombstone_network_external_id")]

    def __str__(self) -> str:
        return f"{self.network}:{self.external_id} was deleted"
