"""People leave as files and come back as they were; what a spreadsheet would compute stays text; who took what is noted."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from profiles.models import ContactLook, ContactPoint, CustomField, ExternalRef, FieldRight, ImportJob, Profile, Role, Segment
from profiles.services import importing
from profiles.services.exporting import export_people, guard
from profiles.services.import_fields import unguard
from profiles.services.importing import choose, claim, make_job, read_choices, run, start
from profiles.services.record_writing import write_records
from profiles.services.records import PersonRecord, apply_record
from profiles.services.terms import renew_terms
from socialdesk.lib.clock import now
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(importing, "send_run", lambda job_id: None)
    monkeypatch.setattr(importing, "_BREATH", 0)
    return tmp_path


def known(external_id: str, **values: Any) -> Profile:
    return apply_record(record=PersonRecord(values, "crm", external_id), source="import 0").profile


def export(form: str = "csv", role: str = Role.LEAD, **which: Any) -> str:
    return "".join(export_people(form=form, agent=make_agent(role), **which))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def read_in(text: str, *, system: str = "old-desk") -> ImportJob:
    job = make_job(filename="people", parts=[text.encode()], agent=None)
    choose(job_id=job.pk, choices=read_choices(job), system=system)
    start(job_id=job.pk)
    assert claim(job_id=job.pk)
    while run(job_id=job.pk):
        pass
    job.refresh_from_db()
    return job


def test_a_table_has_every_field_and_number() -> None:
    CustomField.objects.create(key="size", label="Size", kind="number")
    person = known("7", name="Mara", emails=["a@example.com", "b@example.com"], do_not_contact=True, **{"custom:size": "12.5"})
    [row] = rows_of(export())
    assert (row["id"], row["name"], row["do_not_contact"]) == (str(person.pk), "Mara", "yes")
    assert row["emails"] == "a@example.com\nb@example.com"
    assert (row["custom:size"], row["external:crm"]) == ("12.5", "7")


@pytest.mark.parametrize("value", ["=1+1", "+1+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "'=1", "\t=1", "\r=1", "+49 30 1"])
def test_what_a_spreadsheet_would_compute_is_text(value: str) -> None:
    assert guard(value) == "'" + value
    assert unguard(guard(value)) == value


@pytest.mark.parametrize("value", ["+493023125123", "+493023125123\n+33123456789", "Mara", "'s Gravenhage", ""])
def test_what_is_harmless_stays_as_it_is(value: str) -> None:
    assert guard(value) == value == unguard(value)


@given(st.text())
def test_the_guard_comes_off_again(value: str) -> None:
    assert unguard(guard(value)) == value


def test_each_coordinate_that_left_is_noted_and_hidden_ones_do_not_leave() -> None:
    known("7", name="Mara", emails=["mara@example.com"], phones=["+493023125123"])
    FieldRight.objects.create(role=Role.MANAGER, field="phone", may_see=False)
    for form in ("csv", "vcf"):
        ContactLook.objects.all().delete()
        text = export(form, Role.MANAGER)
        assert "mara@example.com" in text
        assert "493023125123" not in text
        assert [(look.kind, look.where, look.contact_point) for look in ContactLook.objects.all()] == [
            ("email", "export", ContactPoint.objects.get(kind="email"))
        ]


def test_an_export_costs_the_same_for_few_and_many(django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        known(str(number), name="Mara", emails=[f"p{number}@example.com"])
    with django_assert_max_num_queries(14):
        export()


def test_the_page_answers_with_a_file() -> None:
    known("7", name="Mara", emails=["mara@example.com"])
    client = Client()
    client.force_login(make_agent(Role.LEAD), backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post("/people/export/", {"format": "vcf"})
    assert answer.headers["Content-Disposition"].endswith('.vcf"')
    assert "FN:Mara" in answer.getvalue().decode()
    assert client.post("/people/export/", {"format": "exe"}).status_code == 302  # with words, to where they came from
    assert client.get("/people/export/?segment=7").status_code == 404


def test_only_who_is_in_the_segment_or_found_by_the_words_leaves() -> None:
    mara = known("7", name="Mara Köhler", stage="customer")
    tom = known("8", name="Tom Köhler", stage="prospect")
    known("9", name="Lea", stage="customer")
    renew_terms(*Profile.objects.values_list("pk", flat=True))
    customers = Segment.objects.create(name="Customers", conditions=[{"field": "stage", "is": "is", "value": ["customer"]}], made_at=now())
    assert [row["name"] for row in rows_of(export(segment=customers))] == ["Mara Köhler", "Lea"]
    assert {row["id"] for row in rows_of(export(text="kohler"))} == {str(mara.pk), str(tom.pk)}
    assert [row["id"] for row in rows_of(export(text="kohler", segment=customers))] == [str(mara.pk)]
    assert rows_of(export(text="nobody")) == []


# --- There and back -----------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Co", "Cn", "Zl", "Zp"]), max_size=30).map(
    lambda text: " ".join(unicodedata.normalize("NFC", text).split())
)
PERSON = st.fixed_dictionaries(
    {
        "name": TEXT,
        "company": TEXT,
        "language": st.sampled_from(["", "de", "pt-BR", "ar"]),
        "stage": st.sampled_from(["prospect", "customer", "high_value"]),
        "do_not_contact": st.booleans(),
        "emails": st.lists(st.one_of(st.emails(), TEXT.filter(bool)), max_size=3),
        "phones": st.lists(st.integers(23000000, 23999999).map(lambda n: f"+4930{n}"), max_size=3),
        "addresses": st.lists(TEXT.filter(bool), max_size=2),
        "tags": st.lists(TEXT.filter(bool), max_size=3),
    }
)


def written() -> list[dict[str, Any]]:
    records = write_records(Profile.objects.people().order_by("pk"))
    return [{name: sorted(value) if isinstance(value, list) else value for name, value in records[pk].items()} for pk in sorted(records)]


class TestThereAndBack(TestCase):
    """Two desks in one database: everybody is written to a file, forgotten, and read in."""

    @settings(max_examples=40)
    @given(st.lists(PERSON, min_size=1, max_size=4))
    def test_a_table_makes_the_same_people_elsewhere(self, people: list[dict[str, Any]]) -> None:
        for number, values in enumerate(people):
            known(str(number), **values)
        before, text = written(), export()
        # Another desk: the people here are theirs, and known by no number or coordinate.
        old = list(Profile.objects.values_list("pk", flat=True))
        ExternalRef.objects.all().delete()
        ContactPoint.objects.update(state="revoked")
        job = read_in(text)
        assert (job.created, job.refused) == (len(people), 0), list(job.refusals.values_list("reason", "raw"))
        records = write_records(Profile.objects.people().exclude(pk__in=old).order_by("pk"))
        after = [
            {name: sorted(value) if isinstance(value, list) else value for name, value in records[pk].items()} for pk in sorted(records)
        ]
        assert after == before
        again = read_in(text)
        assert (again.created, again.updated, again.unchanged) == (0, 0, len(people))

    @settings(max_examples=25)
    @given(st.lists(PERSON, min_size=1, max_size=3))
    def test_cards_make_the_same_people_elsewhere(self, people: list[dict[str, Any]]) -> None:
        for number, values in enumerate(people):
            known(str(number), **{**values, "stage": "prospect", "do_not_contact": False})
        before, text = written(), export("vcf")
        old = list(Profile.objects.values_list("pk", flat=True))
        ExternalRef.objects.all().delete()
        ContactPoint.objects.update(state="revoked")
        job = read_in(text)
        assert (job.created, job.refused) == (len(people), 0), list(job.refusals.values_list("reason", "raw"))
        records = write_records(Profile.objects.people().exclude(pk__in=old).order_by("pk"))
        after = [
            {name: sorted(value) if isinstance(value, list) else value for name, value in records[pk].items()} for pk in sorted(records)
        ]
        assert after == before


# --- The command --------------------------------------------------------------------------------------------------------


def test_the_command_reads_a_file_in_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "people.csv"
    path.write_text("who,e-mail,nr\nMara,mara@example.com,1\nTom,tom@example.com,2\nbroken\n")
    arguments = {"map": ["name=who", "external_id=nr"], "system": "crm", "verbosity": 0}
    call_command("import_people", path, **arguments)
    out, err = capsys.readouterr()
    assert out.strip() == "3 rows: 2 new, 0 changed, 0 as before, 1 refused"
    assert "line 4: This row has only 1 of 3 cells." in err
    assert set(ExternalRef.objects.values_list("external_id", flat=True)) == {"1", "2"}

    call_command("import_people", path, **arguments, refused=tmp_path / "refused.csv")
    assert "0 new, 0 changed, 2 as before, 1 refused" in capsys.readouterr().out
    assert "broken" in (tmp_path / "refused.csv").read_text()


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,email\nMara,mara@example.com\n")
    with pytest.raises(CommandError, match="no such column"):
        call_command("import_people", path, map=["company=firm"])
    with pytest.raises(CommandError, match="write FIELD=COLUMN"):
        call_command("import_people", path, map=["firm"])
    with pytest.raises(CommandError, match="cannot read"):
        call_command("import_people", tmp_path / "none.csv")
    assert not ImportJob.objects.filter(state__in=["preview", "queued", "running"]).exists()
