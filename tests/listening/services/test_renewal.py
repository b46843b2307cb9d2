"""Renewing credentials: in time, once, by one worker, and honest about what cannot be renewed."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from listening.models import NetworkAccount
from listening.services.accounts import mark_revoked
from listening.services.connected_accounts import retire_account
from listening.services.renewal import due_accounts, renew_account, renew_if_due
from listening.tasks import renew_due
from profiles.models import Role
from socialdesk.lib.clock import now
from socialdesk.networks import registry
from socialdesk.networks.base import Network, NetworkError
from tests.factories import make_account, make_agent
from tests.listening.practice import RotatingTokens

State = NetworkAccount.State


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> RotatingTokens:
    connecting = RotatingTokens()
    monkeypatch.setitem(registry.NETWORKS, "practice", Network("practice", "Practice", connecting=connecting))  # type: ignore[arg-type]
    return connecting


def make_ending(minutes: float = 5, **fields: Any) -> NetworkAccount:
    given = {"network": "practice", "credentials": {"refresh": "1", "secret": "kept"}, "expires_at": now() + timedelta(minutes=minutes)}
    return make_account(**{**given, **fields})


@pytest.mark.django_db
def test_credentials_that_end_soon_are_renewed_and_the_rest_is_left(tokens: RotatingTokens) -> None:
    ending = make_ending(5)
    make_ending(60, username="later")
    make_ending(5, username="revoked", state=State.REVOKED)
    make_ending(5, username="removed", removed_at=now())
    assert due_accounts() == [ending.pk]
    assert renew_if_due(ending.pk)
    ending.refresh_from_db()
    assert ending.credentials["refresh"] == "2"
    assert ending.credentials["secret"] == "kept"
    assert ending.expires_at is not None
    assert ending.expires_at > now() + timedelta(hours=1)
    assert ending.renewing_until is None
    assert due_accounts() == []
    assert renew_if_due(ending.pk)
    assert tokens.calls == 1


@pytest.mark.django_db
def test_the_task_of_each_minute_renews_what_is_due(tokens: RotatingTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr("listening.tasks.renew_account.delay", told.append)
    ending = make_ending()
    renew_due()
    assert told == [ending.pk]


@pytest.mark.django_db
def test_whoever_comes_with_credentials_that_were_renewed_meanwhile_gets_the_fresh_ones(tokens: RotatingTokens) -> None:
    account = make_ending()
    used = account.credentials
    first = renew_account(account.pk, used=used)
    second = renew_account(account.pk, used=used)
    assert first.credentials == second.credentials
    assert tokens.calls == 1


@pytest.mark.django_db
def test_while_one_worker_renews_another_is_told_to_come_again(tokens: RotatingTokens) -> None:
    account = make_ending()
    met: list[NetworkError] = []

    def come_too() -> None:
        with pytest.raises(NetworkError) as refusal:
            renew_account(account.pk, used=account.credentials)
        met.append(refusal.value)

    tokens.while_asked = come_too
    assert renew_account(account.pk).credentials["refresh"] == "2"
    assert met[0].retryable
    assert met[0].retry_after
    assert tokens.calls == 1


@pytest.mark.django_db
def test_a_renewal_that_died_is_taken_up_after_its_lease(tokens: RotatingTokens) -> None:
    account = make_ending(renewing_until=now() + timedelta(seconds=30))
    with pytest.raises(NetworkError, match="just now"):
        renew_account(account.pk)
    NetworkAccount.objects.update(renewing_until=now() - timedelta(seconds=1))
    assert renew_account(account.pk).credentials["refresh"] == "2"


@pytest.mark.django_db
def test_what_a_person_connected_meanwhile_is_not_written_over(tokens: RotatingTokens) -> None:
    account = make_ending()
    fresh = {"refresh": "by hand"}
    tokens.while_asked = lambda: NetworkAccount.objects.update(credentials=fresh, renewing_until=None)
    assert renew_account(account.pk).credentials == fresh


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["refused", "has_none"])
def test_what_a_person_connected_meanwhile_is_not_called_revoked(tokens: RotatingTokens, end: str) -> None:
    account = make_ending()
    fresh = {"refresh": "by hand"}
    tokens.while_asked = lambda: NetworkAccount.objects.update(credentials=fresh, renewing_until=None)
    if end == "refused":
        tokens.fails = NetworkError("This refresh token was used before.", permanent=True, account_revoked=True)
    else:
        tokens.renews_nothing = True
    assert renew_account(account.pk, used=account.credentials).credentials == fresh
    account.refresh_from_db()
    assert (account.state, account.credentials) == (State.OK, fresh)


@pytest.mark.django_db
def test_fresh_credentials_are_kept_though_the_old_ones_were_refused_meanwhile(tokens: RotatingTokens) -> None:
    account = make_ending()
    tokens.while_asked = lambda: mark_revoked(account_id=account.pk, reason="HTTP 401")
    assert renew_account(account.pk).credentials["refresh"] == "2"
    account.refresh_from_db()
    assert (account.state, account.state_reason, account.credentials["refresh"]) == (State.OK, "", "2")


@pytest.mark.django_db
def test_fresh_credentials_of_an_account_that_was_removed_meanwhile_are_dropped(tokens: RotatingTokens) -> None:
    account = make_ending()
    admin = make_agent(Role.ADMIN)
    tokens.while_asked = lambda: retire_account(account_id=account.pk, agent=admin)
    with pytest.raises(NetworkError, match="removed"):
        renew_account(account.pk)
    account.refresh_from_db()
    assert (account.credentials, account.state) == ({}, State.OK)


@pytest.mark.django_db
def test_a_network_that_is_away_leaves_everything_for_the_next_minute(tokens: RotatingTokens) -> None:
    account = make_ending()
    tokens.fails = NetworkError("The network cannot be reached.", retryable=True)
    assert not renew_if_due(account.pk)
    account.refresh_from_db()
    assert (account.state, account.renewing_until, account.credentials["refresh"]) == (State.OK, None, "1")
    assert due_accounts() == [account.pk]


@pytest.mark.django_db
def test_a_connector_that_breaks_is_no_reason_to_revoke(tokens: RotatingTokens, caplog: pytest.LogCaptureFixture) -> None:
    account = make_ending()
    tokens.fails = KeyError("https://network.example/renew?token=zyxq")
    with pytest.raises(NetworkError) as refusal:
        renew_account(account.pk)
    assert refusal.value.retryable
    account.refresh_from_db()
    assert (account.state, account.renewing_until) == (State.OK, None)
    assert "KeyError" in caplog.text
    assert "zyxq" not in caplog.text + str(refusal.value)


@pytest.mark.django_db
def test_a_sign_in_that_cannot_be_renewed_turns_red_with_the_reason(tokens: RotatingTokens) -> None:
    account = make_ending(credentials={"refresh": "stolen"})
    assert not renew_if_due(account.pk)
    account.refresh_from_db()
    assert (account.state, account.state_reason) == (State.REVOKED, "This refresh token was used before.")
    with pytest.raises(NetworkError, match="used before") as refusal:
        renew_account(account.pk)
    assert refusal.value.account_revoked
    assert tokens.calls == 1


@pytest.mark.django_db
def test_what_does_not_end_is_not_asked_for_again(tokens: RotatingTokens) -> None:
    account = make_ending()
    tokens.renews_nothing = True
    assert renew_if_due(account.pk)
    account.refresh_from_db()
    assert (account.state, account.expires_at) == (State.OK, None)


@pytest.mark.django_db
def test_what_has_ended_and_cannot_be_renewed_needs_a_person(tokens: RotatingTokens) -> None:
    account = make_ending()
    tokens.renews_nothing = True
    with pytest.raises(NetworkError) as refusal:
        renew_account(account.pk, used=account.credentials)
    assert refusal.value.permanent
    assert refusal.value.account_revoked
    account.refresh_from_db()
    assert account.state == State.REVOKED
    assert "cannot be renewed" in account.state_reason


@pytest.mark.django_db
def test_a_network_without_a_way_to_renew_needs_a_person() -> None:
    account = make_account(credentials={"a": "b"})
    with pytest.raises(NetworkError) as refusal:
        renew_account(account.pk, used={"a": "b"})
    assert refusal.value.permanent
    account.refresh_from_db()
    assert account.state == State.REVOKED


@pytest.mark.django_db(transaction=True)
def test_many_workers_use_a_refresh_token_once(tokens: RotatingTokens) -> None:
    account = make_ending()
    used = dict(account.credentials)
    barrier = threading.Barrier(6)
    ends: list[str] = []
    end = time.monotonic() + 60

    def work() -> None:
        try:
            barrier.wait(30)
            while time.monotonic() < end:
                try:
                    ends.append(renew_account(account.pk, used=used).credentials["refresh"])
                    return
                except NetworkError as error:
                    if error.code != "renewing":
                        raise
                    threading.Event().wait(0.01)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=90)
    assert ends == ["2"] * 6
    assert tokens.calls == 1
    account.refresh_from_db()
    assert (account.state, account.renewing_until) == (State.OK, None)
