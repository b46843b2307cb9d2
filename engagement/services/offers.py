"""What an agent puts into an answer: a link that leads elsewhere, if the customer likes."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from engagement.models import Hop, ShortLink
from engagement.services.hops import check_reason, offer_hop
from engagement.services.links import create_link
from engagement.services.surveys import survey_link
from engagement.services.tickets import open_ticket
from profiles.models import Agent


def offer_link(
    *,
    conversation_id: int,
    kind: str,
    agent: Agent | None,
    reason: str = "",
    task: str = "",
    language: str = "",
    target: dict[str, Any] | None = None,
) -> ShortLink:
    """A short link to put into an answer. One that leads to another channel is the offer of a hop and needs its reason.

    Raises what `create_link` and `check_reason` raise.
    """
    with transaction.atomic():
        if kind == ShortLink.Kind.SURVEY:
            return survey_link(conversation_id=conversation_id, agent=agent)
        if kind == ShortLink.Kind.TICKET:
            return open_ticket(conversation_id=conversation_id, agent=agent, reason=check_reason(reason)).link
        link = create_link(conversation_id=conversation_id, kind=kind, agent=agent, language=language, target=target)
        if kind in Hop.Channel.values:
            offer_hop(link=link, reason=reason, agent=agent, task=task)
    return link
