"""Whether a customer comes again about the same matter: then another channel helps more than another line (brief B32)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engagement.models import Message
from listening.models import Conversation, ConversationTopic, Mention, Status
from listening.templatetags.desk import network_label

WITHIN = timedelta(days=7)
APART = timedelta(hours=4)  # posts closer together are one contact: people write in several
_MOST_POSTS = 200


@dataclass(frozen=True, slots=True)
class Repeat:
    """They came `times` within a week, this time included. `about` names the matter, "" where it has no name."""

    times: int
    about: str
    since: datetime
    networks: tuple[str, ...]

    @property
    def words(self) -> str:
        about = f" about {self.about}" if self.about else ""
        where = f" on {' and '.join(network_label(network) for network in self.networks)}" if len(self.networks) > 1 else ""
        return f"{_ordinal(self.times)} contact{about} within 7 days{where}, and it is not solved."


def find_repeat(conversation: Conversation, others: Sequence[Conversation], *, now: datetime) -> Repeat | None:
    """None where they came once, or where it is solved: closed here, or the customer said so elsewhere.

    The others count that have a topic with this one in common, were there in the last week, and were not settled by the customer's word.
    At most three queries; none of a conversation that is closed.
    """
    if conversation.status == Status.RESOLVED:
        return None
    since = now - WITHIN
    near = [other for other in others if other.activity_at >= since and not _was_settled(other)]
    names: dict[int, str] = {}
    same: list[Conversation] = []
    if near:
        links = ConversationTopic.objects.filter(conversation__in=[conversation.pk, *(other.pk for other in near)])
        topics: dict[int, set[int]] = {}
        for topic, name, pk in links.values_list("topic", "topic__name", "conversation"):
            topics.setdefault(pk, set()).add(topic)
            names[topic] = name
        own = topics.get(conversation.pk, set())
        same = [other for other in near if own & topics.get(other.pk, set())]
        shared = {topic for other in same for topic in own & topics[other.pk]}
        names = {topic: name for topic, name in names.items() if topic in shared}
    contacts = [other.activity_at for other in same] + _contacts_in(conversation, since)
    if len(contacts) < 2:
        return None
    networks = dict.fromkeys([conversation.network, *(other.network for other in same)])
    return Repeat(len(contacts), min(names.values(), default=""), min(contacts), tuple(networks))


def _contacts_in(conversation: Conversation, since: datetime) -> list[datetime]:
    """When they came here: the first of each few posts or private messages that stand together. Two queries, none for what is young."""
    if conversation.activity_at - conversation.opened_at < APART:
        return [conversation.activity_at]
    posts = Mention.objects.filter(conversation=conversation, is_own=False, posted_at__gte=since)
    messages = Message.objects.filter(conversation=conversation, is_incoming=True, created_at__gte=since)
    times = [
        *posts.order_by("-posted_at").values_list("posted_at", flat=True)[:_MOST_POSTS],
        *messages.order_by("-created_at").values_list("created_at", flat=True)[:_MOST_POSTS],
    ]
    begun: list[datetime] = []
    last: datetime | None = None
    for at in sorted(times):
        if last is None or at - last >= APART:
            begun.append(at)
        last = at
    return begun


def _was_settled(other: Conversation) -> bool:
    """Closed, and they came back about the same: it was not. Only their own word says that it was."""
    return bool(getattr(other, "ticket_says", "") == "solved")


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
