"""The desk as users run it: a child process of its own, on any free port, with a data folder of its own."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).parents[3]
STARTS_WITHIN = 180.0  # seconds; some 2 on an idle machine


class Desk:
    """A desk process. `output` is all that it has printed so far."""

    def __init__(self, folder: Path, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")}
        self.environment = {**kept, "SOCIALDESK_DATA": str(folder), "PORT": "0", **environment}
        self._folder = folder
        self.log = folder.with_suffix(".log")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            command = [sys.executable, "manage.py", "desk"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT)

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait_until_it_runs(self) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        while not (found := re.search(r"running on (http://\S+)", self.output)):
            assert self.process.poll() is None, f"the desk ended: {self.output}"
            assert time.monotonic() < deadline, f"the desk does not start: {self.output}"
            time.sleep(0.05)
        self.url = found[1]

    def command(self, *words: str) -> str:
        """Run another command on the same data folder; its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=STARTS_WITHIN
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def token_session(self, username: str) -> requests.Session:
        kept = self._folder / f"token_of_{username}"
        is_of_this_desk = kept.exists() and "DATABASE_URL" not in self.environment
        session = requests.Session()
        session.headers["Authorization"] = f"Token {kept.read_text() if is_of_this_desk else self.command('create_token', username)}"
        return session

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code. Fails if it does not end, whatever else is still open."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _prepare(folder: Path, *, begin_with: Path | None = None, **environment: str) -> Path:
    """A folder of which a desk was started once: migrating, compressing and casting the play take seconds. Made by the first of the
    workers who needs it. A demo desk's keeps the agent's token too, which takes a process to make."""
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "ready").exists():
            return folder
        if begin_with is not None:
            shutil.copytree(begin_with, folder, ignore=shutil.ignore_patterns("ready"), dirs_exist_ok=True)
        desk = Desk(folder, **environment)
        try:
            desk.wait_until_it_runs()
            if environment.get("DEMO") != "0":
                (folder / "token_of_agent").write_text(desk.command("create_token", "agent"))
            assert desk.stop() == 0
        finally:
            desk.process.kill()
        (folder / "ready").touch()
    return folder


@pytest.fixture(scope="session")
def prepared_empty(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of a desk without the demo company that was started once."""
    base = tmp_path_factory.getbasetemp()
    return _prepare((base if worker_id == "master" else base.parent) / "prepared_empty", DEMO="0")


@pytest.fixture(scope="session")
def prepared(prepared_empty: Path) -> Path:
    """The folder of a demo desk that was started once."""
    return _prepare(prepared_empty.with_name("prepared"), begin_with=prepared_empty)


@pytest.fixture
def start_desk(tmp_path: Path, prepared: Path, prepared_empty: Path) -> Iterator[Callable[..., Desk]]:
    """Start a desk and wait until it serves, unless `wait` is False: a demo desk, with DEMO="0" an empty one. Starting again is
    on the same folder, `tmp_path / "data"`."""
    desks: list[Desk] = []
    folder = tmp_path / "data"

    def start(*, wait: bool = True, **environment: str) -> Desk:
        if not folder.exists():
            shutil.copytree(prepared_empty if environment.get("DEMO") == "0" else prepared, folder)
        desks.append(Desk(folder, **environment))
        if wait:
            desks[-1].wait_until_it_runs()
        return desks[-1]

    yield start
    for desk in desks:
        if desk.process.poll() is None:
            desk.kill()


def wait_for(condition: Callable[[], Any], timeout: float = 60) -> Any:
    """The first true answer of `condition`."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {timeout:g} s in vain"
        time.sleep(0.1)
    return answer
