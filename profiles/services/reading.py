"""Files of people as they come: lines of bytes in whatever encoding, read one after the other from any place on."""

from __future__ import annotations

import codecs
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from charset_normalizer import from_bytes

LONGEST_LINE = 1_000_000  # bytes; what is longer is no line of a table of people
KEPT = 4000  # characters of a refused row that are kept
_HEAD = 65_536
_LOOKED_THROUGH = 4_000_000  # bytes in which lines are looked for that are no UTF-8
_SAMPLE = 32_768  # bytes of them that are judged
# What people's files are in, where they are not in UTF-8. Without a choice short samples are taken for the strangest things.
_LIKELY = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949", "koi8_r", "mac_roman", "cp850"),
]
# The letters of German, French, Spanish, Italian, Portuguese and the north. Text that is these, one at a time among plain letters, is
# Western: judged by frequency alone, a list of names is as often taken for Czech, and Lefèvre becomes Lefčvre.
_WESTERN = frozenset("äöüÄÖÜßéèêëÉÈÊàâÀÂçÇîïôûùœñÑáíóúÁÍÓÚìòåÅæÆøØãÃ¿¡ªº°’‘“”«»–—…€§")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row or card. `line` is where it begins, `lines` how many lines it takes, `end` how many bytes of the file are behind it then.

    `cells` are its values in the order of the columns; `problem` says why it cannot be read, "" if it can.
    """

    line: int
    lines: int
    end: int
    raw: str
    cells: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    end: int
    text: str
    is_too_long: bool = False


class Lines:
    """The lines of a file from `position` on. Each is decoded by itself: a file that was pasted together is in several encodings."""

    def __init__(self, file: BinaryIO, *, encoding: str, position: int = 0, number: int = 0) -> None:
        self._file = file
        self._encoding = encoding
        self._number = number
        self._ahead: deque[Line] = deque()
        file.seek(position)
        self._position = position

    def take(self) -> Line | None:
        return self._ahead.popleft() if self._ahead else self._read()

    def peek(self, index: int) -> Line | None:
        """The line that stands `index` lines ahead of the next one; it stays there."""
        while len(self._ahead) <= index:
            line = self._read()
            if line is None:
                return None
            self._ahead.append(line)
        return self._ahead[index]

    def _read(self) -> Line | None:
        raw = self._file.readline(LONGEST_LINE)
        if not raw:
            return None
        self._number += 1
        self._position += len(raw)
        is_too_long = False
        rest = raw
        while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
            rest = self._file.readline(LONGEST_LINE)
            self._position += len(rest)
            is_too_long = is_too_long or bool(rest)
        text = self._decode(raw[: KEPT * 4] if is_too_long else raw)
        return Line(self._number, self._position, text.rstrip("\r\n").replace("\0", ""), is_too_long)

    def _decode(self, raw: bytes) -> str:
        for encoding in ("utf-8", self._encoding, "cp1252"):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue
        return raw.decode("latin-1")


def guess_encoding(file: BinaryIO) -> str:
    """The encoding of the lines that are not in UTF-8. The same file gives the same answer every time."""
    file.seek(0)
    sample = b""
    looked = 0
    while looked < _LOOKED_THROUGH and len(sample) < _SAMPLE:
        raw = file.readline(_HEAD)
        if not raw:
            break
        looked += len(raw)
        try:
            raw.decode()
        except UnicodeDecodeError:
            sample += raw
    if not sample:
        return "utf-8"
    if _is_western(sample.decode("cp1252", "replace")):
        return "cp1252"
    best = from_bytes(sample, cp_isolation=_LIKELY).best()
    return best.encoding if best else "cp1252"


def _is_western(text: str) -> bool:
    """Whether `text`, read as cp1252, is what people of its languages write: no row of accents, as Russian would be, none but theirs."""
    strange = [index for index, character in enumerate(text) if not character.isascii()]
    beside = sum(1 for first, second in pairwise(strange) if second == first + 1)
    letters = _WESTERN | ({"õ", "Õ"} if "ã" in text or "ç" in text else frozenset())  # without these it is a Hungarian ő
    return all(text[index] in letters for index in strange) and beside * 4 <= len(strange)


def make_readable(path: Path) -> None:
    """Bring a stored file into bytes that have lines: no UTF-16, no mark in front, no line ends of old Macs. In its place."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    encoding = _wide_encoding(head)
    has_old_ends = b"\r" in head and b"\n" not in head and not encoding
    if not encoding and not has_old_ends:
        return
    beside = path.with_suffix(".new")
    with path.open("rb") as source, open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace") if encoding and encoding != "utf-8-sig" else None
        if encoding == "utf-8-sig":
            source.seek(len(codecs.BOM_UTF8))
        for part in _parts(source.read):
            if decoder:
                target.write(decoder.decode(part).encode("utf-8", "replace"))
            else:
                target.write(part.replace(b"\r", b"\n") if has_old_ends else part)
        if decoder:
            target.write(decoder.decode(b"", final=True).encode("utf-8", "replace"))
    beside.replace(path)


def _parts(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while part := read(_HEAD):
        yield part


def _wide_encoding(head: bytes) -> str:
    """utf-16 and its like, by the mark in front or by every other byte being zero; "" for what is read byte by byte."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    if len(head) >= 16:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if odd > len(head) // 5 and even < odd // 10:
            return "utf-16-le"
        if even > len(head) // 5 and odd < even // 10:
            return "utf-16-be"
    return ""
