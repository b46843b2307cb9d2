"""What runs from end to end share: reading as when it is due, listening without long waits, and what then stands on the desk."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engagement.models import Delivery, Message
from listening.models import IntakeBatch, Mention, NetworkAccount, Source
from socialdesk import listeners
from socialdesk.listeners import Listeners
from socialdesk.polling import read_source


def eventually(condition: Callable[[], Any], seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
    return found


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch, *, until: Callable[[], Any]) -> Iterator[Listeners]:
    """The desk's listeners, once they are connected as `until` says."""
    monkeypatch.setattr(listeners, "ROUND", 0.02)
    monkeypatch.setattr(listeners, "FIRST_PAUSE", 0.05)
    started = Listeners()
    started.start()
    try:
        eventually(until)
        yield started
    finally:
        assert started.stop(30)


def read(account: NetworkAccount) -> None:
    """As the polling task does when it is due."""
    source = Source.objects.get(account=account, kind=Source.Kind.POLL)
    Source.objects.filter(pk=source.pk).update(next_poll_at=None)
    read_source(source.pk)
    source.refresh_from_db()
    assert source.last_error == ""


def heard(text: str) -> Mention:
    return eventually(lambda: Mention.objects.filter(text__contains=text).select_related("conversation").first())  # type: ignore[no-any-return]


def state_of(message: Message) -> str:
    return Delivery.objects.get(message=message).state


def check_the_ledger_balances() -> None:
    for batch in IntakeBatch.objects.all():
        assert batch.seen == batch.stored + batch.duplicate + batch.folded + batch.filtered + batch.rejected
