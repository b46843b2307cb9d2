"""What an agent has typed and not sent."""

from __future__ import annotations

from engagement.models import SHARES, Approval, Draft, Message
from engagement.models.draft import TYPED
from engagement.services.attachments import give_back_pictures
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.text import clean


def save_draft(*, agent: Agent, conversation_id: int, kind: str, text: str) -> None:
    """Keep the text of this agent's draft of that kind; an empty one is deleted. Raises DeskError on an unknown kind, NotFound."""
    if kind not in dict(TYPED):
        raise DeskError(f"There is no kind of message {kind!r}; there are {', '.join(dict(TYPED))}.")
    if not text.strip():
        Draft.objects.filter(agent=agent, conversation_id=conversation_id, kind=kind).delete()
        return
    if not Conversation.objects.filter(pk=conversation_id).exists():
        raise NotFound("There is no such conversation. It may have been removed; reload the list.")
    draft = Draft(agent=agent, conversation_id=conversation_id, kind=kind, text=clean(text), changed_at=now())
    Draft.objects.bulk_create(
        [draft], update_conflicts=True, unique_fields=["agent", "conversation", "kind"], update_fields=["text", "changed_at"]
    )


def keep_typed(*, agent: Agent, conversation_id: int, kind: str, text: str, request_key: str = "") -> None:
    """As `save_draft`, for what somebody types. What was sent by a press of Send with that key is no draft any more, however late it
    arrives: whoever goes on to the next conversation would find it in the composer again.
    """
    if _was_sent(agent, request_key):
        return
    save_draft(agent=agent, conversation_id=conversation_id, kind=kind, text=text)
    if text.strip() and _was_sent(agent, request_key):  # between the two
        Draft.objects.filter(agent=agent, conversation_id=conversation_id, kind=kind, text=clean(text)).delete()


def _was_sent(agent: Agent, request_key: str) -> bool:
    pressed = {"agent": agent, "request_key": request_key}
    return bool(request_key) and (Message.objects.filter(**pressed).exists() or Approval.objects.filter(**pressed).exists())


def read_drafts(*, agent: Agent, conversation_id: int) -> dict[str, str]:
    """The agent's drafts in that conversation, by kind."""
    return dict(Draft.objects.filter(agent=agent, conversation_id=conversation_id).values_list("kind", "text"))


def give_back(*, agent: Agent, message: Message) -> None:
    """The text of a message that was not sent becomes the agent's draft again, and its pictures stand in it.

    Nobody typed a repost, a quote, an acknowledgement or a request to follow us by one key, or what the desk itself says for marketing.
    """
    by_key = (hasattr(message, "promise") and message.promise.by_key) or hasattr(message, "follow_request")
    if message.kind in SHARES or by_key or not agent.may_answer:
        return
    give_back_pictures(agent=agent, message=message)
    give_back_text(agent=agent, conversation_id=message.conversation_id, kind=message.kind, text=message.text)


def give_back_text(*, agent: Agent, conversation_id: int, kind: str, text: str) -> None:
    """A text that was not sent becomes the agent's draft again, before whatever they have typed since."""
    typed = read_drafts(agent=agent, conversation_id=conversation_id).get(kind, "")
    whole = text if typed.strip() in ("", text) else f"{text}\n\n{typed}"
    save_draft(agent=agent, conversation_id=conversation_id, kind=kind, text=whole)
