"""Background work of engagement. A task loads by id and calls one service."""

from __future__ import annotations

from celery import shared_task

from engagement.services import article_figures, delivery, promises, template_outcomes


@shared_task
def deliver(delivery_id: int) -> None:
    delivery.deliver(delivery_id)


@shared_task
def sweep_deliveries() -> None:
    delivery.sweep()


@shared_task
def settle_promises() -> None:
    promises.settle_promises()


@shared_task
def settle_template_uses() -> None:
    template_outcomes.settle_uses()


@shared_task
def note_article_contacts() -> None:
    article_figures.note_contacts()
