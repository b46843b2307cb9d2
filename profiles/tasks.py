"""Background work of profiles. Each task calls one service."""

from __future__ import annotations

from celery import current_app, shared_task

from profiles.services import connections, erasure, event_delivery, incoming, retention, terms


@shared_task
def tell_systems() -> None:
    """What changed goes on its way to the connected systems."""
    event_delivery.tell_systems()


@shared_task
def deliver_event(delivery_id: int, attempt: int) -> None:
    connection_id = event_delivery.deliver_event(delivery_id, attempt)
    if connection_id is not None:
        event_delivery.hand_out(connection_id=connection_id)


@shared_task
def ask_systems() -> None:
    """The connected systems that do not tell by themselves are looked into."""
    for connection_id in connections.pull_due():
        current_app.send_task("profiles.tasks.pull_connection", (connection_id,))


@shared_task
def pull_connection(connection_id: int) -> None:
    connections.pull_connection(connection_id)


@shared_task
def forget_seen_hooks() -> None:
    incoming.forget_seen()


@shared_task
def keep_to_retention() -> None:
    """What is older than its rule allows goes, by night."""
    retention.run_rules()
    erasure.leave_no_pages()


@shared_task
def leave_no_pages_yet() -> None:
    """What an erasure had to leave in SQLite's log goes once nobody reads any more."""
    erasure.leave_no_pages_yet()


@shared_task
def write_terms() -> None:
    """Who is new is found by their words."""
    terms.write_waiting()
