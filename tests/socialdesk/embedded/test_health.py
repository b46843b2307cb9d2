"""What /healthz, /readyz and /metrics say, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from knox.models import AuthToken

from listening.models import NetworkAccount, Source
from profiles.models import Agent, Role
from socialdesk import embedded, health

pytestmark = pytest.mark.django_db


class _RunningWork:
    is_alive = True


@pytest.fixture(autouse=True)
def _working_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that `manage.py desk` started, and that was never asked before."""
    monkeypatch.setattr(embedded, "running", _RunningWork())
    monkeypatch.setattr(health, "_last", None)


@pytest.fixture
def lost_database() -> Iterator[None]:
    def refuse(*args: Any) -> None:
        raise OperationalError('connection to server at "db.internal" failed: password authentication failed for user "desk"')

    with connection.execute_wrapper(refuse):
        yield


def failing(client: Client) -> dict[str, str]:
    answer = client.get("/readyz")
    assert answer.status_code == (200 if answer.json()["ready"] else 503)
    return {name: check["detail"] for name, check in answer.json()["checks"].items() if not check["ok"]}


def test_desk_that_has_all_it_needs_is_ready(client: Client) -> None:
    assert failing(client) == {}
    assert set(client.get("/readyz").json()["checks"]) == {"database", "disk", "broker", "layer", "sources"}


@pytest.mark.usefixtures("lost_database")
def test_lost_database_shows_and_the_process_stays_alive(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "postgresql")
    problems = failing(client)
    assert "database" in problems
    assert "db.internal" not in str(problems)
    assert client.get("/healthz").status_code == 200


@pytest.mark.embedded
def test_worker_that_ended_shows(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_RunningWork, "is_alive", False)
    assert set(failing(client)) == {"broker"}


@pytest.mark.embedded
def test_process_without_a_worker_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "running", None)
    assert set(failing(client)) == {"broker"}


def test_layer_that_is_away_shows(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(channel_layers.backends, "default", RedisPubSubChannelLayer(hosts=["redis://127.0.0.1:1/0"]))
    assert set(failing(client)) == {"layer"}


def _source(name: str, **changes: Any) -> Source:
    return Source.objects.create(network="sandbox", kind=Source.Kind.POLL, name=name, **changes)


def test_one_failing_source_is_told_but_does_not_make_the_desk_unready(client: Client) -> None:
    _source("good")
    _source("bad", failures=5, last_error="secret token abc refused")
    answer = client.get("/readyz").json()
    assert answer["ready"]
    assert answer["checks"]["sources"]["detail"].startswith("1 of 2 ")
    assert "abc" not in str(answer)


def test_desk_that_reads_nothing_any_more_is_not_ready(client: Client) -> None:
    _source("bad", failures=5)
    account = NetworkAccount.objects.create(network="sandbox", username="us", state=NetworkAccount.State.REVOKED)
    _source("worse", account=account)
    _source("gone", is_active=False)
    assert set(failing(client)) == {"sources"}


def test_readiness_costs_the_same_however_much_there_is(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(client)  # makes the row that is written each time
    costs = []
    for number in range(2):
        monkeypatch.setattr(health, "_last", None)
        with CaptureQueriesContext(connection) as queries:
            failing(client)
        costs.append(len(queries))
        Source.objects.bulk_create(Source(network="sandbox", kind=Source.Kind.POLL, name=f"{number} {n}") for n in range(50))
    assert costs[0] == costs[1] <= 6


def test_asking_often_asks_the_database_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "REMEMBERED", 60.0)  # a busy machine asks less often than it is told to
    failing(client)
    with CaptureQueriesContext(connection) as queries:
        for _ in range(20):
            failing(client)
    assert len(queries) == 0


def test_figures_are_shown_to_this_machine_only(client: Client) -> None:
    assert b"python_info" in client.get("/metrics").content
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.9").status_code == 403
    assert client.get("/metrics", HTTP_X_FORWARDED_FOR="10.0.0.9").status_code == 403
    assert client.get("/metrics", HTTP_X_FORWARDED_FOR="127.0.0.1").status_code == 403


@pytest.mark.parametrize(("role", "status"), [(Role.ADMIN, 200), (Role.MANAGER, 403), (Role.AGENT, 403)])
def test_figures_from_elsewhere_need_an_admin(client: Client, role: Role, status: int) -> None:
    agent = Agent.objects.create_user("sam", role=role)
    token = AuthToken.objects.create(agent)[1]
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.9", headers={"Authorization": f"Token {token}"}).status_code == status
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.9", headers={"Authorization": "Token made up"}).status_code == 403
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.9").status_code == status


def test_health_can_only_be_read(client: Client) -> None:
    for address in ("/healthz", "/readyz", "/metrics"):
        assert client.post(address).status_code == 405
