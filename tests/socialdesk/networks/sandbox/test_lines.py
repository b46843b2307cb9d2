"""Reading a script: the demo's own, and what is said about one that cannot be played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.lines import ScriptError, Then, demo_script, load_script
from socialdesk.networks.sandbox.reader import SandboxReader
from socialdesk.networks.sandbox.script import play, set_speed
from socialdesk.networks.sandbox.world import World
from tests.socialdesk.networks.harnesses import read_all
from tests.socialdesk.networks.sandbox.play import START, Clock, author, line, write_script


def test_a_script_is_read_with_everything_in_it(tmp_path: Path) -> None:
    then = [{"on": "message", "text": "4711"}, {"on": "silence", "text": "?"}]
    lines = [line(0, "ana", gap=3, media=True, edit="new", delete=True, then=then), line(1, "ana", "", repost_of="p0")]
    script = write_script(tmp_path / "demo", lines, [author("ana", "hostile", follows_when_asked=True, networks=["sandbox", "web"])])
    first, second = script.lines
    assert (first.gap, first.media, first.edit, first.delete) == (3, True, "new", True)
    assert first.then == (Then("message", "4711"), Then("silence", "?"))
    assert (second.gap, second.repost_of, second.media) == (20, "p0", False)
    assert script.people["ana"].follows_when_asked
    assert script.mean_gap == 11.5


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([line(0, "ana"), line(0, "ana")], r"posts\.jsonl, line 2: the id 'p0' is taken"),
        ([line(0, "ana", reply_to="p9")], r"line 1: 'reply_to' names 'p9', which is not an earlier line"),
        ([line(0, "ana", network="myspace")], r"line 1: 'network' is 'myspace', but must be one of sandbox, web"),
        ([line(0, "ana", network="web")], r"line 1: 'ana' has no account on web"),
        ([line(0, "ana", text=" ")], r"line 1: a post that reposts nothing needs a text"),
        ([{**line(0, "ana"), "text": 5}], r"line 1: 'text' has the wrong type: 5"),
        ([line(0, "ana", gap=-1)], r"line 1: 'gap' must not be negative"),
        ([line(0, "ana", then=[{"on": "thursday", "text": "x"}])], r"line 1, then 1: 'on' is 'thursday'"),
        ([line(0, "ana", then=[{"on": "message"}])], r"line 1, then 1: 'text' is missing"),
        ([line(0, "ben")], r"line 1: authors\.json has no author 'ben'"),
        ([], r"has no lines"),
    ],
)
def test_a_mistake_in_a_line_is_named_with_its_place(tmp_path: Path, lines: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(ScriptError, match=said):
        write_script(tmp_path / "demo", lines, [author("ana")])


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("company.json", None, "company.json is missing"),
        ("posts.jsonl", None, "posts.jsonl is missing"),
        ("authors.json", "{}", "authors.json: a list is expected"),
        ("authors.json", "[1]", "authors.json, author 1: a JSON object is expected, not 1"),
        ("authors.json", json.dumps([author("ana"), author("ana")]), "author 2: the username 'ana' is taken"),
        ("authors.json", json.dumps([author("ana", "moody")]), "author 1: 'mood' is 'moody'"),
        ("authors.json", json.dumps([author("ana", networks=["fax"])]), "'networks' is"),
        ("answers.json", '{"en": ["hello"]}', "answers.json: expected are language"),
        ("answers.json", "{", "answers.json is not JSON"),
        ("posts.jsonl", "{}\n{", "line 1: 'id' is missing"),
        ("posts.jsonl", "\n{", "posts.jsonl, line 2 is not JSON"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, file: str, content: str | None, said: str) -> None:
    folder = tmp_path / "demo"
    write_script(folder, [line(0, "ana")])
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    with pytest.raises(ScriptError, match=said):
        load_script(folder)


def test_the_script_of_the_demo_can_be_played_to_its_end_and_again(world: World) -> None:
    script = demo_script()
    clock = Clock(world, script)
    assert clock.tick() == 60
    set_speed(world, 100)
    clock.run(2 * len(script.lines) // 10)
    assert {row["round"] for row in world.store.rows("SELECT DISTINCT round FROM released")} >= {1, 2}
    first = {row["line"] for row in world.store.rows("SELECT line FROM released WHERE round = 1")}
    assert first == {entry.id for entry in script.lines}
    posts = read_all(SandboxReader(Client(world, "tidewheel"))).posts
    assert {post.language for post in posts if post.language} == {"en", "de", "fr", "es", "ar"}


def test_nobody_of_the_demo_is_without_words(world: World) -> None:
    script = demo_script()
    spoken = {person.language for person in script.people.values() if person.language}
    moods = {person.mood for person in script.people.values()} - {"silent"}
    for language in spoken:
        for mood in moods:
            for phrase in ("thanks", "more", "impatient", "followed", "bye"):
                assert script.phrases.get(language, {}).get(mood, {}).get(phrase), (language, mood, phrase)


def test_without_a_script_the_demo_is_played(world: World) -> None:
    assert play(world, START) == 60
    assert world.account("tidewheel") is not None
