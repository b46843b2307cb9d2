"""What listening keeps about a person: their posts, the conversations with them, and searches that name them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.urls import reverse

from listening.models import Conversation, ConversationEvent, ConversationTopic, Mention, Repost, SavedSearch, Status, Topic
from listening.search import matching_mentions
from listening.services.conversations import conversation_state
from listening.services.quotes import drop_pictures_of, erase_quotes
from profiles.holdings import SHORTEST, folded_identifiers, names_somebody
from profiles.models import Handle
from profiles.personal import DELETE, Holding, Naming, Subject, gone_id
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time


def _gone_at() -> Coalesce:
    """As after a deletion by its author: what is delivered again does not bring the words back."""
    return Coalesce(F("deleted_at"), Value(current_time()))


def _posts(subject: Subject) -> QuerySet[Mention]:
    return Mention.objects.filter(author__in=subject.handles)


def _own_posts(subject: Subject) -> QuerySet[Mention]:
    """What we said to them in public, as the networks showed it to us."""
    return Mention.objects.filter(conversation__author__in=subject.handles, is_own=True).exclude(author__in=subject.handles)


def _answers_of_others(subject: Subject) -> QuerySet[Mention]:
    return Mention.objects.filter(parent__author__in=subject.handles, in_reply_to__isnull=False).exclude(author__in=subject.handles)


def _threads_of_others(subject: Subject) -> QuerySet[Conversation]:
    """Conversations with others under a post of theirs: they name it. Before the posts are cleared."""
    roots = Mention.objects.filter(author__in=subject.handles).values("external_id")
    return Conversation.objects.filter(root__in=roots).exclude(author__in=subject.handles).exclude(root="")


def _conversations(subject: Subject) -> QuerySet[Conversation]:
    return Conversation.objects.filter(author__in=subject.handles)


def _reposts(subject: Subject) -> QuerySet[Repost]:
    return Repost.objects.filter(mention__author__in=subject.handles)


def _saved_searches(subject: Subject) -> QuerySet[SavedSearch]:
    words = folded_identifiers(subject)
    found = [
        pk for pk, name, filters in SavedSearch.objects.values_list("pk", "name", "filters") if names_somebody(f"{name} {filters}", words)
    ]
    return SavedSearch.objects.filter(pk__in=found)


def _old_posts(before: datetime) -> QuerySet[Mention]:
    """Posts whose conversation is done with. Those of our own go by the same age."""
    return Mention.objects.filter(posted_at__lt=before).exclude(text="").exclude(conversation__status__in=_OPEN)


_COUNTED = 1000
_OPEN = (Status.NEW, Status.OPEN, Status.WAITING, Status.SNOOZED)
_WORDS: dict[str, Any] = {"text": "", "folded": "", "url": "", "media": [], "deleted_at": _gone_at}
_POST = {
    "posted_at": "When",
    "network": "Network",
    "text": "Text",
    "url": "Address",
    "language": "Language",
    "sentiment": "Read as",
    "media": "Pictures",
}

# The conversations first: they are cleared last, as the ways to what lies in them.
HOLDINGS: dict[str, Holding] = {
    "conversations": Holding(
        Conversation,
        "Conversations",
        _conversations,
        {
            "root": "",
            "excerpt": "",
            "acknowledging": "",
            "priority_reasons": [],
            "assignee": None,
            "claimed_by": None,
            "claimed_until": None,
            "snoozed_until": None,
            "due_at": None,
            "due_kind": "",
            "promise_due_at": None,
            "private_waiting": False,
            "chats_open": 0,
            "unanswered": 0,
        },
        export={
            "opened_at": "Begun",
            "network": "Network",
            "status": "State",
            "first_answered_at": "First answered",
            "resolved_at": "Settled",
        },
    ),
    "conversation_events": Holding(
        ConversationEvent,
        "Reasons in the history of conversations",
        lambda subject: ConversationEvent.objects.filter(conversation__author__in=subject.handles, kind=ConversationEvent.Kind.WAIVED),
        {"data": {}},
        export={"at": "When", "kind": "What"},
    ),
    "mentions": Holding(
        Mention,
        "Posts",
        _posts,
        {**_WORDS, "external_id": gone_id, "in_reply_to": None},
        export=_POST,
        age="posted_at",
        expired=_old_posts,
        # The number stays: by it the network's next delivery of the same post is known.
        aged=_WORDS,
    ),
    "own_posts": Holding(Mention, "Posts of our own to them", _own_posts, _WORDS, export=_POST),
    "answers_of_others": Holding(Mention, "Answers of others under their posts", _answers_of_others, {"in_reply_to": None}),
    "reposts": Holding(Repost, "Repeats of their posts", _reposts, {"original": gone_id}),
    "threads_of_others": Holding(Conversation, "Conversations of others under a post of theirs", _threads_of_others, {"root": ""}),
    "saved_searches": Holding(SavedSearch, "Saved searches that name them", _saved_searches, DELETE),
}


def naming(subject: Subject) -> Naming | None:
    """Posts of others that name one of their accounts."""
    usernames = [name for name in Handle.objects.filter(pk__in=subject.handles).values_list("username", flat=True) if len(name) >= SHORTEST]
    counts = {name: matching_mentions(name).exclude(author__in=subject.handles)[:_COUNTED].count() for name in dict.fromkeys(usernames)}
    found = [name for name, count in counts.items() if count]
    if not found:
        return None
    total = sum(counts.values())
    accounts = " or ".join(f"@{name}" for name in found)
    much = f"{_COUNTED} or more posts" if total >= _COUNTED else "1 post" if total == 1 else f"{total} posts"
    return Naming(
        f"{much} of other people name{'s' if total == 1 else ''} {accounts}. What others wrote is theirs: it stays.",
        f"{reverse('stream')}?{urlencode({'q': found[0]})}",
    )


def stop(subject: Subject, at: datetime) -> None:
    """Close what is open with them, take their words out of what others quoted, and their names out of what is listened for."""
    erase_quotes(subject.handles)
    for posts in (_posts(subject), _own_posts(subject)):
        drop_pictures_of(posts)
    open_ones = list(Conversation.objects.select_for_update().filter(author__in=subject.handles, status__in=_OPEN).order_by("pk"))
    ids = [conversation.pk for conversation in open_ones]
    Conversation.objects.filter(pk__in=ids).update(
        status=Status.RESOLVED,
        resolved_at=Coalesce(F("resolved_at"), Value(at)),
        parked_at=Coalesce(F("parked_at"), Value(at)),
        version=F("version") + 1,
    )
    ConversationTopic.objects.filter(conversation__in=ids).update(is_active=False)
    ConversationEvent.objects.bulk_create(
        ConversationEvent(conversation_id=pk, kind=ConversationEvent.Kind.RESOLVED, at=at, data={"because": "erased"}) for pk in ids
    )
    closed = Conversation.objects.select_related("assignee", "claimed_by").filter(pk__in=ids).order_by("pk")
    if ids:
        live.publish(live.ConversationsChanged([conversation_state(conversation) for conversation in closed]))
    for topic in Topic.objects.select_for_update().order_by("pk"):
        query = without_names(topic.query, subject)
        if query != topic.query:
            topic.query = query
            topic.save(update_fields=["query", "changed_at"])


def without_names(query: str, subject: Subject) -> str:
    """A query of topics with another word where it names an account of theirs. Plain words stay: they are not about one person."""
    names = sorted(filter(None, subject.identifiers), key=len, reverse=True)
    if not names:
        return query
    return re.sub(rf"(?i)(from:\s*\"?@?|@)(?:{'|'.join(map(re.escape, names))})(?!\w)", r"\1erased", query)
