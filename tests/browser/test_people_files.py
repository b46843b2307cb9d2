"""Reading a file of people in, in a real browser: choose, look, map, watch, read the report, at every width; and links to other systems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from profiles.import_tasks import run_import
from profiles.models import DeepLink, ImportJob, Profile, Role
from profiles.services import importing
from profiles.services.records import PersonRecord, apply_record
from tests.browser.conftest import Windows
from tests.browser.looking import look, press
from tests.factories import make_agent

LONG = "Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrik" * 3
FILE = (
    f"Kunde;Mail;Was das ist und noch sehr viel mehr;{LONG[:90]}\n"
    "Mara Köhler;mara@example.com;VIP, Kiel;x\n"
    f"محمد;m@example.com;{LONG};y\n"
    'Tom;"tom@example.com;;\n'
    ";;;nobody\n"
)


@pytest.fixture(autouse=True)
def waiting(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing runs before the test says so."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(importing, "send_run", lambda job_id: None)


def choose_file(page: Page, tmp_path: Path, text: str = FILE) -> None:
    path = tmp_path / "Kunden 2026 – alle.csv"
    path.write_bytes(text.encode("cp1252", "ignore") if "محمد" not in text else text.encode())
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Look at it").click()


def test_from_the_file_to_the_report(windows: Windows, tmp_path: Path) -> None:
    page = windows.open(make_agent(Role.LEAD, username="lea"), "/people/import/", width=320)
    look(page, "an empty list of imports")
    choose_file(page, tmp_path)

    expect(page.get_by_role("heading", name="Kunden 2026 – alle.csv")).to_be_visible()
    expect(page.get_by_label("Kunde")).to_have_value("name")
    expect(page.get_by_label("Mail", exact=True)).to_have_value("emails")
    page.get_by_label("Was das ist").select_option("tags")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_text("VIP, Kiel").first).to_be_visible()
    expect(page.locator(".import-line .badge")).to_have_text(["new", "new", "refused", "refused"])
    look(page, "a preview")
    assert not Profile.objects.exists()

    page.get_by_role("button", name="Read it in").click()
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()
    look(page, "an import that waits")
    run_import(ImportJob.objects.get().pk)
    expect(page.get_by_role("heading", name="What was not taken as it stands")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "100")
    look(page, "a report")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the rows").click()
    assert Path(download.value.path()).read_text().count("\n") == 4  # the header, two refused, one taken in part
    assert set(Profile.objects.values_list("name", flat=True)) == {"Mara Köhler", "محمد"}

    press(page, page.get_by_role("link", name="Read people in"))
    look(page, "a list of imports")


def test_a_file_that_cannot_be_read_in_yet_says_what_to_choose(windows: Windows, tmp_path: Path) -> None:
    page = windows.open(make_agent(Role.LEAD, username="lea"), "/people/import/", width=320)
    choose_file(page, tmp_path, "Kundennummer;Name\n7;Jürgen\n")
    expect(page.get_by_text("say which one")).to_be_visible()
    page.get_by_role("button", name="Read it in").click()
    expect(page.get_by_role("alert").get_by_text("say which one")).to_be_visible()
    look(page, "a preview with an error")
    page.get_by_label("Whose numbers are in it").fill("old-crm")
    page.get_by_role("button", name="Read it in").click()
    expect(page.get_by_text("Waiting for its turn")).to_be_visible()
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_text("No further row is read in")).to_be_visible()


def test_export(windows: Windows) -> None:
    apply_record(record=PersonRecord({"name": "Mara", "emails": ["mara@example.com"]}), source="agent")
    page = windows.open(make_agent(Role.LEAD, username="lea"), "/people/export/", width=320)
    look(page, "export")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert "mara@example.com" in Path(download.value.path()).read_text()


def test_links_to_other_systems(windows: Windows) -> None:
    page = windows.open(make_agent(Role.ADMIN, username="ada"), "/deep-links/", width=320)
    look(page, "no links")
    page.get_by_label("Name").fill("CRM")
    address = page.get_by_label("Address")
    address.press_sequentially("http://crm.example.com")
    expect(page.get_by_text("begins with https://")).to_be_visible()
    address.fill("https://crm.example.com/people/{external:crm}?n={name}")
    expect(page.get_by_text("https://crm.example.com/people/1234?n=Mara%20K%C3%B6hler")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="On people's pages")).to_be_visible()
    look(page, "links")
    assert DeepLink.objects.count() == 1

    person = apply_record(record=PersonRecord({"name": "Mara", "emails": ["mara@example.com"]}), source="agent").profile
    page.goto(f"/profiles/{person.pk}/")
    page.get_by_text("Add a number").click()
    page.get_by_role("textbox", name="System").fill("crm")
    page.get_by_role("textbox", name="Number").fill("4711 / " + "9" * 60)
    page.get_by_role("button", name="Keep it").click()
    link = page.locator("#elsewhere").get_by_role("link", name="CRM")
    expect(link).to_have_attribute("href", "https://crm.example.com/people/4711%20%2F%20" + "9" * 60 + "?n=Mara")
    page.get_by_text("Add a number").click()
    look(page, "a person with a number elsewhere", within="#elsewhere")
    page.get_by_role("button", name="Remove number").click()
    expect(page.get_by_text("No number of theirs in another system")).to_be_visible()
