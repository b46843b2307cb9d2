"""How a person may be reached, and whether they agreed to it: contact points and consents."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from profiles.models.agent import Agent
from profiles.models.profile import Profile


class Medium(models.TextChoices):
    PHONE = "phone", "Phone call"
    SMS = "sms", "Text message"
    EMAIL = "email", "E-mail"


# What a consent is for. Another purpose needs another consent.
THIS_MATTER = "this matter"
STATUS_UPDATES = "status updates"
REMINDERS = "appointment reminders"
OFFERS = "offers"
SCOPES = (THIS_MATTER, STATUS_UPDATES, REMINDERS, OFFERS)
# Somebody who has the link of a ticket asked for mail, and may not be the customer: it covers the mail that asks them to confirm it.
UNCONFIRMED = "status updates, unconfirmed"


class ContactPoint(models.Model):
    """An e-mail address, phone number or postal address of a person, with how far it can be trusted (brief D14)."""

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        PHONE = "phone", "Phone"
        ADDRESS = "address", "Address"

    class State(models.TextChoices):
        UNVERIFIED = "unverified", "Unverified"
        GIVEN = "given", "Given by the customer"
        VERIFIED = "verified", "Verified"
        REVOKED = "revoked", "Revoked"

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="contact_points")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    value = models.CharField(max_length=500)  # in its normal form: E.164 for phones, lower case for e-mail
    typed = models.CharField(max_length=500, blank=True)  # as it was written
    state = models.CharField(max_length=12, choices=State.choices, default=State.UNVERIFIED)
    source = models.CharField(max_length=200)  # "callback form", "direct message", "agent", ...
    # Why nobody is reached there, "" as far as we know they are: "no possible number", "wrong number". Kept, never used.
    problem = models.CharField(max_length=100, blank=True)
    verified_how = models.CharField(max_length=100, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "kind", "value"], name="contact_point_once"),
            models.CheckConstraint(condition=~Q(state="verified") | Q(verified_at__isnull=False), name="contact_point_verified_when"),
        ]
        indexes = [models.Index(fields=["kind", "value"], name="contact_point_value")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"  # never the value: this ends in logs

    @property
    def is_reachable(self) -> bool:
        """The customer gave it or it was verified; nothing is sent to a guess (brief D16)."""
        return self.state in REACHABLE and not self.problem

    @property
    def masked(self) -> str:
        """As much of it as its owner needs to know it again, and nobody else can use."""
        if self.kind == self.Kind.PHONE:
            return f"•••• {self.value[-3:]}"
        name, at, domain = self.value.partition("@")
        return f"{name[:1]}•••{at}{domain}" if at else "•••"


REACHABLE = (ContactPoint.State.GIVEN, ContactPoint.State.VERIFIED)


class Consent(models.Model):
    """The customer's recorded permission for one medium: what was shown, when, in which language, behind which link (brief D20)."""

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="consents")
    contact_point = models.ForeignKey(ContactPoint, on_delete=models.PROTECT, related_name="consents")
    medium = models.CharField(max_length=10, choices=Medium.choices)
    scope = models.CharField(max_length=100)  # what it is for: "this matter", "status updates", "appointment reminders"
    text = models.TextField()  # as it was shown
    text_version = models.CharField(max_length=40)
    language = models.CharField(max_length=12)
    given_at = models.DateTimeField()
    evidence = models.JSONField(default=dict)  # ids only: {"link": 7} or {"message": 9}
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_how = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes = [models.Index(fields=["contact_point", "medium"], condition=Q(revoked_at=None), name="consent_alive")]

    def __str__(self) -> str:
        return f"consent {self.pk} to {self.medium}"
