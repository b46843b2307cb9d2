"""An answer survives whatever ends the desk, and reaches the network exactly once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from socialdesk.networks.sandbox.records import Post
from socialdesk.networks.sandbox.world import World
from tests.socialdesk.embedded.conftest import Desk, wait_for

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(400)]
StartDesk = Callable[..., Desk]


class Case:
    """A customer's post in the sandbox, its conversation on the desk, and the agent who answers it."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.world = World(folder / "sandbox.sqlite3")
        self.session = desk.token_session("agent")
        self.post: Post = self.world.publish("rosa_rides", "@tidewheel my bike will not unlock, what now?")
        mention = wait_for(lambda: self._find_mention(desk))
        self.conversation = mention["conversation"]

    def _find_mention(self, desk: Desk) -> dict[str, Any] | None:
        page = self.session.get(f"{desk.url}/api/mentions/", params={"author": "rosa_rides", "network": "sandbox"}, timeout=30)
        return next((one for one in page.json()["results"] if one["external_id"] == self.post.id), None)

    def reply(self, desk: Desk, *, hold: float = 0) -> None:
        address = f"{desk.url}/api/conversations/{self.conversation}/reply/"
        answer = self.session.post(address, json={"text": "Sorry! A new key is on its way.", "hold": hold}, timeout=30)
        assert answer.status_code == 201, answer.text

    def state(self, desk: Desk) -> str:
        page = self.session.get(f"{desk.url}/api/conversations/{self.conversation}/messages/", timeout=30).json()
        [message] = [one for one in page["results"] if one["kind"] == "reply"]
        return str(message["state"])

    def answers(self) -> list[Post]:
        """What our account wrote below the customer's post, as the network has it."""
        ours = {post.id for post in self.world.posts_by("tidewheel")}
        return [post for post in self.world.replies_to(self.post.id) if post.id in ours]


def wait_until_sent_once(case: Case, desk: Desk) -> None:
    wait_for(lambda: case.state(desk) == "sent", 90)
    desk.stop()  # whatever it still wanted to do is done, or never will be
    assert len(case.answers()) == 1


def test_answer_that_is_held_back_survives_a_kill(start_desk: StartDesk, tmp_path: Path) -> None:
    desk = start_desk()
    case = Case(desk, tmp_path / "data")
    case.reply(desk, hold=25)  # longer than a busy machine takes to end it
    desk.kill()
    assert case.answers() == []
    wait_until_sent_once(case, start_desk())


def test_answer_that_is_being_sent_survives_a_kill(start_desk: StartDesk, tmp_path: Path) -> None:
    desk = start_desk()
    case = Case(desk, tmp_path / "data")
    case.world.faults.set("slow", 1, seconds=600)
    case.reply(desk)
    wait_for(lambda: case.state(desk) == "inflight")
    desk.kill()
    case.world.faults.heal()
    wait_until_sent_once(case, start_desk())


def test_answer_that_was_accepted_but_not_confirmed_is_not_sent_again_after_a_kill(start_desk: StartDesk, tmp_path: Path) -> None:
    desk = start_desk()
    case = Case(desk, tmp_path / "data")
    case.world.faults.set("timeout_after_accept", 1)
    case.reply(desk)
    wait_for(case.answers)
    desk.kill()
    case.world.faults.heal()
    wait_until_sent_once(case, start_desk())


def test_stop_does_not_wait_for_a_slow_network_and_the_answer_goes_out_once(start_desk: StartDesk, tmp_path: Path) -> None:
    desk = start_desk()
    case = Case(desk, tmp_path / "data")
    case.world.faults.set("slow", 1, seconds=600)
    case.reply(desk)
    wait_for(lambda: case.state(desk) == "inflight")
    assert desk.stop() == 0
    case.world.faults.heal()
    wait_until_sent_once(case, start_desk())


def test_stopped_desk_answers_when_it_is_started_again(start_desk: StartDesk, tmp_path: Path) -> None:
    desk = start_desk()
    case = Case(desk, tmp_path / "data")
    case.reply(desk, hold=25)  # longer than a busy machine takes to stop
    desk.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{desk.url}/healthz", timeout=10)
    assert case.answers() == []
    wait_until_sent_once(case, start_desk())
