"""The world's file: one SQLite database with a connection per thread, safe for many threads and many processes."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account (
    id TEXT PRIMARY KEY, network TEXT NOT NULL, username TEXT NOT NULL COLLATE NOCASE, display_name TEXT NOT NULL,
    language TEXT NOT NULL, followers INTEGER NOT NULL, bio TEXT NOT NULL, mood TEXT NOT NULL, follows_when_asked INTEGER NOT NULL,
    UNIQUE (network, username)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS post (
    id INTEGER PRIMARY KEY, network TEXT NOT NULL, author TEXT NOT NULL REFERENCES account, text TEXT NOT NULL, posted_at REAL NOT NULL,
    in_reply_to INTEGER, repost_of INTEGER, thread INTEGER NOT NULL, language TEXT NOT NULL, media INTEGER NOT NULL, edited_at REAL,
    deleted INTEGER NOT NULL DEFAULT 0, hidden INTEGER NOT NULL DEFAULT 0, token TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS post_author ON post (author, in_reply_to);
CREATE INDEX IF NOT EXISTS post_repost ON post (repost_of) WHERE repost_of IS NOT NULL;
CREATE INDEX IF NOT EXISTS post_reply ON post (in_reply_to) WHERE in_reply_to IS NOT NULL;
CREATE INDEX IF NOT EXISTS post_thread ON post (thread, author);
CREATE INDEX IF NOT EXISTS post_by_hand ON post (author, in_reply_to) WHERE token = '';
CREATE INDEX IF NOT EXISTS post_token ON post (token) WHERE token != '';
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, sender TEXT NOT NULL REFERENCES account, recipient TEXT NOT NULL REFERENCES account,
    text TEXT NOT NULL, sent_at REAL NOT NULL, token TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS message_sides ON message (sender, recipient);
CREATE INDEX IF NOT EXISTS message_token ON message (token) WHERE token != '';
CREATE TABLE IF NOT EXISTS follow (follower TEXT, followed TEXT, PRIMARY KEY (follower, followed)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS liked (account TEXT, post INTEGER, PRIMARY KEY (account, post)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS change (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, network TEXT NOT NULL, kind TEXT NOT NULL, post INTEGER, message INTEGER
);
CREATE INDEX IF NOT EXISTS change_network ON change (network, seq);
CREATE TABLE IF NOT EXISTS fault (name TEXT PRIMARY KEY, rate REAL NOT NULL, seconds REAL NOT NULL, fired INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS picture (
    post INTEGER, place INTEGER, content BLOB NOT NULL, media_type TEXT NOT NULL, alt TEXT NOT NULL, PRIMARY KEY (post, place)
);
CREATE TABLE IF NOT EXISTS stranger (external_id TEXT PRIMARY KEY, post INTEGER NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS released (round INTEGER, line TEXT, post INTEGER UNIQUE, PRIMARY KEY (round, line)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS plan (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, due REAL NOT NULL, round INTEGER NOT NULL, account TEXT NOT NULL, post INTEGER,
    thread INTEGER, answers INTEGER UNIQUE, text TEXT NOT NULL, follows INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS plan_due ON plan (done, due);
CREATE INDEX IF NOT EXISTS plan_account ON plan (account, kind);
"""


class Store:
    """Connections and transactions on one file. Forking is allowed: a child opens connections of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = os.getpid()
        self._local = threading.local()
        self._writing = threading.RLock()
        self._inherited: list[threading.local] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._create()

    def connection(self) -> sqlite3.Connection:
        """This thread's own connection, opened at its first use."""
        if self._pid != os.getpid():
            # SQLite forbids to use, and even to close, a connection that a parent process opened.
            self._inherited.append(self._local)
            self._local, self._writing, self._pid = threading.local(), threading.RLock(), os.getpid()
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous=NORMAL")
            self._local.connection = connection
            self._local.depth = 0
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction that is committed at the end and undone by an exception; inside another it joins that one."""
        connection = self.connection()
        # Threads of one process queue here: waiting for a lock is fairer and faster than SQLite's polling.
        with self._writing:
            if self._local.depth:
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            self._local.depth = 1
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            finally:
                self._local.depth = 0

    def rows(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        return self.connection().execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: tuple[Any, ...] = ()) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self.connection().execute(sql, parameters).fetchone()
        return found

    def setting(self, key: str) -> Any:
        """What was kept under `key`: a number, a text, or None."""
        found = self.row("SELECT value FROM setting WHERE key = ?", (key,))
        return None if found is None else found["value"]

    def keep(self, key: str, value: float | str | None) -> None:
        with self.transaction() as connection:
            connection.execute("INSERT INTO setting VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))

    def new_id(self) -> int:
        """An id that no post and no message has, now or after a reset, later than all before. Inside a transaction."""
        now = int(time.time() * 1000) << 10
        with self.transaction() as connection:
            row = connection.execute(
                "UPDATE setting SET value = max(value + 1, ?) WHERE key = 'last_id' RETURNING value", (now,)
            ).fetchone()
        return int(row["value"])

    def clear(self) -> None:
        """Empties the world. Numbers already given out are never given again, so that cursors and stored ids stay true."""
        with self.transaction() as connection:
            for table in ("account", "post", "message", "follow", "liked", "change", "fault", "picture", "stranger", "released", "plan"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are the ones above
            connection.execute("DELETE FROM setting WHERE key NOT IN ('last_id', 'world')")

    def close(self) -> None:
        """Closes this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None and self._pid == os.getpid():
            connection.close()
            del self._local.connection

    def _create(self) -> None:
        connection = self.connection()
        deadline = time.monotonic() + BUSY_SECONDS
        while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            # Two processes that create the file at once: the change to WAL does not wait for the busy timeout.
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        if connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'picture'").fetchone()[0]:
            return
        with self.transaction():
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("INSERT OR IGNORE INTO setting VALUES ('last_id', 0), ('world', lower(hex(randomblob(4))))")
