"""Stores a batch of accepted posts: known or new, folded, scored, matched to topics, threaded. The heart of intake, all in bulk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from listening.models import Conversation, Mention, NetworkAccount, Source
from listening.query import Doc, prepare
from listening.sentiment import get_scorer
from listening.services import filling, folding, triage
from listening.services.matching import get_matcher
from listening.services.parts import media_json
from listening.services.routing import route_later
from listening.services.threads import Arrival, OwnAccount, Thread, Threads
from listening.trends.rollups import append_deltas, count_deltas
from profiles.services.handles import Key, KnownHandle
from socialdesk.lib import bulk
from socialdesk.lib.text import fold
from socialdesk.networks.base import PostData

MENTION_FIELDS = (
    *("id", "network", "external_id", "source_id", "author_id", "conversation_id", "text", "folded", "language"),
    *("posted_at", "received_at", "url", "in_reply_to", "parent_id", "media", "reposts", "is_own", "is_addressed", "asks_for_help"),
    *("edited_at", "score", "label", "confidence", "scorer"),
)  # fmt: skip


Became = Literal["stored", "duplicate", "folded", "filtered"]


@dataclass(slots=True)
class Outcome:
    """What became of a batch's posts: `fates`, one for each of them, in their order. `filtered` counts by the rule that kept posts out.

    `became` and `ids` hold the same by network and external id, where each stands once: its fate, and its mention if it has one.
    """

    fates: list[Became] = field(default_factory=list)
    became: dict[Key, Became] = field(default_factory=dict)
    ids: dict[Key, int] = field(default_factory=dict)
    filtered: Counter[str] = field(default_factory=Counter)
    new_mentions: list[int] = field(default_factory=list)
    changed_conversations: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)  # conversations that posts of our own fell into


@dataclass(frozen=True, slots=True)
class Known:
    """What threading and folding need of a stored mention."""

    id: int
    author_id: int
    conversation_id: int | None
    is_own: bool


def store_posts(
    *, posts: Sequence[PostData], handles: Mapping[Key, KnownHandle], source: Source | None, received_at: datetime, is_history: bool
) -> Outcome:
    """Store what is new of `posts` and fold the rest into what is there. Inside intake's transaction, under its locks."""
    outcome = Outcome()
    every, (posts, repeats) = posts, _once_each(posts)
    accounts = _own_accounts({post.network for post in posts})
    reposts = [post for post in posts if post.repost_of]
    originals = [post for post in posts if not post.repost_of]
    known, stored_texts = _look_up(originals)
    deleted = folding.find_deleted(post for post in originals if (post.network, post.external_id) not in stored_texts)
    changes, early_deletions = [], []
    fuller: dict[Key, tuple[PostData, folding.StoredText]] = {}
    fresh: list[PostData] = []
    for post in originals:
        key = (post.network, post.external_id)
        if key in stored_texts:
            outcome.ids[key] = known[key].id
            outcome.became[key] = "duplicate"
            if folding.is_change(post, stored_texts[key]):
                changes.append(post)
            if filling.has_more(post, stored_texts[key]):
                fuller[key] = (post, stored_texts[key])
        elif post.deleted:
            outcome.became[key] = "filtered"
            outcome.filtered["deleted before it was seen"] += 1
            early_deletions.append(post)
        elif key in deleted:
            outcome.became[key] = "filtered"
            outcome.filtered["came after its deletion"] += 1
        elif (handle := handles[post.network, post.author.external_id]).is_muted:
            outcome.became[key] = "filtered"
            outcome.filtered["muted author"] += 1
        elif handle.erased_at is not None and post.posted_at <= handle.erased_at:
            outcome.became[key] = "filtered"
            outcome.filtered["erased"] += 1
        else:
            fresh.append(post)
    if fresh:
        _store_fresh(
            fresh, outcome, known=known, handles=handles, accounts=accounts, source=source, received_at=received_at, is_history=is_history
        )
    filling.fill_stored(fuller, known=known, outcome=outcome)
    folding.remember_deletions(early_deletions, received_at=received_at)
    folding.apply_changes(changes, known=known, received_at=received_at, outcome=outcome)
    folding.fold_reposts(reposts, outcome=outcome)
    folding.count_waiting_reposts(fresh, known)
    became = outcome.became
    outcome.fates = [repeats.get(place) or became[post.network, post.external_id] for place, post in enumerate(every)]
    return outcome


def _once_each(posts: Sequence[PostData]) -> tuple[list[PostData], dict[int, Became]]:
    """`posts` in order of posting with each id once: the newest text of an id that came twice, and a deletion wins.

    What one of them does not say of itself the others do. Beside it what became of these, by place.
    """
    repeats: dict[int, Became] = {}
    first: dict[Key, PostData] = {}
    for place, post in enumerate(posts):
        key = (post.network, post.external_id)
        earlier = first.get(key)
        if earlier is None:
            first[key] = post
        elif post.text == earlier.text and post.deleted == earlier.deleted:
            repeats[place] = "duplicate"
            first[key] = filling.merge_repeats(earlier, post)
        else:
            repeats[place] = "folded"
            is_later = post.edited_at is None or earlier.edited_at is None or post.edited_at >= earlier.edited_at
            takes_over = post.deleted or (is_later and not earlier.deleted)
            first[key] = filling.merge_repeats(*((post, earlier) if takes_over else (earlier, post)))
    return sorted(first.values(), key=lambda post: (post.posted_at, post.external_id)), repeats


def _own_accounts(networks: Iterable[str]) -> dict[str, list[OwnAccount]]:
    """Our accounts by network, the oldest first, removed ones too: what they said stays ours."""
    found: dict[str, list[OwnAccount]] = {network: [] for network in networks}
    for network, *account in sorted(bulk.read_rows(NetworkAccount, ("network", *OwnAccount._fields), among=("network", found))):
        found[network].append(OwnAccount(*account))
    return found


def _own_account(post: PostData, accounts: list[OwnAccount]) -> OwnAccount | None:
    for account in accounts:
        if (account.external_id and account.external_id == post.author.external_id) or (
            not account.external_id and account.username.casefold() == post.author.username.casefold()
        ):
            return account
    return None


def _look_up(posts: Sequence[PostData]) -> tuple[dict[Key, Known], dict[Key, folding.StoredText]]:
    """The stored mentions that `posts` are, or answer; and the texts of those that they are."""
    known: dict[Key, Known] = {}
    texts: dict[Key, folding.StoredText] = {}
    columns = (
        *("external_id", "id", "author_id", "conversation_id", "is_own"),
        *("text", "edited_at", "deleted_at", "media", "url", "in_reply_to", "parent_id", "language"),
    )
    for network in {post.network for post in posts}:
        of_network = [post for post in posts if post.network == network]
        ids = {post.external_id for post in of_network}
        wanted = ids | {post.in_reply_to for post in of_network if post.in_reply_to}
        for row in bulk.read_rows(Mention, columns, among=("external_id", wanted), network=network):
            known[network, row[0]] = Known(*row[1:5])
            if row[0] in ids:
                texts[network, row[0]] = folding.StoredText(*row[5:])
    return known, texts


def _store_fresh(
    posts: list[PostData],
    outcome: Outcome,
    *,
    known: dict[Key, Known],
    handles: Mapping[Key, KnownHandle],
    accounts: dict[str, list[OwnAccount]],
    source: Source | None,
    received_at: datetime,
    is_history: bool,
) -> None:
    scores = get_scorer().score_many([(post.text, post.language) for post in posts])
    matcher = get_matcher()
    threads = Threads(posts=posts, known=known, handles=handles, received_at=received_at, is_history=is_history)
    # With the conversations locked: whoever has seen one of our own posts in a conversation has seen all those with lower ids there.
    ids, spare = bulk.allocate_ids((Mention, len(posts)), (Conversation, len(posts)))
    spare_ids = iter(spare)
    source_id = source.pk if source else None
    rows: list[tuple[Any, ...]] = []
    links: list[tuple[int, int, datetime]] = []
    counted: list[tuple[datetime, str, str, Sequence[int]]] = []
    for pk, post, score in zip(ids, posts, scores, strict=True):
        key = (post.network, post.external_id)
        handle = handles[post.network, post.author.external_id]
        own = _own_account(post, accounts[post.network])
        language = score.language or post.language
        doc = prepare(
            Doc(
                text=post.text,
                author=post.author.username,
                language=language,
                network=post.network,
                followers=post.author.followers,
                has_media=bool(post.media),
            )
        )
        folded = doc.folded
        parent = known.get((post.network, post.in_reply_to)) if post.in_reply_to else None
        thread: Thread | None
        if own is not None:
            addressed = helps = False
            topics: Sequence[int] = ()
            thread = threads.place_own(post, pk, parent)
            if thread is not None:
                outcome.answered.append(thread.id)
        else:
            addressed = _is_addressed(folded, accounts[post.network], parent)
            helps = triage.asks_for_help(folded)
            topics = matcher.match(doc)
            thread = threads.place(post, pk, parent, handle, spare_ids)
            thread.take(Arrival(post, pk, folded, language, score, addressed, helps, topics), accounts[post.network])
            counted.append((post.posted_at, post.network, score.label, topics))
            links.extend((topic, pk, post.posted_at) for topic in topics)
        known[key] = Known(pk, handle.id, thread.id if thread else None, own is not None)
        rows.append(
            (
                *(pk, post.network, post.external_id, source_id, handle.id, thread.id if thread else None, post.text, folded, language),
                *(
                    post.posted_at,
                    received_at,
                    post.url,
                    post.in_reply_to or None,
                    parent.id if parent else None,
                    media_json(post),
                    0,
                    own is not None,
                ),
                *(addressed, helps, post.edited_at, score.score, score.label, score.confidence, f"{score.scorer} {score.version}"),
            )
        )
        outcome.ids[key] = pk
        outcome.became[key] = "stored"
    threads.insert_new()
    bulk.insert_rows(Mention, MENTION_FIELDS, rows)
    folding.link_topics(links)
    threads.update_known()
    append_deltas(count_deltas(counted))
    outcome.new_mentions += ids
    outcome.changed_conversations += threads.touched()
    route_later(threads.opened())


def _is_addressed(folded: str, accounts: list[OwnAccount], parent: Known | None) -> bool:
    """It answers us or names one of our accounts. Where we have no account on the network, everything was brought here on purpose."""
    if not accounts:
        return True
    if parent is not None and parent.is_own:
        return True
    return "@" in folded and any(f"@{fold(account.username)}" in folded for account in accounts)
