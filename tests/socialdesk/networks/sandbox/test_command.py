"""`manage.py sandbox`: what a developer sees and sets."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.sandbox.script import speed_of
from socialdesk.networks.sandbox.world import World


@pytest.fixture
def world(settings: Settings, tmp_path: Path) -> World:
    settings.SANDBOX_PATH = tmp_path / "world.sqlite3"
    return registry.sandbox_world()


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("sandbox", *arguments, stdout=output)
    return output.getvalue().strip()


def test_a_post_is_written_and_answered_and_its_id_is_all_that_is_printed(world: World) -> None:
    post_id = run("post", "ana", "it broke @tidewheel")
    answer_id = run("post", "@ben", "mine too", "--reply-to", post_id)
    assert [reply.id for reply in world.replies_to(post_id)] == [answer_id]
    assert run("post", "ana", "Four stars.", "--network", "web") == world.posts_by("ana", network="web")[0].id


def test_faults_and_speed_are_set_and_shown(world: World) -> None:
    run("fault", "slow", "0.25", "--seconds", "3")
    run("fault", "dropped", "1")
    run("speed", "4")
    assert world.faults.rates() == {"slow": 0.25, "dropped": 1}
    assert speed_of(world) == 4
    status = run("status")
    assert "25.0%" in status
    assert "speed     4" in status
    assert "not begun" in status
    run("heal")
    assert world.faults.rates() == {}
    assert "no fault is switched on" in run("status")


def test_a_reset_empties_the_world(world: World) -> None:
    run("post", "ana", "it broke")
    run("reset")
    assert world.counts()["posts"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fault", "gremlins", "1"), "unknown fault 'gremlins'; there are: slow"),
        (("fault", "slow", "2"), "from 0 to 1"),
        (("speed", "-1"), "speed must be from 0"),
        (("post", "ana", ""), "a text is needed"),
        (("post", "ana", "hello", "--reply-to", "12"), "there is no post 12"),
        (("dance",), "invalid choice"),
    ],
)
def test_a_mistake_is_explained(world: World, arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*arguments)


def test_without_a_world_the_setting_is_named(settings: Settings) -> None:
    settings.SANDBOX_PATH = None
    with pytest.raises(CommandError, match="SANDBOX_PATH"):
        run("status")
