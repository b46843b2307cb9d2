"""What was sent from a template, and what came of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.message import Message
from engagement.models.template import Template, TemplateVariant
from listening.models import Sentiment
from profiles.models import Agent


class TemplateUse(models.Model):
    """Counts once its message was sent; services/template_outcomes.py fills in what followed."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="uses", db_index=False)
    variant = models.ForeignKey(TemplateVariant, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="template_use")
    agent = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    is_edited = models.BooleanField()
    at = models.DateTimeField()
    # The outcome, as far as it is known.
    next_sentiment = models.CharField(max_length=10, choices=Sentiment.choices, blank=True)  # of the customer's next post
    resolved_alone = models.BooleanField(default=False)  # resolved, and no other public answer was needed
    is_learned = models.BooleanField(default=False)  # the words of the post that it answered are among the template's
    checked_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)  # from here on it is not looked at again

    class Meta:
        indexes = [
            models.Index(fields=["template", "-at"], name="template_use_newest"),
            models.Index(fields=["checked_at"], condition=Q(settled_at=None), name="template_use_open"),
        ]

    def __str__(self) -> str:
        return f"{self.template_id} in message {self.message_id}"


class TemplateWord(models.Model):
    """A template was used on a post that has this word. `word` is folded."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="words", db_index=False)
    word = models.CharField(max_length=40)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["word", "template"], name="template_word_once")]

    def __str__(self) -> str:
        return self.word
