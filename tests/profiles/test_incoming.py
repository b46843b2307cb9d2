"""What another system tells us is proved, judged and taken over once."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from profiles.models import Connection, ExternalRef, Profile, ProfileEvent, ProfileNote, Role, SeenHook
from profiles.services.connections import make_connection
from profiles.services.edit import edit_profile
from profiles.services.erasure import erase_person
from profiles.services.incoming import MOST, forget_seen
from profiles.services.signing import make_secret, sign
from socialdesk.lib.clock import now
from tests.factories import make_agent, make_mention

pytestmark = pytest.mark.django_db
SECRET = make_secret()


@pytest.fixture
def crm(settings: Any) -> Connection:
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
    return make_connection(
        system="crm",
        name="The CRM",
        kind="webhook",
        url="http://127.0.0.1:1/",
        settings={"their_secret": SECRET},
        rules={},
        agent=make_agent(Role.ADMIN),
    )


def tell(
    client: Client,
    payload: Any = None,
    *,
    system: str = "crm",
    secret: str = SECRET,
    message_id: str = "",
    at: datetime | None = None,
    body: bytes | None = None,
    **changes: Any,
) -> Any:
    content = {"profile": "c-7", "kind": "changed", "record": {"name": "Mara"}, **(payload or {}), **changes}
    sent = json.dumps(content).encode() if body is None else body
    stamp, name = int((at or now()).timestamp()), message_id or str(uuid.uuid4())
    signature = sign(secret=secret, message_id=name, timestamp=stamp, body=sent)
    headers = {"Webhook-Id": name, "Webhook-Timestamp": str(stamp), "Webhook-Signature": signature}
    return client.post(f"/hooks/people/{system}/", data=sent, content_type="application/json", headers=headers)


def test_a_signed_record_becomes_a_person_with_the_systems_number(client: Client, crm: Connection) -> None:
    answer = tell(client, record={"name": "Mara", "emails": ["mara@example.com"], "shoe": 39})
    assert answer.status_code == 200
    person = Profile.objects.get()
    said = {"taken": True, "id": person.pk, "created": True, "changed": ["emails", "name"], "kept": [], "marked": ["shoe"]}
    assert answer.json() == said
    assert ExternalRef.objects.get().external_id == "c-7"
    assert ProfileEvent.objects.get().source == "system:crm"


def test_the_same_event_counts_once_however_often_it_is_sent(client: Client, crm: Connection) -> None:
    tell(client, message_id="one", record={"name": "Mara"})
    again = tell(client, message_id="one", record={"name": "Another"})
    assert again.json() == {"taken": False, "seen": True}
    assert Profile.objects.get().name == "Mara"


@pytest.mark.parametrize(
    "changes",
    [{"secret": make_secret()}, {"off": timedelta(minutes=-6)}, {"off": timedelta(minutes=6)}],
    ids=["another secret", "too old", "too young"],
)
def test_what_is_not_signed_here_and_now_is_refused(client: Client, crm: Connection, changes: dict[str, Any]) -> None:
    given = {"at": now() + changes["off"]} if "off" in changes else changes
    assert tell(client, **given).status_code == 401
    assert not Profile.objects.exists()
    assert not SeenHook.objects.exists()


def test_nobody_is_let_in_before_their_secret_was_entered(client: Client, crm: Connection) -> None:
    crm.credentials.pop("their_secret")
    crm.save()
    assert tell(client, secret=crm.credentials["secret"]).status_code == 401


def test_our_own_messages_cannot_be_turned_against_us(client: Client, crm: Connection) -> None:
    assert tell(client, secret=crm.credentials["secret"]).status_code == 401


def test_an_unknown_or_switched_off_system_is_told_so(client: Client, crm: Connection) -> None:
    assert tell(client, system="shop").status_code == 404
    Connection.objects.update(state="off")
    assert tell(client).status_code == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"profile": "7"}', b'{"profile": "", "record": {}}', b'{"record": {}}',
     b'{"profile": "7", "record": []}', b'{"profile": "7", "record": {}, "changed_at": "now"}',
     b'{"profile": "7", "record": {"name": 1}, "changed_at": {"name": "yesterday"}}'],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words_and_may_be_sent_again(client: Client, crm: Connection, body: bytes) -> None:
    answer = tell(client, body=body, message_id="bad")
    assert answer.status_code == 400
    assert answer.json()["detail"]
    assert not Profile.objects.exists()
    assert tell(client, message_id="bad").json()["taken"]


def test_a_body_without_end_is_refused(client: Client, crm: Connection) -> None:
    assert tell(client, body=b" " * (MOST + 1)).status_code == 413


def test_a_flood_is_held_off(client: Client, crm: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profiles.hook_views.PER_MINUTE", 2)
    answers = [tell(client).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


def test_the_connections_rules_count_and_what_was_kept_is_named_not_shown(client: Client, crm: Connection) -> None:
    crm.rules = {"name": "ours"}
    crm.save()
    tell(client)
    edit_profile(profile_id=Profile.objects.get().pk, changes={"name": "Secret name"}, source="agent", agent=None)
    answer = tell(client, record={"name": "Theirs", "company": "Tidewheel"})
    assert (answer.json()["kept"], answer.json()["changed"]) == (["name"], ["company"])
    assert "Secret" not in answer.content.decode()


def test_an_older_value_that_comes_late_does_not_win(client: Client, crm: Connection) -> None:
    at = now()
    tell(client, record={"name": "New"}, changed_at={"name": at.isoformat()})
    tell(client, record={"name": "Old"}, changed_at={"name": (at - timedelta(minutes=1)).isoformat()})
    assert Profile.objects.get().name == "New"
    assert Profile.objects.get().sources["name"]["at"] == at.isoformat()


def test_whoever_keeps_our_number_reaches_that_person(client: Client, crm: Connection) -> None:
    person = Profile.objects.create(created_at=now() - timedelta(days=1), name="Mara")
    answer = tell(client, external_id=str(person.pk), record={"company": "Tidewheel"})
    assert answer.json()["id"] == person.pk
    assert ExternalRef.objects.get(profile=person).external_id == "c-7"


def test_an_account_that_both_know_is_the_same_person(client: Client, crm: Connection) -> None:
    author = make_mention().author
    answer = tell(client, handles=[{"network": author.network, "external_id": author.external_id}], record={"company": "Tidewheel"})
    assert answer.json()["id"] == author.profile_id
    assert not answer.json()["created"]


def test_somebody_who_was_erased_here_does_not_come_back(client: Client, crm: Connection) -> None:
    person = Profile.objects.create(created_at=now(), erased_at=now())
    assert tell(client, external_id=str(person.pk)).json() == {"taken": False, "erased": True}
    ExternalRef.objects.create(profile=person, system="crm", external_id="c-7", made_at=now())
    assert tell(client).json() == {"taken": False, "erased": True}
    assert Profile.objects.count() == 1


def test_a_system_that_goes_on_telling_of_somebody_erased_does_not_bring_them_back(client: Client, crm: Connection) -> None:
    tell(client, record={"name": "Mara", "emails": ["mara@example.com"]})
    erase_person(profile_id=Profile.objects.get().pk, agent=None)
    assert not ExternalRef.objects.exists()
    assert tell(client).json() == {"taken": False, "erased": True}
    assert tell(client, profile="c-8").json()["created"]


def test_that_they_erased_somebody_is_a_pinned_note_and_nothing_else(client: Client, crm: Connection) -> None:
    tell(client)
    answer = tell(client, kind="erased", record=None)
    assert answer.json() == {"taken": False, "noted": True}
    note = ProfileNote.objects.get()
    assert note.pinned_at
    assert "The CRM erased this person" in note.text
    assert Profile.objects.get().name == "Mara"


def test_that_they_merged_two_is_a_note_and_merges_nobody(client: Client, crm: Connection) -> None:
    tell(client)
    tell(client, profile="c-8", record={"name": "Mara K."})
    tell(client, profile="c-7", kind="merged", other="c-8", record={"name": "Mara"})
    assert "same person" in ProfileNote.objects.get().text
    assert Profile.objects.filter(root=None).count() == 2


def test_a_test_message_changes_nothing(client: Client, crm: Connection) -> None:
    assert tell(client, body=b'{"type": "test"}').json() == {"taken": False, "test": True}


def test_ids_are_forgotten_when_nobody_sends_them_again(client: Client, crm: Connection) -> None:
    tell(client)
    assert forget_seen(now=now() + timedelta(days=1)) == 0
    assert forget_seen(now=now() + timedelta(days=3)) == 1
