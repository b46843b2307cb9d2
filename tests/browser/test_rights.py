"""People's rights in a real browser: left alone, handed all that is kept, erased; and how long things are kept."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from engagement.services.tickets import open_ticket
from listening.models import Mention
from profiles.models import Agent, Erasure, Profile, ProfileNote, RetentionRule, Role
from profiles.services.erasure import erase_person
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows
from tests.browser.looking import look
from tests.engagement.calls import give_consent
from tests.factories import make_agent, make_author, make_mention, make_post, push


@pytest.fixture
def lead(server: object) -> Agent:
    return make_agent(Role.LEAD, username="lena")


@pytest.fixture
def mention(server: object) -> Mention:
    author = make_author("mara_k", display_name="مارا كوفاتش Mara Kovač")
    found = make_mention("@tidewheel where is my bike? " + "verylongword" * 12, author=author)
    push(make_post("@tidewheel ask @mara_k about it", author="tom"))
    return found


def test_a_person_is_left_alone_handed_their_archive_and_erased(windows: Windows, lead: Agent, mention: Mention) -> None:
    person = mention.author.profile
    give_consent(person, "email")
    open_ticket(conversation_id=mention.conversation_id or 0, agent=lead, title="A ticket", reason="complex")
    page = windows.open(lead, f"/profiles/{person.pk}/")
    page.get_by_text("Do not contact them").click()
    page.get_by_label("Why?").fill("asked us to stop, " + "verylongword" * 9)
    look(page, "their rights")
    page.get_by_role("button", name="Leave them alone").click()
    expect(page.get_by_role("note").filter(has_text="asked us to stop")).to_be_visible()
    look(page, "somebody to be left alone")

    with page.expect_download() as started:
        page.get_by_role("button", name="Download all that is kept").click()
    archive = zipfile.ZipFile(io.BytesIO(Path(started.value.path()).read_bytes()))
    assert "verylongword" in archive.read("index.html").decode()

    page.get_by_role("link", name="Erase…").click()
    expect(page.get_by_role("cell", name="Posts", exact=True)).to_be_visible()
    expect(page.get_by_text("1 post of other people names @mara_k")).to_be_visible()
    look(page, "before an erasure")
    page.get_by_label("Type their name").fill("Mara")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("Nothing was erased: type the name")).to_be_visible()
    look(page, "an erasure that was refused")
    page.get_by_label("Type their name").fill(str(person))
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_role("heading", name="This person was erased")).to_be_visible()
    assert Erasure.objects.get().agent == lead
    look(page, "an erased person")


def test_the_archive_itself_can_be_read_by_everybody(windows: Windows, lead: Agent, mention: Mention, tmp_path: Path) -> None:
    page = windows.open(lead, f"/profiles/{mention.author.profile_id}/")
    with page.expect_download() as started:
        page.get_by_role("button", name="Download all that is kept").click()
    zipfile.ZipFile(str(started.value.path())).extractall(tmp_path)
    page.goto((tmp_path / "index.html").as_uri())
    expect(page.get_by_role("heading", name="Posts", exact=True)).to_be_visible()
    look(page, "the archive")


def test_an_admin_sees_what_a_rule_would_remove_before_it_does(windows: Windows, mention: Mention) -> None:
    admin = make_agent(Role.ADMIN, username="ada")
    erase_person(profile_id=mention.author.profile_id, agent=admin)
    profile = Profile.objects.create(name="Tom", created_at=now())
    ProfileNote.objects.create(profile=profile, text="x", created_at=now() - timedelta(days=90), changed_at=now())
    page = windows.open(admin, "/privacy/")
    line = page.locator("li", has=page.get_by_role("heading", name="Internal notes", exact=True))
    line.get_by_label("Days").fill("30")
    line.get_by_role("button", name="What would go?").click()
    expect(page.get_by_role("status").filter(has_text="would remove 1 row now")).to_be_visible()
    look(page, "what a rule would remove")
    line.get_by_role("button", name="Save").click()
    expect(line.get_by_text("Kept for 30 days, set by")).to_be_visible()
    assert RetentionRule.objects.get().keep_days == 30
    line.get_by_role("button", name="Run now").click()
    expect(line.get_by_text("1 removed so far")).to_be_visible()
    assert not ProfileNote.objects.exists()
    look(page, "a rule that ran")
