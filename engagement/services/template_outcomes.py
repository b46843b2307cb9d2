"""What came of the texts that were sent from templates: kept up by a sweep, read as figures (brief A18)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery

from engagement.models import Template, TemplateUse, TemplateWord
from engagement.services.ranking import words_of
from listening.models import Mention, Sentiment, Status
from socialdesk.lib.clock import now as current_time

WATCHED = timedelta(days=14)  # after a text was sent; then what is known of it is final
WINDOW = timedelta(days=90)  # what the figures cover


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the texts sent from one template in WINDOW. `positive` to `negative` count the customers' next posts by their sentiment."""

    uses: int = 0
    edited: int = 0
    positive: int = 0
    neutral: int = 0
    negative: int = 0
    resolved_alone: int = 0

    @property
    def answered(self) -> int:
        return self.positive + self.neutral + self.negative


def read_figures(templates: Iterable[Template], *, now: datetime | None = None) -> dict[int, Figures]:
    """The figures of each template, by id; one query. A use counts once its message reached the network."""
    since = (now or current_time()) - WINDOW
    rows = (
        TemplateUse.objects.filter(template__in=list(templates), at__gte=since, message__sent_at__isnull=False)
        .values("template_id")
        .annotate(
            uses=Count("id"),
            edited=Count("id", filter=Q(is_edited=True)),
            positive=Count("id", filter=Q(next_sentiment=Sentiment.POSITIVE)),
            neutral=Count("id", filter=Q(next_sentiment__in=[Sentiment.NEUTRAL, Sentiment.UNSURE])),
            negative=Count("id", filter=Q(next_sentiment=Sentiment.NEGATIVE)),
            resolved_alone=Count("id", filter=Q(resolved_alone=True)),
        )
        .order_by()
    )
    return {
        row["template_id"]: Figures(
            uses=row["uses"],
            edited=row["edited"],
            positive=row["positive"],
            neutral=row["neutral"],
            negative=row["negative"],
            resolved_alone=row["resolved_alone"],
        )
        for row in rows
    }


def settle_uses(*, now: datetime | None = None, limit: int = 500) -> int:
    """Look at the open uses that were not looked at for the longest time, and write down what followed. Returns how many were settled.

    A use is settled when its conversation is resolved, or after WATCHED. Safe beside another sweep.
    """
    moment = now or current_time()
    with transaction.atomic():
        open_ones = TemplateUse.objects.filter(settled_at=None).order_by(F("checked_at").asc(nulls_first=True), "pk")
        ids = list(open_ones.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
        uses = list(_with_what_followed(ids))
        # In one order, so that two sweeps that learn for the same templates do not wait for each other in a circle.
        locked = Template.objects.filter(pk__in={use.template_id for use in uses}).order_by("pk").select_for_update()
        templates = {template.pk: template for template in locked}
        for use in uses:
            _settle(use, templates[use.template_id], moment)
        TemplateUse.objects.bulk_update(uses, ["next_sentiment", "resolved_alone", "is_learned", "checked_at", "settled_at"])
        Template.objects.bulk_update(templates.values(), ["went_well", "went_badly"])
    return sum(use.settled_at is not None for use in uses)


def _with_what_followed(ids: list[int]) -> Iterable[TemplateUse]:
    """Those uses with `followed_by`, the sentiment of the customer's next post or None, and `was_answered_again`."""
    later = Mention.objects.filter(
        conversation=OuterRef("message__conversation"), posted_at__gt=OuterRef("message__sent_at"), deleted_at=None
    )
    next_post = later.filter(is_own=False).order_by("posted_at", "pk")
    others = later.filter(is_own=True).exclude(external_id=OuterRef("message__external_id"))
    return (
        TemplateUse.objects.filter(pk__in=ids)
        .select_related("message__conversation", "message__mention")
        .annotate(followed_by=Subquery(next_post.values("sentiment")[:1]), was_answered_again=Exists(others))
    )


def _settle(use: TemplateUse, template: Template, moment: datetime) -> None:
    message, conversation = use.message, use.message.conversation
    is_sent = message.sent_at is not None
    if is_sent and not use.is_learned:
        _learn_words(use)
    use.next_sentiment = use.followed_by or ""  # type: ignore[attr-defined]
    is_resolved = is_sent and conversation.status == Status.RESOLVED
    use.resolved_alone = is_resolved and not use.was_answered_again  # type: ignore[attr-defined]
    use.checked_at = moment
    if not is_resolved and use.at > moment - WATCHED:
        return
    use.settled_at = moment
    if use.next_sentiment == Sentiment.NEGATIVE:
        template.went_badly += 1
    elif use.next_sentiment == Sentiment.POSITIVE or use.resolved_alone:
        template.went_well += 1


def _learn_words(use: TemplateUse) -> None:
    """The words of the post that was answered speak for this template from now on."""
    words = words_of(use.message.mention.text) if use.message.mention else []
    TemplateWord.objects.bulk_create([TemplateWord(template_id=use.template_id, word=word) for word in words], ignore_conflicts=True)
    use.is_learned = True
