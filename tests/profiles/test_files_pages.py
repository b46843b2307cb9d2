"""The pages for files of people and for links to other systems, as a browser without JavaScript meets them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from profiles.import_tasks import run_import
from profiles.models import ContactLook, ContactPoint, DeepLink, ExternalRef, ImportJob, Profile, Role
from profiles.services import importing
from profiles.services.records import PersonRecord, apply_record
from tests.factories import make_agent

pytestmark = pytest.mark.django_db(transaction=True)
FILE = 'name,email,what\nMara,mara@example.com,x\nTom,"tom@example.com,y\n<b>,,\n'


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(importing, "send_run", lambda job_id: None)


def sign_in(role: str = Role.LEAD) -> Client:
    client = Client()
    client.force_login(make_agent(role), backend="django.contrib.auth.backends.ModelBackend")
    return client


def upload(client: Client, text: str = FILE, name: str = "people.csv") -> ImportJob:
    answer = client.post("/people/import/", {"file": SimpleUploadedFile(name, text.encode())})
    assert answer.status_code == 302, answer.content.decode()
    return ImportJob.objects.latest("pk")


def known(name: str = "Mara", **values: Any) -> Profile:
    return apply_record(
        record=PersonRecord({"name": name, "emails": ["mara@example.com"], "phones": ["+493023125123"], **values}), source="x"
    ).profile


def test_from_the_file_to_the_report() -> None:
    client = sign_in()
    job = upload(client)
    page = client.get(f"/people/import/{job.pk}/").content.decode()
    assert "nothing is read in yet" in page
    assert "The first 3 rows" in page
    assert "&lt;b&gt;" in page
    assert not Profile.objects.exists()

    sent = {"column-0": "name", "column-1": "emails", "rule": "fill", "start": "1"}
    assert client.post(f"/people/import/{job.pk}/choose/", sent).status_code == 302
    waiting = client.get(f"/people/import/{job.pk}/").content.decode()
    assert "Waiting for its turn" in waiting
    assert "How far is it?" in waiting
    assert client.get(f"/people/import/{job.pk}/?progress", headers={"HX-Request": "true"}).status_code == 200

    run_import(job.pk)
    report = client.get(f"/people/import/{job.pk}/").content.decode()
    assert "not closed" in report
    assert "tells people apart" in report
    assert "How far is it?" not in report
    fragment = client.get(f"/people/import/{job.pk}/?progress", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.headers["HX-Refresh"]) == (204, "true")
    assert client.get(f"/people/import/{job.pk}/refused/").getvalue().decode() == 'name,email,what\r\nTom,"tom@example.com,y\r\n<b>,,\r\n'
    rows = list(csv.reader(io.StringIO(client.get(f"/people/import/{job.pk}/refused/?as=report").getvalue().decode("utf-8-sig"))))
    assert [row[0] for row in rows] == ["line", "3", "4"]


def test_a_choice_that_cannot_be_is_said_on_the_page() -> None:
    client = sign_in()
    job = upload(client)
    answer = client.post(f"/people/import/{job.pk}/choose/", {"column-0": "name", "rule": "fill", "start": "1"})
    assert answer.status_code == 400
    assert "nobody is known again" in answer.content.decode()
    answer = client.post(f"/people/import/{job.pk}/choose/", {"column-1": "emails", "rule": "fill", "region": "Germany"})
    assert answer.status_code == 400
    assert ImportJob.objects.get().state == "preview"


def test_no_file_and_an_empty_file_are_said() -> None:
    client = sign_in()
    assert "Choose a file first" in client.post("/people/import/").content.decode()
    empty = client.post("/people/import/", {"file": SimpleUploadedFile("x.csv", b"")})
    assert empty.status_code == 400
    assert "empty" in empty.content.decode()


def test_thrown_away() -> None:
    client = sign_in()
    job = upload(client)
    assert client.post(f"/people/import/{job.pk}/cancel/").status_code == 302
    assert "Taken back" in client.get(f"/people/import/{job.pk}/").content.decode()
    assert client.post(f"/people/import/{job.pk}/choose/", {"rule": "fill", "column-1": "emails"}).status_code in (302, 404)


def test_lists_cost_the_same_however_long() -> None:
    client = sign_in()

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/people/import/").status_code == 200
        return len(queries)

    for _ in range(3):
        upload(client)
    few = cost()
    for _ in range(27):
        upload(client)
    assert cost() == few
    assert client.get("/people/import/?after=nonsense").status_code == 404


# --- Links to other systems ---------------------------------------------------------------------------------------------


def test_a_link_is_made_and_stands_where_its_value_is() -> None:
    admin = sign_in(Role.ADMIN)
    sent = {"name": "CRM", "template": "https://crm.example.com/c/{external:crm}?n={name}"}
    assert admin.post("/deep-links/", sent).status_code == 302
    person = known(name="Mara & Söhne")
    page = f"/profiles/{person.pk}/"
    assert "crm.example.com" not in admin.get(page).content.decode()
    assert admin.post(f"{page}numbers/", {"system": "CRM", "external_id": "a/7"}).status_code == 302
    assert "https://crm.example.com/c/a%2F7?n=Mara%20%26%20S%C3%B6hne" in admin.get(page).content.decode()
    ref = ExternalRef.objects.get()
    admin.post(f"{page}numbers/{ref.pk}/remove/")
    assert not ExternalRef.objects.exists()
    assert "crm.example.com" not in admin.get(page).content.decode()


@pytest.mark.parametrize(
    "template",
    [
        "http://crm.example.com/{id}",
        "javascript:alert({id})",
        "https://{name}/x",
        "https://crm.{name}.example.com/",
        "https://user:secret@crm.example.com/{id}",
        "https://crm.example.com/",
        "https://crm.example.com/{id",
        "https://crm.example.com/{shoe}",
        "https://crm.example.com/{custom:none}",
        "https://crm.example.com/{external:}",
        "https://crm.example.com\\@evil.example/{id}",
        "https://[::1/{id}",
        "//crm.example.com/{id}",
        "",
        "x" * 600,
    ],
)
def test_an_address_that_is_none_is_refused(template: str) -> None:
    admin = sign_in(Role.ADMIN)
    answer = admin.post("/deep-links/", {"name": "CRM", "template": template})
    assert answer.status_code == 400
    assert not DeepLink.objects.exists()
    assert admin.post("/deep-links/preview/", {"template": template}).status_code == 200


def test_a_value_never_leads_elsewhere() -> None:
    from profiles.services.deep_links import fill

    assert fill("https://crm.example.com/{name}", {"name": "../../@evil.example/?#"}) == (
        "https://crm.example.com/..%2F..%2F%40evil.example%2F%3F%23"
    )


def test_following_a_link_with_a_phone_is_a_look_at_it_and_no_page_shows_it() -> None:
    DeepLink.objects.create(name="Dialler", template="https://call.example.com/{phone}")
    person = known()
    lead = sign_in()
    assert "493023125123" not in lead.get(f"/profiles/{person.pk}/").content.decode()
    link = DeepLink.objects.get()
    answer = lead.get(f"/profiles/{person.pk}/go/{link.pk}/")
    assert answer.headers["Location"] == "https://call.example.com/%2B493023125123"
    look = ContactLook.objects.get()
    assert (look.where, look.kind, look.contact_point) == ("link", "phone", ContactPoint.objects.get(kind="phone"))


def test_who_does_not_see_phones_follows_no_link_with_one() -> None:
    link = DeepLink.objects.create(name="Dialler", template="https://call.example.com/{phone}")
    person = known()
    marketing = sign_in(Role.MARKETING)
    assert "Dialler" not in marketing.get(f"/profiles/{person.pk}/").content.decode()
    assert marketing.get(f"/profiles/{person.pk}/go/{link.pk}/").status_code == 404
    assert not ContactLook.objects.exists()


def test_a_number_of_somebody_else_is_not_taken() -> None:
    first, second = known(), known(name="Tom", emails=[], phones=[])
    client = sign_in()
    client.post(f"/profiles/{first.pk}/numbers/", {"system": "crm", "external_id": "7"})
    page = client.post(f"/profiles/{second.pk}/numbers/", {"system": "crm", "external_id": "7"}, follow=True).content.decode()
    assert "merge them" in page
    assert ExternalRef.objects.get().profile == first
