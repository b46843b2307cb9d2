"""What articles are worth: given, opened, helped, contacted us anyway; and which want another look (brief E11)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, Subquery

from engagement.models import Article, ArticleLink, ArticleVote, Message
from listening.models import Mention
from socialdesk.lib.clock import now as current_time

WINDOW = timedelta(days=90)  # what the figures cover
CONTACT = timedelta(days=7)  # who writes again within it after opening an article was not spared that
REVIEW = timedelta(days=180)  # then somebody should read it again
FEWEST_VOTES, LOWEST_RATE = 5, 0.5
_GIVEN_UP = timedelta(days=30)  # a link that was not opened by then is not waited for


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one article in WINDOW. `opened` of the links that were `given`; `contacted` of those opened."""

    given: int = 0
    opened: int = 0
    contacted: int = 0
    helped: int = 0
    not_helped: int = 0

    @property
    def votes(self) -> int:
        return self.helped + self.not_helped


def read_figures(articles: Iterable[Article], *, now: datetime | None = None) -> dict[int, Figures]:
    """The figures of each article by id; two queries."""
    since, wanted = (now or current_time()) - WINDOW, list(articles)
    links = (
        ArticleLink.objects.filter(article__in=wanted, given_at__gte=since)
        .values("article_id")
        .annotate(
            given=Count("id"),
            opened=Count("id", filter=Q(link__opened_at__isnull=False)),
            contacted=Count("id", filter=Q(contacted_at__isnull=False)),
        )
    )
    votes = (
        ArticleVote.objects.filter(article__in=wanted, at__gte=since)
        .values("article_id")
        .annotate(yes=Count("id", filter=Q(helped=True)), no=Count("id", filter=Q(helped=False)))
    )
    given = {row["article_id"]: row for row in links.order_by()}
    voted = {row["article_id"]: row for row in votes.order_by()}
    return {
        article.pk: Figures(
            given=given[article.pk]["given"] if article.pk in given else 0,
            opened=given[article.pk]["opened"] if article.pk in given else 0,
            contacted=given[article.pk]["contacted"] if article.pk in given else 0,
            helped=voted[article.pk]["yes"] if article.pk in voted else 0,
            not_helped=voted[article.pk]["no"] if article.pk in voted else 0,
        )
        for article in wanted
    }


def why_stale(article: Article, figures: Figures, *, now: datetime | None = None) -> str:
    """Why an article wants another look, in words; "" if it does not."""
    days = ((now or current_time()) - article.reviewed_at).days
    if days >= REVIEW.days:
        return f"not reviewed for {days} days"
    if figures.votes >= FEWEST_VOTES and figures.helped < figures.votes * LOWEST_RATE:
        return f"helped only {figures.helped} of {figures.votes} readers"
    return ""


def find_stale(*, now: datetime | None = None, limit: int = 100) -> list[Article]:
    """Published articles that want another look, the longest not reviewed first, with `texts` loaded; two queries."""
    moment = now or current_time()
    recent = Q(votes__at__gte=moment - WINDOW)
    counted = Article.objects.filter(is_published=True).annotate(
        yes=Count("votes", filter=recent & Q(votes__helped=True)), all_votes=Count("votes", filter=recent)
    )
    unhelpful = Q(all_votes__gte=FEWEST_VOTES, yes__lt=F("all_votes") * LOWEST_RATE)
    stale = counted.filter(Q(reviewed_at__lte=moment - REVIEW) | unhelpful)
    return list(stale.order_by("reviewed_at", "pk").prefetch_related("texts")[:limit])


def note_contacts(*, now: datetime | None = None, limit: int = 500) -> int:
    """Write down which customers wrote again after they opened an article. Returns how many links were settled.

    A link is settled once its customer wrote, a week after it was opened, or a month after it was given and never opened. Safe beside
    another sweep: what it writes comes out the same.
    """
    moment = now or current_time()
    within = {"gt": OuterRef("link__opened_at"), "lte": OuterRef("link__opened_at") + CONTACT}
    conversation = OuterRef("link__conversation")
    posts = Mention.objects.filter(conversation=conversation, is_own=False, **{f"posted_at__{how}": at for how, at in within.items()})
    messages = Message.objects.filter(
        conversation=conversation, is_incoming=True, **{f"created_at__{how}": at for how, at in within.items()}
    )
    open_ones = ArticleLink.objects.filter(settled_at=None).annotate(
        posted=Subquery(posts.order_by("posted_at").values("posted_at")[:1]),
        written=Subquery(messages.order_by("created_at").values("created_at")[:1]),
    )
    wrote = Q(posted__isnull=False) | Q(written__isnull=False)
    over = Q(link__opened_at__lt=moment - CONTACT) | Q(link__opened_at=None, given_at__lt=moment - _GIVEN_UP)
    with transaction.atomic():
        settled = list(open_ones.filter(wrote | over).order_by("given_at", "pk")[:limit])
        for given in settled:
            given.contacted_at = min((at for at in (given.posted, given.written) if at is not None), default=None)
            given.settled_at = moment
        ArticleLink.objects.bulk_update(settled, ["contacted_at", "settled_at"])
    return len(settled)
