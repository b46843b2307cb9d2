"""A saved boolean query that is listened for, and what it matched."""

from __future__ import annotations

from django.db import models

from listening.models.conversation import Conversation
from listening.models.mention import Mention
from profiles.models import Agent


class Topic(models.Model):
    name = models.CharField(max_length=80, unique=True)
    query = models.TextField()
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class MentionTopic(models.Model):
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    mention = models.ForeignKey(Mention, on_delete=models.CASCADE, related_name="topic_links", db_constraint=False)
    posted_at = models.DateTimeField()  # the mention's, so that a topic's newest page is one walk along an index

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "mention"], name="mention_topic_once")]
        indexes = [models.Index(fields=["topic", "-posted_at", "-mention"], name="mention_topic_newest")]

    def __str__(self) -> str:
        return f"{self.topic_id}: {self.mention_id}"


class ConversationTopic(models.Model):
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="topic_links", db_constraint=False)
    is_active = models.BooleanField()  # the conversation's, for the same reason
    activity_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["topic", "conversation"], name="conversation_topic_once")]
        indexes = [models.Index(fields=["topic", "is_active", "-activity_at", "-conversation"], name="conversation_topic_newest")]

    def __str__(self) -> str:
        return f"{self.topic_id}: {self.conversation_id}"
