"""Background work of engagement. A task loads by id and calls one service."""

from __future__ import annotations

from celery import shared_task

from engagement.services import (
    acts,
    article_figures,
    attachments,
    calls,
    chat_sweep,
    delivery,
    digest,
    follow,
    marks,
    notices,
    permissions,
    praise_replies,
    preferences,
    promises,
    reconnected,
    shares,
    template_outcomes,
    tickets,
    verification,
)


@shared_task
def deliver(delivery_id: int) -> None:
    delivery.deliver(delivery_id)


@shared_task
def sweep_deliveries() -> None:
    delivery.sweep()


@shared_task
def resume_waiting() -> None:
    reconnected.resume_waiting()


@shared_task
def perform_act(act_id: int) -> None:
    acts.perform_act(act_id)


@shared_task
def sweep_acts() -> None:
    acts.sweep_acts()


@shared_task
def deliver_notice(notice_id: int) -> None:
    notices.deliver_notice(notice_id)


@shared_task
def sweep_notices() -> None:
    notices.sweep_notices()


@shared_task
def release_lost_calls() -> None:
    calls.release_lost_calls()


@shared_task
def sweep_verifications() -> None:
    verification.sweep_verifications()


@shared_task
def alert_overdue_tickets() -> None:
    tickets.alert_overdue()


@shared_task
def look_for_follows() -> None:
    follow.look_for_follows()


@shared_task
def settle_promises() -> None:
    promises.settle_promises()


@shared_task
def settle_template_uses() -> None:
    template_outcomes.settle_uses()


@shared_task
def note_article_contacts() -> None:
    article_figures.note_contacts()


@shared_task
def mark_last_week(rule_id: int) -> None:
    marks.mark_last_week(rule_id=rule_id)


@shared_task
def sweep_praise() -> None:
    """What the board does by itself: ends what deleted posts had allowed, finds thank-yous of agents, removes what must go."""
    permissions.end_deleted()
    shares.take_down_due()
    praise_replies.note_thanked()


@shared_task
def send_praise_digests() -> None:
    digest.send_digests()


@shared_task
def sweep_chats() -> None:
    chat_sweep.sweep_chats()


@shared_task
def imply_channels() -> None:
    preferences.imply_channels()


@shared_task
def drop_unsent_pictures() -> None:
    attachments.drop_unsent()
