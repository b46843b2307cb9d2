"""Engagement rules (brief A1, B2): kept by leads and managers, and asked about a conversation's posts.

A rule is about posts, and holds for the conversation that they stand in: who may not be answered about one post is not answered
about the next one either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.db import IntegrityError, transaction
from django.db.models import Q

from engagement.models import EngagementRule
from engagement.services.facts import Facts
from listening.models import Mention, Sentiment, Source, Topic
from listening.query import Prepared, Query, parse, prepare
from listening.query.nodes import Field, positive_leaves
from listening.services.topics import Preview, document, preview_posts, read_query
from profiles.models import Agent
from socialdesk.lib.errors import DeskError, NotAllowed
from socialdesk.lib.text import compact

Kind = EngagementRule.Kind


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a rule asks of a post; what is not set asks nothing. `query` is in the language of topics."""

    query: str = ""
    topic: Topic | None = None
    source: Source | None = None
    sentiment: str = ""

    @property
    def is_empty(self) -> bool:
        return not (self.query.strip() or self.topic or self.source or self.sentiment)


@dataclass(frozen=True, slots=True)
class Match:
    """A rule, and the newest post that fulfils it."""

    rule: EngagementRule
    post: Mention

    @property
    def reason(self) -> str:
        """Why the rule holds, in words: "seen by 40k followers (rule “Wide reach”)"."""
        said = []
        if self.rule.query and any(isinstance(leaf, Field) and leaf.name == "min_followers" for leaf in _leaves(self.rule.query)):
            said.append(f"seen by {compact(self.post.author.followers)} followers")
        if self.rule.topic is not None:
            said.append(f"about {self.rule.topic.name}")
        name = f"rule “{self.rule.name}”"
        return f"{', '.join(said)} ({name})" if said else name


def read_rules(*kinds: str) -> list[EngagementRule]:
    """The rules of these kinds that are on, by name, each with its topic. One query."""
    return list(EngagementRule.objects.filter(is_active=True, kind__in=kinds).select_related("topic").order_by("name"))


def match_rules(rules: Iterable[EngagementRule], facts: Facts) -> list[Match]:
    """Those of `rules` that hold for what the customer said. No query."""
    asked = [(post, prepare(document(post)), facts.topics.get(post.pk, frozenset())) for post in reversed(facts.posts)]
    found = []
    for rule in rules:
        post = next((post for post, prepared, topics in asked if fulfils(rule, post, prepared, topics)), None)
        if post is not None:
            found.append(Match(rule, post))
    return found


def fulfils(rule: EngagementRule, post: Mention, prepared: Prepared, topics: frozenset[int]) -> bool:
    """Whether one post meets every condition of a rule."""
    return (
        (not rule.sentiment or rule.sentiment == post.sentiment)
        and (rule.source_id is None or rule.source_id == post.source_id)
        and (rule.topic_id is None or rule.topic_id in topics)
        and (not rule.query or _compiled(rule.query).matches(prepared))
    )


@lru_cache(maxsize=500)
def _compiled(query: str) -> Query:
    return parse(query)


def _leaves(query: str) -> list[object]:
    return list(positive_leaves(_compiled(query).node))


def preview_rule(conditions: Conditions) -> Preview:
    """Which of last week's posts meet the conditions. Raises DeskError, with `column` if the query is at fault."""
    _check(conditions)
    among = Q()
    if conditions.sentiment:
        among &= Q(sentiment=conditions.sentiment)
    if conditions.source is not None:
        among &= Q(source=conditions.source)
    if conditions.topic is not None:
        among &= Q(topic_links__topic=conditions.topic)
    return preview_posts(query=read_query(conditions.query) if conditions.query.strip() else None, among=among)


def save_rule(
    *, rule: EngagementRule | None, name: str, kind: str, conditions: Conditions, agent: Agent, is_active: bool = True
) -> EngagementRule:
    """Create a rule or change it. What a must-rule marks is found by `mark_last_week`. Raises NotAllowed, DeskError."""
    if not agent.may_configure:
        raise NotAllowed("Rules are changed by leads, managers and admins.")
    name = name.strip()[:80]
    if not name:
        raise DeskError("Give the rule a name: whoever is stopped by it reads it.")
    if kind not in Kind.values:
        raise DeskError("Choose what the rule says: never, a lead first, must, or may.")
    _check(conditions)
    rule = rule or EngagementRule(created_by=agent)
    rule.name, rule.kind, rule.is_active, rule.changed_by = name, kind, is_active, agent
    rule.query, rule.sentiment = conditions.query.strip(), conditions.sentiment
    rule.topic, rule.source = conditions.topic, conditions.source
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError:
        raise DeskError(f"There is a rule called {name} already. Choose another name.") from None
    return rule


def _check(conditions: Conditions) -> None:
    if conditions.sentiment and conditions.sentiment not in Sentiment.values:
        raise DeskError(f"{conditions.sentiment[:40]!r} is no sentiment. Use one of: {', '.join(Sentiment.values)}.")
    if conditions.is_empty:
        raise DeskError("Say which posts the rule is about: write a query, or choose a topic, a source or a sentiment.")
    if conditions.query.strip():
        read_query(conditions.query)
