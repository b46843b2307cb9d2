"""Looking for what is left: every column of every table, and the bytes of every file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import connection


def in_database(markers: list[str]) -> list[str]:
    """`table.column: marker` for every place in the whole database where a marker stands, in any case."""
    wanted = [marker.casefold() for marker in markers]
    found = []
    with connection.cursor() as cursor:
        for schema, table in _tables(cursor):
            name = f"{connection.ops.quote_name(schema)}.{connection.ops.quote_name(table)}"
            cursor.execute(f"SELECT * FROM {name}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    text = _as_text(value).casefold()
                    found += [f"{table}.{column}: {marker}" for marker in wanted if marker in text]
    return sorted(set(found))


def _tables(cursor: Any) -> list[tuple[str, str]]:
    if connection.vendor == "sqlite":
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return [("main", name) for (name,) in cursor.fetchall()]
    cursor.execute(
        "SELECT table_schema, table_name FROM information_schema.tables"
        " WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'"
    )
    return list(cursor.fetchall())


def _as_text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def in_files(folder: Path, markers: list[str]) -> list[str]:
    """`file: marker` for every file below `folder` in whose bytes a marker stands: pages that are free, and logs, too."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            held = path.read_bytes().lower()
        except FileNotFoundError:  # whoever had the database open last takes its log away
            continue
        found += [f"{path.name}: {marker}" for marker in markers if marker.casefold().encode() in held]
    return found
