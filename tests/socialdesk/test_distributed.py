"""The same desk as separate processes on real PostgreSQL and Redis: web, worker, clock and listener, from a pushed post to the delivered
answer."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest
from websockets.sync.client import ClientConnection, connect

from socialdesk.networks.sandbox.world import World
from tests.servers import postgres, redis
from tests.socialdesk.embedded.test_listening import CONNECT
from tests.socialdesk.networks.mastodon.simulator import Simulator

pytestmark = [pytest.mark.servers, pytest.mark.embedded, pytest.mark.slow, pytest.mark.timeout(400)]
ROOT = Path(__file__).resolve().parent.parent.parent


def eventually(what: Callable[[], Any], *, seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


@contextmanager
def process(*command: str, env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        running = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@pytest.fixture(scope="module")
def desk(tmp_path_factory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("distributed")
    with ExitStack() as stack:
        env = {
            **os.environ,
            "DATABASE_URL": stack.enter_context(postgres()),
            "REDIS_URL": stack.enter_context(redis()),
            "SOCIALDESK_DATA": str(folder / "data"),
            "SOCIALDESK_UNDO_SECONDS": "0",
            "SOCIALDESK_OUTBOUND_PRIVATE": "127.0.0.1",
            "DEMO": "1",
        }
        env.pop("PYTEST_CURRENT_TEST", None)
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=env, check=True)
        stack.enter_context(process("manage.py", "desk", "--port", "0", env=env, log=folder / "web.log"))
        worker = ("-m", "celery", "-A", "socialdesk", "worker", "-Q", "desk,delivery,intake", "--pool", "threads", "-c", "4")
        stack.enter_context(process(*worker, env=env, log=folder / "worker.log"))
        stack.enter_context(
            process("-m", "celery", "-A", "socialdesk", "beat", "-s", str(folder / "beat"), env=env, log=folder / "beat.log")
        )
        running = eventually(lambda: re.search(r"running on (http://\S+)", (folder / "web.log").read_text()), seconds=180)
        assert running, (folder / "web.log").read_text()[-3000:]
        base = running[1]
        token = subprocess.run(
            [sys.executable, "manage.py", "create_token", "agent"], cwd=ROOT, env=env, check=True, capture_output=True, text=True
        ).stdout.strip()
        yield {
            "base": base,
            "folder": folder,
            "env": env,
            "http": httpx.Client(
                base_url=base,
                headers={"Authorization": f"Token {token}"},
                timeout=30,
                limits=httpx.Limits(keepalive_expiry=2),  # shorter than the server's, which may hang up just then
            ),
            "token": token,
        }


def test_it_says_that_it_is_ready(desk):
    assert eventually(lambda: desk["http"].get("/readyz").status_code == 200), desk["http"].get("/readyz").text
    said = (desk["folder"] / "web.log").read_text()
    assert all(f"celery -A socialdesk {name}" in said for name in ("worker", "beat")), "which processes it needs"


def test_a_web_process_without_redis_says_so(desk):
    log = desk["folder"] / "without_redis.log"
    with process("manage.py", "desk", "--port", "0", env={**desk["env"], "REDIS_URL": "redis://127.0.0.1:1/0", "DEMO": "0"}, log=log):
        running = eventually(lambda: re.search(r"running on (http://\S+)", log.read_text()), seconds=180)
        assert running, log.read_text()

        def failing() -> set[str]:
            answer = httpx.get(f"{running[1]}/readyz", timeout=30)
            assert answer.status_code == 503
            return {name for name, check in answer.json()["checks"].items() if not check["ok"]}

        assert eventually(lambda: failing() == {"broker", "layer"}), failing()


def test_the_sandbox_is_read_by_the_worker(desk):
    assert eventually(lambda: len(desk["http"].get("/api/mentions/?page_size=500&network=sandbox").json()["results"]) >= 50)


@contextmanager
def open_socket(desk: dict[str, Any]) -> Iterator[ClientConnection]:
    address = desk["base"].replace("http", "ws") + "/ws/desk/"
    with connect(address, additional_headers={"Authorization": f"Token {desk['token']}"}) as socket:
        assert json.loads(socket.recv(timeout=30))["type"] == "hello"
        yield socket


def is_told(socket: ClientConnection, what: Callable[[dict[str, Any]], bool]) -> bool:
    """Whether a frame like that comes. Fails where none comes for half a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if what(json.loads(socket.recv(timeout=30))):
            return True
    return False


def test_a_pushed_post_reaches_an_open_socket_of_another_process(desk):
    with open_socket(desk) as socket:
        post = {
            "network": "x", "external_id": "live-1", "text": "hello desk", "author": {"external_id": "a", "username": "a"},
            "posted_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }  # fmt: skip
        stored = desk["http"].post("/api/mentions/", json=post).json()["ids"]["live-1"]
        assert is_told(socket, lambda frame: frame["type"] == "mentions.stored" and stored in frame["ids"])


def test_an_answer_is_delivered_by_the_worker_exactly_once(desk):
    http = desk["http"]
    # A post that any agent may answer; of the play's own, the newest may be one that a rule keeps for others.
    world = World(desk["folder"] / "data" / "sandbox.sqlite3")
    post = world.publish("rosa_rides", "@tidewheel my bike will not unlock, what now?")

    def found() -> list[dict[str, Any]]:
        mentions = http.get("/api/mentions/?network=sandbox&author=rosa_rides").json()["results"]
        return [mention for mention in mentions if mention["external_id"] == post.id]

    [mention] = eventually(found)
    conversation = mention["conversation"]
    with open_socket(desk) as socket:
        answer = http.post(f"/api/conversations/{conversation}/reply/", json={"text": "We are looking into it now."})
        assert answer.status_code == 201, answer.text
        sent = {"state": "sent", "conversation": conversation}
        assert is_told(socket, lambda frame: any(sent.items() <= message.items() for message in frame.get("messages", [])))

    def states() -> list[str]:
        return [m["state"] for m in http.get(f"/api/conversations/{conversation}/messages/").json()["results"] if m["kind"] == "reply"]

    assert states() == ["sent"]
    assert len([reply for reply in world.replies_to(post.id) if reply.author.username == "tidewheel"]) == 1
    second = http.post(f"/api/conversations/{conversation}/reply/", json={"text": "We are looking into it now."})
    assert second.status_code == 409


def test_a_listener_hears_what_is_pushed_and_nothing_is_missed_while_it_was_dead(desk):
    there = Simulator()
    world = there.world
    credentials = {"server": there.base, "access_token": there.routes.oauth.give_token("read write"), "list": "7", "domain": world.domain}
    shell = [sys.executable, "manage.py", "shell", "-c", CONNECT.format(id=world.us.id, credentials=credentials)]
    subprocess.run(shell, cwd=ROOT, env=desk["env"], check=True, capture_output=True)
    said: list[str] = []

    def say(words: str) -> None:
        said.append(words)
        world.publish(world.person("mara"), f"@tidewheel {words}")

    def is_heard() -> bool:
        found = desk["http"].get("/api/mentions/?network=mastodon&page_size=500").json()["results"]
        return sorted(mention["text"].partition(" ")[2] for mention in found) == sorted(said)

    def listening(log: str):
        return process("manage.py", "listen", env=desk["env"], log=desk["folder"] / log)

    try:
        with listening("listen.log") as listener:
            assert eventually(lambda: there.subscribed >= 2), (desk["folder"] / "listen.log").read_text()[-3000:]
            say("my bike is late")
            assert eventually(is_heard)  # the account is read once an hour: what comes sooner was pushed
            listener.kill()
            listener.wait()
        there.drop_streams()
        there.subscribed = 0
        say("nobody hears me")
        say("nor me")
        with psycopg2.connect(desk["env"]["DATABASE_URL"]) as database, database.cursor() as cursor:
            # As if the half minute had passed after which it is taken for dead.
            cursor.execute("UPDATE listening_source SET polled_until = now() WHERE kind = 'stream' AND polled_until IS NOT NULL")
            assert cursor.rowcount == 1
        with listening("listen-again.log") as listener:
            assert eventually(lambda: there.subscribed >= 2), (desk["folder"] / "listen-again.log").read_text()[-3000:]
            assert eventually(is_heard)
            say("and now?")
            assert eventually(is_heard)
            listener.terminate()
            assert listener.wait(60) == 0
    finally:
        there.stop()
