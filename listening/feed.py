"""The list of conversations that agents work from: filters, pages by key, and the live counts of the views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from listening.models import ACTIVE, Conversation, ConversationTopic, SavedSearch, Sentiment, Status, Topic
from listening.search import conversations_with
from listening.segments import written_by
from profiles.models import Agent, Role, Segment
from socialdesk.lib.clock import now
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import read_key, write_key
from socialdesk.networks.registry import NETWORKS

VIEWS: dict[str, str] = {
    "all": "All",
    "mine": "Mine",
    "handed": "Handed to me",
    "unassigned": "Unassigned",
    "urgent": "Urgent",
    "negative": "Negative",
    "proactive": "Proactive",
    "private": "Private messages",
    "promises": "Promises due",
    "chats": "Chats",
    "waiting": "Waiting for customer",
    "snoozed": "Snoozed",
    "resolved": "Resolved",
}
# Lists of what hangs on conversations, counted beside the views; by reverse accessors, for they are engagement's.
# What is late depends on the moment.
QUEUES: dict[str, Callable[[datetime], Q]] = {
    "callbacks": lambda moment: any_of("callbacks__state", ("waiting", "calling")),
    "returns": lambda moment: any_of("hops__state", ("begun", "done")),
    "not_sent": lambda moment: any_of("messages__delivery__state", ("failed", "unconfirmed", "awaiting_retry")),
    "late_tickets": lambda moment: (
        any_of("tickets__state", ("new", "in_progress", "waiting"))
        & (Q(tickets__due_at__lt=moment) | Q(tickets__next_update_due__lt=moment))
    ),
}
SORTS = {"newest": "Newest first", "due": "Due first"}
MOST_COUNTED = 1000  # a count stops there and is shown as 999+: nobody decides by the difference, and it stays cheap
MOST = 100  # conversations on one page
PROMISE_SOON = timedelta(minutes=15)  # from then on a promised answer is on the list, and stays on it when it is late


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list shows. Empty means everything; `view` is one of VIEWS, `assignee` an agent's id."""

    view: str = "all"
    topic: int | None = None
    sentiment: str = ""
    network: str = ""
    language: str = ""
    assignee: int | None = None
    status: str = ""
    segment: int | None = None
    q: str = ""
    sort: str = "newest"

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Filters:
        """Read a query string. Raises DeskError on what cannot be meant."""
        given = {item.name: str(query.get(item.name, "")).strip() for item in fields(cls)}
        values: dict[str, Any] = {name: value for name, value in given.items() if value}
        for name in ("topic", "assignee", "segment"):
            if name in values:
                if not values[name].isdecimal() or len(values[name]) > 12:
                    raise DeskError(f"{name} must be a number, not {values[name][:40]!r}.")
                values[name] = int(values[name])
        choices: dict[str, Iterable[str]] = {"view": VIEWS, "sort": SORTS, "network": NETWORKS}
        choices |= {"sentiment": Sentiment.values, "status": Status.values}
        for name, known in choices.items():
            if name in values and values[name] not in known:
                raise DeskError(f"{values[name][:40]!r} is no {name}. Use one of: {', '.join(known)}.")
        values["q"] = values.get("q", "")[:200].replace("\x00", "")
        return cls(**values)

    def as_query(self) -> str:
        """The same filters as a query string, without what is left at its default."""
        default = Filters()
        return urlencode({f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != getattr(default, f.name)})


@dataclass(frozen=True, slots=True)
class Page:
    """Conversations, and the key of the page after them ("" at the end)."""

    conversations: list[Conversation]
    next: str


def in_view(view: str, agent: Agent | None) -> QuerySet[Conversation]:
    """The conversations of one of VIEWS."""
    conversations = Conversation.objects.all()
    if view in (Status.WAITING, Status.SNOOZED, Status.RESOLVED):
        return conversations.filter(status=view)
    if view == "private":
        return conversations.filter(private_waiting=True)
    if view == "chats":
        return conversations.filter(chats_open__gt=0)
    if view == "handed":
        return conversations.filter(_handed_to(agent)) if agent is not None else conversations.none()
    active = conversations.filter(any_of("status", ACTIVE))
    if view == "mine":
        return active.filter(assignee=agent)
    if view == "unassigned":
        return active.filter(assignee=None)
    if view == "urgent":
        return active.filter(priority__gte=2)
    if view == "negative":
        return active.filter(sentiment=Sentiment.NEGATIVE)
    if view == "proactive":
        return active.filter(is_proactive=True)
    if view == "promises":
        return active.filter(promise_due_at__lte=now() + PROMISE_SOON)
    return active


def _handed_to(agent: Agent) -> Q:
    """Offered to them or their team, or taken on by them. Engagement's rows; one conversation has one hand-over at a time."""
    offered = Q(handovers__state="offered") & (Q(handovers__to=agent) | Q(handovers__team=agent.role))
    return any_of("handovers__state", ("offered", "accepted")) & (offered | Q(handovers__state="accepted", handovers__taken_by=agent))


def find_conversations(*, agent: Agent | None, filters: Filters) -> QuerySet[Conversation]:
    """The conversations that fit, in no order."""
    if filters.status:
        found = Conversation.objects.filter(status=filters.status)
        if filters.view == "mine":
            found = found.filter(assignee=agent)
    else:
        found = in_view(filters.view, agent)
    if filters.topic is not None:
        # Active or not is asked of the link as well, so that one index gives a topic's list in its order.
        links = Q(topic_links__topic=filters.topic)
        if not filters.status and filters.view not in (Status.WAITING, Status.SNOOZED, Status.RESOLVED, "private", "chats", "handed"):
            links &= Q(topic_links__is_active=True)
        found = found.filter(links)
    if filters.sentiment:
        found = found.filter(sentiment=filters.sentiment)
    if filters.network:
        found = found.filter(network=filters.network)
    if filters.language:
        found = found.filter(language=filters.language)
    if filters.assignee is not None:
        found = found.filter(assignee=filters.assignee)
    if filters.segment is not None:
        found = written_by(found, Segment.objects.filter(pk=filters.segment).first())
    return found


def read_page(*, agent: Agent, filters: Filters, after: str = "", limit: int = 40) -> Page:
    """One page, newest (or soonest due) first, from the key `after` on. A fixed number of queries."""
    limit = max(1, min(limit, MOST))
    found = find_conversations(agent=agent, filters=filters)
    if filters.q:
        found = found.filter(pk__in=conversations_with(filters.q))
    if filters.sort == "due" and not filters.status and filters.view not in (Status.WAITING, Status.SNOOZED, Status.RESOLVED, "chats"):
        found = found.filter(due_at__isnull=False).order_by("due_at", "id")
        if after:
            at, pk = read_key(after)
            found = found.filter(Q(due_at__gt=at) | Q(due_at=at, pk__gt=pk), due_at__gte=at)
    else:
        by_topic = filters.topic is not None
        order = ("-topic_links__activity_at", "-topic_links__conversation_id") if by_topic else ("-activity_at", "-id")
        found = found.order_by(*order)
        if after:
            at, pk = read_key(after)
            key = "topic_links__activity_at" if by_topic else "activity_at"
            found = found.filter(Q(**{f"{key}__lt": at}) | Q(**{key: at}, pk__lt=pk), **{f"{key}__lte": at})
    conversations = _load(found[: limit + 1])
    following = ""
    if len(conversations) > limit:
        conversations.pop()
        last = conversations[-1]
        following = write_key(last.due_at if filters.sort == "due" and last.due_at else last.activity_at, last.pk)
    return Page(conversations, following)


def read_cards(ids: Iterable[int], *, agent: Agent, filters: Filters) -> list[Conversation]:
    """Those of `ids` (at most MOST of them) that fit the filters, newest first."""
    found = find_conversations(agent=agent, filters=filters).filter(pk__in=list(ids)[:MOST])
    if filters.q:
        found = found.filter(pk__in=conversations_with(filters.q))
    return _load(found.order_by("-activity_at", "-id"))


def _load(found: QuerySet[Conversation]) -> list[Conversation]:
    """Everything that a card shows, in three queries. Each conversation gets `topic_names`, a list of (id, name)."""
    related = ("author", "author__profile", "assignee", "claimed_by", "last_mention")
    conversations = list(found.select_related(*related).prefetch_related("compliments"))
    names: dict[int, list[tuple[int, str]]] = defaultdict(list)
    links = ConversationTopic.objects.filter(conversation__in=[c.pk for c in conversations]).select_related("topic").order_by("topic__name")
    for link in links:
        names[link.conversation_id].append((link.topic_id, link.topic.name))
    for conversation in conversations:
        conversation.topic_names = names[conversation.pk]
    return conversations


# --- Counts -------------------------------------------------------------------------------------------------------------


def count_views(
    agent: Agent | None, *, topics: Iterable[Topic] | None = None, searches: Iterable[SavedSearch] | None = None
) -> dict[str, int]:
    """How many conversations each view, queue, topic ("topic:3") and saved search of `agent` ("search:5") holds, at most MOST_COUNTED each.

    One query for all of them, and one each for the topics and the searches where the caller has not read them already. Without an
    agent, what is the same for everybody.
    """
    counted: dict[str, QuerySet[Conversation] | QuerySet[ConversationTopic]] = {}
    for view in VIEWS:
        if view in (Status.RESOLVED,) or (view in ("mine", "handed") and agent is None):
            continue
        counted[view] = in_view(view, agent)
    moment = now()
    for queue, waiting in QUEUES.items():
        counted[queue] = Conversation.objects.filter(waiting(moment))
    for topic in Topic.objects.filter(is_active=True) if topics is None else topics:
        counted[f"topic:{topic.pk}"] = ConversationTopic.objects.filter(topic=topic, is_active=True)
    if agent is not None:
        for search in SavedSearch.objects.filter(agent=agent) if searches is None else searches:
            filters = Filters.from_query(search.filters)
            if not filters.q and filters.segment is None:  # these cost what they cost; they are counted when they are opened
                counted[f"search:{search.pk}"] = find_conversations(agent=agent, filters=filters)
    return _count_all(counted)


def _count_all(counted: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """All counts in one statement, each stopping at MOST_COUNTED."""
    parts, parameters = [], []
    for name, found in counted.items():
        rows = found.order_by().annotate(one=Value(1, output_field=IntegerField())).values("one")[:MOST_COUNTED]
        sql, given = rows.query.sql_with_params()
        parts.append(f"SELECT %s, (SELECT count(*) FROM ({sql}) AS part)")  # noqa: S608  made by the ORM
        parameters += [name, *given]
    if not parts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), parameters)
        return {str(name): int(count) for name, count in cursor.fetchall()}


def list_assignable() -> list[tuple[Agent, int]]:
    """Who can be given a conversation, by name, with how many active ones they have. One query."""
    # By a subquery: a join would go through all that they ever resolved.
    active = Conversation.objects.filter(any_of("status", ACTIVE), assignee=OuterRef("pk")).order_by().values("assignee")
    load = Coalesce(Subquery(active.annotate(n=Count("id")).values("n")), 0)
    staff = Agent.objects.filter(is_active=True, role__in=[Role.AGENT, Role.LEAD, Role.ADMIN]).annotate(load=load)
    return [(agent, agent.load) for agent in staff.order_by("display_name")]


def count_mine() -> dict[int, int]:
    """Active conversations of each agent who has any, by agent id."""
    rows = (
        Conversation.objects.filter(any_of("status", ACTIVE), assignee__isnull=False).values(agent=F("assignee_id")).annotate(n=Count("id"))
    )
    return {row["agent"]: row["n"] for row in rows.order_by()}
