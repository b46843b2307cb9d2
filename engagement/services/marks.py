"""Conversations that must be answered by a rule: marked as their posts come in, listed until they are answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db.models import QuerySet

from engagement.models import EngagementRule, MustAnswer
from engagement.services.rules import fulfils, read_rules
from listening.models import ACTIVE, Conversation, Mention, MentionTopic
from listening.query import prepare
from listening.services.topics import document, of_last_week
from socialdesk.lib.conditions import any_of
from socialdesk.lib.paging import page_of

_AT_ONCE = 2000  # posts that are read together


@dataclass(frozen=True, slots=True)
class OpenPage:
    """Conversations with the names of the rules by which they must be answered. `next` is the key of what follows, "" at the end."""

    entries: list[tuple[Conversation, list[str]]]
    next: str


def mark_conversations(*, mention_ids: Sequence[int]) -> None:
    """Mark the conversations of new posts that a must-rule matches. Inside intake's transaction: a mark comes with its post or not at
    all. One query where no must-rule is on."""
    if not mention_ids:
        return
    rules = read_rules(EngagementRule.Kind.MUST)
    if rules:
        _store(_find_marks(rules, Mention.objects.filter(pk__in=mention_ids, is_own=False).select_related("author")))


def mark_last_week(*, rule_id: int) -> None:
    """Make a rule's marks anew after it was changed: from last week's posts if it is a must-rule and on, else none.

    What it finds depends on the rule as it was read; if somebody changed it meanwhile, it is done again.
    """
    while True:
        rule = EngagementRule.objects.filter(pk=rule_id).select_related("topic").first()
        if rule is None:
            return
        is_wanted = rule.is_active and rule.kind == EngagementRule.Kind.MUST
        # What intake marks from here on it marks by the rule as it is now, and stays.
        old = dict(MustAnswer.objects.filter(rule=rule).values_list("pk", "mention"))
        marks = {}
        if is_wanted:
            posts = Mention.objects.filter(is_own=False).select_related("author")
            marks = _find_marks([rule], posts.filter(pk__in=old.values())) | _find_marks([rule], of_last_week().select_related("author"))
        # Each by itself: an intake that waits for one of them must not be waited for by the other.
        MustAnswer.objects.filter(pk__in=old).exclude(conversation__in=[conversation for _, conversation in marks]).delete()
        _store(marks)
        if EngagementRule.objects.filter(pk=rule_id, changed_at=rule.changed_at).exists():
            return


def _find_marks(rules: Sequence[EngagementRule], posts: QuerySet[Mention]) -> dict[tuple[int, int], int]:
    """(rule, conversation): the post that matched."""
    marks: dict[tuple[int, int], int] = {}
    for some in _in_parts(posts.iterator(chunk_size=_AT_ONCE)):
        topics: dict[int, set[int]] = defaultdict(set)
        links = MentionTopic.objects.filter(mention__in=[post.pk for post in some])
        for mention_id, topic_id in links.values_list("mention_id", "topic_id"):
            topics[mention_id].add(topic_id)
        for post in some:
            if post.conversation_id is None:
                continue
            prepared, of_post = prepare(document(post)), frozenset(topics[post.pk])
            for rule in rules:
                if fulfils(rule, post, prepared, of_post):
                    marks.setdefault((rule.pk, post.conversation_id), post.pk)
    return marks


def _in_parts(posts: Iterator[Mention]) -> Iterator[list[Mention]]:
    while some := list(islice(posts, _AT_ONCE)):
        yield some


def _store(marks: Mapping[tuple[int, int], int]) -> None:
    # In one order by everybody, so that two who store the same ones do not wait for each other.
    rows = [
        MustAnswer(rule_id=rule, conversation_id=conversation, mention_id=marks[rule, conversation]) for rule, conversation in sorted(marks)
    ]
    MustAnswer.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def rules_of(conversation_id: int) -> list[str]:
    """The names of the rules by which a conversation must be answered. One query."""
    marks = MustAnswer.objects.filter(conversation_id=conversation_id, rule__is_active=True).order_by("rule__name")
    return list(marks.values_list("rule__name", flat=True))


def read_open(*, after: str = "", limit: int = 50) -> OpenPage:
    """Conversations that must be answered and wait for us, the one that waits longest first; two queries."""
    marked = MustAnswer.objects.filter(rule__is_active=True).values("conversation")
    waiting = Conversation.objects.filter(any_of("status", ACTIVE), pk__in=marked).select_related("author", "assignee")
    page, following = page_of(waiting, field="waiting_since", after=after, limit=limit, oldest_first=True)
    names: dict[int, list[str]] = defaultdict(list)
    marks = MustAnswer.objects.filter(conversation__in=page, rule__is_active=True).order_by("rule__name")
    for conversation_id, name in marks.values_list("conversation_id", "rule__name"):
        names[conversation_id].append(name)
    entries = [(conversation, names[conversation.pk]) for conversation in page]
    return OpenPage(entries, following)
