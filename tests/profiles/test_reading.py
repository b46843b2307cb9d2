"""Files of people as they really come: pasted together, cut off, in five encodings, with quotes that nobody closed."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.services.import_fields import guess_mapping, join_cell, read_cells, split_cell, unguard
from profiles.services.reading import LONGEST_LINE, Row, guess_encoding, make_readable
from profiles.services.reading_csv import read_layout, read_rows
from profiles.services.reading_vcard import COLUMNS, read_cards


def read(raw: bytes) -> list[Row]:
    file = io.BytesIO(raw)
    return list(read_rows(file, read_layout(file)))


def cells(raw: bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in read(raw) if not row.problem]


def cards(raw: bytes) -> list[Row]:
    file = io.BytesIO(raw)
    return list(read_cards(file, encoding=guess_encoding(file)))


# --- CSV ----------------------------------------------------------------------------------------------------------------

_ODD = [b"\0", b"a", b"mara@example.com", b"\xfc", b"\xc3\xbc", b" ", b"\xff\xfe"]
PIECES = st.sampled_from([b'"', b",", b";", b"\t", b"\n", b"\r\n", b"\r", *_ODD])


@given(st.one_of(st.binary(max_size=400), st.lists(PIECES, max_size=120).map(b"".join)))
def test_whatever_the_bytes_every_line_is_read_or_refused_or_blank(raw: bytes) -> None:
    file = io.BytesIO(raw)
    layout = read_layout(file)
    rows = list(read_rows(file, layout))

    lines = raw.split(b"\n")
    accounted = set(range(1, layout.line + 1))
    for row in rows:
        taken = set(range(row.line, row.line + row.lines))
        assert not taken & accounted, "a line is in two rows"
        accounted |= taken
        assert bool(row.cells) != bool(row.problem)
        if row.cells and layout.columns:
            assert len(row.cells) == len(layout.columns)
    for number, line in enumerate(lines, 1):
        is_blank = not line.decode("latin-1").replace("\0", "").replace(layout.delimiter, "").strip()
        assert number in accounted or is_blank


@given(st.lists(PIECES, max_size=120).map(b"".join), st.integers(0, 50))
def test_reading_goes_on_from_any_row_as_if_it_had_never_stopped(raw: bytes, stop: int) -> None:
    file = io.BytesIO(raw)
    layout = read_layout(file)
    rows = list(read_rows(file, layout))
    if stop >= len(rows):
        return
    last = rows[stop]
    assert list(read_rows(file, layout, position=last.end, line=last.line + last.lines - 1)) == rows[stop + 1 :]


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(str.strip), min_size=3, max_size=3),
        min_size=1,
        max_size=8,
    )
)
def test_what_the_library_writes_is_read_as_it_was(table: list[list[str]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["name", "email", "phone"])
    writer.writerows(table)
    wanted = [tuple(row) for row in table if any(row)]
    assert [tuple(unguard(c.strip(" \t")) for c in row) for row in wanted] == [row for row in cells(out.getvalue().encode()) if any(row)]


def test_an_unclosed_quote_costs_its_own_row_only() -> None:
    rows = read(b'name,email,phone\nA,a@x.de,1\nB,"b@x.de,2\nC,c@x.de,3\nD,"d@x.de",4\nE,e@x.de",5\n')
    assert [(row.line, row.cells[:1]) for row in rows if not row.problem] == [(2, ("A",)), (4, ("C",)), (5, ("D",)), (6, ("E",))]
    [refused] = [row for row in rows if row.problem]
    assert (refused.line, refused.raw) == (3, 'B,"b@x.de,2')
    assert "not closed" in refused.problem


def test_a_quoted_cell_may_run_over_lines() -> None:
    assert cells(b'name,address,email\n"A","Hafenstr. 1\nKiel, Nord\n",a@x.de\n"B\nb",x,b@x.de\n') == [
        ("A", "Hafenstr. 1\nKiel, Nord\n", "a@x.de"),
        ("B\nb", "x", "b@x.de"),
    ]


def test_each_line_is_read_in_its_own_encoding() -> None:
    lines = ["Jürgen,j@x.de".encode(), "Gérard,g@x.fr".encode("cp1252"), "Łukasz,l@x.pl".encode()]
    assert cells(b"name,email\n" + b"\n".join(lines)) == [("Jürgen", "j@x.de"), ("Gérard", "g@x.fr"), ("Łukasz", "l@x.pl")]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Иванов Пётр Сергеевич живёт в городе", "cp1251"),
        ("山田太郎は東京に住んでいます", "cp932"),
        ("Straßenbahnhaltestelle Müller Größe", "cp1252"),
    ],
)
def test_the_encoding_of_a_whole_file_is_guessed(text: str, encoding: str) -> None:
    raw = "\n".join(["name,email", *(f"{text} {n},p{n}@example.com" for n in range(40))]).encode(encoding)
    assert cells(raw)[0] == (f"{text} 0", "p0@example.com")


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["Jürgen Groß", "Gérard Lefèvre"], "cp1252"),
        (["Müller"], "cp1252"),
        (["João Simões", "Gonçalo Magalhães"], "cp1252"),
        (["Niccolò Così", "Søren Ærø Åkesson"], "cp1252"),
        (["Jiří Dvořák", "Růžena Šťastná", "Tomáš Nový", "Božena Němcová"], "cp1250"),
        (["Łukasz Żak", "Małgorzata Wójcik", "Grażyna Święcicka", "Paweł Dąbrowski"], "cp1250"),
        (["Иван Петров", "Мария Соколова", "Алексей Кузнецов"], "cp1251"),
        (["Γιώργος Παπαδόπουλος", "Ελένη Νικολάου", "Δημήτρης Γεωργίου"], "cp1253"),
    ],
)
def test_a_list_of_names_alone_is_enough(names: list[str], encoding: str) -> None:
    raw = "\n".join(["name,email", *(f"{names[n % len(names)]},p{n}@example.com" for n in range(30))]).encode(encoding)
    assert {row[0] for row in cells(raw)} == set(names)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_wide_encodings_and_marks_are_made_plain_when_the_file_is_stored(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "file"
    path.write_bytes("name;email\r\nJürgen;j@example.com\r\n".encode(encoding))
    make_readable(path)
    assert cells(path.read_bytes()) == [("Jürgen", "j@example.com")]


def test_line_ends_of_old_macs(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"name,email\rA,a@x.de\rB,b@x.de")
    make_readable(path)
    assert len(cells(path.read_bytes())) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    raw = "\n".join(
        delimiter.join(cells) for cells in [("name", "email", "city"), ("A, B; C" if delimiter == "|" else "A", "a@x.de", "Kiel")]
    )
    assert len(cells(raw.encode())[0]) == 3


def test_a_first_row_of_values_is_no_header() -> None:
    raw = b"Mara,mara@example.com\nTom,tom@example.com\n"
    layout = read_layout(io.BytesIO(raw))
    assert (layout.has_header, layout.columns) == (False, ("Column 1", "Column 2"))
    assert len(read(raw)) == 2


def test_too_many_and_too_few_cells_are_refused_and_empty_ones_too_many_are_not() -> None:
    rows = read(b"name,email,phone\nA,a@x.de,1,,\nB,b@x.de\nC,c@x.de,1,2\n,,\n")
    assert [(row.line, bool(row.problem)) for row in rows] == [(2, False), (3, True), (4, True)]


def test_an_endless_line_is_refused_and_not_kept() -> None:
    rows = read(b"name,email\nA,a@x.de\nB," + b"x" * (3 * LONGEST_LINE) + b"\nC,c@x.de\n")
    assert [(row.line, bool(row.problem)) for row in rows] == [(2, False), (3, True), (4, False)]
    assert len(rows[1].raw) < 10_000


def test_columns_of_one_name_are_two_columns() -> None:
    assert read_layout(io.BytesIO(b"email,email,\na@x.de,b@x.de,c\n")).columns == ("email", "email (2)", "Column 3")


# --- What columns and cells mean ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "fields"),
    [
        (["Name", "E-Mail", "Phone number", "Company"], ["name", "emails", "phones", "company"]),
        (["Nombre", "Apellidos", "Correo electrónico", "Teléfono móvil"], ["first_name", "last_name", "emails", "phones"]),
        (["Nom", "Prénom", "Adresse e-mail", "Téléphone", "Société"], ["last_name", "first_name", "emails", "phones", "company"]),
        (
            ["Kundennummer", "Vorname", "Nachname", "Straße", "PLZ", "Ort"],
            ["external_id", "first_name", "last_name", "street", "postal_code", "city"],
        ),
        (["E-mail 1 - Value", "E-mail 2 - Value", "shoe size"], ["emails", "emails", ""]),
    ],
)
def test_columns_are_known_in_four_languages(columns: list[str], fields: list[str]) -> None:
    mapping = guess_mapping(columns)
    assert [mapping.get(column, "") for column in columns] == fields


def test_parts_make_one_name_and_one_address() -> None:
    columns = ["Vorname", "Nachname", "Straße", "PLZ", "Ort", "Land"]
    values, _ = read_cells(columns, ["Mara", "Köhler", "Hafenstr. 1", "24103", "Kiel", ""], guess_mapping(columns))
    assert values == {"name": "Mara Köhler", "addresses": ["Hafenstr. 1, 24103 Kiel"]}


@given(
    st.sampled_from(["emails", "phones", "addresses", "tags"]),
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1), max_size=4),
)
def test_a_cell_with_several_values_is_read_as_it_was_written(field: str, values: list[str]) -> None:
    assert split_cell(field, join_cell(field, values)) == values


# --- vCard --------------------------------------------------------------------------------------------------------------

CARDS = {
    "2.1": b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:K=C3=B6hler;Mara\r\n"
    b"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Mara K=C3=B6h=\r\nler\r\nTEL;CELL:+49 30 23125123\r\nEMAIL;INTERNET:mara@example.com\r\n"
    b"ADR;HOME:;;Hafenstr. 1;Kiel;;24103;DE\r\nORG:Tidewheel;Care\r\nCATEGORIES:VIP,Kiel\r\nEND:VCARD\r\n",
    "3.0": "BEGIN:VCARD\nVERSION:3.0\nN:Köhler;Mara;;;\nFN:Mara Köhler\nitem1.EMAIL;TYPE=INTERNET:mara@example.com\nitem1.X-ABLabel:x\n"
    "TEL;TYPE=CELL:+49 30 23125123\nADR;TYPE=HOME:;;Hafenstr. 1;Kiel;;24103;DE\nORG:Tidewheel;Care\nCATEGORIES:VIP,Kiel\n"
    "PHOTO;ENCODING=b:AAAA\n BBBB\n CCCC\nEND:VCARD\n".encode(),
    "4.0": 'BEGIN:VCARD\nVERSION:4.0\nFN:Mara Köh\n ler\nTEL;VALUE=uri;TYPE="voice,home":tel:+49-30-23125123\nEMAIL:mara@example.com\n'
    "ADR:;;Hafenstr. 1;Kiel;;24103;DE\nORG:Tidewheel\nCATEGORIES:VIP,Kiel\nEND:VCARD\n".encode(),
}


@pytest.mark.parametrize("version", CARDS)
def test_cards_of_each_version(version: str) -> None:
    [card] = cards(CARDS[version])
    assert not card.problem
    found = dict(zip(COLUMNS, card.cells, strict=True))
    assert found["name"] == "Mara Köhler"
    assert found["emails"] == "mara@example.com"
    assert found["phones"].replace("-", " ") == "+49 30 23125123"
    assert found["addresses"] == "Hafenstr. 1, 24103 Kiel, DE"
    assert found["company"] == "Tidewheel"
    assert split_cell("tags", found["tags"]) == ["VIP", "Kiel"]


def test_a_broken_card_refuses_only_itself() -> None:
    broken = b"BEGIN:VCARD\nVERSION:3.0\nFN Tom\nEND:VCARD\n"
    open_ended = b"BEGIN:VCARD\nVERSION:3.0\nFN:Nobody\n"
    rows = cards(CARDS["3.0"] + broken + open_ended + b"rubbish\n" + CARDS["2.1"] + b"rubbish\n" + CARDS["4.0"] + open_ended)
    assert [bool(row.problem) for row in rows] == [False, True, True, False, True, False, True]
    assert rows[1].raw == broken.decode().strip()
    assert "END:VCARD" in rows[2].problem


CARD_LINES = st.sampled_from(
    [
        "BEGIN:VCARD",
        "END:VCARD",
        "VERSION:3.0",
        "VERSION:2.1",
        "FN:Mara",
        "N:K;M",
        "N:",
        "ADR:a",
        "ORG:",
        "TEL;:1",
        "",
        " x",
        "EMAIL;ENCODING=QUOTED-PRINTABLE:=C",
        "PHOTO:x",
        "x",
        ";:",
        "CATEGORIES:\\,",
    ]
)


@given(st.lists(CARD_LINES, max_size=25))
def test_whatever_the_lines_every_one_is_in_one_card_or_refused(lines: list[str]) -> None:
    accounted: set[int] = set()
    for row in cards("\n".join(lines).encode()):
        taken = set(range(row.line, row.line + row.lines))
        assert not taken & accounted
        accounted |= taken
        assert bool(row.cells) != bool(row.problem)
    assert [n for n, line in enumerate(lines, 1) if line.strip() and n not in accounted] == []


def test_names_of_columns_say_the_delimiter_whatever_stands_below() -> None:
    text = "name,email,phone\n,a|b@example.com,\n,c|d@example.com,\n,e|f@example.com,\n"
    layout = read_layout(io.BytesIO(text.encode()))
    assert (layout.delimiter, layout.columns, layout.has_header) == (",", ("name", "email", "phone"), True)
