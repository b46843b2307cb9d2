"""The person or firm behind one or more handles."""

from __future__ import annotations

from django.db import models


class Stage(models.TextChoices):
    PROSPECT = "prospect", "Prospect"
    CUSTOMER = "customer", "Customer"
    HIGH_VALUE = "high_value", "High value"
    FORMER = "former", "Former customer"


class Profile(models.Model):
    name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=12, blank=True)
    # An author whom nobody has told us about yet is a prospect (brief A5).
    stage = models.CharField(max_length=20, choices=Stage.choices, default=Stage.PROSPECT, db_default=Stage.PROSPECT)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name or f"Profile {self.pk}"
