"""Acknowledge in public first: whether there is anything in public, and whether we have (brief A11). The act itself is in promises.py."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from engagement.models import Message
from engagement.services.answers import GONE
from listening.models import Conversation, Mention

NOTHING_PUBLIC = "There is no public post here that could be answered. Write a private message or a note."


def acknowledged() -> Q:
    """Among conversations: whether the customer knows that we saw this.

    They do if a public answer of ours stands here, wherever it was written and also while it is on its way, or if they wrote to us in
    private themselves.
    """
    messages = Message.objects.filter(conversation=OuterRef("pk"))
    # A reply with a receipt stands here as our own post, until that post is deleted. One without is on its way, or a person saw it.
    on_its_way = messages.filter(kind=Message.Kind.REPLY, external_id="").exclude(delivery__state__in=GONE)
    wrote_privately = messages.filter(kind=Message.Kind.DIRECT_MESSAGE, is_incoming=True)
    ours = Mention.objects.filter(conversation=OuterRef("pk"), is_own=True, deleted_at=None)
    return Q(Exists(ours)) | Q(Exists(on_its_way)) | Q(Exists(wrote_privately))


def public_posts() -> QuerySet[Mention]:
    """The customer's posts that stand, of the conversation of an outer query: what a public answer of ours would stand below."""
    return Mention.objects.filter(conversation=OuterRef("pk"), is_own=False, deleted_at=None)


def stands_in_public(conversation: Conversation) -> bool:
    """Whether there is a public thread to write in and to come back to: who only ever wrote in private has none. One query."""
    return Conversation.objects.filter(Exists(public_posts()), pk=conversation.pk).exists()


def is_acknowledged(conversation: Conversation) -> bool:
    """See `acknowledged`; one query."""
    return Conversation.objects.filter(acknowledged(), pk=conversation.pk).exists()
