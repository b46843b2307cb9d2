"""Pictures of posts through the desk: only what stands in a post, only from public addresses, only pictures, and gone with their post."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from PIL import Image

from listening.models import Mention
from listening.services import pictures
from listening.services.parts import picture_name
from profiles.services.erasure import erase_person
from socialdesk import media, tasks
from socialdesk.lib import outbound
from socialdesk.networks.base import MediaData
from tests.factories import make_agent, make_mention, make_post, push

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


def draw(kind: str = "PNG", size: tuple[int, int] = (4, 3)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, kind)
    return out.getvalue()


class Site:
    """A web server whose answers are put in by path: (status, headers, body)."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, dict(self.headers)))
                status, headers, body = site.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:  # hung up on
                    return

            def log_message(self, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True, kwargs={"poll_interval": 0.01}).start()

    def put(self, path: str, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> str:
        self.answers[path] = (status, headers or {}, body)
        return f"{self.url}{path}"


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


pytestmark = pytest.mark.django_db


def mention_with(url: str, **fields: Any) -> Mention:
    return make_mention(media=(MediaData("image", url, "A bike"),), **fields)


def ask(client: Client, mention: Mention) -> Any:
    return client.get(f"/media/{picture_name(mention.pk, 0, mention.media[0]['url'])}")


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_agent())
    return client


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
def test_a_picture_is_passed_on_as_what_it_is(staff: Client, site: Site, kind: str) -> None:
    drawn = draw(kind)
    answer = ask(staff, mention_with(site.put("/a", drawn, headers={"Content-Type": "text/html"})))
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, drawn, f"image/{kind.lower()}")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"].startswith("private")


def test_the_other_side_learns_nothing_of_who_looks(staff: Client, site: Site) -> None:
    ask(staff, mention_with(site.put("/a", draw())))
    ((_, headers),) = site.asked
    assert not {"Cookie", "Referer", "X-Forwarded-For"} & set(headers)


def test_a_picture_is_fetched_once(staff: Client, site: Site) -> None:
    mention = mention_with(site.put("/a", draw()))
    assert ask(staff, mention).content == ask(staff, mention).content
    assert len(site.asked) == 1


def test_only_staff_see_pictures(client: Client, site: Site) -> None:
    assert ask(client, mention_with(site.put("/a", draw()))).status_code == 302
    assert site.asked == []


@pytest.mark.parametrize("name", ["x", "1-0-abc:sig", "http:%2F%2F127.0.0.1", "%00", "1-0-abcdef"])
def test_no_other_address_can_be_asked_for(staff: Client, site: Site, name: str) -> None:
    assert staff.get(f"/media/{name}").status_code == 404
    assert site.asked == []


@pytest.mark.parametrize(
    "body", [SVG, b"<html><script>alert(1)</script>", b"GIF89a", b"", b"%PDF-1.7", draw()[:20], b"\xff\xd8\xff<svg onload=alert(1)>"]
)
def test_what_is_no_picture_is_refused(staff: Client, site: Site, body: bytes) -> None:
    answer = ask(staff, mention_with(site.put("/a", body, headers={"Content-Type": "image/png"})))
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert answer["Content-Security-Policy"].startswith("sandbox")


def test_a_picture_of_too_many_pixels_is_refused(staff: Client, site: Site) -> None:
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 1_000_000
    assert ask(staff, mention_with(site.put("/a", bomb.getvalue()))).status_code == 404


def test_a_body_of_fifty_megabytes_is_broken_off(staff: Client, site: Site) -> None:
    answer = ask(staff, mention_with(site.put("/a", draw() + b"\0" * 50_000_000)))
    assert answer.status_code == 404
    assert not list(pictures._folders())


def test_what_failed_is_not_asked_for_at_once_again(staff: Client, site: Site) -> None:
    mention = mention_with(f"{site.url}/missing")
    assert [ask(staff, mention).status_code for _ in range(3)] == [404] * 3
    assert len(site.asked) == 1
    cache.clear()
    site.put("/missing", draw())
    assert ask(staff, mention).status_code == 200


# --- Where it may not go --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["https://127.0.0.1/", "https://169.254.169.254/latest", "https://[::1]/", "https://10.0.0.1/a.png", "https://0x7f.1/"]
)
def test_a_private_address_is_not_asked(staff: Client, settings: Any, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    settings.OUTBOUND_PRIVATE = []
    monkeypatch.setattr(outbound._TLSPool.ConnectionCls, "connect", refuse_to_connect)
    assert ask(staff, mention_with(target)).status_code == 404


@pytest.mark.parametrize(
    "target", ["http://localhost:1/", "https://10.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "//169.254.1.1/"]
)
def test_a_redirect_to_a_private_address_is_not_followed(staff: Client, site: Site, target: str) -> None:
    assert ask(staff, mention_with(site.put("/a", b"", 302, {"Location": target}))).status_code == 404
    assert [path for path, _ in site.asked] == ["/a"]


def refuse_to_connect(self: Any) -> None:
    outbound.resolve(self.host, self.port or 443)
    pytest.fail("a connection was tried")


def test_three_redirects_are_followed_and_no_more(staff: Client, site: Site) -> None:
    site.put("/picture", draw())
    for number, after in enumerate(["/picture", "/r0", "/r1", "/r2"]):
        site.put(f"/r{number}", b"", 301, {"Location": after})
    assert ask(staff, mention_with(f"{site.url}/r2")).status_code == 200
    assert ask(staff, mention_with(f"{site.url}/r3")).status_code == 404


# --- How long it stays ----------------------------------------------------------------------------------------------------


@pytest.fixture
def kept(staff: Client, site: Site) -> tuple[Mention, str]:
    post = make_post(media=(MediaData("image", site.put("/a", draw())),))
    mention = Mention.objects.get(pk=push(post).ids[post.external_id])
    ask(staff, mention)
    assert list(pictures._folders())
    return mention, post.external_id


@pytest.mark.django_db(transaction=True)
def test_a_picture_goes_when_its_post_is_deleted(staff: Client, kept: tuple[Mention, str]) -> None:
    mention, external_id = kept
    push(replace(make_post("", external_id=external_id), deleted=True))
    assert not list(pictures._folders())
    assert ask(staff, mention).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_picture_goes_when_its_author_is_erased(staff: Client, kept: tuple[Mention, str]) -> None:
    mention, _ = kept
    erase_person(profile_id=mention.author.profile_id, agent=make_agent("admin"))
    assert not list(pictures._folders())
    assert ask(staff, mention).status_code == 404


def test_what_was_forgotten_on_the_way_goes_by_the_clock(kept: tuple[Mention, str]) -> None:
    mention, _ = kept
    tasks.tidy_pictures()
    assert list(pictures._folders())
    Mention.objects.filter(pk=mention.pk).update(media=[])
    tasks.tidy_pictures()
    assert not list(pictures._folders())


def test_the_oldest_go_where_there_is_no_room(settings: Any) -> None:
    settings.PICTURE_CACHE_BYTES = 1000
    for number in range(30):
        pictures.keep(number, "abc", b"x" * 100)
    left = [int(folder.name) for folder in pictures._folders() if list(folder.iterdir())]
    assert 5 <= len(left) <= 10
    assert pictures.find_kept(29, "abc") is not None


def test_a_picture_that_had_to_wait_too_long_is_asked_for_the_next_time(staff: Client, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    mention = mention_with(site.put("/a", draw("PNG")))
    busy = threading.BoundedSemaphore(1)
    monkeypatch.setattr("socialdesk.media._AT_ONCE", busy)
    monkeypatch.setattr("socialdesk.media._WAITS", 0.01)
    with busy:
        answer = ask(staff, mention)
        assert (answer.status_code, site.asked) == (404, [])
        assert "at this moment" in answer.content.decode()
    assert ask(staff, mention).status_code == 200


def test_a_picture_whose_post_went_while_it_was_fetched_is_not_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    mention = mention_with(site.put("/a", draw()))

    def fetch(url: str, **options: Any) -> bytes:
        Mention.objects.filter(pk=mention.pk).update(media=[])
        return draw()

    monkeypatch.setattr(media, "fetch", fetch)
    with pytest.raises(media.NoPicture):
        media.read_picture(picture_name(mention.pk, 0, f"{site.url}/a"))
    assert not list(pictures._folders())
