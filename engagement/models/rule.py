"""What the company has decided about answering in public, and the conversations that must be answered by it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from listening.models import Conversation, Mention, Sentiment, Source, Topic
from profiles.models import Agent


class EngagementRule(models.Model):
    """A post fulfils a rule that is on if it fulfils each condition that is set (brief A1, B2)."""

    class Kind(models.TextChoices):
        NEVER = "never", "Never answer in public"
        APPROVAL = "approval", "A lead reads the answer first"
        MUST = "must", "Must be answered"
        MAY = "may", "May be left unanswered"

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    query = models.TextField(blank=True)  # in the language of topics
    # Protected: without its topic or source a rule would vanish, or say more than was decided.
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    sentiment = models.CharField(max_length=10, choices=Sentiment.choices, blank=True)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            # A rule about everything would stop the desk.
            models.CheckConstraint(condition=~Q(query="", topic=None, source=None, sentiment=""), name="engagement_rule_has_a_condition")
        ]

    def __str__(self) -> str:
        return self.name


class MustAnswer(models.Model):
    """A must-rule matched a post of this conversation; made at intake, so that the list of them is a plain query."""

    rule = models.ForeignKey(EngagementRule, on_delete=models.CASCADE, related_name="marks", db_index=False)
    # Without constraints in the database: intake has these rows locked while somebody else may be marking them.
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="must_answer", db_constraint=False)
    mention = models.ForeignKey(Mention, on_delete=models.CASCADE, related_name="+", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "conversation"], name="must_answer_once")]

    def __str__(self) -> str:
        return f"{self.rule_id}: {self.conversation_id}"
