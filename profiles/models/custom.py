"""Fields that an admin adds to every profile, and their values."""

from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from profiles.models.profile import Profile


class CustomField(models.Model):
    class Kind(models.TextChoices):
        TEXT = "text", "Text"
        NUMBER = "number", "Number"
        DATE = "date", "Date"
        CHOICE = "choice", "One of a list"
        YES_NO = "yes_no", "Yes or no"
        LINK = "link", "Web address"

    key = models.SlugField(max_length=40, unique=True)  # how programs and columns of files name it; never changed
    label = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    choices = models.JSONField(default=list, blank=True)  # of a choice: its words, in their order
    position = models.PositiveSmallIntegerField(default=0)
    archived_at = models.DateTimeField(null=True, blank=True)  # its values stay, nobody is asked for new ones

    class Meta:
        ordering = ("position", "pk")

    def __str__(self) -> str:
        return self.label


class CustomValue(models.Model):
    """`text` is the value in its normal form, as in 12.5, 2026-05-04, yes; `number` and `date` repeat it where it is one, for ranges."""

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="custom_values", db_index=False)
    field = models.ForeignKey(CustomField, on_delete=models.PROTECT, related_name="values", db_index=False)
    text = models.CharField(max_length=500)
    number = models.DecimalField(max_digits=24, decimal_places=6, null=True, blank=True)
    date = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=200)
    changed_at = models.DateTimeField()

    history = HistoricalRecords()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["profile", "field"], name="custom_value_once")]
        indexes = [
            models.Index(fields=["field", "text"], name="custom_value_text"),
            models.Index(fields=["field", "number"], condition=models.Q(number__isnull=False), name="custom_value_number"),
            models.Index(fields=["field", "date"], condition=models.Q(date__isnull=False), name="custom_value_date"),
        ]

    def __str__(self) -> str:
        return f"custom value {self.pk}"  # never the value: this ends in logs
