"""A repost or quote of ours that must go, because its author no longer wants it."""

from __future__ import annotations

from django.db import models

from engagement.models.message import Message


class TakeDown(models.Model):
    """Kept until it is done: deleting is tried again until the network has nothing of it, or a person removed it there by hand."""

    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="takedown")
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()  # the next try; while one runs, when its worker is taken for dead
    attempts = models.PositiveSmallIntegerField(default=0)
    by_hand = models.BooleanField(default=False)  # the network cannot or will not: somebody has to remove it there
    error = models.CharField(max_length=500, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["not_before"], condition=models.Q(done_at=None, by_hand=False), name="takedown_due")]

    def __str__(self) -> str:
        return f"take down message {self.message_id}"
