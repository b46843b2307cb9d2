"""Films for tests, box by box as ISO/IEC 14496-12 has them: nothing in them can be seen, but whatever reads boxes reads them."""

from __future__ import annotations

import struct

EPOCH_1904 = 3_786_912_000  # a time within 2024, as MP4 counts
PLACE = b"+52.5200+013.4050/"


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full_box(kind: bytes, *parts: bytes, version: int = 0) -> bytes:
    return box(kind, bytes([version, 0, 0, 0]), *parts)


def track(*, handler: bytes = b"vide", codec: bytes = b"avc1", width: int = 640, height: int = 360, more: bytes = b"") -> bytes:
    """`more` are boxes that stand in it besides."""
    sides = struct.pack(">II", width << 16, height << 16) if handler == b"vide" else bytes(8)
    head = full_box(b"tkhd", struct.pack(">5I", EPOCH_1904, EPOCH_1904, 1, 0, 2000), bytes(52), sides)
    timing = full_box(b"mdhd", struct.pack(">4I", EPOCH_1904, EPOCH_1904, 1000, 2000), bytes(4))
    kind = full_box(b"hdlr", bytes(4), handler, bytes(13))
    entries = full_box(b"stsd", struct.pack(">I", 1), box(codec, bytes(78)))
    return box(b"trak", head, box(b"mdia", timing, kind, box(b"minf", box(b"stbl", entries))), more)


def film(
    *,
    seconds: float = 2.0,
    width: int = 640,
    height: int = 360,
    codec: bytes = b"avc1",
    size: int = 2000,
    tracks: bytes = b"",
    more: bytes = b"",
) -> bytes:
    """An MP4 of one picture track. `tracks` are further ones, `more` further boxes of its `moov`; `size` bytes are its data."""
    timing = struct.pack(">4I", EPOCH_1904, EPOCH_1904, 1000, int(seconds * 1000))
    head = full_box(b"mvhd", timing, bytes(80))
    moov = box(b"moov", head, track(codec=codec, width=width, height=height), tracks, more)
    return box(b"ftyp", b"isom", bytes(4), b"isomavc1") + moov + box(b"mdat", bytes(range(256)) * (size // 256) + bytes(size % 256))
