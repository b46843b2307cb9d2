"""One public post that matched, as stored."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, NullIf

from listening.models.conversation import Conversation
from listening.models.source import Source
from profiles.models import Agent, Handle


class Sentiment(models.TextChoices):
    NEGATIVE = "negative", "negative"
    NEUTRAL = "neutral", "neutral"
    POSITIVE = "positive", "positive"
    UNSURE = "unsure", "unsure"


class Mention(models.Model):
    network = models.CharField(max_length=20)
    external_id = models.CharField(max_length=200)
    source = models.ForeignKey(Source, on_delete=models.SET_NULL, null=True, related_name="+")
    # No constraints in the database on what intake itself writes in the same transaction, here, in Conversation and in the topics'
    # links: checking them took a fifth of all its time. Deleting is done through these models alone, which protect them.
    author = models.ForeignKey(Handle, on_delete=models.PROTECT, related_name="mentions", db_index=False, db_constraint=False)
    # Null only for our own posts that answer nobody: they are context, never work (invariant 7).
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, null=True, related_name="mentions", db_constraint=False)
    text = models.TextField()
    folded = models.TextField(help_text="The text without case and accents, for search.")
    language = models.CharField(max_length=12, blank=True)
    posted_at = models.DateTimeField()
    received_at = models.DateTimeField()
    url = models.CharField(max_length=1000, blank=True)
    # Null, not "", so that the index of those who wait for their parent holds nobody else on either database.
    in_reply_to = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001
    parent = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="replies", db_index=False)
    media = models.JSONField(default=list)
    reposts = models.PositiveIntegerField(default=0, db_default=0)
    is_own = models.BooleanField(default=False)
    is_addressed = models.BooleanField(default=False, help_text="It names us or answers us.")
    asks_for_help = models.BooleanField(default=False)
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    score = models.FloatField()
    label = models.CharField(max_length=10, choices=Sentiment.choices)
    confidence = models.FloatField()
    scorer = models.CharField(max_length=40)
    corrected_label = models.CharField(max_length=10, choices=Sentiment.choices, blank=True, default="", db_default="")
    corrected_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)
    corrected_at = models.DateTimeField(null=True)
    # What counts in every figure: the agent's word where there is one, the scorer's where there is none.
    sentiment = models.GeneratedField(
        expression=Coalesce(NullIf(F("corrected_label"), Value("")), F("label")),
        output_field=models.CharField(max_length=10, choices=Sentiment.choices),
        db_persist=True,
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["network", "external_id"], name="mention_network_external_id")]
        indexes = [
            models.Index(fields=["-posted_at", "-id"], name="mention_newest"),
            models.Index(fields=["author", "-posted_at", "-id"], name="mention_of_author"),
            # A post that came before the one it answers waits here to be threaded.
            models.Index(
                fields=["network", "in_reply_to"], condition=Q(parent=None, in_reply_to__isnull=False), name="mention_waits_for_parent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.network}:{self.external_id}"
