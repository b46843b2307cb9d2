"""The company whose desk this is: what it calls itself, what of it is public, and when it may write first. One row."""

from __future__ import annotations

import re
from datetime import time
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from engagement.guards.own import BadPattern, check_pattern

MOST_CONTACTS = 100
MOST_PATTERNS = 30
_LONGEST_CONTACT = 200
_LONGEST_NAME = 60
_CONTRAST = 4.5  # WCAG 2.2 AA, of the white words on a button in the company's colour


def desk_zone() -> str:
    return settings.TIME_ZONE


def check_contacts(contacts: Any) -> None:
    if not isinstance(contacts, list) or not all(isinstance(contact, str) and contact.strip() for contact in contacts):
        raise ValidationError("Give a list of numbers, e-mail addresses and postal addresses.")
    if len(contacts) > MOST_CONTACTS:
        raise ValidationError(f"At most {MOST_CONTACTS} contacts are kept.")
    for contact in contacts:
        if len(contact) > _LONGEST_CONTACT:
            raise ValidationError(f"“{contact[:30]}…” is too long; a contact has at most {_LONGEST_CONTACT} characters.")


def check_patterns(patterns: Any) -> None:
    if not isinstance(patterns, list) or not all(isinstance(entry, dict) and set(entry) == {"name", "pattern"} for entry in patterns):
        raise ValidationError("Give a list of {name, pattern}.")
    if len(patterns) > MOST_PATTERNS:
        raise ValidationError(f"At most {MOST_PATTERNS} patterns are kept.")
    for entry in patterns:
        name, pattern = entry["name"], entry["pattern"]
        if not (isinstance(name, str) and isinstance(pattern, str) and name.strip() and pattern.strip()):
            raise ValidationError("Each pattern needs a name and an expression, as in “Order number: TW-\\d{6}”.")
        if len(name) > _LONGEST_NAME:
            raise ValidationError(f"“{name[:30]}…” is too long; a name has at most {_LONGEST_NAME} characters.")
        try:
            check_pattern(pattern)
        except BadPattern as error:
            raise ValidationError(f"The pattern of “{name}” cannot be kept. {error}") from None


def check_region(region: str) -> None:
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValidationError(f"“{region}” is no country code. Give two letters, as in GB, DE or AE.")


def check_zone(zone: str) -> None:
    if zone not in available_timezones():
        raise ValidationError(f"“{zone}” is no time zone. Give one such as Europe/London.")


def check_accent(colour: str) -> None:
    if not re.fullmatch(r"#[0-9a-f]{6}", colour):
        raise ValidationError("Give a colour as # and six hexadecimal digits, in small letters.")
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels)
    if 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) < _CONTRAST:
        raise ValidationError("White words on this colour are hard to read. Choose a darker one.")


class Company(models.Model):
    """The only row has id 1; before somebody has stored it, `current` gives the defaults."""

    name = models.CharField(max_length=80, default="Our company")
    # What may stand in public though it looks personal: hotline, e-mail, addresses, as people write them.
    public_contacts = models.JSONField(default=list, blank=True, validators=[check_contacts])
    own_patterns = models.JSONField(default=list, blank=True, validators=[check_patterns])  # [{name, pattern}]
    default_region = models.CharField(max_length=2, default="GB", validators=[check_region])  # of numbers written without a country
    accent = models.CharField(max_length=7, default="#0b5cad", validators=[check_accent])
    time_zone = models.CharField(max_length=60, default=desk_zone, validators=[check_zone])
    # Nobody is called or written to first in these hours of their own day; equal: there are none. They may run over midnight.
    quiet_from = models.TimeField(default=time(21))
    quiet_until = models.TimeField(default=time(8))
    outbound_per_week = models.PositiveSmallIntegerField(default=3, validators=[MaxValueValidator(100)])  # to one person

    class Meta:
        verbose_name_plural = "companies"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="company_only_one")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls) -> Company:
        """The company of this desk. One query."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)
