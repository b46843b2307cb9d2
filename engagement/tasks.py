"""Background work of engagement. A task loads by id and calls one service."""

from __future__ import annotations

from celery import shared_task

from engagement.services import chat_sweep, delivery


@shared_task
def deliver(delivery_id: int) -> None:
    delivery.deliver(delivery_id)


@shared_task
def sweep_deliveries() -> None:
    delivery.sweep()


@shared_task
def sweep_chats() -> None:
    chat_sweep.sweep_chats()
