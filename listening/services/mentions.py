"""Single mentions: our own posts, kept as context beside what they answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from listening.models import Conversation, Mention, NetworkAccount
from listening.query import fold_text
from profiles.services.handles import find_or_create_handles
from socialdesk.lib import bulk
from socialdesk.lib.clock import now as current_time
from socialdesk.networks.base import AuthorData


def record_own_post(
    *,
    conversation: Conversation,
    account: NetworkAccount,
    external_id: str,
    text: str,
    url: str,
    posted_at: datetime,
    in_reply_to: Mention | None,
) -> None:
    """Store what we posted as an own post, so that its echo is a duplicate and an answer to it finds its conversation (invariant 7).

    Inside a transaction. If the echo was faster, that one stays.
    """
    author = AuthorData(account.external_id or account.username, account.username, account.display_name)
    handles = find_or_create_handles(authors=[(account.network, author)], now=current_time())
    handle = handles[account.network, author.external_id]
    post: dict[str, Any] = {
        "network": account.network,
        "external_id": external_id,
        "author_id": handle.id,
        "conversation_id": conversation.pk,
        "text": text,
        "folded": fold_text(text),
        "language": "",
        "posted_at": posted_at,
        "received_at": current_time(),
        "url": url,
        "in_reply_to": in_reply_to.external_id if in_reply_to else None,
        "parent_id": in_reply_to.pk if in_reply_to else None,
        "media": [],
        "is_own": True,
        "is_addressed": False,
        "asks_for_help": False,
        "score": 0.0,
        "label": "neutral",
        "confidence": 0.0,
        "scorer": "",
    }
    bulk.insert_missing(Mention, list(post), [list(post.values())])
    # If the echo was faster, it may not have found its conversation.
    Mention.objects.filter(network=account.network, external_id=external_id, conversation=None).update(conversation=conversation)
