"""A saved reply: one purpose, worded for each language, network and audience."""

from __future__ import annotations

from django.db import models

from listening.models import Topic
from profiles.models import Agent

LONGEST_TEXT = 10_000  # characters; a network's own limit is counted where the text is shown


class Purpose(models.TextChoices):
    ANSWER = "answer", "Answer"
    ACKNOWLEDGE = "acknowledge", "Acknowledge"
    OFFER_CHOICE = "offer_choice", "Offer a choice"
    ASK_TO_FOLLOW = "ask_to_follow", "Ask to follow us"
    THANK_YOU = "thank_you", "Thank you"
    CLOSING = "closing", "Closing line"


class Audience(models.TextChoices):
    PUBLIC = "public", "Public"
    PRIVATE = "private", "Private"


class Template(models.Model):
    name = models.CharField(max_length=80, unique=True)
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    topics = models.ManyToManyField(Topic, blank=True, related_name="+")  # none: it fits any
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    changed_at = models.DateTimeField(auto_now=True)
    # Of its settled uses, kept up by services/template_outcomes.py for the ranking.
    went_well = models.PositiveIntegerField(default=0)
    went_badly = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TemplateVariant(models.Model):
    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="variants", db_index=False)
    network = models.CharField(max_length=20, blank=True)  # "": any
    language = models.CharField(max_length=12)  # BCP 47, in small letters
    audience = models.CharField(max_length=8, choices=Audience.choices, default=Audience.PUBLIC)
    text = models.TextField()

    class Meta:
        ordering = ["language", "network", "audience"]
        constraints = [models.UniqueConstraint(fields=["template", "language", "network", "audience"], name="template_variant_once")]

    def __str__(self) -> str:
        return f"{self.template_id}: {self.language} {self.network or 'any network'}, {self.audience}"
