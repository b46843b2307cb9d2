"""What holds for every public answer of this desk: the brake on heated threads, and who needs a certificate. One row."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from profiles.models import Agent


class Policy(models.Model):
    """The only row has id 1; before somebody has stored it, `current` gives the defaults."""

    # Answers of ours in a thread whose author stays negative; the next one cools down, the one after it needs a lead.
    brake_after = models.PositiveSmallIntegerField(default=3, validators=[MinValueValidator(1), MaxValueValidator(20)])
    cooling_minutes = models.PositiveSmallIntegerField(default=10, validators=[MinValueValidator(1), MaxValueValidator(1440)])
    require_certificate = models.BooleanField(default=False)  # agents without a current one draft for approval only
    changed_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name_plural = "policies"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="policy_only_one")]

    def __str__(self) -> str:
        return "policy"

    @classmethod
    def current(cls) -> Policy:
        """The policy of this desk. One query."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)
