"""Imports a CSV or JSONL file of posts by the same way as everything that comes in."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.utils import OperationalError
from tqdm import tqdm

from listening.models import NetworkAccount, Source
from listening.services.acceptance import Refused, Rejection
from socialdesk.intake import find_source, take_in
from socialdesk.networks.base import PostData
from socialdesk.networks.registry import NETWORKS
from socialdesk.posts import FIELDS, read_post

BATCH = 500
SHOWN = 20
# What a column may be called where --map does not say.
USUAL = {
    "external_id": ("external_id", "id", "tweet_id", "post_id", "status_id"),
    "text": ("text", "content", "message", "body"),
    "author": ("author", "username", "author_id", "name", "user", "handle"),
    "posted_at": ("posted_at", "created_at", "date", "time", "timestamp"),
    "in_reply_to": ("in_reply_to", "in_response_to_tweet_id", "in_reply_to_id", "parent_id"),
    "url": ("url", "link", "permalink"),
    "language": ("language", "lang"),
    "network": ("network",),
}
AUTHOR_FIELDS = ("author.external_id", "author.username", "author.display_name", "author.followers", "author.url")


class Command(BaseCommand):
    help = "Import a CSV or JSONL file of posts. Running it twice stores nothing twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--network", required=True, help=f"one of {', '.join(NETWORKS)}")
        parser.add_argument(
            "--map", nargs="+", action="extend", default=[], metavar="FIELD=COLUMN", help=f"fields: {', '.join((*FIELDS, *AUTHOR_FIELDS))}"
        )
        parser.add_argument("--own", nargs="+", action="extend", default=[], metavar="USERNAME", help="our accounts there")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        network: str = options["network"]
        if network not in NETWORKS:
            raise CommandError(f"unknown network {network!r}: use one of {', '.join(NETWORKS)}")
        mapping = _read_mapping(options["map"])
        for username in options["own"]:
            NetworkAccount.objects.get_or_create(network=network, username=username.removeprefix("@"), removed_at=None)
        source = find_source(network=network, kind=Source.Kind.FILE, name=path.name[:200])
        totals: Counter[str] = Counter()
        refused: list[tuple[int, str]] = []
        entries = _read_entries(path, mapping)
        with tqdm(desc=path.name, unit=" posts", file=sys.stderr, disable=options["verbosity"] == 0) as bar:
            line = 1
            while True:
                part = list(islice(entries, BATCH))
                if not part:
                    break
                posts, unreadable = _read_posts(part, network)
                try:
                    result = take_in(
                        [post for _, post in posts], source=source, is_history=True, refused=[Rejection(*item) for item in unreadable]
                    )
                except OperationalError as error:
                    raise CommandError(
                        f"the database did not take posts {line} to {line + len(part) - 1}: {error}. Those before are stored; run it again."
                    ) from None
                totals.update(
                    seen=result.seen,
                    stored=result.stored,
                    duplicate=result.duplicate,
                    folded=result.folded,
                    filtered=result.filtered,
                    rejected=len(result.rejected),
                )
                known = len(unreadable)
                refused += [(line + index, reason) for index, reason in unreadable]
                refused += [(line + posts[r.index][0], r.reason) for r in result.rejected[known:]]
                line += len(part)
                bar.update(len(part))
        self._report(totals, refused)

    def _report(self, totals: Counter[str], refused: list[tuple[int, str]]) -> None:
        counts = ", ".join(f"{totals[name]:,} {name}" for name in ("stored", "duplicate", "folded", "filtered", "rejected"))
        self.stdout.write(f"{totals['seen']:,} posts: {counts}")
        for number, reason in refused[:SHOWN]:
            self.stdout.write(f"  post {number}: {reason}")
        if len(refused) > SHOWN:
            self.stdout.write(f"  and {len(refused) - SHOWN:,} more; most often:")
            for reason, count in Counter(reason for _, reason in refused).most_common(5):
                self.stdout.write(f"    {count:,} x {reason}")


def _read_mapping(pairs: Iterable[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        name, _, column = pair.partition("=")
        if name not in (*FIELDS, *AUTHOR_FIELDS) or not column:
            raise CommandError(f"--map {pair!r}: write FIELD=COLUMN with a field of {', '.join((*FIELDS, *AUTHOR_FIELDS))}")
        mapping[name] = column
    return mapping


def _read_entries(path: Path, mapping: dict[str, str]) -> Iterator[Any]:
    """The file's entries as dictionaries, or as a Refused that says why one cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
                yield from _read_lines(file, mapping)
            else:
                yield from _read_rows(file, mapping)
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from None


def _read_lines(file: Iterable[str], mapping: dict[str, str]) -> Iterator[Any]:
    for line in file:
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Refused(f"not JSON: {error}")
            continue
        yield _rename(entry, mapping) if isinstance(entry, dict) and mapping else entry


def _read_rows(file: Iterable[str], mapping: dict[str, str]) -> Iterator[Any]:
    csv.field_size_limit(20_000_000)
    rows = csv.DictReader(file)
    columns = rows.fieldnames or []
    chosen = dict(mapping)
    for name, usual in USUAL.items():
        given = name in mapping or (name == "author" and any(key.startswith("author.") for key in mapping))
        column = next((column for column in usual if column in columns), None)
        if not given and column:
            chosen[name] = column
    for name, column in chosen.items():
        if column not in columns:
            raise CommandError(f"--map {name}={column}: the file has no such column. It has: {', '.join(map(str, columns)) or 'none'}")
    missing = [name for name in ("external_id", "text", "posted_at") if name not in chosen]
    if not any(name.startswith("author") for name in chosen):
        missing.append("author")
    if missing:
        there = ", ".join(map(str, columns)) or "none"
        raise CommandError(f"no column for {', '.join(missing)}: say which with --map FIELD=COLUMN. Columns: {there}")
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Refused(f"not CSV: {error}")
            continue
        yield _rename(row, chosen)


def _rename(row: dict[str, Any], mapping: dict[str, str]) -> dict[str, Any]:
    """The entry with our field names; `author.username` and its like become the author's object."""
    entry = {name: row.get(column) for name, column in mapping.items() if not name.startswith("author.")}
    author = {name.removeprefix("author."): row.get(column) for name, column in mapping.items() if name.startswith("author.")}
    if author:
        given = entry.get("author")
        entry["author"] = {**({"username": given} if isinstance(given, str) else {}), **author}
    return {**{key: value for key, value in row.items() if key in FIELDS and key not in entry}, **entry}


def _read_posts(part: list[Any], network: str) -> tuple[list[tuple[int, PostData]], list[tuple[int, str]]]:
    """The posts of one part with their places in it, and the places and reasons of what is none."""
    posts, unreadable = [], []
    for index, entry in enumerate(part):
        try:
            if isinstance(entry, Refused):
                raise entry
            posts.append((index, read_post(entry, network=network)))
        except Refused as refusal:
            unreadable.append((index, str(refusal)))
    return posts, unreadable
