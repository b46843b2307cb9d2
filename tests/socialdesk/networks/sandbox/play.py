"""A small script to play, written to a folder as the demo's is, and a clock to play it by."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from socialdesk.networks.sandbox.lines import Script, load_script
from socialdesk.networks.sandbox.script import play
from socialdesk.networks.sandbox.world import World

START = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
MOODS = ("grateful", "patient", "impatient", "silent", "hostile")
PHRASES = ("thanks", "more", "impatient", "followed", "bye", "permission_yes", "permission_no", "permission_unclear")


def author(username: str, mood: str = "patient", **values: Any) -> dict[str, Any]:
    return {"username": username, "name": username.title(), "lang": "en", "followers": 7, "bio": "", "mood": mood, **values}


def line(number: int, who: str, text: str = "It broke, @tidewheel", **values: Any) -> dict[str, Any]:
    return {"id": f"p{number}", "author": who, "network": "sandbox", "lang": "en", "kind": "complaint", "text": text, **values}


def write_script(
    folder: Path, lines: list[dict[str, Any]], authors: list[dict[str, Any]] | None = None, answers: object = None, *, backlog: int = 1
) -> Script:
    """Reads back what it has written. Without authors everybody is patient; a phrase is "<language> <mood> <phrase>"."""
    folder.mkdir(exist_ok=True)
    names = sorted({entry["author"] for entry in lines} - {"tidewheel"})
    phrases = {lang: {mood: {phrase: [f"{lang} {mood} {phrase}"] for phrase in PHRASES} for mood in MOODS} for lang in ("en", "de")}
    company = {"name": "Tidewheel", "username": "tidewheel", "display_name": "Tidewheel", "product": "Tidewheel One"}
    (folder / "company.json").write_text(json.dumps(company))
    (folder / "authors.json").write_text(json.dumps(authors or [author(name) for name in names]))
    (folder / "posts.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in lines))
    (folder / "answers.json").write_text(json.dumps(answers or phrases))
    return load_script(folder, backlog=backlog)


class Clock:
    """Plays a script second by second, as the periodic task does."""

    def __init__(self, world: World, script: Script) -> None:
        self.world, self.script, self.now = world, script, START

    def tick(self, seconds: float = 0.0) -> int:
        """One call, `seconds` after the one before."""
        self.now += timedelta(seconds=seconds)
        return play(self.world, self.now, self.script)

    def run(self, seconds: int) -> int:
        """A call for every second."""
        return sum(self.tick(1) for _ in range(seconds))
