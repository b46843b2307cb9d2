"""What readers did with an article: came by a link that an agent gave them, said whether it helped, contacted us anyway."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from engagement.models.article import Article
from engagement.models.shortlink import ShortLink


class ArticleLink(models.Model):
    """An article that was given to one customer; the short link knows whether it was opened."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="links", db_index=False)
    link = models.OneToOneField(ShortLink, on_delete=models.CASCADE, related_name="article_link")
    given_at = models.DateTimeField()
    # When the customer wrote again, if that was within a week after opening it: the article did not spare them that.
    contacted_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)  # from here on it is not looked at again

    class Meta:
        indexes = [
            models.Index(fields=["article", "-given_at"], name="article_link_newest"),
            models.Index(fields=["given_at"], condition=Q(settled_at=None), name="article_link_open"),
        ]

    def __str__(self) -> str:
        return f"{self.article_id} by link {self.link_id}"


class ArticleVote(models.Model):
    """One answer to "Did this help?". A reader who came by a link has one, which can be changed."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="votes", db_index=False)
    by_link = models.OneToOneField(ArticleLink, on_delete=models.CASCADE, null=True, related_name="vote")
    language = models.CharField(max_length=12)
    helped = models.BooleanField()
    words = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["article", "-at"], name="article_vote_newest")]

    def __str__(self) -> str:
        return f"{self.article_id}: {'helped' if self.helped else 'did not help'}"
