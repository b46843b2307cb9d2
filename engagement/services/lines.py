"""Lines that the desk leaves in a thread for the team: notes, so that nothing can send them."""

from __future__ import annotations

from engagement.models import Message
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now


def leave_line(*, conversation_id: int, agent: Agent | None, words: str) -> None:
    """In the name of `agent`, or of the desk itself. Inside the transaction of what it tells of."""
    message = Message.objects.create(conversation_id=conversation_id, kind=Message.Kind.NOTE, text=words, agent=agent, created_at=now())
    live.publish(live.MessageChanged(conversation_id, message.pk, "stored", agent.pk if agent else None))
