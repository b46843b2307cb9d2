"""What readers did with an article: opened it from a link, said whether it helped, contacted us anyway."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.article import Article
from engagement.models.shortlink import ShortLink


class ArticleVisit(models.Model):
    """One short link that was opened. Who reads without a link leaves no row."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="visits", db_index=False)
    link = models.OneToOneField(ShortLink, on_delete=models.CASCADE, related_name="article_visit")
    opened_at = models.DateTimeField()
    contacted_at = models.DateTimeField(null=True)  # the customer's next post or private message, if one came within a week

    class Meta:
        indexes = [
            models.Index(fields=["article", "-opened_at"], name="article_visit_newest"),
            models.Index(fields=["opened_at"], condition=Q(contacted_at=None), name="article_visit_open"),
        ]

    def __str__(self) -> str:
        return f"{self.article_id} by link {self.link_id}"


class ArticleVote(models.Model):
    """One answer to "Did this help?". A reader who came by a link has one, which can be changed."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="votes", db_index=False)
    visit = models.OneToOneField(ArticleVisit, on_delete=models.CASCADE, null=True, related_name="vote")
    language = models.CharField(max_length=12)
    helped = models.BooleanField()
    words = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["article", "-at"], name="article_vote_newest")]

    def __str__(self) -> str:
        return f"{self.article_id}: {'helped' if self.helped else 'did not help'}"
