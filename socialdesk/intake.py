"""What comes in, from a network's batch to the agents' screens: the one way by which anything enters the desk.

Polling, webhooks, files, the push API and the sandbox all end in `take_in`. One transaction stores everything of a batch, writes the
ledger and moves the source's cursor, so that nothing is lost or doubled whatever fails (invariant 3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple
from zlib import crc32

from django.db import IntegrityError, connection, transaction

from engagement.services.follow import note_followed
from engagement.services.hops import settle_returns
from engagement.services.marks import mark_conversations
from engagement.services.messages import receive_messages
from listening.models import IntakeBatch, NetworkAccount, Source
from listening.services.acceptance import Refused, Rejection, accept_message, accept_post
from listening.services.store import Became, store_posts
from profiles.models import Handle
from profiles.services.handles import KnownHandle, find_or_create_handles
from socialdesk.lib import bulk, live
from socialdesk.lib.clock import now as current_time
from socialdesk.networks.base import AuthorData, MessageData, PostData

KEPT_REJECTIONS = 100  # in the ledger; the caller is told all of them
LOCKS = 64
_OF_NETWORKS = (Source.Kind.POLL, Source.Kind.STREAM)


class Fate(NamedTuple):
    """What became of one post, the mention that it is or belongs to, and why it was rejected."""

    became: Became | Literal["rejected"]
    mention_id: int | None = None
    reason: str = ""


_UNKNOWN = Fate("stored")  # stands where a post was accepted until its own is known


@dataclass(slots=True)
class Result:
    """What became of a batch: `seen = stored + duplicate + folded + filtered + len(rejected)`. `ids` maps external id to mention id.

    `fates` has one entry for each post, in their order.
    """

    seen: int = 0
    stored: int = 0
    duplicate: int = 0
    folded: int = 0
    filtered: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
    fates: list[Fate] = field(default_factory=list)


def sum_up(posts: Sequence[PostData], fates: list[Fate], refused: Sequence[Rejection]) -> Result:
    """The result of posts with these fates, and of `refused`, what could not even be read."""
    counts = Counter(fate.became for fate in fates)
    rejected = [Rejection(place, fate.reason) for place, fate in enumerate(fates) if fate.became == "rejected"]
    return Result(
        seen=len(posts) + len(refused),
        stored=counts["stored"],
        duplicate=counts["duplicate"],
        folded=counts["folded"],
        filtered=counts["filtered"],
        rejected=[*refused, *rejected],
        ids={post.external_id: fate.mention_id for post, fate in zip(posts, fates, strict=True) if fate.mention_id is not None},
        fates=fates,
    )


def take_in(
    posts: Sequence[PostData],
    messages: Sequence[MessageData] = (),
    *,
    source: Source | None = None,
    cursor: str | None = None,
    is_history: bool = False,
    refused: Sequence[Rejection] = (),
) -> Result:
    """Take one batch in. `cursor` is where the source goes on afterwards; `refused` are entries that could not even be read as posts.

    `is_history` says that nobody waited for this desk when it was posted (a file of old posts): clocks begin now, and of a source that
    is read or pushed by its network nothing is noted as heard. All or nothing: raises OperationalError when the database is away or full,
    and then the cursor has not moved.
    """
    for _ in range(2):
        try:
            return _take_in(posts, messages, source=source, cursor=cursor, is_history=is_history, refused=refused)
        except IntegrityError:
            # Two batches brought the same id under two authors at once; now the other one is there to be seen.
            continue
    return _take_in(posts, messages, source=source, cursor=cursor, is_history=is_history, refused=refused)


def _take_in(
    posts: Sequence[PostData],
    messages: Sequence[MessageData],
    *,
    source: Source | None,
    cursor: str | None,
    is_history: bool,
    refused: Sequence[Rejection],
) -> Result:
    received_at = current_time()
    accepted, fates = _accept(posts, received_at)
    messages, unfit = _accept_messages(messages, received_at, after=len(posts) + len(refused))
    with transaction.atomic():
        originals = [post for post in accepted if not (post.repost_of or post.deleted)]
        authors = [(post.network, post.author) for post in originals] + [(message.network, message.author) for message in messages]
        # A deletion too, or it would miss the post that another batch stores at this moment, and that one the deletion.
        _lock_authors(authors + [(post.network, post.author) for post in accepted if post.deleted])
        handles = find_or_create_handles(authors=authors, now=received_at, newest=_newest(originals, messages))
        known = [handles[network, author.external_id] for network, author in authors if author.follows_us]
        followers = [handle.id for handle in known if not handle.is_new]
        outcome = store_posts(posts=accepted, handles=handles, source=source, received_at=received_at, is_history=is_history)
        if outcome.answered:
            settle_returns(outcome.answered)
        became = iter(zip(accepted, outcome.fates, strict=True))
        for place, fate in enumerate(fates):
            if fate.became != "rejected":
                post, what = next(became)
                fates[place] = Fate(what, outcome.ids.get((post.network, post.external_id)))
        mark_conversations(mention_ids=outcome.new_mentions)
        result = sum_up(posts, fates, [*refused, *unfit])
        filtered_by = Counter(outcome.filtered)
        result.seen += len(messages)
        kept = [message for message in messages if not _was_erased(message, handles)]
        if erased := len(messages) - len(kept):
            result.filtered += erased
            filtered_by["erased"] += erased
        if kept:
            account = source.account if source else None
            writers = Handle.objects.in_bulk([handles[message.network, message.author.external_id].id for message in kept])
            received = receive_messages(messages=kept, account=account, handles={handle.external_id: handle for handle in writers.values()})
            result.stored += received.stored
            result.duplicate += received.duplicate
        if followers:
            note_followed(authors=followers)
        is_heard = not (is_history and source is not None and source.kind in _OF_NETWORKS)
        _record(result, filtered_by=dict(filtered_by), source=source, cursor=cursor, received_at=received_at, is_heard=is_heard)
        if outcome.new_mentions or outcome.changed_conversations:
            live.publish(live.MentionsStored(ids=outcome.new_mentions, conversations=sorted(set(outcome.changed_conversations))))
    return result


def _newest(posts: Iterable[PostData], messages: Iterable[MessageData]) -> dict[tuple[str, str], datetime]:
    """When the last of what came from each author was written."""
    newest: dict[tuple[str, str], datetime] = {}
    for network, author, at in [(p.network, p.author, p.posted_at) for p in posts] + [(m.network, m.author, m.sent_at) for m in messages]:
        key = (network, author.external_id)
        if key not in newest or newest[key] < at:
            newest[key] = at
    return newest


def _was_erased(message: MessageData, handles: dict[tuple[str, str], KnownHandle]) -> bool:
    erased_at = handles[message.network, message.author.external_id].erased_at
    return erased_at is not None and message.sent_at <= erased_at


def _accept(posts: Iterable[PostData], received_at: datetime) -> tuple[list[PostData], list[Fate]]:
    """Those of `posts` that can be taken, and a fate for each of all: rejected, or still to be found out."""
    accepted, fates = [], []
    for post in posts:
        try:
            accepted.append(accept_post(post, received_at=received_at))
            fates.append(_UNKNOWN)
        except Refused as refusal:
            fates.append(Fate("rejected", reason=str(refusal)))
    return accepted, fates


def _accept_messages(messages: Iterable[MessageData], received_at: datetime, *, after: int) -> tuple[list[MessageData], list[Rejection]]:
    """Those of `messages` that can be taken, and why the others cannot; these are counted from `after` on."""
    accepted, unfit = [], []
    for place, message in enumerate(messages, start=after):
        try:
            accepted.append(accept_message(message, received_at=received_at))
        except Refused as refusal:
            unfit.append(Rejection(place, str(refusal)))
    return accepted, unfit


def _lock_authors(authors: Iterable[tuple[str, AuthorData]]) -> None:
    """Hold off other intakes of the same authors until this one commits: one author must not get two handles or two conversations.

    PostgreSQL only: SQLite has one writer at a time. A few locks rather than one for each author keep its lock table small; they are
    taken in the same order by everybody.
    """
    if connection.vendor != "postgresql":
        return
    keys = sorted({crc32(f"{network}:{author.external_id}".encode()) % LOCKS for network, author in authors})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('intake'), key) FROM unnest(%s::int[]) AS key", [keys])


def _record(
    result: Result, *, filtered_by: dict[str, int], source: Source | None, cursor: str | None, received_at: datetime, is_heard: bool
) -> None:
    """Write the ledger and move the cursor, with the rows that they speak of."""
    before = after = source.cursor if source else ""
    if source is not None and is_heard:
        read: dict[str, Any] = {"last_read_at": received_at, "failures": 0, "last_error": ""}
        if result.seen:
            read["last_item_at"] = received_at
        if cursor is not None:
            before, after = Source.objects.select_for_update().values_list("cursor", flat=True).get(pk=source.pk), cursor
            read["cursor"] = cursor
        if not Source.objects.filter(pk=source.pk).update(**read):
            raise Source.DoesNotExist(f"Source {source.pk} is gone.")
    if result.seen:
        row = {
            "source_id": source.pk if source else None,
            "received_at": received_at,
            "seen": result.seen,
            "stored": result.stored,
            "duplicate": result.duplicate,
            "folded": result.folded,
            "filtered": result.filtered,
            "rejected": len(result.rejected),
            "filtered_by": filtered_by,
            "rejections": [{"index": r.index, "reason": r.reason} for r in result.rejected[:KEPT_REJECTIONS]],
            "cursor_before": before,
            "cursor_after": after,
        }
        bulk.insert_rows(IntakeBatch, list(row), [list(row.values())])


def find_source(*, network: str, kind: Source.Kind, name: str, account: NetworkAccount | None = None) -> Source:
    """The source of pushes or of a file, made on first use. Looked for before each batch of pushes: by the ORM it took a sixth of one."""
    columns = [field.attname for field in Source._meta.concrete_fields]
    for row in bulk.read_rows(Source, columns, among=("name", [name]), network=network, kind=kind, removed_at=None):
        return Source.from_db(connection.alias, columns, row)
    source, _ = Source.objects.get_or_create(network=network, kind=kind, name=name, removed_at=None, defaults={"account": account})
    return source
