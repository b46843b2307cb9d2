"""The desk as one process: starts, serves, listens, stops, is killed, starts again."""

from __future__ import annotations

import json
import re
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from websockets.sync.client import connect

from socialdesk.embedded import CannotStart
from socialdesk.management.commands.desk import listen
from tests.socialdesk.embedded.conftest import STARTS_WITHIN, Desk, wait_for

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(400)]
StartDesk = Callable[..., Desk]


def sign_in(desk: Desk, username: str) -> requests.Session:
    """As a browser does it, with the password that the desk printed."""
    found = re.search(r"with the password\s+(\S+)", desk.output)
    assert found
    session = requests.Session()
    page = session.get(f"{desk.url}/sign-in/", timeout=30)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token
    form = {"username": username, "password": found[1], "csrfmiddlewaretoken": token[1]}
    answer = session.post(f"{desk.url}/sign-in/", form, headers={"Referer": desk.url}, timeout=30, allow_redirects=False)
    assert answer.status_code == 302
    return session


def test_demo_desk_serves_pages_the_feed_and_its_health(start_desk: StartDesk) -> None:
    desk = start_desk()
    assert requests.get(f"{desk.url}/healthz", timeout=30).status_code == 200
    assert wait_for(lambda: requests.get(f"{desk.url}/readyz", timeout=30).json()["ready"])  # all of it is just beginning
    for role in ("agent", "agent2", "agent3", "lead", "marketing", "manager", "admin"):
        assert re.search(rf"^  {role}\s", desk.output, re.MULTILINE)
    session = sign_in(desk, "agent")
    page = session.get(desk.url, timeout=30)
    assert page.status_code == 200
    style = re.search(r'href="(/static/[^"]+\.css)"', page.text)
    assert style
    assert "immutable" in requests.get(desk.url + style[1], timeout=30).headers["Cache-Control"]
    cookie = f"sessionid={session.cookies['sessionid']}"
    with connect(desk.url.replace("http", "ws") + "/ws/desk/", origin=desk.url, additional_headers={"Cookie": cookie}) as live:  # type: ignore[arg-type]
        assert json.loads(live.recv(30))["type"] == "hello"
        pushed = json.loads(live.recv(30))  # the sandbox's people write by themselves
        assert pushed["seq"] > 0


def test_pushed_mention_reaches_a_listening_program(start_desk: StartDesk) -> None:
    desk = start_desk(DEMO="0")
    assert "Sign in with" not in desk.output
    desk.command("shell", "-c", "from profiles.models import Agent; Agent.objects.create_user('boss', role='admin')")
    session = desk.token_session("boss")
    token = {"Authorization": str(session.headers["Authorization"])}
    with connect(desk.url.replace("http", "ws") + "/ws/desk/", additional_headers=token) as live:
        assert json.loads(live.recv(30))["type"] == "hello"
        post = {
            "network": "mastodon",
            "external_id": "1",
            "text": "The bike has not come",
            "author": {"external_id": "7", "username": "mara"},
            "posted_at": "2026-01-05T10:00:00Z",
        }
        answer = session.post(f"{desk.url}/api/mentions/", json=post, timeout=30)
        assert answer.json()["stored"] == 1, answer.text
        frames = [json.loads(live.recv(30))]
        while frames[-1]["type"] != "mentions.stored":
            frames.append(json.loads(live.recv(30)))
    assert frames[-1]["ids"] == [answer.json()["ids"]["1"]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_desk_stops_cleanly_under_an_open_browser(start_desk: StartDesk, number: signal.Signals) -> None:
    desk = start_desk()
    session = desk.token_session("agent")
    token = {"Authorization": str(session.headers["Authorization"])}
    with connect(desk.url.replace("http", "ws") + "/ws/desk/", additional_headers=token) as live:
        live.recv(30)
        assert desk.stop(number) == 0  # with a browser that stays
    assert "Traceback" not in desk.output


def test_desk_that_was_killed_starts_again_and_goes_on_reading(start_desk: StartDesk) -> None:
    desk = start_desk()
    session = desk.token_session("agent")
    wait_for(lambda: session.get(f"{desk.url}/api/mentions/", timeout=30).json()["results"])
    desk.kill()
    again = start_desk()
    newest = session.get(f"{again.url}/api/mentions/", timeout=30).json()["results"][0]["id"]
    wait_for(lambda: session.get(f"{again.url}/api/mentions/", timeout=30).json()["results"][0]["id"] != newest, 60)


def test_second_desk_on_the_same_folder_is_refused(start_desk: StartDesk) -> None:
    first = start_desk(DEMO="0")
    second = start_desk(wait=False, DEMO="0")
    assert second.process.wait(STARTS_WITHIN) == 1
    assert second.output.count("\n") == 1
    assert f"process {first.process.pid}" in second.output


def test_port_in_use_is_said_in_one_line(start_desk: StartDesk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        desk = start_desk(wait=False, DEMO="0", PORT=str(taken.getsockname()[1]))
        assert desk.process.wait(STARTS_WITHIN) == 1
    assert desk.output.count("\n") == 1
    assert "PORT" in desk.output


@pytest.mark.parametrize("port", ["many", "70000", "-1"])
def test_port_that_is_none_is_said(port: str) -> None:
    with pytest.raises(CannotStart, match="PORT"):
        listen("127.0.0.1", port)


def test_data_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    desk = Desk(
        tmp_path / "data", SOCIALDESK_DATA="/proc", SOCIALDESK_SECRET_KEY="a key that is given"
    )  # nobody can write there, root neither
    assert desk.process.wait(STARTS_WITHIN) == 1
    assert "SOCIALDESK_DATA" in desk.output
    assert desk.output.count("\n") == 1


def test_database_that_is_none_is_said_in_one_line(start_desk: StartDesk, tmp_path: Path) -> None:
    desk = start_desk(DEMO="0")
    desk.stop()
    for left in (tmp_path / "data").glob("desk.sqlite3*"):
        left.write_bytes(b"this is no database, but long enough to look like one" * 100)
    broken = start_desk(wait=False, DEMO="0")
    assert broken.process.wait(STARTS_WITHIN) == 1
    assert broken.output.count("\n") == 1
    assert "database" in broken.output


def test_database_server_that_is_away_is_said_in_one_line(start_desk: StartDesk) -> None:
    desk = start_desk(wait=False, DEMO="0", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert desk.process.wait(STARTS_WITHIN) == 1
    assert desk.output.count("\n") == 1


def test_full_disk_shows_on_readyz_and_is_over_when_there_is_room(start_desk: StartDesk) -> None:
    desk = start_desk(DEMO="0")

    def limit_files(size: int) -> None:
        _, most = resource.prlimit(desk.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(desk.process.pid, resource.RLIMIT_FSIZE, (size, most))

    def failing() -> dict[str, str]:
        answer = requests.get(f"{desk.url}/readyz", timeout=30)
        checks = answer.json()["checks"]
        assert answer.status_code == (200 if answer.json()["ready"] else 503)
        return {name: check["detail"] for name, check in checks.items() if not check["ok"]}

    wait_for(lambda: failing() == {})
    limit_files(0)  # from now on no file can grow
    wait_for(lambda: {"database", "disk"} <= failing().keys())
    assert requests.get(f"{desk.url}/healthz", timeout=30).status_code == 200
    limit_files(resource.RLIM_INFINITY)
    wait_for(lambda: not failing())
