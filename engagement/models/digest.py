"""The daily e-mail about praise: one row for each person and day, so that none goes out twice."""

from __future__ import annotations

from django.db import models

from profiles.models import Agent


class PraiseDigest(models.Model):
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    upto = models.DateTimeField()  # what was forwarded until then is told
    sent_at = models.DateTimeField(null=True)  # null: it was being sent when the desk stopped; the next day's tells of it again

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agent", "day"], name="praise_digest_once_a_day")]

    def __str__(self) -> str:
        return f"praise digest of {self.day}"
