"""Pictures of posts, kept on disk for a while: found, put, gone with their post, and the oldest gone where there are too many."""

from __future__ import annotations

import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from listening.models import Mention
from listening.services.parts import has_media

AFTERWARDS = 0.9  # of the room that there is, once the oldest are gone
_CHECKED_EVERY = 20  # parts of the room: so much is written between two looks at how much there is
_AT_ONCE = 500

_lock = threading.Lock()
_written = 0  # bytes, by this process, since it looked


def find_kept(mention_id: int, digest: str) -> bytes | None:
    """The picture of that address in that post, if it is here."""
    try:
        return _path(mention_id, digest).read_bytes()
    except OSError:
        return None


def open_kept(mention_id: int, digest: str) -> BinaryIO | None:
    """Like find_kept, for what is read in parts."""
    try:
        return _path(mention_id, digest).open("rb")
    except OSError:
        return None


def keep(mention_id: int, digest: str, content: bytes) -> None:
    """Keep it until its post goes or others need the room. A disk that is full keeps nothing, and nobody minds."""
    path = _path(mention_id, digest)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
    _note_written(len(content))


def drop_later(mention_ids: Iterable[int]) -> None:
    """Once the transaction is through: nothing is left of the pictures of these posts."""
    ids = list(mention_ids)
    if ids:
        transaction.on_commit(lambda: drop(ids), robust=True)


def drop(mention_ids: Iterable[int]) -> None:
    for mention_id in mention_ids:
        shutil.rmtree(_folder_of(mention_id), ignore_errors=True)


def tidy() -> int:
    """Drop the pictures of posts that have none any more (deleted, erased, too old to be kept), then the oldest until there is room.

    Whatever came in between two steps of a deletion is found here. Returns for how many posts pictures went.
    """
    dropped = 0
    folders = [(int(folder.name), folder) for folder in _folders() if folder.name.isdecimal()]
    for start in range(0, len(folders), _AT_ONCE):
        some = folders[start : start + _AT_ONCE]
        posts = Mention.objects.filter(pk__in=[pk for pk, _ in some]).values_list("pk", "media")
        stand = {pk for pk, media in posts if has_media(media)}
        gone = [pk for pk, _ in some if pk not in stand]
        drop(gone)
        dropped += len(gone)
    make_room()
    return dropped


def make_room() -> None:
    """Drop the oldest files where all of them need more room than the setting PICTURE_CACHE_BYTES gives."""
    found = []
    for folder in _folders():
        for path in _inside(folder):
            try:
                stat = path.stat()
            except OSError:  # dropped meanwhile
                continue
            found.append((stat.st_mtime, stat.st_size, path))
    size = sum(entry[1] for entry in found)
    if size <= settings.PICTURE_CACHE_BYTES:
        return
    for _, length, path in sorted(found):
        path.unlink(missing_ok=True)
        size -= length
        if size <= settings.PICTURE_CACHE_BYTES * AFTERWARDS:
            return


def _note_written(length: int) -> None:
    global _written
    with _lock:
        _written += length
        is_time = _written > settings.PICTURE_CACHE_BYTES / _CHECKED_EVERY
        if is_time:
            _written = 0
    if is_time:
        make_room()


def _folder_of(mention_id: int) -> Path:
    return Path(settings.PICTURE_CACHE) / f"{mention_id % 1000:03}" / str(mention_id)


def _path(mention_id: int, digest: str) -> Path:
    return _folder_of(mention_id) / digest


def _folders() -> Iterator[Path]:
    for shelf in _inside(Path(settings.PICTURE_CACHE)):
        yield from _inside(shelf)


def _inside(folder: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(folder)]
    except OSError:
        return []
