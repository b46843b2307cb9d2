"""Background work of engagement. A task loads by id and calls one service."""

from __future__ import annotations

from celery import shared_task

from engagement.services import delivery, digest, permissions, praise_replies, shares


@shared_task
def deliver(delivery_id: int) -> None:
    delivery.deliver(delivery_id)


@shared_task
def sweep_deliveries() -> None:
    delivery.sweep()


@shared_task
def sweep_praise() -> None:
    """What the board does by itself: ends what deleted posts had allowed, finds thank-yous of agents, removes what must go."""
    permissions.end_deleted()
    praise_replies.note_thanked()
    shares.take_down_due()


@shared_task
def send_praise_digests() -> None:
    digest.send_digests()
