"""How far each role may depart from the templates in public (brief B31)."""

from __future__ import annotations

from django.db import models

from profiles.models import Role


class TemplateRight(models.Model):
    """A role without a row writes freely."""

    class Right(models.TextChoices):
        FREE = "free", "Write freely"
        EDIT = "edit", "Begin with a template and edit it"
        AS_IS = "as_is", "Use templates as they are"

    role = models.CharField(max_length=20, choices=Role.choices, unique=True)
    right = models.CharField(max_length=8, choices=Right.choices, default=Right.FREE)

    def __str__(self) -> str:
        return f"{self.role}: {self.right}"
