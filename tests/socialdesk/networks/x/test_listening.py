"""X's stream held by the desk's listeners: for hours while sign-ins are renewed, and opened anew soon after it was closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from listening.models import NetworkAccount, Source
from listening.services.accounts import WAITING
from listening.services.topics import save_topic
from socialdesk import listeners
from socialdesk.lib.clock import now
from socialdesk.listeners import Listeners
from socialdesk.networks.x import stream as x_stream
from tests.factories import make_account, make_agent
from tests.socialdesk.networks.x.conftest import Stage
from tests.socialdesk.networks.x.simulator import Logged
from tests.socialdesk.pretend import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(x: Stage) -> NetworkAccount:
    made = make_account("x", "tidewheel", external_id=x.us.id, credentials=dict(x.config.credentials), connected_at=now())
    Source.objects.create(account=made, network="x", kind=Source.Kind.STREAM, name="@tidewheel", interval=60)
    return made


@pytest.fixture
def desk(x: Stage, account: NetworkAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listeners]:
    monkeypatch.setattr(listeners, "ROUND", 0.02)
    monkeypatch.setattr(listeners, "RENEW", 0.0)
    running = Listeners()
    running.start()
    eventually(lambda: Source.objects.exclude(connected_at=None).exists())
    yield running
    x.simulator.lingers = 0.0
    assert running.stop(30)


def tries(x: Stage) -> list[Logged]:
    return [call for call in x.simulator.calls("GET", "/2/tweets/search/stream") if call.path.endswith("/stream")]


def test_a_renewed_sign_in_leaves_the_stream_as_it_is(x: Stage, account: NetworkAccount, desk: Listeners) -> None:
    (line,) = desk._lines.values()
    account.credentials = {**account.credentials, "access_token": x.simulator.sign_in(x.us)}
    account.save()
    renewed = line.renewed_at
    eventually(lambda: line.renewed_at > renewed + 0.5)  # looked at over and over
    assert list(desk._lines.values()) == [line]
    assert line.closed_at is None
    assert len(tries(x)) == 1


def test_the_app_s_own_token_opens_it_anew(x: Stage, account: NetworkAccount, desk: Listeners) -> None:
    x.world.tokens["another"] = x.world.tokens[x.simulator.log[-1].headers["Authorization"].removeprefix("Bearer ")]
    account.credentials = {**account.credentials, "app_token": "another"}
    account.save()
    eventually(lambda: len(x.simulator.streams) == 1 and tries(x)[-1].headers["Authorization"] == "Bearer another")


def test_a_connection_that_x_still_counts_costs_seconds_and_not_minutes(
    x: Stage, account: NetworkAccount, desk: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(x_stream, "FIRST_TAKEN", 1.0)
    x.simulator.lingers = 1.5
    save_topic(topic=None, name="Battery", query="battery", agent=make_agent("lead"))
    eventually(lambda: Source.objects.filter(last_error=WAITING, failures=0).exists())
    again = Source.objects.get().next_poll_at
    assert again is not None
    assert again - now() < timedelta(seconds=3)
    eventually(lambda: Source.objects.exclude(connected_at=None).filter(last_error="").exists())
    first, *refused, last = [call.status for call in tries(x)]
    assert (first, set(refused), last) == (200, {429}, 200)
    assert "battery" in "".join(rule["value"] for rule in x.world.rules.values())
