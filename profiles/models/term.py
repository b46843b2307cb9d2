"""What people are found by: one row for each word of theirs, along one index on either database."""

from __future__ import annotations

from django.db import models

from profiles.models.profile import Profile


class SearchTerm(models.Model):
    class Kind(models.TextChoices):
        HANDLE = "handle", "Handle"
        NAME = "name", "Name"
        EMAIL = "email", "E-mail"
        PHONE = "phone", "Phone"
        ADDRESS = "address", "Address"
        COMPANY = "company", "Company"
        TAG = "tag", "Tag"
        NOTE = "note", "Note"
        CUSTOM = "custom", "Field of our own"
        EXTERNAL = "external", "Number in another system"

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="terms", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    term = models.CharField(
        max_length=120
    )  # folded; on PostgreSQL in the order of its bytes (migration 0002), so that a beginning is a range

    class Meta:
        constraints = [models.UniqueConstraint(fields=["profile", "kind", "term"], name="search_term_once")]
        indexes = [models.Index(fields=["term", "profile"], name="search_term_term")]

    def __str__(self) -> str:
        return f"{self.kind} of profile {self.profile_id}"
