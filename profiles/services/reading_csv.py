"""Tables of people in text: what parts their columns, what the columns are called, and rows, of which a broken one spoils no other."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from profiles.services.import_fields import is_known_name, unguard
from profiles.services.reading import KEPT, Line, Lines, Row, guess_encoding

DELIMITERS = (",", ";", "\t", "|")
MOST_COLUMNS = 500
MOST_JOINED = 40  # lines that one quoted cell may run over
_LONGEST_ROW = 65_536
_GUESSED_FROM = 30
_NEVER_CLOSED = "A quote is opened and not closed. Close it, or take it out."
_STRAY_QUOTE = "A quote stands in the middle of a cell. Write it twice, or take it out."
_TOO_LONG = "This line is longer than any row of people can be."

csv.field_size_limit(20_000_000)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is read. `position` and `line` are where its first row of people begins."""

    delimiter: str
    columns: tuple[str, ...]
    has_header: bool
    encoding: str
    position: int
    line: int


class Unclosed(Exception):
    """The text ends inside quotes."""


class Broken(Exception):
    """The quotes make no sense."""


def read_layout(file: BinaryIO) -> Layout:
    """Guess how the file is written. A file that says nothing has no columns."""
    encoding = guess_encoding(file)
    lines = Lines(file, encoding=encoding)
    position = number = 0
    first = lines.take()
    while first is not None and not first.text.strip():
        position, number = first.end, first.number
        first = lines.take()
    if first is None:
        return Layout(",", (), False, encoding, position, number)
    if first.text.lower().startswith("sep=") and len(first.text) == 5:  # what spreadsheets write for one another
        delimiter, position, number = first.text[4], first.end, first.number
    else:
        delimiter = _guess_delimiter([first.text, *(line.text for line in _peek(lines, _GUESSED_FROM))])
    start = Layout(delimiter, (), False, encoding, position, number)
    head = next(_read(file, start, position=position, line=number, width=0), None)
    if head is None or head.problem:
        return start
    cells = head.cells[:MOST_COLUMNS]
    if _is_header(cells):
        return Layout(delimiter, _name_columns(cells), True, encoding, head.end, head.line + head.lines - 1)
    return Layout(delimiter, _name_columns([""] * len(cells)), False, encoding, position, number)


def read_rows(file: BinaryIO, layout: Layout, *, position: int = 0, line: int = 0) -> Iterator[Row]:
    """The rows behind `position`, or all of them. Every line that is not blank is in one row, read or refused."""
    if position < layout.position:
        position, line = layout.position, layout.line
    yield from _read(file, layout, position=position, line=line, width=len(layout.columns))


def split_line(text: str, delimiter: str) -> list[str]:
    """The cells of a row. Raises Unclosed or Broken."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True, skipinitialspace=True), [])
    except csv.Error as error:
        raise (Unclosed if "end of data" in str(error) else Broken) from None


def _read(file: BinaryIO, layout: Layout, *, position: int, line: int, width: int) -> Iterator[Row]:
    lines = Lines(file, encoding=layout.encoding, position=position, number=line)
    while (first := lines.take()) is not None:
        if first.is_too_long:
            yield Row(first.number, 1, first.end, first.text[:KEPT], problem=_TOO_LONG)
            continue
        if not first.text.replace(layout.delimiter, "").strip():
            continue
        text = first.text.replace("\r", " ")
        last = first
        try:
            cells = split_line(text, layout.delimiter)
        except Broken:
            yield Row(first.number, 1, first.end, text[:KEPT], problem=_STRAY_QUOTE)
            continue
        except Unclosed:
            joined = _join(lines, text, layout.delimiter, width)
            if joined is None:
                yield Row(first.number, 1, first.end, text[:KEPT], problem=_NEVER_CLOSED)
                continue
            text, cells, count = joined
            for _ in range(count):
                last = lines.take() or last
        problem = _judge_width(cells, width)
        if not problem and width:
            cells = cells[:width]
        stripped = tuple(unguard(cell.strip(" \t")) for cell in cells)
        yield Row(first.number, last.number - first.number + 1, last.end, text[:KEPT], () if problem else stripped, problem)


def _join(lines: Lines, text: str, delimiter: str, width: int) -> tuple[str, list[str], int] | None:
    """The row that goes on in the next lines: its text, its cells, how many lines it takes. None if its quote was only forgotten.

    A line that is a whole row by itself is not swallowed: better one row refused than many lost inside a cell.
    """
    opened_in_first = text.lstrip().startswith('"') and _opens_in_first_cell(text, delimiter)
    for index in range(MOST_JOINED):
        line = lines.peek(index)
        if line is None or line.is_too_long or len(text) > _LONGEST_ROW:
            return None
        text += "\n" + line.text.replace("\r", " ")
        try:
            cells = split_line(text, delimiter)
        except Broken:
            return None
        except Unclosed:
            if _is_whole(line, delimiter, width):
                return None
            continue
        if not opened_in_first and _is_whole(line, delimiter, width):
            return None
        return text, cells, index + 1
    return None


def _opens_in_first_cell(text: str, delimiter: str) -> bool:
    return len(next(csv.reader([text], delimiter=delimiter, skipinitialspace=True), [])) == 1


def _is_whole(line: Line, delimiter: str, width: int) -> bool:
    if width < 3:
        return False  # any text with one comma in it would look like a row
    try:
        return len(split_line(line.text, delimiter)) == width
    except (Broken, Unclosed):
        return False


def _judge_width(cells: Sequence[str], width: int) -> str:
    if not width or len(cells) == width:
        return ""
    if len(cells) > width:
        return "" if not any(cell.strip() for cell in cells[width:]) else f"This row has {len(cells)} cells, the columns are {width}."
    return f"This row has only {len(cells)} of {width} cells."


def _peek(lines: Lines, count: int) -> Iterator[Line]:
    for index in range(count):
        line = lines.peek(index)
        if line is None:
            return
        yield line


def _guess_delimiter(lines: Sequence[str]) -> str:
    """Who parts the first line into names of columns that we know; else who parts most lines into the same number of cells."""
    known = {delimiter: sum(map(is_known_name, lines[0].split(delimiter))) for delimiter in DELIMITERS}
    if max(known.values()) > 1:
        return max(known, key=lambda delimiter: known[delimiter])
    best, most = ",", 0.0
    for delimiter in DELIMITERS:
        counts: list[int] = []
        for text in lines:
            try:
                counts.append(len(split_line(text.replace("\r", " "), delimiter)))
            except (Broken, Unclosed):
                continue
        several = [count for count in counts if count > 1]
        if not several:
            continue
        usual, often = Counter(several).most_common(1)[0]
        score = often / len(lines) + (0.5 if counts[0] == usual else 0) + min(usual, 20) / 100
        if score > most:
            best, most = delimiter, score
    return best


def _is_header(cells: Sequence[str]) -> bool:
    """Names of columns: one that we know, or nothing that a person's row would have."""
    if any(is_known_name(cell) for cell in cells):
        return True
    return all(cell and "@" not in cell and not any(c.isdigit() for c in cell) for cell in cells) and len(set(cells)) == len(cells) > 1


def _name_columns(cells: Sequence[str]) -> tuple[str, ...]:
    """Each column has a name of its own."""
    names: list[str] = []
    for number, cell in enumerate(cells, 1):
        name = " ".join(cell.split())[:100] or f"Column {number}"
        again = 2
        unique = name
        while unique in names:
            unique, again = f"{name} ({again})", again + 1
        names.append(unique)
    return tuple(names)
