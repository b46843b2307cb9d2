"""Listening's part of a person's history: what they wrote in public."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse

from listening.models import Mention
from listening.services.parts import read_parts
from profiles.timeline import Entry, Part, Subject


def _mentions(subject: Subject) -> QuerySet[Mention]:
    return Mention.objects.filter(author_id__in=subject.handles).select_related("author")


def _of_mention(mention: Mention) -> Entry:
    return Entry(
        at=mention.posted_at,
        kind="mention",
        key=str(mention.pk),
        text=_words_of(mention),
        url=reverse("conversation", args=[mention.conversation_id]) if mention.conversation_id else mention.url,
        who=f"@{mention.author.username}",
    )


def _words_of(mention: Mention) -> str:
    """What its author put a warning before is opened in its conversation only."""
    if mention.deleted_at is not None:
        return "(its author deleted this post)"
    warning = read_parts(mention.media).warning if mention.media else ""
    return f"(its author warns of this post: {warning})" if warning else mention.text


MENTIONS = Part(_mentions, "posted_at", _of_mention, ("mention",), is_rare=False, by_handle=True)
