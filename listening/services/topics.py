"""Topics: saved queries that are listened for, tried out on last week before they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from listening.models import Conversation, ConversationTopic, Mention, MentionTopic, Topic
from listening.query import Doc, Query, QueryError, parse
from listening.services.folding import link_topics
from listening.services.parts import has_media
from listening.trends.rollups import append_deltas, count_deltas
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotAllowed

PREVIEW_WINDOW = timedelta(days=7)
PREVIEW_LOOKED_AT = 20_000  # mentions; a busier week is previewed from its newest part, and says so
PREVIEW_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Preview:
    """What a query would have matched last week. `is_part` says that only the newest `looked_at` mentions were tried."""

    count: int
    looked_at: int
    is_part: bool
    mentions: list[Mention]


def read_query(text: str) -> Query:
    """The query, parsed. Raises DeskError with `column`."""
    try:
        return parse(text)
    except QueryError as error:
        raise DeskError(error.message, column=error.column) from None


def document(mention: Mention) -> Doc:
    """A stored mention as topics see it. Its author must be loaded."""
    return Doc(
        text=mention.text,
        author=mention.author.username,
        language=mention.language,
        network=mention.network,
        followers=mention.author.followers,
        has_media=has_media(mention.media),
    )


def preview_topic(*, query: str) -> Preview:
    """Which of last week's mentions `query` matches, newest first."""
    return preview_posts(query=read_query(query), among=Q())


def preview_posts(*, query: Query | None, among: Q) -> Preview:
    """Which of last week's mentions meet a condition on their rows and a query, either of which may ask nothing."""
    recent = of_last_week().filter(among).select_related("author")[: PREVIEW_LOOKED_AT + 1]
    count = looked_at = 0
    shown: list[Mention] = []
    is_part = False
    for mention in recent.iterator(chunk_size=2000):
        if looked_at == PREVIEW_LOOKED_AT:
            is_part = True
            break
        looked_at += 1
        if query is None or query.matches(document(mention)):
            count += 1
            if len(shown) < PREVIEW_SHOWN:
                shown.append(mention)
    return Preview(count, looked_at, is_part, shown)


def save_topic(*, topic: Topic | None, name: str, query: str, agent: Agent, is_active: bool = True) -> Topic:
    """Create a topic or change it. Mentions of the last week are matched again by `rematch_topic`; no work comes of that."""
    if not agent.may_configure:
        raise NotAllowed("Topics are changed by leads, managers and admins.")
    name = name.strip()[:80]
    if not name:
        raise DeskError("Give the topic a name.")
    read_query(query)
    topic = topic or Topic(created_by=agent)
    topic.name, topic.query, topic.is_active = name, query.strip(), is_active
    try:
        with transaction.atomic():
            topic.save()
    except IntegrityError:
        raise DeskError(f"There is a topic called {name} already. Choose another name.") from None
    return topic


def rematch_topic(*, topic_id: int) -> int:
    """Match last week's mentions with a topic as it is now, so that its list and its trend begin with something. Returns how many match.

    Old conversations do not become work by it: their status stays, and what is not of last week is left alone.
    """
    topic = Topic.objects.filter(pk=topic_id, is_active=True).first()
    if topic is None:
        return 0
    compiled = read_query(topic.query)
    matching = {m.pk for m in of_last_week().select_related("author").iterator(chunk_size=2000) if compiled.matches(document(m))}
    with transaction.atomic():
        Topic.objects.select_for_update().get(pk=topic_id)
        linked = set(MentionTopic.objects.filter(topic=topic, posted_at__gte=now() - PREVIEW_WINDOW).values_list("mention_id", flat=True))
        _change_links(topic, linked - matching, sign=-1)
        _change_links(topic, matching - linked, sign=1)
    return len(matching)


def _change_links(topic: Topic, mention_ids: set[int], *, sign: int) -> None:
    """Link mentions with a topic or part them; the trend and the topic's conversation list follow."""
    # Locked, so that no correction changes a sentiment between this count and the next.
    locked = Mention.objects.filter(pk__in=mention_ids).select_for_update(of=("self",)).order_by("id")
    mentions = list(locked.only("posted_at", "network", "sentiment", "conversation_id"))
    if not mentions:
        return
    if sign > 0:
        link_topics([(topic.pk, mention.pk, mention.posted_at) for mention in mentions])
    else:
        MentionTopic.objects.filter(topic=topic, mention__in=mentions).delete()
    topic_only = {
        key: count
        for key, count in count_deltas([(m.posted_at, m.network, m.sentiment, [topic.pk]) for m in mentions], sign=sign).items()
        if key.topic_id is not None
    }
    append_deltas(topic_only)
    _refresh_conversations(topic, {m.conversation_id for m in mentions if m.conversation_id})


def _refresh_conversations(topic: Topic, conversation_ids: set[int]) -> None:
    links = MentionTopic.objects.filter(topic=topic, mention__conversation_id__in=conversation_ids)
    still = set(links.values_list("mention__conversation_id", flat=True))
    ConversationTopic.objects.filter(topic=topic, conversation_id__in=conversation_ids - still).delete()
    ConversationTopic.objects.bulk_create(
        [
            ConversationTopic(topic=topic, conversation=c, is_active=c.is_active, activity_at=c.activity_at)
            for c in Conversation.objects.filter(pk__in=still)
        ],
        ignore_conflicts=True,
    )


def of_last_week() -> QuerySet[Mention]:
    return Mention.objects.filter(posted_at__gte=now() - PREVIEW_WINDOW, is_own=False, deleted_at=None).order_by("-posted_at", "-id")
