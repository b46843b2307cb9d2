"""Films and sounds of posts in a real browser: played through the desk, and said to be elsewhere where they cannot be."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from profiles.models import Agent
from socialdesk.networks.base import MediaData
from tests.browser.conftest import Windows, wait_until
from tests.browser.looking import look
from tests.engagement.desk import Desk
from tests.factories import make_mention
from tests.socialdesk.test_films import sound
from tests.socialdesk.test_media import Site, draw

# What a browser films of a canvas, in base64: a file that a browser can surely play.
FILM = """async () => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const pen = canvas.getContext("2d");
  const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
  const pieces = [];
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  const over = new Promise((done) => (recorder.onstop = done));
  recorder.start();
  const film = () => pieces.reduce((sum, piece) => sum + piece.size, 0);
  for (let step = 0; step < 20 || film() < 1500; step += 1) { // a busy machine paints late
    pen.fillStyle = step % 2 ? "teal" : "gold";
    pen.fillRect(0, 0, 64, 64);
    await new Promise(requestAnimationFrame);
    await new Promise((done) => setTimeout(done, 25));
    recorder.requestData();
  }
  recorder.stop();
  await over;
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


@pytest.fixture
def site(settings: Any, tmp_path: Path) -> Iterator[Site]:
    settings.PICTURE_CACHE = tmp_path / "pictures"
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
    here = Site()
    yield here
    here.server.shutdown()
    here.server.server_close()


def play(page: Page, selector: str) -> None:
    """As a press on the player's own button, which no selector reaches."""
    page.locator(selector).evaluate("(player) => { player.muted = true; return player.play(); }")


def test_a_film_and_a_sound_are_played_through_the_desk(windows: Windows, desk: Desk, sam: Agent, site: Site) -> None:
    page = windows.open(sam)
    film = base64.b64decode(page.evaluate(FILM))
    parts = (
        MediaData("video", site.put("/film", film), "The wheel wobbles", preview=site.put("/still", draw(size=(64, 64)))),
        MediaData("audio", site.put("/sound", sound())),
    )
    mention = make_mention("@tidewheel listen to this", media=parts)
    page.goto(f"/conversations/{mention.conversation_id}/")
    player = page.get_by_label("The wheel wobbles")
    expect(player).to_be_visible()
    wait_until(lambda: [path for path, _ in site.asked] == ["/still"])  # nothing of the film before somebody wants it
    play(page, "video")
    wait_until(lambda: player.evaluate("(film) => film.currentTime > 0 && film.videoWidth") == 64)
    play(page, "audio")
    wait_until(lambda: page.locator("audio").evaluate("(sound) => sound.currentTime > 0"))
    expect(page.get_by_label("A sound that nobody described")).to_be_visible()
    expect(page.locator("[data-unplayable]:visible")).to_have_count(0)
    look(page, "a post with a film and a sound", within=".thread")


def test_what_cannot_be_played_says_where_it_is(windows: Windows, desk: Desk, sam: Agent, site: Site) -> None:
    parts = (MediaData("video", site.put("/film", b"#EXTM3U"), "The wheel wobbles"), MediaData("video", "https://films.example/list.m3u8"))
    mention = make_mention("@tidewheel look at this", media=parts)
    page = windows.open(sam, f"/conversations/{mention.conversation_id}/")
    expect(page.locator("video")).to_have_count(1)  # a list of pieces is no file
    page.locator("video").evaluate("(film) => film.play().catch(() => null)")
    expect(page.locator("[data-unplayable]")).to_be_visible()
    expect(page.get_by_role("link", name="Film at 127.0.0.1")).to_be_visible()
    expect(page.get_by_role("link", name="Film at films.example")).to_be_visible()
    look(page, "a film that is elsewhere", within=".thread")
    (refused,) = windows.complaints
    assert "404" in refused
    windows.complaints.clear()
