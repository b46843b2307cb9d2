"""Background work of engagement. A task loads by id and calls one service."""

from __future__ import annotations

from celery import shared_task

from engagement.services import calls, delivery, notices, tickets, verification


@shared_task
def deliver(delivery_id: int) -> None:
    delivery.deliver(delivery_id)


@shared_task
def sweep_deliveries() -> None:
    delivery.sweep()


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
