"""How rows of the world's file become records, and how outside values become what the file keeps."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime

from socialdesk.networks.sandbox.records import Account, Message, Post, Refused

ACCOUNT_COLUMNS = ("id", "network", "username", "display_name", "language", "followers", "bio", "mood", "follows_when_asked")


def _columns(table: str, prefix: str) -> str:
    return ", ".join(f"{table}.{column} AS {prefix}{column}" for column in ACCOUNT_COLUMNS)


# Each is followed by a WHERE of the caller's.
SELECT_POST = (
    f"SELECT post.*, {_columns('author', 'author_')}, stranger.external_id AS stranger,"  # noqa: S608
    " (SELECT json_group_array(media_type || ' ' || alt) FROM"
    " (SELECT media_type, alt FROM picture WHERE picture.post = post.id ORDER BY place)) AS pictures FROM post"
    " JOIN account author ON author.id = post.author LEFT JOIN stranger ON stranger.post = post.in_reply_to"
)
SELECT_MESSAGE = (
    f"SELECT message.*, {_columns('s', 'sender_')}, {_columns('r', 'recipient_')} FROM message"  # noqa: S608
    " JOIN account s ON s.id = message.sender JOIN account r ON r.id = message.recipient"
)


def account_of(row: sqlite3.Row, prefix: str = "") -> Account:
    values = {column: row[prefix + column] for column in ACCOUNT_COLUMNS}
    return Account(**{**values, "follows_when_asked": bool(values["follows_when_asked"])})


def post_of(row: sqlite3.Row) -> Post:
    kept = () if row["pictures"] == "[]" else tuple(json.loads(row["pictures"]))
    return Post(
        id=str(row["id"]),
        network=row["network"],
        author=account_of(row, "author_"),
        text=row["text"],
        posted_at=moment(row["posted_at"]),
        in_reply_to=row["stranger"] or str(row["in_reply_to"] or ""),
        repost_of=str(row["repost_of"] or ""),
        thread=str(row["thread"]),
        language=row["language"],
        media=bool(row["media"]),
        edited_at=None if row["edited_at"] is None else moment(row["edited_at"]),
        deleted=bool(row["deleted"]),
        hidden=bool(row["hidden"]),
        token=row["token"],
        pictures=tuple(each.partition(" ")[2] for each in kept),
        film=any(each.startswith("video/") for each in kept),
    )


def message_of(row: sqlite3.Row) -> Message:
    return Message(
        id=str(row["id"]),
        sender=account_of(row, "sender_"),
        recipient=account_of(row, "recipient_"),
        text=row["text"],
        sent_at=moment(row["sent_at"]),
        token=row["token"],
    )


def moment(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def epoch(at: datetime | None) -> float:
    """Seconds since 1970 of an aware time; of now where there is none."""
    return (at or datetime.now(UTC)).timestamp()


def number(external_id: str) -> int:
    """The id as the file keeps it; one that nothing has where the text cannot be an id."""
    return int(external_id) if external_id.isascii() and external_id.isdigit() and len(external_id) < 19 else -1


def check_text(text: str, *, may_be_empty: bool = False) -> None:
    """Raises Refused for a text that no network would take."""
    if not text.strip() and not may_be_empty:
        raise Refused("empty", "a text is needed")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("bad_text", "the text has characters that are half of something (lone surrogates)") from None
