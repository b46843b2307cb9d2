"""Films and sounds of posts through the desk: only what stands in a post, only what browsers play, whole or in parts, and once fetched."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from listening.models import Mention
from listening.services import pictures
from listening.services.parts import picture_name
from socialdesk import films
from socialdesk.lib import ranges
from socialdesk.media import NoPicture
from socialdesk.networks.base import MediaData
from tests.factories import make_agent, make_mention
from tests.socialdesk.test_media import Site, draw

MP4 = b"\0\0\0\x18ftypisom" + b"film" * 1000
pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Iterator[Site]:
    here = Site()
    yield here
    here.server.shutdown()
    here.server.server_close()


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.PICTURE_CACHE = tmp_path / "pictures"
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_agent())
    return client


def sound() -> bytes:
    """A tenth of a second of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(b"\x80" * 800)
    return out.getvalue()


def mention_with(url: str, kind: str = "video", **fields: Any) -> Mention:
    return make_mention(media=(MediaData(kind, url, "A bike rolls", **fields),))


def ask(client: Client, mention: Mention, part: str = "") -> Any:
    headers = {"Range": part} if part else {}
    return client.get(f"/media/films/{picture_name(mention.pk, 0, mention.media[0]['url'])}", headers=headers)


@pytest.mark.parametrize(
    ("kind", "body", "media_type"),
    [
        ("video", MP4, "video/mp4"),
        ("video", b"\x1aE\xdf\xa3" + b"x" * 50, "video/webm"),
        ("video", b"OggS" + b"x" * 50, "video/ogg"),
        ("audio", MP4, "audio/mp4"),
        ("audio", b"ID3" + b"x" * 50, "audio/mpeg"),
        ("audio", b"\xff\xfb" + b"x" * 50, "audio/mpeg"),
        ("audio", sound(), "audio/wav"),
        ("audio", b"fLaC" + b"x" * 50, "audio/flac"),
    ],
)
def test_it_is_passed_on_as_what_it_is_and_fetched_once(staff: Client, site: Site, kind: str, body: bytes, media_type: str) -> None:
    mention = mention_with(site.put("/a", body, headers={"Content-Type": "text/html"}), kind)
    answer = ask(staff, mention)
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, body, media_type)
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"].startswith("private")
    assert ask(staff, mention).content == body
    ((_, headers),) = site.asked
    assert not {"Cookie", "Referer", "X-Forwarded-For"} & set(headers)


@pytest.mark.parametrize(
    "body", [b"<html><script>alert(1)</script>", b"", draw(), b"#EXTM3U\n", b"\0\0\0\x18ftypavif" + b"x" * 50, sound()]
)
def test_what_is_no_film_is_refused(staff: Client, site: Site, body: bytes) -> None:
    answer = ask(staff, mention_with(site.put("/a", body, headers={"Content-Type": "video/mp4"})))
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert b"no film" in answer.content


def test_a_film_that_is_too_long_is_broken_off(staff: Client, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(films, "MOST_BYTES", 1000)
    assert ask(staff, mention_with(site.put("/a", MP4))).status_code == 404


def test_a_film_that_waited_for_others_is_asked_for_again(staff: Client, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    mention = mention_with(site.put("/a", MP4))
    monkeypatch.setattr(films, "_WAITS", 0.01)
    with films._AT_ONCE, films._AT_ONCE:
        assert b"at this moment" in ask(staff, mention).content
    assert ask(staff, mention).content == MP4


def test_only_staff_see_films_and_a_film_is_no_picture(client: Client, site: Site) -> None:
    mention = mention_with(site.put("/a", MP4))
    assert ask(client, mention).status_code == 302
    client.force_login(make_agent())
    name = picture_name(mention.pk, 0, mention.media[0]["url"])
    assert client.get(f"/media/{name}").status_code == 404
    drawn = mention_with(site.put("/b", draw()), "image")
    assert ask(client, drawn).status_code == 404
    assert site.asked == []


def test_the_still_of_a_film_is_a_picture(staff: Client, site: Site) -> None:
    mention = mention_with("https://films.example/list.m3u8", preview=site.put("/still", draw()))
    name = picture_name(mention.pk, 0, mention.media[0]["preview"])
    assert staff.get(f"/media/{name}").content == draw()
    assert f"/media/{name}".encode() in staff.get(f"/conversations/{mention.conversation_id}/").content


def test_nothing_is_left_of_the_film_of_a_post_that_was_withdrawn(staff: Client, site: Site) -> None:
    mention = mention_with(site.put("/a", MP4))
    assert ask(staff, mention).status_code == 200
    Mention.objects.filter(pk=mention.pk).update(media=[])
    assert ask(staff, mention).status_code == 404


@pytest.mark.parametrize(
    ("part", "status", "where"),
    [
        ("bytes=0-", 206, "bytes 0-99/4012"),
        ("bytes=10-19", 206, "bytes 10-19/4012"),
        ("bytes=4000-9999", 206, "bytes 4000-4011/4012"),
        ("bytes=-12", 206, "bytes 4000-4011/4012"),
        ("bytes=-9999", 206, "bytes 0-99/4012"),
        ("bytes=4012-", 416, "bytes */4012"),
        ("bytes=-0", 416, "bytes */4012"),
        ("bytes=20-10", 416, "bytes */4012"),
        ("bytes=0-1,5-6", 200, None),
        ("bytes=-", 200, None),
        ("lines=1-2", 200, None),
        ("bytes=\u0661-", 200, None),
    ],
)
def test_a_player_may_jump(staff: Client, site: Site, monkeypatch: pytest.MonkeyPatch, part: str, status: int, where: str | None) -> None:
    monkeypatch.setattr(ranges, "PIECE", 100)
    mention = mention_with(site.put("/a", MP4))
    for _ in ("as it is fetched", "from the desk's disk"):
        answer = ask(staff, mention, part)
        assert (answer.status_code, answer.get("Content-Range"), answer["Accept-Ranges"]) == (status, where, "bytes")
        if status == 206 and where:
            first, _, last = where.removeprefix("bytes ").partition("/")[0].partition("-")
            assert answer.content == MP4[int(first) : int(last) + 1]


def test_of_a_film_that_is_kept_only_the_part_is_read(staff: Client, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    mention = mention_with(site.put("/a", MP4))
    assert ask(staff, mention).status_code == 200
    asked: list[int] = []

    class Kept(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            asked.append(-1 if size is None else size)
            return super().read(size)

    monkeypatch.setattr(pictures, "open_kept", lambda mention_id, digest: Kept(MP4))
    assert ask(staff, mention, "bytes=3000-3099").content == MP4[3000:3100]
    assert asked == [64, 100]


@given(st.binary(max_size=40), st.sampled_from(["video", "audio"]))
def test_any_bytes_are_a_film_or_are_refused(content: bytes, kind: Any) -> None:
    with suppress(NoPicture):
        assert films.check_film(content, kind).startswith(f"{kind}/")
