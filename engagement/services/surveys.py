"""Surveys: asked by a short link after a matter is settled, answered once (brief A24)."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Avg, Count

from engagement.models import ShortLink, SurveyAnswer
from engagement.services.links import create_link, note_sent
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.text import clean

LONGEST_COMMENT = 2000


def survey_link(*, conversation_id: int, agent: Agent | None) -> ShortLink:
    """The link of the conversation's survey: the one that was made and has no answer yet, else a new one."""
    waiting = ShortLink.objects.filter(
        conversation_id=conversation_id, kind=ShortLink.Kind.SURVEY, sent_at=None, revoked_at=None, expires_at__gt=now()
    )
    return waiting.order_by("-pk").first() or create_link(conversation_id=conversation_id, kind=ShortLink.Kind.SURVEY, agent=agent)


def record_answer(*, link: ShortLink, score: int, comment: str, form_key: str) -> bool:
    """Store what the customer said. False if the link was used by somebody else first, or does not work any more."""
    with transaction.atomic():
        moment = now()
        if not note_sent(link, at=moment):
            return was_answered_with(link, form_key)
        SurveyAnswer.objects.create(
            conversation_id=link.conversation_id,
            link=link,
            score=score,
            comment=clean(comment, limit=LONGEST_COMMENT).strip(),
            agent_id=link.conversation.assignee_id or link.agent_id,
            form_key=form_key,
            at=moment,
        )
    return True


def was_answered_with(link: ShortLink, form_key: str) -> bool:
    """Whether this very page was sent already: a second press of its button is told the same again."""
    return bool(form_key) and SurveyAnswer.objects.filter(link=link, form_key=form_key).exists()


def sum_up_surveys() -> dict[str, float | int | None]:
    """`{answers, mean}` of all answers: the mean score from 1 to 5, None without answers. One query."""
    return SurveyAnswer.objects.aggregate(answers=Count("pk"), mean=Avg("score"))
