"""Starts Bluesky's own network for tests: from npm, on a PostgreSQL that has pg_trgm and a Redis of its own. Run by itself, it installs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers import free_port, redis

HERE = Path(__file__).parent
INSTALLED = HERE.parent.parent / ".peers"  # some 360 MB that no commit should hold
HOW = (
    "Bluesky's app view needs a PostgreSQL with the extension pg_trgm. Name one with PEERS_DATABASE_URL, or install one"
    " (Debian: apt install postgresql)."
)


@dataclass(frozen=True, slots=True)
class Bluesky:
    """Where its parts answer. `service` is what an account is connected at."""

    service: str
    appview: str
    directory: str


@contextmanager
def bluesky() -> Iterator[Bluesky]:
    """The network, empty. Takes some 20 s to come up."""
    with postgres() as database, redis() as broker:
        address = urlsplit(broker)
        environment = {
            **os.environ,
            "DB_POSTGRES_URL": database,
            "DB_POSTGRES_SCHEMA": "bsky",
            "REDIS_HOST": f"{address.hostname}:{address.port}",
            "LOG_ENABLED": "false",
        }
        process = subprocess.Popen([_find("node"), str(install() / "network.mjs")], env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("{"), f"Bluesky's servers did not start: {line!r}"
            yield Bluesky(**json.loads(line))
        finally:
            process.terminate()
            process.wait(20)


def install() -> Path:
    """The folder with the packages, made on first use: a minute or three."""
    INSTALLED.mkdir(exist_ok=True)
    for name in ("package.json", "network.mjs"):
        shutil.copy(HERE / name, INSTALLED / name)
    done = INSTALLED / f".ready-{(HERE / 'package.json').stat().st_size}"
    if not done.exists():
        print("Installing Bluesky's servers into .peers ...", flush=True)
        for command in (("install", "--no-audit", "--no-fund"), ("rebuild", "better-sqlite3")):
            subprocess.run([_find("npm"), *command], cwd=INSTALLED, check=True)
        done.touch()
    return INSTALLED


@contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty database: PEERS_DATABASE_URL, else on a server of the machine's own PostgreSQL, gone afterwards."""
    given = os.environ.get("PEERS_DATABASE_URL")
    if given:
        yield given
        return
    programs = _find_postgres()
    user = "postgres" if os.geteuid() == 0 else None  # it does not run as root
    with tempfile.TemporaryDirectory(prefix="desk-peers-") as folder:
        if user:
            shutil.chown(folder, user)
        data, port = Path(folder) / "data", free_port()
        _run(programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", user=user)
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        _run(programs / "pg_ctl", "-D", data, "-o", options, "-l", Path(folder) / "log", "-w", "start", user=user)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", user=user)


def _find_postgres() -> Path:
    for extension in sorted(Path("/usr/share/postgresql").glob("*/extension/pg_trgm.control"), reverse=True):
        programs = Path("/usr/lib/postgresql") / extension.parts[4] / "bin"
        if (programs / "initdb").exists():
            return programs
    raise RuntimeError(HOW)


def _run(program: Path, *arguments: object, user: str | None) -> None:
    command = [str(program), *(str(argument) for argument in arguments)]
    subprocess.run(command, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)


def _find(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise RuntimeError(f"{program} is missing: Bluesky's servers need Node.js 20 with npm (Debian: apt install nodejs npm).")
    return path


if __name__ == "__main__":
    install()
