"""The person or firm behind one or more handles."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from simple_history.models import HistoricalRecords

from profiles.models.agent import Agent


class Stage(models.TextChoices):
    PROSPECT = "prospect", "Prospect"
    CUSTOMER = "customer", "Customer"
    HIGH_VALUE = "high_value", "High value"
    FORMER = "former", "Former customer"


class ProfileQuerySet(models.QuerySet["Profile"]):
    def people(self) -> ProfileQuerySet:
        """Those who stand for themselves: neither merged into somebody nor erased, nor the company itself."""
        return self.filter(root=None, erased_at=None, is_ours=False)


class Profile(models.Model):
    """A person as we know them. Merging moves no row: the absorbed profile keeps what is its own and points at the survivor, so that
    taking the merge back is exact (invariant 9). Whoever asks what belongs to a person asks by `profile__person`.
    """

    name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=12, blank=True)
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")
    company = models.CharField(max_length=200, blank=True, default="", db_default="")
    # An author whom nobody has told us about yet is a prospect (brief A5).
    stage = models.CharField(max_length=20, choices=Stage.choices, default=Stage.PROSPECT, db_default=Stage.PROSPECT)
    # Where they said that they like to be answered, and what their own use says (brief D2): a network's key, direct_message, chat,
    # phone, sms or email.
    preferred_channel = models.CharField(max_length=20, blank=True, default="", db_default="")
    implied_channel = models.CharField(max_length=20, blank=True, default="", db_default="")
    owner = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="owned_profiles", db_index=False)
    do_not_contact_at = models.DateTimeField(null=True, blank=True)
    do_not_contact_why = models.CharField(max_length=200, blank=True, default="", db_default="")
    # {field: {"at": ISO time, "source": "agent", "by": id of the agent or null}}: where each value is from, and since when.
    sources = models.JSONField(default=dict, db_default={})
    version = models.PositiveIntegerField(default=0, db_default=0)  # moves with each edit; two at once differ in it
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField(null=True, blank=True)  # null: never edited
    erased_at = models.DateTimeField(null=True, blank=True)  # what is left is a number without a person
    is_ours = models.BooleanField(default=False, db_default=False)  # an account of the company, and nobody who could be answered

    # The merge tree. `merged_into` is the next one up, `root` the top, both null for who stands for themselves.
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="absorbed", db_index=False)
    root = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    person = models.GeneratedField(expression=Coalesce(F("root_id"), F("id")), output_field=models.BigIntegerField(), db_persist=True)

    terms_at = models.DateTimeField(null=True, blank=True)  # when its words were put into the search; null: they wait

    history = HistoricalRecords(
        excluded_fields=["sources", "version", "changed_at", "implied_channel", "root", "person", "terms_at", "is_ours"]
    )
    objects = ProfileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(merged_into=None, root=None) | Q(merged_into__isnull=False, root__isnull=False), name="profile_merge_tree"
            )
        ]
        indexes = [
            models.Index(fields=["person"], name="profile_person"),
            models.Index(fields=["owner", "-created_at", "-id"], condition=Q(owner__isnull=False), name="profile_owner"),
            models.Index(fields=["id"], condition=Q(terms_at=None), name="profile_terms_wait"),
            # Of whom somebody said something: as intake makes them, people are in none of these.
            models.Index(fields=["stage", "-created_at", "-id"], condition=~Q(stage="prospect"), name="profile_stage"),
            models.Index(fields=["language", "-created_at", "-id"], condition=~Q(language=""), name="profile_language"),
            models.Index(fields=["id"], condition=Q(do_not_contact_at__isnull=False), name="profile_left_alone"),
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="profile_merged_into"),
        ]

    def __str__(self) -> str:
        return self.name or f"Profile {self.pk}"
