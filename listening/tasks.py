"""What listening does by the clock. Each task calls one service."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from listening.services import conversations, folding, renewal, routing, topics
from listening.trends import rollups
from socialdesk.lib.clock import now


@shared_task
def wake_conversations() -> None:
    conversations.wake_conversations()


@shared_task
def compact_rollups() -> None:
    # The current hours are still being appended to; folding them again and again would be work for nothing.
    rollups.compact(before=now() - timedelta(hours=2))


@shared_task
def forget_deletions() -> None:
    folding.forget_deletions(now=now())


@shared_task
def rematch_topic(topic_id: int) -> None:
    topics.rematch_topic(topic_id=topic_id)


@shared_task
def route_conversations(conversation_ids: list[int]) -> None:
    routing.route_conversations(conversation_ids)


@shared_task
def renew_due() -> None:
    # Each by itself: one slow network keeps nobody else's sign-in from being renewed.
    for account_id in renewal.due_accounts():
        renew_account.delay(account_id)


@shared_task
def renew_account(account_id: int) -> None:
    renewal.renew_if_due(account_id)
