"""The same desk as several processes on PostgreSQL and Redis: web, a real Celery worker, and the clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from websockets.sync.client import connect

from tests import servers
from tests.socialdesk.embedded.conftest import ROOT, Desk, wait_for
from tests.socialdesk.embedded.test_answers import Case, wait_until_sent_once

pytestmark = [pytest.mark.embedded, pytest.mark.servers, pytest.mark.timeout(400)]
StartDesk = Callable[..., Desk]


@pytest.fixture
def addresses() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield {"DATABASE_URL": stack.enter_context(servers.postgres()), "REDIS_URL": stack.enter_context(servers.redis())}


@pytest.fixture
def start_celery(tmp_path: Path, addresses: dict[str, str]) -> Iterator[Callable[..., None]]:
    """Start `celery -A socialdesk ...` beside the desk."""
    processes: list[subprocess.Popen[bytes]] = []
    environment = {**os.environ, **addresses, "SOCIALDESK_DATA": str(tmp_path / "data")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def start(*words: str) -> None:
        with (tmp_path / f"{words[0]}.log").open("wb") as log:
            command = [sys.executable, "-m", "celery", "-A", "socialdesk", *words]
            processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT))

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_post_is_read_by_the_worker_shown_by_the_web_and_answered_once(
    start_desk: StartDesk, start_celery: Callable[..., None], addresses: dict[str, str], tmp_path: Path
) -> None:
    desk = start_desk(**addresses)
    assert "celery -A socialdesk worker" in desk.output
    assert "celery -A socialdesk beat" in desk.output
    assert requests.get(f"{desk.url}/readyz", timeout=30).json()["ready"]
    start_celery("worker", "-Q", "desk,delivery,intake", "--concurrency", "2")
    start_celery("beat", "--schedule", str(tmp_path / "beat"))
    token = {"Authorization": str(desk.token_session("agent").headers["Authorization"])}
    with connect(desk.url.replace("http", "ws") + "/ws/desk/", additional_headers=token) as live:
        case = Case(desk, tmp_path / "data")
        case.reply(desk)
        wait_for(lambda: case.state(desk) == "sent", 60)
        told = set()
        while ("sent", case.conversation) not in told:
            frame = json.loads(live.recv(30))
            told |= {frame["type"]} | {(one["state"], one["conversation"]) for one in frame.get("messages", [])}
    assert "mentions.stored" in told
    wait_until_sent_once(case, desk)


def test_web_process_without_redis_says_so(start_desk: StartDesk, addresses: dict[str, str]) -> None:
    desk = start_desk(**{**addresses, "REDIS_URL": "redis://127.0.0.1:1/0"}, DEMO="0")
    answer = requests.get(f"{desk.url}/readyz", timeout=30)
    assert answer.status_code == 503
    assert {name for name, check in answer.json()["checks"].items() if not check["ok"]} == {"broker", "layer"}
