"""Films that are handed in: only picture and sound are left of them, and whatever is no such film is refused in words."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialdesk.lib import mp4
from socialdesk.lib.mp4 import BadFilm, is_mp4, make_safe
from tests import mp4 as made
from tests.mp4 import EPOCH_1904, PLACE, box, film, full_box, track

WHEN = struct.pack(">I", EPOCH_1904)
SOUND = track(handler=b"soun", codec=b"mp4a")


def with_everything() -> bytes:
    """As a telephone writes it: where, with what, by whom, in boxes at every level."""
    said = box(b"udta", box(b"\xa9xyz", PLACE), box(b"\xa9mod", b"zyxq phone"))
    more = said + full_box(b"meta", b"zyxq") + box(b"uuid", bytes(16), b"zyxq")
    whole = film(tracks=track(handler=b"soun", codec=b"mp4a", more=said), more=more)
    return whole + box(b"uuid", bytes(16), PLACE) + box(b"zyxq", PLACE) + box(b"free", PLACE)


def test_nothing_of_place_time_and_camera_is_left() -> None:
    content = with_everything()
    assert content.count(PLACE) == 5
    assert WHEN in content
    safe = make_safe(content)
    for told in (PLACE, WHEN, b"zyxq", b"\xa9xyz"):
        assert told not in safe.content


def test_picture_and_sound_stay_where_they_were() -> None:
    content = with_everything()
    safe = make_safe(content).content
    assert len(safe) == len(content)
    data = content.index(b"mdat")
    assert safe[data : data + 2000] == content[data : data + 2000]
    for kept in (b"ftyp", b"moov", b"avc1", b"mp4a", b"vide", b"soun"):
        assert safe.index(kept) == content.index(kept)
    assert make_safe(safe).content == safe


def test_how_large_and_long_it_is() -> None:
    safe = make_safe(film(seconds=12.5, width=1280, height=720))
    assert (safe.width, safe.height, safe.seconds, safe.media_type) == (1280, 720, 12.5, "video/mp4")


def test_a_film_of_a_turned_telephone_is_as_large_as_it_is_shown() -> None:
    content = bytearray(film(width=1280, height=720))
    matrix = content.index(b"tkhd") + 4 + 40
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    assert (make_safe(bytes(content)).width, make_safe(bytes(content)).height) == (720, 1280)


def test_times_in_eight_bytes_are_read_and_emptied() -> None:
    content = film()
    head = full_box(b"mvhd", struct.pack(">QQIQ", EPOCH_1904, EPOCH_1904, 90_000, 45_000), bytes(80), version=1)
    old = content[content.index(b"mvhd") - 4 :][:108]
    start = content.index(b"moov") - 4
    moov = box(b"moov", content[start + 8 : content.index(b"mdat") - 4].replace(old, head))
    safe = make_safe(content[:start] + moov + content[content.index(b"mdat") - 4 :])
    assert safe.seconds == 0.5
    assert WHEN not in safe.content


def test_boxes_with_long_sizes_are_read() -> None:
    content = film()
    data = content.index(b"mdat") - 4
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + 500) + b"x" * 500
    assert make_safe(content[:data] + long).content.endswith(b"x" * 500)
    last = struct.pack(">I4s", 0, b"mdat") + b"x" * 500  # up to the end
    assert make_safe(content[:data] + last).content.endswith(b"x" * 500)


def reference(*, inside: bool) -> bytes:
    return box(b"dinf", full_box(b"dref", struct.pack(">I", 1), box(b"url ", bytes([0, 0, 0, int(inside)]))))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no film"),
        (b"\x1aE\xdf\xa3" + bytes(100), "no film"),
        (box(b"ftyp", b"avif", bytes(4)), "no film"),
        (film().replace(b"ftypisom", b"ftypqt  "), r"another kind \(qt\)"),
        (film().replace(b"ftypisom", b"ftypM4V "), r"another kind \(M4V\)"),
        (film().replace(b"ftypisom", b"ftyp3gp5"), r"another kind \(3gp5\)"),
        (film(codec=b"hvc1"), "hvc1"),
        (film(tracks=track(handler=b"soun", codec=b"ac-3")), "ac-3"),
        (film(tracks=track(handler=b"meta", codec=b"gpmd")), "something else"),
        (film(tracks=track(handler=b"text", codec=b"tx3g")), "something else"),
        (film(tracks=track()), "more than one"),
        (film(more=box(b"mvex")), "pieces"),
        (film() + box(b"moof"), "pieces"),
        (film(seconds=0), "how long"),
        (film(width=0), "broken"),
        (film()[:-300], "broken"),
        (film() + b"\0\0\0", "broken"),
        (film() + struct.pack(">I4s", 4, b"free"), "broken"),
        (film() + struct.pack(">I4sQ", 1, b"free", 2**63), "broken"),
        (box(b"ftyp", b"isom", bytes(4)), "no picture"),
        (box(b"ftyp", b"isom", bytes(4)) + box(b"free") * 20_000, "broken"),
        (film() + bytes(mp4.MOST_BYTES), "at most 30"),
    ],
)
def test_what_is_no_such_film_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(BadFilm, match=words):
        make_safe(content)


@pytest.mark.parametrize("inside", [True, False])
def test_picture_and_sound_must_stand_in_the_file(inside: bool) -> None:
    def with_reference(content: bytes) -> bytes:
        return box(b"minf", reference(inside=inside), content)

    whole = film()
    start = whole.index(b"minf") - 4
    (size,) = struct.unpack(">I", whole[start : start + 4])
    grown = with_reference(whole[start + 8 : start + size])
    longer = len(grown) - size
    content = bytearray(whole[:start] + grown + whole[start + size :])
    for kind in (b"moov", b"trak", b"mdia"):
        at = content.index(kind) - 4
        content[at : at + 4] = struct.pack(">I", struct.unpack(">I", content[at : at + 4])[0] + longer)
    if inside:
        assert make_safe(bytes(content)).content == make_safe(make_safe(bytes(content)).content).content
    else:
        with pytest.raises(BadFilm, match="other files"):
            make_safe(bytes(content))


@given(st.data())
def test_any_film_that_was_changed_anywhere_is_read_or_refused_in_words(data: Any) -> None:
    content = bytearray(with_everything())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    with suppress(BadFilm):  # and nothing else
        safe = make_safe(bytes(content[:cut]))
        assert len(safe.content) == cut
        assert safe.seconds > 0


@given(st.lists(st.sampled_from([b"udta", b"meta", b"uuid", b"loci", b"XMP_", b"zyxq", b"cprt"]), max_size=6), st.booleans())
def test_boxes_that_nobody_needs_leave_their_place_only(kinds: list[bytes], in_moov: bool) -> None:
    told = b"".join(box(kind, PLACE) for kind in kinds)
    content = film(tracks=SOUND, more=told) if in_moov else film(tracks=SOUND) + told
    safe = make_safe(content).content
    assert len(safe) == len(content)
    assert PLACE not in safe
    assert all(kind not in safe for kind in kinds)


def test_what_begins_like_a_film() -> None:
    assert is_mp4(made.film())
    assert not is_mp4(b"\x89PNG\r\n\x1a\n")
    assert not is_mp4(b"")
