"""Files of people that are read in, and the rows that were refused."""

from __future__ import annotations

from django.db import models

from profiles.models.agent import Agent


class ImportJob(models.Model):
    """The file lies in the data folder until the job has ended, and no longer."""

    class Kind(models.TextChoices):
        CSV = "csv", "CSV"
        VCARD = "vcard", "vCard"

    class State(models.TextChoices):
        PREVIEW = "preview", "Waiting for you"
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Stopped"
        CANCELLED = "cancelled", "Taken back"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    filename = models.CharField(max_length=200)
    stored_as = models.CharField(max_length=100, blank=True)  # "" once the file is gone
    system = models.SlugField(max_length=40, blank=True)  # whose numbers the column of external ids holds
    mapping = models.JSONField(default=dict)  # {columns: {column: field}, rule, region, header, delimiter}
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREVIEW)
    position = models.PositiveBigIntegerField(default=0)  # bytes that are behind us
    size = models.PositiveBigIntegerField(default=0)
    line = models.PositiveBigIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    made_at = models.DateTimeField()
    touched_at = models.DateTimeField(null=True, blank=True)  # the last sign of life of who runs it
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["-made_at", "-id"], name="import_newest")]

    def __str__(self) -> str:
        return f"import {self.pk}"


class ImportRefusal(models.Model):
    """A row that was not taken, why, and what stood there, so that it can be mended and read in again."""

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="refusals", db_index=False)
    line = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=300)
    raw = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["job", "line", "id"], name="import_refusal_order")]

    def __str__(self) -> str:
        return f"line {self.line} of import {self.job_id}"
