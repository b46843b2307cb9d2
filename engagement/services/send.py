"""What an agent writes: a public reply or a private message goes into the outbox, a note stays in the house."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from engagement.models import Delivery, Message
from engagement.services import checks
from engagement.services.answers import check_answers_seen
from engagement.services.drafts import save_draft
from engagement.services.guarding import Guarded, check_answer, refuse_blocked
from engagement.services.queue import tell_worker
from listening.models import Conversation, Mention
from listening.services.conversations import conversation_state, lock_conversation, require_claim, save_conversation
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound

Kind = Message.Kind
LONGEST_HOLD = 3600.0  # seconds
_KEY_LENGTH = 64


class RequestKeyReused(Conflict):
    """The key of one press of Send came again with something else."""

    code = "request_key_reused"


def send_reply(
    *,
    conversation_id: int,
    agent: Agent,
    text: str,
    mention_id: int | None = None,
    answer_seen: int = 0,
    request_key: str = "",
    hold: float | None = None,
) -> Message:
    """Answer in public. The reply is held back for `hold` seconds (None: as long as Undo lasts), then it goes out by itself.

    `mention_id` is the post that it answers (None: the customer's newest one). `answer_seen` is the number of that post's last answer
    that the agent saw, 0 for none. `request_key` names one press of Send: the same press again gives the same message.

    Raises AlreadyAnswered (with the answers), Conflict (codes `claimed`, `request_key_reused`), AccountUnusable and Guarded (the
    text is kept as a draft), NotAllowed, NotFound, and DeskError for a text that cannot be sent.
    """
    checks.check_may_answer(agent)
    seconds = _check_hold(hold)
    moment = current_time()
    findings = check_answer(conversation_id=conversation_id, kind=Kind.REPLY, text=text)

    def write() -> Message:
        conversation = lock_conversation(conversation_id)
        earlier = _same_press(agent, request_key, conversation_id, Kind.REPLY, text)
        if earlier is not None:
            return earlier
        ready = checks.check_reply_text(conversation, text)
        refuse_blocked(findings)
        account = checks.speaking_account(conversation)
        mention = _answered_mention(conversation_id, mention_id)
        number = check_answers_seen(mention_id=mention.pk, answer_seen=answer_seen)
        _take_claim(conversation, agent, moment)
        message = Message.objects.create(
            conversation=conversation,
            kind=Kind.REPLY,
            text=ready,
            agent=agent,
            account=account,
            network=conversation.network,
            mention=mention,
            answer_number=number,
            request_key=request_key,
            created_at=moment,
        )
        _put_in_outbox(message, agent, moment, seconds)
        return message

    return _write_keeping_text(write, agent, conversation_id, Kind.REPLY, text)


def send_direct_message(*, conversation_id: int, agent: Agent, text: str, request_key: str = "", hold: float | None = None) -> Message:
    """Write to the conversation's author in private. Otherwise as `send_reply`; also raises NotFollowing."""
    checks.check_may_answer(agent)
    seconds = _check_hold(hold)
    moment = current_time()
    checks.ask_whether_followed(conversation_id)
    findings = check_answer(conversation_id=conversation_id, kind=Kind.DIRECT_MESSAGE, text=text)

    def write() -> Message:
        conversation = lock_conversation(conversation_id)
        earlier = _same_press(agent, request_key, conversation_id, Kind.DIRECT_MESSAGE, text)
        if earlier is not None:
            return earlier
        ready = checks.check_direct_message_text(conversation, text)
        refuse_blocked(findings)
        account = checks.speaking_account(conversation)
        _take_claim(conversation, agent, moment)
        message = Message.objects.create(
            conversation=conversation,
            kind=Kind.DIRECT_MESSAGE,
            text=ready,
            agent=agent,
            account=account,
            network=conversation.network,
            request_key=request_key,
            created_at=moment,
        )
        _put_in_outbox(message, agent, moment, seconds)
        return message

    return _write_keeping_text(write, agent, conversation_id, Kind.DIRECT_MESSAGE, text)


def add_note(*, conversation_id: int, agent: Agent, text: str, request_key: str = "") -> Message:
    """Leave a note for the team. Every role may; it belongs to no network and has no delivery, so that nothing can send it."""
    ready = checks.check_note_text(text)

    def write() -> Message:
        if not Conversation.objects.filter(pk=conversation_id).exists():
            raise NotFound("There is no such conversation. It may have been removed; reload the list.")
        earlier = _same_press(agent, request_key, conversation_id, Kind.NOTE, text)
        if earlier is not None:
            return earlier
        message = Message.objects.create(
            conversation_id=conversation_id,
            kind=Kind.NOTE,
            text=ready,
            agent=agent,
            request_key=request_key,
            created_at=current_time(),
        )
        save_draft(agent=agent, conversation_id=conversation_id, kind=Kind.NOTE, text="")
        live.publish(live.MessageChanged(conversation_id, message.pk, "stored", agent.pk))
        return message

    return _write_once(write)


def _write_once(write: Callable[[], Message]) -> Message:
    try:
        with transaction.atomic():
            return write()
    except IntegrityError:
        # Another request took the same request key or answer number first. Now its rows can be seen, and say what to answer.
        with transaction.atomic():
            return write()


def _write_keeping_text(write: Callable[[], Message], agent: Agent, conversation_id: int, kind: str, text: str) -> Message:
    try:
        return _write_once(write)
    except (checks.AccountUnusable, Guarded):
        save_draft(agent=agent, conversation_id=conversation_id, kind=kind, text=text)
        raise


def _check_hold(hold: float | None) -> float:
    seconds = float(settings.UNDO_SECONDS if hold is None else hold)
    if not 0 <= seconds <= LONGEST_HOLD:
        raise DeskError(f"A message can be held back for 0 to {LONGEST_HOLD:.0f} seconds.")
    return seconds


def _same_press(agent: Agent, request_key: str, conversation_id: int, kind: str, text: str) -> Message | None:
    """What this press of Send has already stored. Raises RequestKeyReused if the key came with something else then."""
    if not request_key:
        return None
    if len(request_key) > _KEY_LENGTH or not request_key.isprintable():
        raise DeskError(f"A request key has at most {_KEY_LENGTH} printable characters.")
    earlier = Message.objects.select_related("delivery").filter(agent=agent, request_key=request_key).first()
    if earlier is None:
        return None
    if (earlier.conversation_id, earlier.kind, earlier.text) != (conversation_id, kind, checks.tidy_text(text)):
        raise RequestKeyReused("This request key was used for another message. Give each message a key of its own.", id=earlier.pk)
    if hasattr(earlier, "delivery") and earlier.delivery.state == Delivery.State.ABORTED:
        raise RequestKeyReused("This message was taken back. To send it after all, send it as a new one.", id=earlier.pk)
    return earlier


def _answered_mention(conversation_id: int, mention_id: int | None) -> Mention:
    """The customer's post that is answered: the one named, else the newest that still stands."""
    posts = Mention.objects.filter(conversation_id=conversation_id, is_own=False)
    if mention_id is None:
        newest = posts.filter(deleted_at=None).order_by("-posted_at", "-pk").first()
        if newest is None:
            raise DeskError("There is no public post here that could be answered. Write a private message or a note.")
        return newest
    mention = posts.filter(pk=mention_id).first()
    if mention is None:
        raise NotFound("The post that this answers is not part of this conversation. Reload the conversation.")
    if mention.deleted_at is not None:
        raise Conflict("The post that this answers was deleted by its author. Answer another one, or write a private message.")
    return mention


def _take_claim(conversation: Conversation, agent: Agent, moment: datetime) -> None:
    require_claim(conversation, agent, now=moment)
    save_conversation(conversation)
    live.publish(live.ConversationsChanged([conversation_state(conversation)], by=agent.pk))


def _put_in_outbox(message: Message, agent: Agent, moment: datetime, hold: float) -> None:
    due = moment + timedelta(seconds=hold)
    delivery = Delivery.objects.create(
        message=message, kind=message.kind, token=uuid.uuid4().hex, not_before=due, told_at=due, created_at=moment
    )
    save_draft(agent=agent, conversation_id=message.conversation_id, kind=message.kind, text="")
    live.publish(live.MessageChanged(message.conversation_id, message.pk, delivery.state, agent.pk))
    tell_worker(delivery.pk, seconds=hold)
