"""How a delivery reaches a worker: by its id, after the commit. A lost task is no loss, the sweep tells again."""

from __future__ import annotations

from celery import current_app
from django.db import transaction


def tell_worker(delivery_id: int, *, seconds: float = 0.0) -> None:
    """Once the current transaction commits, ask a worker to deliver it `seconds` later."""
    # By name: services stand below tasks and do not import them. A broker that is away must not undo what was committed.
    transaction.on_commit(lambda: current_app.send_task("engagement.tasks.deliver", (delivery_id,), countdown=seconds or None), robust=True)


def tell_act_worker(act_id: int) -> None:
    """The same for what is done to a post without a word."""
    transaction.on_commit(lambda: current_app.send_task("engagement.tasks.perform_act", (act_id,)), robust=True)


def tell_notice_worker(notice_id: int) -> None:
    """The same for an e-mail or a text message."""
    transaction.on_commit(lambda: current_app.send_task("engagement.tasks.deliver_notice", (notice_id,)), robust=True)
