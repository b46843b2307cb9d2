"""What the first screen says of accounts and sources that need a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listening.models import NetworkAccount, Source
from listening.services.accounts import count_troubled, mark_connected, mark_revoked
from socialdesk.lib.clock import now
from socialdesk.tasks import tell_troubled
from tests.factories import make_account

pytestmark = pytest.mark.django_db


def make_source(account, **fields):
    given = {"network": "sandbox", "kind": Source.Kind.POLL, "name": "timeline", "interval": 1, "last_read_at": now()}
    return Source.objects.create(account=account, **{**given, **fields})


def test_a_desk_that_reads_everything_has_no_trouble():
    make_source(make_account())
    assert count_troubled() == 0


def test_a_revoked_account_is_trouble_once_whatever_sources_it_has():
    account = make_account()
    make_source(account, failures=9)
    mark_revoked(account_id=account.pk, reason="401 from the network")
    assert count_troubled() == 1
    assert NetworkAccount.objects.get().state_reason == "401 from the network"
    mark_connected(account_id=account.pk)
    Source.objects.update(failures=0)
    assert count_troubled() == 0


@pytest.mark.parametrize(("days", "expected"), [(-1, 1), (4, 1), (6, 0)])
def test_an_account_whose_sign_in_ends_soon_is_trouble_once_while_it_still_works(days, expected):
    account = make_account(sign_in_until=now() + timedelta(days=days))
    for name in ("a", "b"):
        make_source(account, name=name)
    assert count_troubled() == expected
    make_source(account, name="c", failures=3)
    assert count_troubled() == expected + 1


@pytest.mark.parametrize(("fields", "expected"), [({"failures": 2}, 0), ({"failures": 3}, 1), ({"is_active": False, "failures": 9}, 0)])
def test_a_source_that_keeps_failing_is_trouble(fields, expected):
    make_source(make_account(), **fields)
    assert count_troubled() == expected


def test_a_source_that_is_not_read_any_more_is_trouble():
    # As on a full disk: reading goes on, nothing can be stored, not even the failure.
    make_source(make_account(), last_read_at=now() - timedelta(minutes=2))
    assert count_troubled() == 1


def test_open_desks_are_told_once_when_a_source_falls_behind_and_when_it_is_read_again(monkeypatch):
    told = []
    monkeypatch.setattr("socialdesk.lib.live.send_now", lambda event: told.append(event.troubled))
    source = make_source(make_account())
    for _ in range(2):
        tell_troubled()
    for last_read_at in (now() - timedelta(minutes=2), now()):
        Source.objects.filter(pk=source.pk).update(last_read_at=last_read_at)
        for _ in range(2):
            tell_troubled()
    assert told == [0, 1, 0]
