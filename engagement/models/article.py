"""An article that customers read to help themselves, worded in one or more languages."""

from __future__ import annotations

from django.db import models

from listening.models import Topic
from profiles.models import Agent

LONGEST_TITLE = 120
LONGEST_BODY = 20_000  # characters of Markdown


class Article(models.Model):
    slug = models.SlugField(max_length=80, unique=True)
    topics = models.ManyToManyField(Topic, blank=True, related_name="+")
    is_published = models.BooleanField(default=True)
    reviewed_at = models.DateTimeField()  # somebody read it and found it right
    created_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class ArticleText(models.Model):
    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="texts", db_index=False)
    language = models.CharField(max_length=12)
    title = models.CharField(max_length=LONGEST_TITLE)
    body = models.TextField()  # the Markdown of services/markdown.py
    folded = models.TextField(help_text="Title and body without case and accents, for search.")

    class Meta:
        ordering = ["language"]
        constraints = [models.UniqueConstraint(fields=["article", "language"], name="article_text_once")]

    def __str__(self) -> str:
        return f"{self.title} ({self.language})"
