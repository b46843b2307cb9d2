"""What a person is owed: all that is kept about them in one archive, rules of how long it is kept, and pages that do it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagement.models import Message
from listening.models import Conversation, Mention
from profiles.models import Agent, ContactLook, Erasure, Handle, Profile, ProfileNote, RetentionRule, Role
from profiles.personal import holdings
from profiles.services.archive import as_cell, build_archive
from profiles.services.retention import count_due, kinds, run_rule, run_rules, save_rule
from profiles.services.rights import save_right
from profiles.services.subjects import read_subject
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotAllowed, NotFound
from tests.factories import make_agent, make_author, make_mention, make_post, push
from tests.profiles.happened import KINDS, Person
from tests.profiles.test_erasure import Story
from tests.profiles.test_erasure_columns import Whole

pytestmark = pytest.mark.django_db


def opened(profile_id: int, agent: Agent | None = None) -> Mapping[str, str]:
    """The archive's files, as texts."""
    _, file = build_archive(profile_id=profile_id, agent=agent)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


def test_all_that_was_written_with_them_stands_in_the_archive() -> None:
    story = Story()
    files = opened(story.person.pk, story.lead)
    tables = "".join(text for name, text in files.items() if name.startswith("tables/"))
    for text in (files["index.html"].casefold(), files["data.json"].casefold(), tables.casefold()):
        assert [marker for marker in story.markers if marker not in text] == []
    assert "<script" not in files["index.html"]
    assert ContactLook.objects.filter(where="export", agent=story.lead).count() == 2


def test_the_data_and_the_tables_say_the_same() -> None:
    person = Whole()
    files = opened(person.other.pk)
    data = json.loads(files["data.json"])
    assert data["person"] == person.profile.pk
    for name, section in data["sections"].items():
        table = list(csv.reader(io.StringIO(files[f"tables/{name}.csv"]))) if section["rows"] else [[]]
        assert len(table) - 1 == len(section["rows"]), name
    assert set(data["sections"]) == {name for name, holding in holdings().items() if holding.export}


def test_colleagues_are_not_named() -> None:
    person = Person(agent=make_agent("lead", username="zqcolleague"))
    for kind in KINDS:
        person.happen(kind, now() - timedelta(days=1))
    files = opened(person.profile.pk)
    assert [name for name, text in files.items() if "zqcolleague" in text.casefold()] == []


def test_nobody_else_stands_in_it() -> None:
    person, stranger = Person("Mara"), Person("Zqstranger")
    for kind in KINDS:
        person.happen(kind, now())
        stranger.happen(kind, now())
    files = opened(person.profile.pk)
    assert [name for name, text in files.items() if "zqstranger" in text.casefold() or stranger.handles[0].username in text] == []


def test_a_text_that_is_a_page_or_a_formula_does_nothing() -> None:
    push(make_post('@tidewheel <script>alert(1)</script> =1+1 <b dir="rtl">', author=make_author("mara_k", display_name="=cmd()")))
    files = opened(Handle.objects.get(username="mara_k").profile_id)
    assert "<script" not in files["index.html"]
    assert "'=cmd()" in files["tables/profiles.csv"]
    assert [as_cell(text) for text in ("=1", "+44 117 4960", "-x", "+x()", "a")] == ["'=1", "+44 117 4960", "'-x", "'+x()", "a"]


def test_who_may_not_see_all_gets_no_half_of_it() -> None:
    person, agent = make_mention().author.profile, make_agent(Role.AGENT)
    save_right(role=Role.AGENT, field="phone", may_see=False)
    with pytest.raises(NotAllowed, match="phone"):
        build_archive(profile_id=person.pk, agent=agent)
    assert signed_in(agent).get(f"/api/profiles/{person.pk}/export/").status_code == 403


# --- Retention ------------------------------------------------------------------------------------------------------------


def test_without_a_rule_nothing_goes() -> None:
    person = Whole()
    before = {name: holding.model._base_manager.count() for name, holding in holdings().items()}
    assert run_rules(now=now() + timedelta(days=36_000)) == {}
    assert {name: holding.model._base_manager.count() for name, holding in holdings().items()} == before
    assert Message.objects.filter(conversation=person.conversations[0]).exclude(text="").exists()


@pytest.mark.parametrize("kind", kinds())
def test_a_rule_takes_what_is_old_leaves_what_is_new_and_then_finds_nothing(kind: str) -> None:
    person, admin = Whole(), make_agent(Role.ADMIN)
    Conversation.objects.filter(author__in=person.handles).update(status="resolved")
    holding = holdings()[kind]
    if kind == "callbacks":
        holding.rows(read_subject(person.profile)).update(state="cancelled")
    if kind == "ticket_updates":
        for update in holding.rows(read_subject(person.profile)):
            type(update.ticket).objects.filter(pk=update.ticket_id).update(state="closed")
    if kind == "notices":
        holding.rows(read_subject(person.profile)).update(state="sent")
    if kind == "calls":
        holding.rows(read_subject(person.profile)).update(note="they laughed")
    save_rule(kind=kind, keep_days=30, agent=admin)
    assert run_rule(kind) == 0
    later = now() + timedelta(days=31)
    due, oldest = count_due(kind, 30, now=later)
    assert due > 0
    assert oldest is not None
    assert run_rule(kind, now=later) == due
    assert run_rule(kind, now=later) == 0
    rule = RetentionRule.objects.get(kind=kind)
    assert (rule.removed, rule.ran_at) == (due, later)


def test_what_is_being_worked_on_stays() -> None:
    mention, admin = make_mention(), make_agent(Role.ADMIN)
    later = now() + timedelta(days=400)
    save_rule(kind="mentions", keep_days=30, agent=admin)
    assert run_rule("mentions", now=later) == 0
    Conversation.objects.filter(mentions=mention).update(status="resolved")
    assert run_rule("mentions", now=later) == 1
    mention.refresh_from_db()
    assert (mention.text, mention.folded) == ("", "")
    assert mention.author.username  # the person stays known


def test_an_aged_post_that_comes_again_is_known_and_stays_empty() -> None:
    post = make_post("@tidewheel my secret")
    push(post)
    Conversation.objects.update(status="resolved")
    save_rule(kind="mentions", keep_days=1, agent=make_agent(Role.ADMIN))
    assert run_rule("mentions", now=now() + timedelta(days=2)) == 1
    result = push(post)
    assert (result.stored, result.duplicate) == (0, 1)
    assert Mention.objects.get().text == ""


def test_a_run_goes_in_steps_and_a_note_takes_its_versions_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("profiles.services.retention.AT_ONCE", 3)
    profile = Profile.objects.create(name="Mara", created_at=now())
    for number in range(7):
        ProfileNote.objects.create(profile=profile, text=f"note {number}", created_at=now(), changed_at=now())
    save_rule(kind="notes", keep_days=1, agent=make_agent(Role.ADMIN))
    assert run_rule("notes", now=now() + timedelta(days=2), most=3) == 3
    assert run_rule("notes", now=now() + timedelta(days=2)) == 4
    assert ProfileNote.history.count() == 0


def test_only_admins_make_rules_and_only_for_what_grows_old() -> None:
    admin = make_agent(Role.ADMIN)
    with pytest.raises(NotAllowed):
        save_rule(kind="notes", keep_days=3, agent=make_agent(Role.LEAD))
    with pytest.raises(NotFound):
        save_rule(kind="profiles", keep_days=3, agent=admin)
    for days in (0, -1, 40_000):
        with pytest.raises(DeskError):
            save_rule(kind="notes", keep_days=days, agent=admin)
    save_rule(kind="notes", keep_days=3, agent=admin)
    save_rule(kind="notes", keep_days=None, agent=admin)
    assert not RetentionRule.objects.exists()


# --- Pages and the API ----------------------------------------------------------------------------------------------------


def signed_in(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent)
    return client


def test_a_person_is_erased_on_a_page_once_their_name_was_typed() -> None:
    mention = make_mention(author=make_author("mara_k", display_name="Mara K."))
    make_mention("@tidewheel ask @mara_k about it", author="tom")
    lead, pk = make_agent(Role.LEAD), mention.author.profile_id
    client = signed_in(lead)
    page = client.get(f"/profiles/{pk}/erase/").content.decode()
    assert "Emptied" in page
    assert "1 post of other people names @mara_k" in page
    wrong = client.post(f"/profiles/{pk}/erase/", {"name": "Mara", "why": "other"})
    assert wrong.status_code == 400
    assert not Erasure.objects.exists()
    client.post(f"/profiles/{pk}/erase/", {"name": "Mara K.", "why": "other"})
    assert Erasure.objects.get().why == "other"
    for address in (f"/profiles/{pk}/", f"/profiles/{pk}/erase/"):
        gone = client.get(address)
        assert gone.status_code == 410
        assert "was erased" in gone.content.decode()


def test_the_api_exports_and_erases() -> None:
    person, agent = make_mention().author.profile, make_agent(Role.AGENT)
    client = signed_in(agent)
    for method in (client.get, client.post):
        answer: Any = method(f"/api/profiles/{person.pk}/export/")
        assert answer.headers["Content-Type"] == "application/zip"
        assert zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).testzip() is None
    assert client.post(f"/api/profiles/{person.pk}/erase/").status_code == 403
    lead = signed_in(make_agent(Role.LEAD))
    answer = lead.post(f"/api/profiles/{person.pk}/erase/", {"why": "other"}, content_type="application/json")
    assert answer.json()["counts"]["mentions"] == 1
    assert lead.post(f"/api/profiles/{person.pk}/erase/").status_code == 404
    assert lead.get(f"/api/profiles/{person.pk}/export/").status_code == 404


def test_do_not_contact_on_the_page_and_by_the_api() -> None:
    person, agent = make_mention().author.profile, make_agent(Role.AGENT)
    client = signed_in(agent)
    client.post(f"/profiles/{person.pk}/do-not-contact/", {"why": "asked us to stop"})
    page = client.get(f"/profiles/{person.pk}/").content.decode()
    assert "asked us to stop" in page
    assert agent.name in page
    client.post(f"/profiles/{person.pk}/do-not-contact/", {"lift": "1"})
    assert "asked us to stop" not in client.get(f"/profiles/{person.pk}/").content.decode().partition("timeline-title")[0]
    answer = client.post(f"/api/profiles/{person.pk}/do-not-contact/", {"why": "by letter"}, content_type="application/json")
    assert answer.json()["do_not_contact_why"] == "by letter"


def test_rules_are_shown_saved_and_run_on_a_page() -> None:
    client = signed_in(make_agent(Role.ADMIN))
    profile = Profile.objects.create(name="Mara", created_at=now())
    ProfileNote.objects.create(profile=profile, text="x", created_at=now() - timedelta(days=9), changed_at=now())
    shown = client.post("/privacy/", {"kind": "notes", "days": "5", "act": "show"}).content.decode()
    assert f"Keeping <strong>{kinds()['notes'].label}</strong> for 5 days would remove 1 row now" in " ".join(shown.split())
    assert ProfileNote.objects.count() == 1
    client.post("/privacy/", {"kind": "notes", "days": "5", "act": "save"})
    client.post("/privacy/run/", {"kind": "notes"})
    assert ProfileNote.objects.count() == 0
    assert client.post("/privacy/", {"kind": "notes", "days": "x", "act": "save"}).status_code == 302
    assert signed_in(make_agent(Role.LEAD)).get("/privacy/").status_code == 403


def test_the_log_has_as_many_queries_however_long_it_is() -> None:
    client, counts = signed_in(make_agent(Role.ADMIN)), []
    for size in (3, 30, 60):
        while Erasure.objects.count() < size:
            profile = Profile.objects.create(name="", created_at=now(), erased_at=now())
            Erasure.objects.create(profile=profile, agent=make_agent(), why="other", at=now())
        with CaptureQueriesContext(connection) as queries:
            page = client.get("/privacy/").content.decode()
        counts.append(len(queries))
    assert len(set(counts)) == 1
    assert "Older" in page
