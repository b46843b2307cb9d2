"""Films that people hand in, made safe to send on: MP4 files, read box by box (ISO/IEC 14496-12), of which only picture and sound stay.

Nothing is encoded anew: boxes that say who, where, when or with what are emptied where they stand, so that all else keeps its place.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from socialdesk.lib.errors import DeskError

MOST_BYTES = 30_000_000  # of what is handed in: a minute or two of a telephone's film
TAKEN = "MP4 with H.264"  # for people
_MOST_BOXES = 10_000
_STILLS = (b"avif", b"avis", b"heic", b"heix", b"mif1")  # pictures in the same kind of file
_MP4 = (b"iso", b"mp4", b"avc", b"dby", b"MSN")  # how the brands of MP4 begin; M4V, 3GP and QuickTime are its relatives
_SAVE_ANEW = "Save it anew as MP4 with H.264."
_CODECS = {b"vide": (b"avc1", b"avc3"), b"soun": (b"mp4a",)}
# What stays, by the box that it stands in; of anything else only its place is left.
_KEPT = {
    b"": (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"),
    b"moov": (b"mvhd", b"trak", b"iods"),
    b"trak": (b"tkhd", b"edts", b"mdia", b"tref"),
    b"mdia": (b"mdhd", b"hdlr", b"minf"),
    b"minf": (b"vmhd", b"smhd", b"dinf", b"stbl"),
    b"stbl": (b"stsd", b"stts", b"ctts", b"cslg", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"stss", b"sdtp", b"sgpd", b"sbgp"),
}
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


class BadFilm(DeskError):
    """It cannot be sent as a film. The message says why and what to do."""

    code = "bad_film"


@dataclass(frozen=True, slots=True)
class SafeFilm:
    """As long and as large as what was handed in, without what it said of place, time and camera. Sides in pixels, as it is shown."""

    content: bytes = field(repr=False)
    width: int
    height: int
    seconds: float
    media_type: str = "video/mp4"


def is_mp4(content: bytes) -> bool:
    """Whether it begins as films do; a picture of the same family of files is none."""
    return content[4:8] == b"ftyp" and content[8:12] not in _STILLS


def make_safe(content: bytes) -> SafeFilm:
    """The film without anything but picture and sound. Raises BadFilm."""
    if len(content) > MOST_BYTES:
        raise BadFilm(f"The film has {len(content) / 1e6:.0f} MB; at most {MOST_BYTES / 1e6:.0f} are taken. Make it shorter or smaller.")
    if not is_mp4(content):
        raise BadFilm(f"This is no film that can be sent. {_SAVE_ANEW}")
    if content[8:11] not in _MP4:
        raise BadFilm(f"This is a film of another kind ({_name(content[8:12])}), which not every network takes. {_SAVE_ANEW}")
    reading = _Reading(bytearray(content))
    try:
        reading.read(b"", 0, len(content))
    except (struct.error, IndexError) as error:
        raise _broken() from error
    return reading.finish()


class _Reading:
    def __init__(self, content: bytearray) -> None:
        self.content = content
        self.boxes = 0
        self.seconds = 0.0
        self.sides = (0, 0)  # of the track that is being read, and what it holds
        self.handler = b""
        self.shown: list[tuple[int, int]] = []  # sides of each track of pictures
        self.has_data = False

    def read(self, parent: bytes, start: int, end: int) -> None:
        for kind, head, body, after in self._boxes(start, end):
            if kind in (b"moof", b"mvex"):
                raise BadFilm(f"This film is cut into pieces, which not every network takes. {_SAVE_ANEW}")
            if kind not in _KEPT[parent]:
                self.content[head + 4 : head + 8] = b"free"
                self.content[body:after] = bytes(after - body)
            elif kind in _PARENTS:
                if kind == b"trak":
                    self.sides, self.handler = (0, 0), b""
                self.read(kind, body, after)
            else:
                self._look(kind, body, after)

    def finish(self) -> SafeFilm:
        if not self.has_data or len(self.shown) != 1:
            raise BadFilm(f"This film has no picture, or more than one. {_SAVE_ANEW}")
        if self.seconds <= 0:
            raise BadFilm(f"This film does not say how long it is. {_SAVE_ANEW}")
        return SafeFilm(bytes(self.content), *self.shown[0], seconds=self.seconds)

    def _boxes(self, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
        """(kind, where it begins, where its content begins, where it ends) of each box in that part of the file."""
        while start < end:
            self.boxes += 1
            if self.boxes > _MOST_BOXES or end - start < 8:
                raise _broken()
            size, kind = struct.unpack_from(">I4s", self.content, start)
            body = start + 8
            if size == 1:  # the true one is too long for four bytes
                size = struct.unpack_from(">Q", self.content, body)[0]
                body += 8
            elif size == 0:  # up to the end
                size = end - start
            if not body - start <= size <= end - start:
                raise _broken()
            yield kind, start, body, start + size
            start += size

    def _look(self, kind: bytes, body: int, end: int) -> None:
        is_long = end > body and self.content[body] == 1  # the version: times in eight bytes and not in four
        if kind == b"mdat":
            self.has_data = True
        elif kind in (b"free", b"skip", b"wide"):
            self.content[body:end] = bytes(end - body)
        elif kind in (b"mvhd", b"mdhd", b"tkhd"):
            times = 16 if is_long else 8
            self._check_room(body, end, 4 + times + 12)
            self.content[body + 4 : body + 4 + times] = bytes(times)  # when it was made
            if kind == b"mvhd":
                self._read_length(body + 4 + times, is_long=is_long)
            elif kind == b"tkhd":
                self._read_sides(body + (52 if is_long else 40), end)
        elif kind == b"hdlr":
            self._read_handler(body, end)
        elif kind == b"stsd":
            self._check_codec(body, end)
        elif kind == b"dinf":
            self._check_place(body, end)

    def _read_length(self, at: int, *, is_long: bool) -> None:
        scale, length = struct.unpack_from(">IQ" if is_long else ">II", self.content, at)
        is_known = scale and length < (2**64 - 1 if is_long else 2**32 - 1)
        self.seconds = length / scale if is_known else 0.0

    def _read_sides(self, at: int, end: int) -> None:
        """A turned telephone's film says by its matrix that it is shown turned."""
        self._check_room(at, end, 44)
        matrix = struct.unpack_from(">9i", self.content, at)
        width, height = (side >> 16 for side in struct.unpack_from(">II", self.content, at + 36))
        self.sides = (height, width) if matrix[0] == 0 and matrix[1] else (width, height)

    def _read_handler(self, body: int, end: int) -> None:
        self._check_room(body, end, 12)
        self.handler = bytes(self.content[body + 8 : body + 12])
        self.content[body + 12 : end] = bytes(end - body - 12)  # its maker's name
        if self.handler not in _CODECS:
            raise BadFilm(f"Beside picture and sound this film carries something else, perhaps where it was taken. {_SAVE_ANEW}")
        if self.handler == b"vide":
            if not all(self.sides):
                raise _broken()
            self.shown.append(self.sides)

    def _check_codec(self, body: int, end: int) -> None:
        self._check_room(body, end, 16)
        codec = bytes(self.content[body + 12 : body + 16])
        if codec not in _CODECS.get(self.handler, ()):
            raise BadFilm(f"Picture or sound of this film is kept in a way ({_name(codec)}) that not every network takes. {_SAVE_ANEW}")

    def _check_place(self, body: int, end: int) -> None:
        """Picture and sound must stand in the file itself."""
        for kind, _, inner, after in self._boxes(body, end):
            if kind != b"dref":
                raise _broken()
            for _, _, entry, _ in self._boxes(inner + 8, after):
                if not self.content[entry + 3] & 1:
                    raise BadFilm(f"Parts of this film stand in other files. {_SAVE_ANEW}")

    def _check_room(self, body: int, end: int, needed: int) -> None:
        if end - body < needed:
            raise _broken()


def _name(code: bytes) -> str:
    return "".join(chr(each) for each in code if 32 < each < 127)


def _broken() -> BadFilm:
    return BadFilm(f"The file is broken: its film cannot be read. {_SAVE_ANEW}")
