"""What judgements of a public thread rest on: who said what in public, how it sounded, and what it was about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engagement.services.answers import GONE
from engagement.services.bubbles import Bubble
from engagement.services.thread import Thread, read_public_thread
from listening.models import Conversation, Mention, MentionTopic

SURE = 0.6  # confidence from which the scorer is believed without a second post


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that was said in public. Sentiment, score and `is_sure` are of the customer's posts, `is_closing` of our answers."""

    at: datetime
    is_ours: bool
    text: str
    sentiment: str = ""
    score: float = 0.0
    is_sure: bool = False  # an agent said so, or the scorer is confident
    is_closing: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """`turns` stand for the customer: neither deleted nor taken back; oldest first. `posts` are the customer's among them, each with
    its author. `topics` are ids by mention, `matters` their names. `has_private`: something was written in private too, as far as known.
    """

    turns: Sequence[Turn]
    posts: Sequence[Mention]
    topics: Mapping[int, frozenset[int]]
    matters: Sequence[str]
    has_private: bool


def read_facts(conversation: Conversation, thread: Thread | None = None, *, besides: int | None = None) -> Facts:
    """The facts of a conversation's last entries: three queries, or one where the caller has read the thread already.

    `besides` is a message that does not count: the one that is tried again.
    """
    known = read_public_thread(conversation) if thread is None else thread
    bubbles = [bubble for bubble in known if besides is None or bubble.message is None or bubble.message.pk != besides]
    posts = [bubble.mention for bubble in bubbles if bubble.kind == "mention" and bubble.mention and not bubble.deleted_at]
    topics: dict[int, set[int]] = defaultdict(set)
    matters: dict[int, str] = {}
    for link in MentionTopic.objects.filter(mention__in=[post.pk for post in posts]).select_related("topic").order_by("topic__name"):
        topics[link.mention_id].add(link.topic_id)
        matters[link.topic_id] = link.topic.name
    return Facts(
        turns=sorted(_turns(bubbles), key=lambda turn: turn.at),
        posts=posts,
        topics={pk: frozenset(ids) for pk, ids in topics.items()},
        matters=list(matters.values()),
        has_private=any(bubble.audience == "private" for bubble in bubbles),
    )


def _turns(bubbles: Iterable[Bubble]) -> Iterable[Turn]:
    for bubble in bubbles:
        if bubble.audience != "public" or bubble.deleted_at or bubble.state in GONE:
            continue
        post = bubble.mention
        if bubble.message is not None:
            message = bubble.message
            # When it is there for the customer, not when it was written: it may have cooled down, or have been tried again.
            at = message.sent_at or max(message.created_at, message.delivery.not_before)
            yield Turn(at, True, bubble.text, is_closing=message.is_closing_line)
        elif bubble.is_ours or post is None:
            yield Turn(bubble.at, True, bubble.text)
        else:
            is_sure = bool(post.corrected_label) or post.confidence >= SURE
            yield Turn(bubble.at, False, bubble.text, sentiment=post.sentiment, score=post.score, is_sure=is_sure)
