"""Which public answers a mention has, and who may add one (invariant 2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from engagement.models import Delivery, Message
from engagement.services.bubbles import Bubble
from engagement.services.echoes import is_echo
from listening.models import Mention
from socialdesk.lib.errors import Conflict

# An answer that was undone, given up or refused by the network is not there for the customer. One on its way is, and so is one of
# which nobody knows: better late than twice in public.
GONE = (Delivery.State.ABORTED, Delivery.State.FAILED)

# Answers of the desk have the numbers 1, 2, ... of their mention. One that was written outside the desk has that of its row, times
# this, which is more than there are numbers of the first kind: so one number says which was the last of either kind that was seen,
# and no number ever comes to mean another answer.
_OUTSIDE = 100_000


class AlreadyAnswered(Conflict):
    """The mention has a public answer that the agent did not see. `answers` are all it has, `answer_seen` accepts them.

    The newest of those that the agent did not see is the last of `answers`.
    """

    code = "already_answered"


@dataclass(frozen=True, slots=True)
class Answer:
    """A public answer that a mention has. `id` is its message's, None for one written outside the desk. `author` is "" if unknown."""

    number: int
    id: int | None
    author: str
    text: str
    at: datetime
    state: str
    url: str

    def was_seen(self, answer_seen: int) -> bool:
        return was_seen(self.number, answer_seen)

    def describe(self) -> dict[str, Any]:
        """For whoever was refused: {id, number, agent, text, at, state, url}; `at` in ISO 8601."""
        return {
            "id": self.id,
            "number": self.number,
            "agent": self.author,
            "text": self.text,
            "at": self.at.isoformat(),
            "state": self.state,
            "url": self.url,
        }


def number_of_post(post: Mention) -> int:
    """The number of our own post as an answer that was written outside the desk."""
    return post.pk * _OUTSIDE


def sum_up_seen(numbers: Iterable[int]) -> int:
    """The `answer_seen` of somebody who saw the answers with these numbers; 0 for none."""
    seen = list(numbers)
    of_desk = max((number for number in seen if number < _OUTSIDE), default=0)
    return of_desk + max((number for number in seen if number >= _OUTSIDE), default=0)


def was_seen(number: int, answer_seen: int) -> bool:
    """Whether the answer with that number is one of those that `answer_seen` sums up."""
    return number <= (answer_seen % _OUTSIDE if number < _OUTSIDE else answer_seen)


def add_up_seen(one: int, other: int) -> int:
    """The `answer_seen` of somebody who saw what either of two sums up."""
    return max(one % _OUTSIDE, other % _OUTSIDE) + max(one // _OUTSIDE, other // _OUTSIDE) * _OUTSIDE


def answers_in(thread: Iterable[Bubble]) -> dict[int, list[tuple[int, Bubble]]]:
    """The public answers that stand in a thread, each with its number, by the id of the post that is answered."""
    found: dict[int, list[tuple[int, Bubble]]] = {}
    for bubble in thread:
        message, post = bubble.message, bubble.mention
        if bubble.kind == "reply" and message and message.mention_id and bubble.state not in GONE:
            found.setdefault(message.mention_id, []).append((message.answer_number or 0, bubble))
        elif bubble.kind == "own_post" and post and post.parent_id and not bubble.deleted_at:
            found.setdefault(post.parent_id, []).append((number_of_post(post), bubble))
    return found


def last_answers(thread: Iterable[Bubble]) -> dict[int, int]:
    """What `answer_seen` is for whoever sees the thread, by the id of the post that is answered."""
    return {pk: sum_up_seen(number for number, _ in answers) for pk, answers in answers_in(thread).items()}


def read_standing(mention_ids: Collection[int]) -> dict[int, list[Answer]]:
    """The public answers that stand, oldest first, by the id of the post that is answered; two queries."""
    found: dict[int, list[Answer]] = defaultdict(list)
    replies = Message.objects.filter(mention__in=mention_ids, kind=Message.Kind.REPLY).exclude(delivery__state__in=GONE)
    for reply in replies.select_related("delivery", "agent"):
        found[reply.mention_id or 0].append(_answer_of_desk(reply))
    posts = Mention.objects.filter(~is_echo(), parent__in=mention_ids, is_own=True, deleted_at=None)
    for post in posts.select_related("author"):
        found[post.parent_id or 0].append(_answer_outside(post))
    return {pk: sorted(answers, key=lambda answer: answer.at) for pk, answers in found.items()}


def check_answers_seen(*, mention_id: int, answer_seen: int, besides: int | None = None) -> int:
    """The number of the next public answer to a mention, for an agent who saw those that `answer_seen` sums up (0: there were none).

    Raises AlreadyAnswered if one stands that the agent did not see. Numbers are never used twice, also not those of answers that are
    gone. Call it with the conversation locked, as intake does when it stores our own posts; even without, two who come to the same
    number are told apart by the database, because what was seen of the desk's answers and what comes next are read in one query.
    `besides` is a message that does not count: the one that is tried again.
    """
    replies = Message.objects.filter(mention_id=mention_id, kind=Message.Kind.REPLY).select_related("delivery", "agent")
    numbers = {reply.answer_number or 0: reply for reply in replies}
    standing = [_answer_of_desk(reply) for reply in numbers.values() if reply.pk != besides and reply.delivery.state not in GONE]
    outside, last_post = _read_outside(mention_id)
    standing += outside
    following = max(numbers, default=0) + 1
    # A number beyond the last may belong to an answer that is gone: whoever saw it saw those before it.
    is_possible = answer_seen % _OUTSIDE < following and answer_seen // _OUTSIDE <= last_post
    if is_possible and all(answer.was_seen(answer_seen) for answer in standing):
        return following
    if not standing:
        raise AlreadyAnswered("The answer that you refer to does not exist. Reload the conversation.", answers=[], answer_seen=0)
    standing.sort(key=lambda answer: (not answer.was_seen(answer_seen), answer.at))
    accepting = sum_up_seen(answer.number for answer in standing)
    newest = standing[-1]
    raise AlreadyAnswered(
        f"{newest.author or 'Somebody'} answered this already{'' if newest.id else ', outside the desk'}. Read the answer; to send yours as"
        f" well, send it again with answer_seen={accepting}.",
        answers=[answer.describe() for answer in standing],
        answer_seen=accepting,
    )


def _read_outside(mention_id: int) -> tuple[list[Answer], int]:
    """The answers that were written outside the desk and stand, and the id of the last post by which we ever answered, 0 for none."""
    mention = Mention.objects.only("network", "external_id", "conversation_id").get(pk=mention_id)
    # One that was taken in at the very moment at which the mention was has no conversation. Each side names all that its index needs:
    # with the network beside them, SQLite would walk through the whole network.
    in_place = Q(conversation_id=mention.conversation_id, in_reply_to=mention.external_id)
    without_place = Q(network=mention.network, in_reply_to=mention.external_id, parent=None)
    posts = Mention.objects.filter(in_place | without_place, is_own=True)
    posts = posts.select_related("author").annotate(is_echo=is_echo())
    standing = [_answer_outside(post) for post in posts if not (post.is_echo or post.deleted_at)]
    return standing, max((post.pk for post in posts), default=0)


def _answer_of_desk(reply: Message) -> Answer:
    return Answer(
        number=reply.answer_number or 0,
        id=reply.pk,
        author=reply.agent.name if reply.agent else "",
        text=reply.text,
        at=reply.sent_at or reply.created_at,
        state=reply.delivery.state,
        url=reply.url,
    )


def _answer_outside(post: Mention) -> Answer:
    return Answer(
        number=number_of_post(post),
        id=None,
        author=post.author.display_name or f"@{post.author.username}",
        text=post.text,
        at=post.posted_at,
        state=Delivery.State.SENT,
        url=post.url,
    )
