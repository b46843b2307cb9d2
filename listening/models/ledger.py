"""The ledger: what became of everything that came in, one row for each batch."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from listening.models.source import Source


class IntakeBatch(models.Model):
    """`seen = stored + duplicate + folded + filtered + rejected` (invariant 3), held by the database itself.

    stored: new mentions and messages. duplicate: already there, unchanged. folded: reposts, edits and deletions, which change
    what is there. filtered: kept out by a rule, named in `filtered_by`. rejected: refused, with index and reason in `rejections`.
    """

    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="batches")
    received_at = models.DateTimeField(db_index=True)
    seen = models.PositiveIntegerField()
    stored = models.PositiveIntegerField()
    duplicate = models.PositiveIntegerField()
    folded = models.PositiveIntegerField()
    filtered = models.PositiveIntegerField()
    rejected = models.PositiveIntegerField()
    filtered_by = models.JSONField(default=dict)
    rejections = models.JSONField(default=list)
    cursor_before = models.TextField(blank=True)
    cursor_after = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(seen=F("stored") + F("duplicate") + F("folded") + F("filtered") + F("rejected")), name="ledger_balances"
            )
        ]

    def __str__(self) -> str:
        return f"{self.seen} seen at {self.received_at:%Y-%m-%d %H:%M:%S}"
