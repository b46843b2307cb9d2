"""What a thin delivery of a post left empty is filled by a fuller one of the same post, whichever comes first. What was there stays.

A webhook tells of a comment without its address, or without what it answers; reading the account brings both.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from listening.models import Conversation, Mention, MentionTopic, Topic
from listening.query import Doc, prepare
from listening.sentiment import get_scorer
from listening.services import triage
from listening.services.conversations import note_own_post
from listening.services.folding import StoredText, link_topics
from listening.services.matching import get_matcher
from listening.services.parts import has_media, media_json, read_parts, warned
from listening.services.threads import EXCERPT, Thread, write_changed
from listening.trends.rollups import append_deltas, count_deltas
from profiles.services.handles import Key
from socialdesk.lib import bulk
from socialdesk.networks.base import PostData

if TYPE_CHECKING:
    from listening.services.store import Known, Outcome

_FILLED = (
    *("url", "in_reply_to", "parent_id", "conversation_id", "media", "language", "edited_at", "is_addressed"),
    *("score", "label", "confidence", "scorer"),
)  # fmt: skip
_ORDER = ("warning", "media", "poll", "quote")  # as they are shown


# --- Within one batch ---------------------------------------------------------------------------------------------------


def merge_repeats(kept: PostData, other: PostData) -> PostData:
    """`kept` with what it does not say of itself, and `other`, which is the same post in the same batch, does."""
    filled: dict[str, Any] = {"url": kept.url or other.url, "in_reply_to": kept.in_reply_to or other.in_reply_to}
    if kept.text == other.text and kept.deleted == other.deleted:
        newest, older = (other, kept) if _is_later(other.edited_at, kept.edited_at) else (kept, other)
        filled["edited_at"] = newest.edited_at
        filled["language"] = kept.language or other.language
        of_both = _is_same_state(older, text=newest.text, edited_at=newest.edited_at)
        for name in ("media", "poll", "quote", "warning"):
            filled[name] = getattr(newest, name) or (getattr(older, name) if of_both else getattr(newest, name))
    return replace(kept, **filled)


# --- Against what is stored ---------------------------------------------------------------------------------------------


def has_more(post: PostData, stored: StoredText) -> bool:
    """Does `post` say something that its row leaves empty? Asked of each post that comes again, so without a query.

    Nothing comes back into a row whose author deleted or who was erased, or which went by its age.
    """
    if post.deleted or stored.deleted_at is not None:
        return False
    return bool(post.url and not stored.url) or _changes_more_than_address(post, stored)


def _changes_more_than_address(post: PostData, stored: StoredText) -> bool:
    if _tells_parent(post, in_reply_to=stored.in_reply_to, parent_id=stored.parent_id):
        return True
    if not _is_same_state(post, text=stored.text, edited_at=stored.edited_at):
        return False
    if (post.language and not stored.language) or (post.edited_at is not None and stored.edited_at is None):
        return True
    return bool((post.media or post.poll or post.quote or post.warning) and _missing_parts(post, json.loads(stored.media)))


def fill_stored(posts: Mapping[Key, tuple[PostData, StoredText]], *, known: Mapping[Key, Known], outcome: Outcome) -> None:
    """Fill the rows of `posts`, which `has_more` chose. A fixed number of statements, and none where there are no such posts.

    A customer's post stays in the conversation that it is in, for people may be at work there: it gets its parent, by which what stands
    above is shown. A post of our own that was in none goes where the post is that it answers, and answers it.
    """
    if not posts:
        return
    parents = {key: known.get((post.network, post.in_reply_to)) for key, (post, _) in posts.items() if post.in_reply_to}
    threads = _lock_threads(posts, known, parents)
    keys = {known[key].id: key for key in posts}
    # After the conversations, as everybody; no_key: an answer to one of them may be on its way into the database.
    rows = Mention.objects.select_related("author").select_for_update(of=("self",), no_key=True).filter(pk__in=keys).order_by("id")
    # What another batch, a deletion or an erasure did to a row since it was looked up is seen here.
    mentions = [mention for mention in rows if mention.deleted_at is None]
    reread, rescored = [], []
    for mention in mentions:
        post = posts[keys[mention.pk]][0]
        before = mention.sentiment
        mention.url = mention.url or post.url
        if _tells_parent(post, in_reply_to=mention.in_reply_to, parent_id=mention.parent_id):
            _set_parent(mention, post, parents[keys[mention.pk]], threads, outcome)
        if not _is_same_state(post, text=mention.text, edited_at=mention.edited_at):
            continue
        mention.edited_at = mention.edited_at or post.edited_at
        is_rescored = bool(post.language and not mention.language)
        if is_rescored:
            rescored.append((mention, post.language))
        if missing := _missing_parts(post, mention.media):
            had_media = has_media(mention.media)
            mention.media = sorted([*mention.media, *missing], key=lambda part: _ORDER.index(_group(part)))
            _show(mention, threads)
            is_rescored = is_rescored or not had_media
        if is_rescored and not mention.is_own:  # queries ask for languages and for pictures
            reread.append((mention, before))
    _score(rescored, threads)
    _match(reread, threads)
    bulk.update_rows(Mention, _FILLED, [(mention.pk, *(getattr(mention, name) for name in _FILLED)) for mention in mentions])
    changed = [thread for thread in threads.values() if thread.is_changed]
    write_changed(changed)
    outcome.changed_conversations += [thread.id for thread in changed]


def _lock_threads(
    posts: Mapping[Key, tuple[PostData, StoredText]], known: Mapping[Key, Known], parents: Mapping[Key, Known | None]
) -> dict[int, Thread]:
    """The conversations that may change. Of posts that only get their address there are none, and those come with every reading."""
    ids: set[int] = set()
    for key, (post, stored) in posts.items():
        if _changes_more_than_address(post, stored):
            parent = parents.get(key)
            ids |= {mention.conversation_id for mention in (known[key], parent) if mention is not None and mention.conversation_id}
    if not ids:
        return {}
    rows = Conversation.objects.filter(pk__in=ids).select_for_update(no_key=True).order_by("id")
    return {conversation.pk: Thread(conversation) for conversation in rows}


def _set_parent(mention: Mention, post: PostData, parent: Known | None, threads: Mapping[int, Thread], outcome: Outcome) -> None:
    """What it answers, and what follows from that. One that is not stored yet finds it later, as with every post that came too early."""
    mention.in_reply_to = post.in_reply_to
    thread = threads.get(mention.conversation_id or 0)
    above = threads.get(parent.conversation_id or 0) if parent is not None else None
    if thread is not None and thread.row.root == mention.external_id:
        # It was taken for the beginning of its tree. Whoever wrote it and writes on in the true one goes on in this conversation.
        thread.row.root = (above.row.root if above is not None else "") or post.in_reply_to
        thread.is_changed = True
    if parent is None:
        return
    mention.parent_id = parent.id
    if mention.is_own:
        if mention.conversation_id is None and above is not None:
            mention.conversation_id = above.id
            note_own_post(above.threaded, text=mention.text, at=mention.posted_at)
            above.is_changed = True
            outcome.answered.append(above.id)
    elif parent.is_own and not mention.is_addressed:
        mention.is_addressed = True
        _show(mention, threads)


def _score(rescored: Sequence[tuple[Mention, str]], threads: Mapping[int, Thread]) -> None:
    """Once more, now that the network said the language."""
    scores = get_scorer().score_many([(mention.text, language) for mention, language in rescored]) if rescored else []
    for (mention, language), score in zip(rescored, scores, strict=True):
        mention.language = score.language or language
        mention.score, mention.label, mention.confidence = score.score, score.label, score.confidence
        mention.scorer = f"{score.scorer} {score.version}"
        _show(mention, threads)


def _match(reread: Sequence[tuple[Mention, str]], threads: Mapping[int, Thread]) -> None:
    """The topics and the figures of posts that changed; beside each the sentiment that it was counted with."""
    if not reread:
        return
    matcher = get_matcher()
    active = set(Topic.objects.filter(is_active=True).values_list("id", flat=True))
    old: dict[int, set[int]] = defaultdict(set)
    ids = [mention.pk for mention, _ in reread]
    for mention_id, topic_id in MentionTopic.objects.filter(mention__in=ids).values_list("mention_id", "topic_id"):
        old[mention_id].add(topic_id)
    relinked: list[int] = []
    links: list[tuple[int, int, datetime]] = []
    counted, counted_before = [], []
    for mention, before in reread:
        topics = set(matcher.match(_doc_of(mention))) | (old[mention.pk] - active)  # of one that is paused the past stays
        if topics != old[mention.pk]:
            relinked.append(mention.pk)
            links += [(topic, mention.pk, mention.posted_at) for topic in sorted(topics)]
            thread = threads.get(mention.conversation_id or 0)
            if thread is not None:
                thread.topics |= topics
                thread.is_changed = True
        counted_before.append((mention.posted_at, mention.network, before, old[mention.pk]))
        counted.append((mention.posted_at, mention.network, _sentiment_of(mention), topics))
    if relinked:
        MentionTopic.objects.filter(mention__in=relinked).delete()
        link_topics(links)
    append_deltas(count_deltas(counted_before, sign=-1), count_deltas(counted))


def _show(mention: Mention, threads: Mapping[int, Thread]) -> None:
    """The card of its conversation says what is known now, where it is this post that the card shows."""
    thread = threads.get(mention.conversation_id or 0)
    if thread is None or mention.is_own:
        return
    thread.is_changed = True
    row = thread.row
    if row.last_mention_id != mention.pk:
        return
    warning = read_parts(mention.media).warning
    row.excerpt = (warned(warning) if warning else mention.text)[:EXCERPT]
    row.language, row.sentiment = mention.language, _sentiment_of(mention)
    row.is_proactive = mention.asks_for_help and not mention.is_addressed
    priority, reasons = triage.find_priority(
        folded=mention.folded,
        sentiment=mention.label,
        score=mention.score,
        followers=mention.author.followers,
        unanswered=row.unanswered,
        is_addressed=mention.is_addressed,
    )
    if priority > row.priority:
        row.priority, row.priority_reasons = priority, reasons


def _doc_of(mention: Mention) -> Any:
    author = mention.author
    return prepare(
        Doc(
            text=mention.text,
            author=author.username,
            language=mention.language,
            network=mention.network,
            followers=author.followers,
            has_media=has_media(mention.media),
        )
    )


def _sentiment_of(mention: Mention) -> str:
    """As the database reckons it: what was loaded may be older than the label."""
    return mention.corrected_label or mention.label


# --- What is the same, and what is empty --------------------------------------------------------------------------------


def _is_later(edited_at: datetime | None, than: datetime | None) -> bool:
    return edited_at is not None and (than is None or edited_at > than)


def _is_same_state(post: PostData, *, text: str, edited_at: datetime | None) -> bool:
    """Its words are the ones that stand there, and it is no earlier state: that one may have had what an edit took away."""
    return post.text == text and (edited_at is None or (post.edited_at is not None and post.edited_at >= edited_at))


def _tells_parent(post: PostData, *, in_reply_to: str | None, parent_id: int | None) -> bool:
    """With a parent and without its id it answers somebody who was erased, and that id stays away."""
    return bool(post.in_reply_to) and post.in_reply_to != post.external_id and not in_reply_to and parent_id is None


def _missing_parts(post: PostData, stored: Iterable[Any]) -> list[dict[str, Any]]:
    """Those of a kind of which nothing is stored."""
    there = {_group(part) for part in stored}
    return [part for part in media_json(post) if _group(part) not in there]


def _group(part: Any) -> str:
    kind = part.get("kind") if isinstance(part, dict) else ""
    return kind if kind in ("warning", "poll", "quote") else "media"
