"""Single mentions: our own posts, kept as context beside what they answer."""

from __future__ import annotations

from datetime import datetime

from listening.models import Conversation, Mention, NetworkAccount
from listening.query import fold_text
from profiles.services.handles import find_or_create_handles
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
) -> Mention:
    """Store what we posted as an own post, so that its echo is a duplicate and an answer to it finds its conversation (invariant 7).

    Inside a transaction. Gives back the one that is there if the echo was faster.
    """
    author = AuthorData(account.external_id or account.username, account.username, account.display_name)
    handles = find_or_create_handles(authors=[(account.network, author)], now=current_time())
    handle = handles[account.network, author.external_id]
    mention, created = Mention.objects.get_or_create(
        network=account.network,
        external_id=external_id,
        defaults={
            "author_id": handle.id,
            "conversation": conversation,
            "text": text,
            "folded": fold_text(text),
            "posted_at": posted_at,
            "received_at": current_time(),
            "url": url,
            "in_reply_to": in_reply_to.external_id if in_reply_to else None,
            "parent": in_reply_to,
            "is_own": True,
            "score": 0.0,
            "label": "neutral",
            "confidence": 0.0,
            "scorer": "",
        },
    )
    if not created and mention.conversation_id is None:
        mention.conversation = conversation
        mention.save(update_fields=["conversation"])
    return mention
