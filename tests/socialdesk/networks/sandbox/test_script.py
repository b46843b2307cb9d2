"""The play: a backlog to open with, then lines in their time, whoever calls, however late."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.lines import Script
from socialdesk.networks.sandbox.reader import SandboxReader
from socialdesk.networks.sandbox.script import Progress, play, progress_of, set_speed, speed_of
from socialdesk.networks.sandbox.world import World
from tests.socialdesk.networks.harnesses import read_all
from tests.socialdesk.networks.sandbox.play import START, Clock, author, line, write_script


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """200 lines, of which 60 are the backlog."""
    return write_script(tmp_path / "demo", [line(i, f"person{i % 9}") for i in range(200)], backlog=60)


def test_a_fresh_world_opens_with_a_backlog_over_the_last_two_hours(world: World, script: Script, reader: SandboxReader) -> None:
    assert play(world, START, script) == 60
    posts = read_all(reader).posts
    times = [post.posted_at for post in posts]
    assert len(posts) == 60
    assert times == sorted(times)
    assert START - timedelta(hours=2) == times[0]
    assert START - timedelta(minutes=5) < times[-1] < START
    assert progress_of(world) == Progress(round=1, released=60)


def test_playing_again_at_the_same_time_does_nothing(world: World, script: Script) -> None:
    play(world, START, script)
    assert play(world, START, script) == 0
    assert play(world, START - timedelta(seconds=1), script) == 0
    clock = Clock(world, script)
    assert clock.tick(7) == 1
    assert clock.tick(0) == 0


def test_a_post_comes_every_six_seconds_at_speed_one(world: World, script: Script) -> None:
    clock = Clock(world, script)
    clock.tick()
    assert clock.run(120) == 20
    assert clock.run(60) == 10


@pytest.mark.parametrize(("speed", "released"), [(0.5, 10), (2, 40), (6, 120), (0, 0)])
def test_the_speed_is_kept(world: World, script: Script, speed: float, released: int) -> None:
    clock = Clock(world, script)
    clock.tick()
    set_speed(world, speed)
    assert speed_of(World(world.store.path)) == speed
    assert clock.run(120) == released


@pytest.mark.parametrize("speed", [-1, 1001, float("nan")])
def test_a_speed_that_makes_no_sense_is_refused(world: World, speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be"):
        set_speed(world, speed)


def test_gaps_are_kept_in_proportion(world: World, tmp_path: Path) -> None:
    gaps = [20, 5, 5, 50, 20]
    script = write_script(tmp_path / "demo", [line(i, "ana", f"post {i}", gap=gap) for i, gap in enumerate(gaps)])
    clock = Clock(world, script)
    clock.tick()
    clock.run(24)
    times = [post.posted_at for post in world.posts_by("ana")][1:]
    assert [(time - START).total_seconds() for time in times] == pytest.approx([1.5, 3, 18, 24])


def test_a_long_pause_brings_no_flood(world: World, script: Script, reader: SandboxReader) -> None:
    clock = Clock(world, script)
    clock.tick()
    cursor = read_all(reader).cursor
    assert clock.tick(8 * 3600) == 5
    assert all(clock.now - timedelta(seconds=31) < post.posted_at <= clock.now for post in read_all(reader, cursor).posts)
    assert clock.run(60) == 10


def test_a_clock_that_is_put_back_does_not_stop_the_play(world: World, script: Script) -> None:
    clock = Clock(world, script)
    clock.tick()
    clock.tick(-3600)
    assert clock.run(60) == 10


def test_after_the_last_line_a_new_round_begins_with_new_ids(world: World, tmp_path: Path) -> None:
    lines = [line(0, "ana", "question"), line(1, "ben", "me too", reply_to="p0"), line(2, "ana", "", repost_of="p1", kind="repost")]
    script = write_script(tmp_path / "demo", lines, backlog=3)
    clock = Clock(world, script)
    clock.tick()
    clock.run(18)
    posts = [post for name in ("ana", "ben") for post in world.posts_by(name)]
    assert sorted(post.text for post in posts) == ["me too"] * 4 + ["question"] * 2
    assert len({post.id for post in posts}) == 6
    ben = world.posts_by("ben")
    assert [post.in_reply_to for post in ben] == [post.id for post in world.posts_by("ana") if post.text == "question"]
    assert progress_of(world) == Progress(round=2, released=3)


def test_edits_and_deletions_happen_after_a_while(world: World, tmp_path: Path) -> None:
    lines = [line(0, "ana", "teh bike", edit="the bike"), line(1, "ben", "my number is 0123", delete=True)]
    script = write_script(tmp_path / "demo", [*lines, *(line(i, "cy", "x") for i in range(2, 99))], backlog=2)
    clock = Clock(world, script)
    clock.tick()
    clock.run(60)
    assert (world.posts_by("ana")[0].text, world.posts_by("ben")[0].deleted) == ("teh bike", False)
    clock.run(120)
    assert (world.posts_by("ana")[0].text, world.posts_by("ben")[0].deleted) == ("the bike", True)
    assert world.posts_by("ana")[0].edited_at == START + timedelta(seconds=90)


def test_a_line_that_answers_a_deleted_post_is_left_out(world: World, tmp_path: Path) -> None:
    script = write_script(tmp_path / "demo", [line(0, "ana"), line(1, "ben", reply_to="p0"), line(2, "cy", reply_to="p1"), line(3, "dee")])
    clock = Clock(world, script)
    clock.tick()
    world.delete(world.posts_by("ana")[0].id)
    clock.run(18)
    assert (len(world.posts_by("ben")), len(world.posts_by("cy")), len(world.posts_by("dee"))) == (0, 0, 1)


def test_reviews_come_out_on_the_other_network(world: World, tmp_path: Path) -> None:
    people = [author("ana", networks=["sandbox", "web"])]
    lines = [line(0, "ana", "hello"), line(1, "ana", "Four stars.", network="web")]
    clock = Clock(world, write_script(tmp_path / "demo", lines, people, backlog=2))
    clock.tick()
    reviews = read_all(SandboxReader(Client(world, "tidewheel", network="web"))).posts
    posts = read_all(SandboxReader(Client(world, "tidewheel"))).posts
    assert [(post.network, post.text, post.author.username) for post in reviews] == [("web", "Four stars.", "ana")]
    assert [post.text for post in posts] == ["hello"]
    assert reviews[0].author.external_id != posts[0].author.external_id


def test_the_company_speaks_in_the_script_too(world: World, tmp_path: Path) -> None:
    script = write_script(tmp_path / "demo", [line(0, "tidewheel", "Good morning!"), line(1, "ana", "@tidewheel hi")], backlog=2)
    Clock(world, script).tick()
    assert [post.text for post in world.posts_by("tidewheel")] == ["Good morning!"]


def test_a_reset_world_opens_anew(world: World, script: Script) -> None:
    clock = Clock(world, script)
    clock.tick()
    clock.run(30)
    world.reset()
    assert clock.tick(1) == 60


def test_many_threads_that_play_at_once_play_once(world: World, script: Script) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda _: play(world, START, script), range(8))) == [0] * 7 + [60]
        later = START + timedelta(seconds=13)
        assert sorted(pool.map(lambda _: play(world, later, script), range(8))) == [0] * 7 + [2]


_PLAYER = """
import sys
from datetime import datetime, timedelta
from pathlib import Path
from socialdesk.networks.sandbox.lines import load_script
from socialdesk.networks.sandbox.script import play
from socialdesk.networks.sandbox.world import World

world, script, start = World(Path(sys.argv[1])), load_script(Path(sys.argv[2])), datetime.fromisoformat(sys.argv[3])
# Less than half a minute in all: a time that is further back would pass for a clock that was put back.
for second in range(19):
    play(world, start + timedelta(seconds=second), script)
"""


def test_processes_that_play_at_once_play_once(world: World, script: Script, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[4]
    command = [sys.executable, "-c", _PLAYER, str(world.store.path), str(tmp_path / "demo"), START.isoformat()]
    players = [subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, stderr=subprocess.PIPE) for _ in range(3)]
    errors = [player.communicate(timeout=100)[1].decode() for player in players]
    assert [player.returncode for player in players] == [0, 0, 0], errors
    lines = [row["line"] for row in world.store.rows("SELECT line FROM released ORDER BY post")]
    assert lines == [f"p{i}" for i in range(63)]
