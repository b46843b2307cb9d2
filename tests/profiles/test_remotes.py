"""What every kind of connected system does alike, whatever it speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from profiles.models import Connection, Profile, Role
from profiles.services.changes import note_change, read_events
from profiles.services.connections import make_connection
from profiles.services.records import PersonRecord, apply_record
from profiles.services.remotes import News, RemoteError, remote_of
from profiles.services.telling import write_events
from socialdesk.lib.clock import now
from tests.factories import make_agent
from tests.profiles import salesforce_simulator
from tests.profiles.receiver import receiving

pytestmark = pytest.mark.django_db


@dataclass
class There:
    """A system that runs, how it is connected, and how many people it knows."""

    connection: Connection
    people: Callable[[], int]


def connect(kind: str, url: str, **settings: str) -> Connection:
    return make_connection(system="there", name="There", kind=kind, url=url, settings=settings, rules={}, agent=make_agent(Role.ADMIN))


@pytest.fixture(params=Connection.Kind.values)
def there(request: pytest.FixtureRequest, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[There]:
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
    if request.param == Connection.Kind.WEBHOOK:
        with receiving() as receiver:
            known = lambda: len({came.payload["profile"] for came in receiver.came if "profile" in came.payload})  # noqa: E731
            yield There(connect("webhook", receiver.url), known)
        return
    with salesforce_simulator.running(tmp_path) as (org, certificate):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        keys = {"client_id": salesforce_simulator.CLIENT, "client_secret": salesforce_simulator.SECRET}
        yield There(connect("salesforce", org.url, **keys), lambda: len(org.contacts))


def make_news(name: str = "Mara Köhler") -> News:
    apply_record(record=PersonRecord({"name": name, "emails": ["mara@example.com"]}), source="agent")
    return News(write_events(read_events(after=0, limit=100))[-1])


def test_news_arrive_and_the_same_again_makes_nobody_new(there: There) -> None:
    remote, news = remote_of(there.connection), make_news()
    assert 200 <= remote.push(news, now=now()).status < 300
    assert 200 <= remote.push(news, now=now()).status < 300
    assert there.people() == 1


def test_a_sign_of_life_changes_nothing_there(there: There) -> None:
    assert remote_of(there.connection).check(now=now())
    assert there.people() == 0


def test_a_name_in_any_script_and_length_arrives(there: There) -> None:
    remote = remote_of(there.connection)
    for name in ("مارا خليل", "毛拉", "M", "a" * 200, 'Zoë 🚲 O\'Hara-"Smith"'):
        assert remote.push(make_news(name), now=now()).status < 300


def test_that_somebody_was_erased_can_be_told(there: There) -> None:
    person = apply_record(record=PersonRecord({"name": "Mara"}), source="agent").profile
    Profile.objects.filter(pk=person.pk).update(erased_at=now(), name="")
    note_change(profile=person, kind="erased", source="agent")
    news = News(write_events(read_events(after=0, limit=100))[-1])
    assert news.record is None
    assert remote_of(there.connection).push(news, now=now()).status < 300


def test_a_system_that_is_not_there_is_said_to_be_so_without_secrets_or_people(there: There) -> None:
    there.connection.url = "https://127.0.0.1:9/"
    there.connection.save()
    news = make_news()
    for call in (lambda remote: remote.push(news, now=now()), lambda remote: remote.check(now=now())):
        with pytest.raises(RemoteError) as refused:
            call(remote_of(there.connection))
        assert not refused.value.permanent
        for hidden in ("Köhler", "mara@example.com", *there.connection.credentials.values()):
            assert hidden not in refused.value.message


def test_a_private_address_is_not_asked_whoever_stands_behind_it(there: There, settings: Any) -> None:
    settings.OUTBOUND_PRIVATE = []
    with pytest.raises(RemoteError):
        remote_of(there.connection).push(make_news(), now=now())
    assert there.people() == 0


def test_only_a_system_that_does_not_tell_by_itself_is_asked(there: There) -> None:
    remote = remote_of(there.connection)
    if remote.pulls:
        assert remote.pull("", now=now()).records == []
    else:
        with pytest.raises(RemoteError):
            remote.pull("", now=now())
