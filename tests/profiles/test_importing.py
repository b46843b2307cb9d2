"""Files of people become people: once, whatever happens to the worker, and what cannot be is said."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from profiles.models import ContactPoint, ExternalRef, ImportJob, ImportRefusal, Profile, ProfileEvent
from profiles.services import importing
from profiles.services.edit import edit_profile
from profiles.services.import_preview import Preview, preview
from profiles.services.importing import Choices, cancel, choose, claim, make_job, read_choices, resume, run, start
from profiles.services.reading_csv import read_layout, read_rows
from profiles.services.records import PersonRecord, apply_record
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError
from tests.factories import make_agent

pytestmark = pytest.mark.django_db(transaction=True)

FILE = """name;e-mail;telefon;tags
Mara Köhler;mara@example.com;+49 30 23125123;VIP, Kiel
Tom;tom@example.com;;
;;;
Nobody;;;
Lea;"lea@example.com;+49 30 23125124;
Zoë;zoe@example.com;n/a;
"""


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(importing, "_BREATH", 0)
    return tmp_path


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    jobs: list[int] = []
    monkeypatch.setattr(importing, "send_run", jobs.append)
    return jobs


def job_of(text: str | bytes = FILE, *, system: str = "", columns: Mapping[str, str] | None = None, **choices: Any) -> ImportJob:
    raw = text.encode() if isinstance(text, str) else text
    job = make_job(filename="people.csv", parts=[raw], agent=None, system=system)
    if columns is not None or choices:
        job = choose(job_id=job.pk, choices=Choices(columns or read_choices(job).columns, **choices), system=system)
    return job


def finish(job: ImportJob, **options: Any) -> ImportJob:
    if job.state == ImportJob.State.PREVIEW:
        start(job_id=job.pk)
    assert claim(job_id=job.pk)
    while run(job_id=job.pk, **options):
        pass
    job.refresh_from_db()
    return job


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    return job.created, job.updated, job.unchanged, job.refused


def test_what_is_right_is_read_in_and_what_is_not_is_reported(sent: list[int], data_folder: Path) -> None:
    job = job_of()
    assert [path.stat().st_mode & 0o777 for path in (data_folder / "imports").iterdir()] == [0o600]
    job = finish(job)

    assert (job.state, counts(job)) == ("done", (3, 0, 0, 2))
    assert set(Profile.objects.values_list("name", flat=True)) == {"Mara Köhler", "Tom", "Zoë"}
    refusals = {refusal.line: refusal.reason for refusal in ImportRefusal.objects.order_by("line")}
    assert list(refusals) == [5, 6, 7]
    assert "tells people apart" in refusals[5]
    assert "not closed" in refusals[6]
    assert "no possible number" in refusals[7]  # taken, with a mark
    assert ContactPoint.objects.get(value="n/a").problem
    assert list((data_folder / "imports").iterdir()) == []
    assert ProfileEvent.objects.count() == 3


def test_the_same_file_again_changes_nothing(sent: list[int]) -> None:
    finish(job_of())
    before = [ProfileEvent.objects.count(), Profile.objects.count(), ContactPoint.objects.count(), Profile.history.count()]
    again = finish(job_of())
    assert counts(again) == (0, 0, 3, 2)
    assert [ProfileEvent.objects.count(), Profile.objects.count(), ContactPoint.objects.count(), Profile.history.count()] == before


def test_a_mended_report_is_read_in_again(sent: list[int]) -> None:
    from profiles.services.exporting import refused_file

    job = finish(job_of())
    text = "".join(refused_file(job))
    assert text.startswith("name;e-mail;telefon;tags\r\n")
    mended = finish(job_of(text.replace('"lea', "lea")))
    assert mended.created == 1
    assert ContactPoint.objects.filter(value="lea@example.com").exists()


@pytest.mark.parametrize("rows_at_once", [1, 2, 7])
def test_a_killed_worker_loses_and_doubles_nothing(sent: list[int], monkeypatch: pytest.MonkeyPatch, rows_at_once: int) -> None:
    text = "name,email,id\n" + "".join(f"Person {n},p{n}@example.com,{n}\n" + ("broken\n" if n % 5 == 0 else "") for n in range(40))
    job = job_of(text, system="crm")
    start(job_id=job.pk)
    claim(job_id=job.pk)
    chance = random.Random(rows_at_once)
    real = importing.take_row

    def killed(*args: Any, **options: Any) -> Any:
        outcome = real(*args, **options)
        if chance.random() < 0.1:
            raise OperationalError("the machine went away")
        return outcome

    monkeypatch.setattr(importing, "take_row", killed)
    deaths = 0
    for _ in range(2000):
        try:
            if not run(job_id=job.pk, rows_at_once=rows_at_once):
                break
        except OperationalError:
            deaths += 1
    job.refresh_from_db()
    assert deaths
    assert (job.state, counts(job)) == ("done", (40, 0, 0, 8))
    assert (Profile.objects.count(), ExternalRef.objects.count(), ImportRefusal.objects.count()) == (40, 40, 8)


def test_two_workers_at_one_file_double_nothing(sent: list[int]) -> None:
    text = "name,email\n" + "".join(f"Person {n},p{n}@example.com\n" for n in range(10))
    job = job_of(text)
    start(job_id=job.pk)
    claim(job_id=job.pk)
    first = ImportJob.objects.get(pk=job.pk)
    with importing.open_rows(first) as (columns, rows), importing.open_rows(first) as (_, others):
        second = ImportJob.objects.get(pk=job.pk)
        assert importing._run_chunk(first, columns, rows, 4)
        assert not importing._run_chunk(second, columns, others, 4)
    finish(ImportJob.objects.get(pk=job.pk))
    assert (Profile.objects.count(), ImportJob.objects.get().created) == (10, 10)


def test_a_run_whose_worker_is_gone_goes_on_and_one_waits_for_the_other(sent: list[int]) -> None:
    first, second = job_of(), job_of()
    start(job_id=first.pk)
    start(job_id=second.pk)
    assert sent == [first.pk, second.pk]
    assert claim(job_id=first.pk)
    assert not claim(job_id=second.pk)
    sent.clear()
    resume()
    assert sent == []
    resume(at=now() + timedelta(minutes=2))
    assert sent == [first.pk]
    sent.clear()
    finish(ImportJob.objects.get(pk=first.pk))
    resume()
    assert sent == [second.pk]
    assert claim(job_id=second.pk)


def test_a_file_that_nobody_decided_about_is_forgotten(sent: list[int], data_folder: Path) -> None:
    job_of()
    resume(at=now() + timedelta(days=8))
    assert ImportJob.objects.get().state == "cancelled"
    assert list((data_folder / "imports").iterdir()) == []


def test_a_run_that_is_taken_back_stops_and_its_file_goes(sent: list[int], data_folder: Path) -> None:
    job = job_of()
    start(job_id=job.pk)
    claim(job_id=job.pk)
    cancel(job_id=job.pk)
    assert not run(job_id=job.pk)
    assert list((data_folder / "imports").iterdir()) == []
    with pytest.raises(Conflict):
        cancel(job_id=job.pk)
    with pytest.raises(Conflict):
        start(job_id=job.pk)


def test_a_lost_file_is_said(sent: list[int], data_folder: Path) -> None:
    job = job_of()
    start(job_id=job.pk)
    claim(job_id=job.pk)
    next((data_folder / "imports").iterdir()).unlink()
    assert not run(job_id=job.pk)
    job.refresh_from_db()
    assert (job.state, "Choose it again" in job.error) == ("failed", True)


# --- Whom a row is about ------------------------------------------------------------------------------------------------


def known(name: str, *, emails: list[str] | None = None, external_id: str = "") -> Profile:
    record = PersonRecord({"name": name, "emails": emails or []}, "crm" if external_id else "", external_id)
    return apply_record(record=record, source="agent").profile


def test_a_row_that_fits_two_people_is_refused(sent: list[int]) -> None:
    known("Mara", emails=["m@example.com"])
    known("Maria", emails=["m@example.com"])
    job = finish(job_of("name,email\nM,m@example.com\n"))
    assert counts(job) == (0, 0, 0, 1)
    assert "fits two people" in ImportRefusal.objects.get().reason


def test_who_has_another_number_there_is_another_person(sent: list[int]) -> None:
    known("Mara", emails=["family@example.com"], external_id="1")
    text = "id,name,email\n1,Mara K.,family@example.com\n2,Tom,family@example.com\n"
    job = finish(job_of(text, system="crm", rule="newest"))
    assert counts(job) == (1, 1, 0, 0)
    assert set(Profile.objects.values_list("name", flat=True)) == {"Mara K.", "Tom"}


def test_a_number_is_given_to_the_person_with_that_email(sent: list[int]) -> None:
    mara = known("Mara", emails=["mara@example.com"])
    finish(job_of("id,email\n9,MARA@example.com\n", system="crm"))
    assert ExternalRef.objects.get().profile == mara


def test_a_merged_person_is_found_as_who_they_are_now(sent: list[int]) -> None:
    old, top = known("Old", emails=["o@example.com"]), known("Top")
    Profile.objects.filter(pk=old.pk).update(merged_into=top, root=top)
    finish(job_of("email,company\no@example.com,Tidewheel\n"))
    assert Profile.objects.get(pk=top.pk).company == "Tidewheel"


def test_what_the_desk_knows_stays_unless_the_file_is_to_count(sent: list[int]) -> None:
    mara = known("Mara", emails=["mara@example.com"])
    edit_profile(profile_id=mara.pk, changes={"company": "Ours"}, source="agent", agent=make_agent())
    text = "email,company,language\nmara@example.com,Theirs,de\n"
    finish(job_of(text))
    mara.refresh_from_db()
    assert (mara.company, mara.language) == ("Ours", "de")
    finish(job_of(text, rule="newest"))
    mara.refresh_from_db()
    assert mara.company == "Theirs"


def test_numbers_without_a_country_are_read_in_the_chosen_one(sent: list[int]) -> None:
    finish(job_of("name,phone\nMara,030 23125123\n", region="DE"))
    assert ContactPoint.objects.get().value == "+493023125123"


@pytest.mark.parametrize(
    ("text", "system", "words"),
    [
        ("id,name\n1,Mara\n", "", "which one"),
        ("name,company\nMara,Tidewheel\n", "", "nobody is known again"),
    ],
)
def test_what_must_be_chosen_first_is_said(text: str, system: str, words: str, sent: list[int]) -> None:
    job = job_of(text, system=system)
    with pytest.raises(DeskError, match=words):
        start(job_id=job.pk)


@pytest.mark.parametrize(
    ("choices", "system"),
    [(Choices({}, rule="mine"), ""), (Choices({}, region="Germany"), ""), (Choices({}), "a crm!"), (Choices({}), "ü")],
)
def test_choices_that_are_none_are_refused(choices: Choices, system: str) -> None:
    job = job_of()
    with pytest.raises(DeskError):
        choose(job_id=job.pk, choices=choices, system=system)


@pytest.mark.parametrize("raw", [b"", b"\n\n \n"])
def test_an_empty_file_is_refused_and_not_kept(raw: bytes, data_folder: Path) -> None:
    with pytest.raises(DeskError, match=r"empty|no table"):
        make_job(filename="x.csv", parts=[raw], agent=None)
    assert list((data_folder / "imports").iterdir()) == []


def test_a_file_that_is_too_large_is_refused_and_not_kept(data_folder: Path) -> None:
    with pytest.raises(DeskError, match="larger than 100 MB"):
        make_job(filename="x.csv", parts=[b"x" * 11_000_000] * 10, agent=None)
    assert list((data_folder / "imports").iterdir()) == []


# --- The preview --------------------------------------------------------------------------------------------------------


def test_the_preview_says_what_each_row_would_do_and_does_nothing() -> None:
    known("Mara", emails=["mara@example.com"])
    job = job_of("name,email,company\nMara,mara@example.com,\nMara,mara@example.com,Tidewheel\nTom,tom@example.com,\nX,,\n")
    before = [Profile.objects.count(), ProfileEvent.objects.count(), ContactPoint.objects.count()]
    found: Preview = preview(job)
    assert [line.what for line in found.lines] == ["unchanged", "updated", "created", "refused"]
    assert str(found.lines[1].person) == "Mara"
    assert found.lines[2].person is None
    assert [Profile.objects.count(), ProfileEvent.objects.count(), ContactPoint.objects.count()] == before
    assert ImportJob.objects.get().state == "preview"


# --- A large file -------------------------------------------------------------------------------------------------------


NAMES = ["Jürgen Groß", "Gérard Lefèvre", "Łukasz Żak", "山田太郎", "Иван Петров", "O'Neil, Sue", "محمد"]


def mixed_lines(count: int) -> Iterator[tuple[bytes, bool]]:
    """(a line, whether it can be read in): in three encodings, some broken in the ways of real files."""
    chance = random.Random(7)
    for number in range(count):
        name = NAMES[number % len(NAMES)]
        shown = f'"{name}"' if "," in name else name
        line = f"{shown},p{number}@example.com,+4930{23000000 + number},Tidewheel"
        kind = chance.random()
        if kind < 0.004:
            yield f'{shown},"p{number}@example.com,+4930{23000000 + number},Tidewheel'.encode(), False
        elif kind < 0.008:
            yield f'{shown},"p{number}"@example.com,1,2'.encode(), False
        elif kind < 0.012:
            yield f"{shown},p{number}@example.com".encode(), False
        elif kind < 0.016:
            yield (line + ",more").encode(), False
        elif kind < 0.2 and not any(ord(c) > 255 for c in name):
            yield line.encode("cp1252"), True
        else:
            yield line.encode(), True


def test_a_hundred_thousand_rows_are_read_each_once_whatever_stands_beside_them() -> None:
    lines = list(mixed_lines(100_000))
    file = io.BytesIO(b"name,email,phone,company\n" + b"\n".join(line for line, _ in lines))
    rows = list(read_rows(file, read_layout(file)))
    assert [not row.problem for row in rows] == [is_right for _, is_right in lines]
    assert {row.cells[0] for row in rows if row.cells} == set(NAMES)


@pytest.mark.slow
def test_thousands_of_rows_in_mixed_encodings_with_broken_quotes(sent: list[int]) -> None:
    lines = list(mixed_lines(3_000))
    job = finish(job_of(b"name,email,phone,company\n" + b"\n".join(line for line, _ in lines)))
    right = sum(is_right for _, is_right in lines)
    assert counts(job) == (right, 0, 0, 3_000 - right)
    assert Profile.objects.count() == right
    assert set(Profile.objects.values_list("name", flat=True)) == set(NAMES)


def test_a_small_mixed_file(sent: list[int]) -> None:
    lines = list(mixed_lines(1500))
    job = finish(job_of(b"name,email,phone,company\n" + b"\n".join(line for line, _ in lines)))
    right = sum(is_right for _, is_right in lines)
    assert right < 1500
    assert counts(job) == (right, 0, 0, 1500 - right)
    assert [line.split(",")[1] for line in csv_lines(lines)] == list(
        ContactPoint.objects.filter(kind="email").order_by("pk").values_list("value", flat=True)
    )


def csv_lines(lines: list[tuple[bytes, bool]]) -> list[str]:
    """The right lines as a reader sees them: the name replaced, so that its comma is none."""
    found = []
    for raw, is_right in lines:
        if is_right:
            cells = next(csv.reader([raw.decode("utf-8", "replace")]))
            found.append(",".join(["name", *cells[1:]]))
    return found
