"""What does not become a mention of its own: edits, deletions and reposts change what is there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from listening.models import Conversation, ConversationEvent, ConversationTopic, Mention, MentionTopic, Repost, Status, Tombstone
from listening.query import Doc, prepare
from listening.sentiment import get_scorer
from listening.services.conversations import save_conversation
from listening.services.matching import get_matcher
from listening.services.parts import excerpt_of, media_json
from listening.services.pictures import drop_later
from listening.trends.rollups import append_deltas, count_deltas
from profiles.services.handles import Key
from socialdesk.lib import bulk
from socialdesk.networks.base import PostData

if TYPE_CHECKING:
    from listening.services.store import Known, Outcome


# A post comes late from a source that was cut off and reads on from its old cursor, and that takes days or weeks, not months. For
# ever would be too long: even an id alone is the trace of something that its author took back.
KEEP_TOMBSTONES = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class StoredText:
    """What is stored of a post that came again."""

    text: str
    edited_at: datetime | None
    deleted_at: datetime | None
    media: str  # as JSON
    url: str
    in_reply_to: str | None
    parent_id: int | None
    language: str


def is_change(post: PostData, stored: StoredText) -> bool:
    """Is `post` a later state of what is stored? An older one that is delivered again is a duplicate."""
    if stored.deleted_at is not None:
        return False
    if post.deleted:
        return True
    if post.text == stored.text:
        # Addresses of pictures change from one delivery to the next: only what says that it was edited can be another state.
        is_later = post.edited_at is not None and (stored.edited_at is None or post.edited_at > stored.edited_at)
        return is_later and media_json(post) != json.loads(stored.media)
    if post.edited_at is None:
        return stored.edited_at is None
    return stored.edited_at is None or post.edited_at > stored.edited_at


def apply_changes(posts: Sequence[PostData], *, known: Mapping[Key, Known], received_at: datetime, outcome: Outcome) -> None:
    """Apply edits and deletions to stored mentions. They are rare, so one by one."""
    for post in posts:
        mention = Mention.objects.select_for_update(of=("self",)).select_related("author").get(pk=known[post.network, post.external_id].id)
        if post.deleted:
            _apply_deletion(mention, received_at)
        else:
            _apply_edit(mention, post, received_at)
        outcome.became[post.network, post.external_id] = "folded"
        if mention.conversation_id:
            outcome.changed_conversations.append(mention.conversation_id)


def _apply_edit(mention: Mention, post: PostData, received_at: datetime) -> None:
    score = get_scorer().score(post.text, language=post.language)
    language = score.language or post.language
    author = mention.author
    doc = prepare(
        Doc(
            text=post.text,
            author=author.username,
            language=language,
            network=mention.network,
            followers=author.followers,
            has_media=bool(post.media),
        )
    )
    before = _counted(mention)
    drop_later([mention.pk])
    mention.text, mention.folded, mention.language = post.text, doc.folded, language
    mention.score, mention.label, mention.confidence = score.score, score.label, score.confidence
    mention.scorer = f"{score.scorer} {score.version}"
    mention.media = media_json(post)
    mention.edited_at = post.edited_at or received_at
    mention.save()
    mention.refresh_from_db(fields=["sentiment"])
    if mention.is_own:
        return
    topics = get_matcher().match(doc)
    MentionTopic.objects.filter(mention=mention).delete()
    link_topics([(topic, mention.pk, mention.posted_at) for topic in topics])
    append_deltas(count_deltas(before, sign=-1), count_deltas(_counted(mention)))
    conversation = Conversation.objects.select_for_update().get(mentions=mention)
    links = [(topic, conversation.pk, conversation.is_active, conversation.activity_at) for topic in topics]
    bulk.insert_missing(ConversationTopic, ("topic_id", "conversation_id", "is_active", "activity_at"), links)
    if conversation.last_mention_id == mention.pk:
        conversation.excerpt, conversation.sentiment, conversation.language = excerpt_of(post)[:300], mention.sentiment, language
        save_conversation(conversation)


def _apply_deletion(mention: Mention, received_at: datetime) -> None:
    """The author withdrew it: its words go, that it was said stays. A conversation of withdrawn posts alone has nothing left to answer."""
    drop_later([mention.pk])
    mention.text = mention.folded = ""
    mention.media = []
    mention.deleted_at = received_at
    mention.save()
    if mention.conversation_id is None:
        return
    conversation = Conversation.objects.select_for_update().get(pk=mention.conversation_id)
    if conversation.last_mention_id == mention.pk:
        conversation.excerpt = ""
    rest = Mention.objects.filter(conversation=conversation, deleted_at=None)
    untouched = conversation.last_answered_at is None and not conversation.private_waiting and not conversation.returns_owed
    if conversation.is_active and untouched and not rest.exists():
        conversation.status = Status.RESOLVED
        conversation.resolved_at = received_at
        conversation.version += 1
        ConversationEvent.objects.create(
            conversation=conversation, kind=ConversationEvent.Kind.RESOLVED, at=received_at, data={"because": "its author deleted it"}
        )
    save_conversation(conversation)


def remember_deletions(posts: Sequence[PostData], *, received_at: datetime) -> None:
    """Keep in mind that these, which are not stored, were deleted: they may still come."""
    rows = [(post.network, post.external_id, received_at) for post in posts]
    bulk.insert_missing(Tombstone, ("network", "external_id", "received_at"), rows)


def find_deleted(posts: Iterable[PostData]) -> set[Key]:
    """Those of `posts`, none of them stored, whose deletion came before."""
    ids: dict[str, list[str]] = {}
    for post in posts:
        ids.setdefault(post.network, []).append(post.external_id)
    return {
        (network, external_id)
        for network, of_network in ids.items()
        for (external_id,) in bulk.read_rows(Tombstone, ("external_id",), among=("external_id", of_network), network=network)
    }


def forget_deletions(*, now: datetime) -> int:
    """Drop what was remembered for long enough. Returns how many."""
    return Tombstone.objects.filter(received_at__lt=now - KEEP_TOMBSTONES).delete()[0]


def _counted(mention: Mention) -> list[tuple[datetime, str, str, list[int]]]:
    if mention.is_own:
        return []
    topics = list(MentionTopic.objects.filter(mention=mention).values_list("topic_id", flat=True))
    return [(mention.posted_at, mention.network, mention.sentiment, topics)]


def link_topics(links: Sequence[tuple[int, int, datetime]]) -> None:
    """Store (topic, mention, posted at)."""
    bulk.insert_rows(MentionTopic, ("topic_id", "mention_id", "posted_at"), links)


def fold_reposts(posts: Sequence[PostData], *, outcome: Outcome) -> None:
    """Count reposts at what they repeat, each once; those of a post that is not here yet wait for it."""
    for network in {post.network for post in posts}:
        of_network = [post for post in posts if post.network == network]
        ids = [post.external_id for post in of_network]
        there = {row[0] for row in bulk.read_rows(Repost, ("external_id",), among=("external_id", ids), network=network)}
        repeated = {post.repost_of for post in of_network}
        originals = dict(bulk.read_rows(Mention, ("external_id", "id"), among=("external_id", repeated), network=network))
        added = [post for post in of_network if post.external_id not in there and not post.deleted]
        rows = [(network, post.external_id, post.repost_of, originals.get(post.repost_of), post.posted_at) for post in added]
        bulk.insert_rows(Repost, ("network", "external_id", "original", "mention_id", "posted_at"), rows)
        _add_to_counters(Counter(row[3] for row in rows if row[3] is not None))
        outcome.became.update({(network, post.external_id): "duplicate" for post in of_network})
        outcome.became.update({(network, post.external_id): "folded" for post in added})


def count_waiting_reposts(posts: Iterable[PostData], known: Mapping[Key, Known]) -> None:
    """Give freshly stored `posts` the reposts that came before them."""
    by_network: dict[str, list[str]] = {}
    for post in posts:
        by_network.setdefault(post.network, []).append(post.external_id)
    found: list[tuple[int, int]] = []  # repost, mention
    for network, external_ids in by_network.items():
        waiting = bulk.read_rows(Repost, ("id", "original"), among=("original", external_ids), network=network, mention_id=None)
        found += [(pk, known[network, original].id) for pk, original in waiting]
    bulk.update_rows(Repost, ("mention_id",), found)
    _add_to_counters(Counter(mention_id for _, mention_id in found))


def _add_to_counters(counts: Mapping[int, int]) -> None:
    if not counts:
        return
    # In the order of ids, as everybody who locks several. What was read is locked, so that a sum can be written.
    mentions = Mention.objects.filter(pk__in=counts).order_by("id").select_for_update().values_list("id", "reposts")
    bulk.update_rows(Mention, ("reposts",), [(pk, reposts + counts[pk]) for pk, reposts in mentions])
