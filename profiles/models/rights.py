"""Who may see which coordinates and fields, who looked at them, and how long what is kept."""

from __future__ import annotations

from django.db import models

from profiles.models.agent import Agent, Role
from profiles.models.contact import ContactPoint
from profiles.models.profile import Profile


class FieldRight(models.Model):
    """Where a role may see more or less than usual. `field` is phone, email, address, or custom:<key>."""

    role = models.CharField(max_length=20, choices=Role.choices)
    field = models.CharField(max_length=60)
    may_see = models.BooleanField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "field"], name="field_right_once")]

    def __str__(self) -> str:
        return f"{self.role} {'sees' if self.may_see else 'does not see'} {self.field}"


class ContactLook(models.Model):
    """Somebody looked at a coordinate in full: on a page, through the API, in an export. Never changed."""

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="looks", db_index=False)
    contact_point = models.ForeignKey(ContactPoint, on_delete=models.SET_NULL, null=True, related_name="looks", db_index=False)
    kind = models.CharField(max_length=10, choices=ContactPoint.Kind.choices)
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    where = models.CharField(max_length=20)  # page, api, export, call
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["profile", "-at", "-id"], name="look_of_profile"),
            models.Index(fields=["-at", "-id"], name="look_newest"),
            models.Index(fields=["contact_point"], name="look_of_contact_point"),
        ]

    def __str__(self) -> str:
        return f"agent {self.agent_id} at {self.kind} of profile {self.profile_id}"


class RetentionRule(models.Model):
    """How long rows of one kind (services/personal.py names them) are kept. No rule: for good."""

    kind = models.CharField(max_length=60, unique=True)
    keep_days = models.PositiveIntegerField()
    changed_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    changed_at = models.DateTimeField()
    ran_at = models.DateTimeField(null=True, blank=True)
    removed = models.PositiveBigIntegerField(default=0)  # rows, in all runs so far

    def __str__(self) -> str:
        return f"{self.kind}: {self.keep_days} days"


class Erasure(models.Model):
    """That a person was erased, and how much there was of them: never who."""

    profile = models.OneToOneField(Profile, on_delete=models.PROTECT, related_name="erasure")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    why = models.CharField(max_length=40)  # asked_by_person, retention, duplicate_import, other
    at = models.DateTimeField()
    counts = models.JSONField(default=dict)  # {kind: rows}

    def __str__(self) -> str:
        return f"erasure of profile {self.profile_id}"


class ErasedHandle(models.Model):
    """An account of somebody who was erased, as a keyed digest: what it wrote until then is not stored anew when it is seen again."""

    network = models.CharField(max_length=20)
    digest = models.CharField(max_length=64)
    erased_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["network", "digest"], name="erased_handle_once")]

    def __str__(self) -> str:
        return f"an erased account on {self.network}"
