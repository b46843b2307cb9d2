"""What an agent writes: a public reply or a private message goes into the outbox, a note stays in the house."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from engagement.models import Delivery, Hop, Message, Permission, Promise
from engagement.services import checks
from engagement.services.acknowledge import NOTHING_PUBLIC, is_acknowledged, stands_in_public
from engagement.services.answers import check_answers_seen
from engagement.services.attachments import attach, is_same_press, make_ready
from engagement.services.drafts import save_draft
from engagement.services.follow import ask_whether_followed
from engagement.services.guarding import Guarded, check_answer, refuse_blocked
from engagement.services.hops import begin_hop
from engagement.services.left_alone import check_may_answer_there
from engagement.services.links import note_carried
from engagement.services.policy import check_policy
from engagement.services.queue import tell_worker
from engagement.services.spans import Promised
from engagement.services.template_uses import TemplateNeeded, check_right, find_acknowledgement, record_use
from engagement.services.windows import WindowClosed, read_window, require_open
from listening.models import Conversation, Mention
from listening.services.conversations import (
    conversation_state,
    expect_acknowledgement,
    lock_conversation,
    require_claim,
    require_no_foreign_claim,
    save_conversation,
)
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
    variant_id: int | None = None,
    promise: Promised | None = None,
    request_key: str = "",
    hold: float | None = None,
    is_approved: bool = False,
    is_typed: bool = True,
    pictures: Sequence[int] = (),
) -> Message:
    """Answer in public. The reply is held back for `hold` seconds (None: as long as Undo lasts), then it goes out by itself; in a
    heated thread it may be held back for longer.

    `mention_id` is the post that it answers (None: the customer's newest one). `answer_seen` is the number of that post's last answer
    that the agent saw, 0 for none. `variant_id` is the template's wording that the text was made from. With `promise`, or made from an
    acknowledgement that still says when we answer, it is no answer: see promises.py. `request_key` names one press of Send: the same
    press again gives the same message. `is_approved`: a lead has read it; only `approvals.approve_reply` says so. `is_typed`: the text is
    the agent's own, whose draft ends with it. `pictures` are ids of what the agent handed in for it (attachments.py).

    Raises AlreadyAnswered (with the answers), Conflict (codes `claimed`, `request_key_reused`), NeverAnswer, BrakeOn, ApprovalNeeded,
    AccountUnusable, Guarded and TemplateNeeded (the text is kept as a draft), NotAllowed, NotFound, and DeskError for a text that cannot
    be sent.
    """
    checks.check_may_answer(agent)
    seconds = _check_hold(hold)
    moment = current_time()
    findings = check_answer(conversation_id=conversation_id, kind=Kind.REPLY, text=text)
    make_ready(conversation_id=conversation_id, agent=agent, pictures=pictures)

    def write() -> Message:
        conversation = lock_conversation(conversation_id)
        earlier = _same_press(agent, request_key, conversation_id, Kind.REPLY, text)
        if earlier is not None and not is_same_press(earlier, pictures):
            raise RequestKeyReused("This request key was used with other pictures. Give each message a key of its own.", id=earlier.pk)
        if earlier is not None:
            return earlier
        message = _prepare_reply(conversation, agent, text, mention_id, answer_seen, moment)
        refuse_blocked(findings)
        if not is_approved:
            check_right(conversation=conversation, agent=agent, text=message.text, variant_id=variant_id)
        verdict = check_policy(conversation, agent=agent, text=message.text, is_approved=is_approved)
        promised = promise or find_acknowledgement(variant_id, message.text)
        if promised is not None:
            expect_acknowledgement(conversation, message.text)
        take_claim(conversation, agent, moment)
        message.request_key, message.is_closing_line = request_key, verdict.is_closing_line
        message.save()
        if pictures:
            attach(message=message, agent=agent, pictures=pictures)
        record_use(message=message, variant_id=variant_id)
        if promised is not None:
            _make_promise(message, promised, by_key=promise is not None)
        # What nobody typed leaves the draft that they did type.
        if is_typed and promise is None and not message.is_closing_line:
            _forget_draft(message, agent)
        _put_in_outbox(message, moment, max(seconds, verdict.hold), verdict.hold_reason)
        return message

    return _write_keeping_text(write, agent, conversation_id, Kind.REPLY, text)


def send_fixed_reply(
    *, conversation_id: int, agent: Agent, text: str, mention_id: int, answer_seen: int, hold: float | None = None
) -> Message:
    """A public reply in a wording of the desk's own, which marketing may send though it does not answer customers.

    Whether this agent may, the caller has made sure. It takes no claim and no draft, but waits for whoever has the conversation in hand.
    Otherwise as `send_reply`, with the same checks.
    """
    seconds = _check_hold(hold)
    moment = current_time()
    findings = check_answer(conversation_id=conversation_id, kind=Kind.REPLY, text=text)

    def write() -> Message:
        conversation = lock_conversation(conversation_id)
        message = _prepare_reply(conversation, agent, text, mention_id, answer_seen, moment)
        refuse_blocked(findings)
        # A wording that everybody knows needs no lead to read it; what must never be said, and a thread that cools down, stand above it.
        verdict = check_policy(conversation, agent=agent, text=message.text, is_approved=True)
        require_no_foreign_claim(conversation, agent, now=moment)
        message.save()
        _put_in_outbox(message, moment, max(seconds, verdict.hold), verdict.hold_reason)
        return message

    return _write_once(write)


def _prepare_reply(
    conversation: Conversation, agent: Agent, text: str, mention_id: int | None, answer_seen: int, moment: datetime
) -> Message:
    """A public reply that passed every check, not stored yet. The conversation must be locked."""
    check_may_answer_there(conversation)
    ready = checks.check_reply_text(conversation, text)
    account = checks.speaking_account(conversation)
    mention = answered_mention(conversation.pk, mention_id)
    number = check_answers_seen(mention_id=mention.pk, answer_seen=answer_seen)
    return Message(
        conversation=conversation,
        kind=Kind.REPLY,
        text=ready,
        agent=agent,
        account=account,
        network=conversation.network,
        mention=mention,
        answer_number=number,
        created_at=moment,
    )


def send_share(*, permission: Permission, agent: Agent, text: str, hold: float | None = None) -> Message:
    """Repost or quote the post that an author's permission is about. Inside a transaction, with its compliment locked.

    `text` is what a quote says; a repost sends none, and keeps a description. Raises AccountUnusable, Guarded, and DeskError where the
    network cannot do it or takes no text of that length.
    """
    seconds = _check_hold(hold)
    moment = current_time()
    mention = permission.compliment.mention
    conversation = permission.compliment.conversation
    if permission.purpose == Kind.QUOTE:
        findings = check_answer(conversation_id=conversation.pk, kind=Kind.QUOTE, text=text)
        refuse_blocked(findings)
    message = Message.objects.create(
        conversation=conversation,
        kind=permission.purpose,
        text=checks.check_share_text(conversation, permission.purpose, text),
        agent=agent,
        account=checks.speaking_account(conversation),
        network=conversation.network,
        mention=mention,
        permission=permission,
        created_at=moment,
    )
    _put_in_outbox(message, moment, seconds)
    return message


class NotAcknowledged(Conflict):
    """The customer wrote in public and has no public word of ours yet; going private needs one, or a recorded waiver."""

    code = "not_acknowledged"


def send_direct_message(
    *,
    conversation_id: int,
    agent: Agent,
    text: str,
    variant_id: int | None = None,
    request_key: str = "",
    hold: float | None = None,
    reason: str = Hop.Reason.PROGRAM,
    waiver: str = "",
) -> Message:
    """Write to the conversation's author in private, which begins a hop for that `reason` if none is under way (brief D3, A11). Where
    nothing stands in public, it is no move to another channel: no hop begins, and nothing is owed.

    `waiver` says why the customer was not answered in public first. Otherwise as `send_reply`; also raises NotFollowing, WindowClosed,
    and NotAcknowledged where neither a public answer nor a waiver is there.
    """
    checks.check_may_answer(agent)
    seconds = _check_hold(hold)
    moment = current_time()
    ask_whether_followed(conversation_id)
    findings = check_answer(conversation_id=conversation_id, kind=Kind.DIRECT_MESSAGE, text=text)

    def write() -> Message:
        conversation = lock_conversation(conversation_id)
        earlier = _same_press(agent, request_key, conversation_id, Kind.DIRECT_MESSAGE, text)
        if earlier is not None:
            return earlier
        check_may_answer_there(conversation)
        ready = checks.check_direct_message_text(conversation, text)
        refuse_blocked(findings)
        account = checks.speaking_account(conversation)
        label = checks.label_of(conversation.network)
        about = require_open(read_window(conversation, able=account.capabilities, account=account, label=label, now=moment))
        if not waiver.strip() and not is_acknowledged(conversation):
            raise NotAcknowledged(
                f"{conversation.author.display_name or conversation.author.username} wrote in public and has no public answer yet."
                " Acknowledge it there first, or say why not."
            )
        take_claim(conversation, agent, moment)
        if stands_in_public(conversation):
            begin_hop(
                conversation=conversation,
                channel=Hop.Channel.DIRECT_MESSAGE,
                reason=reason,
                agent=agent,
                at=moment,
                acknowledge_waiver=waiver,
            )
        message = Message.objects.create(
            conversation=conversation,
            kind=Kind.DIRECT_MESSAGE,
            text=ready,
            agent=agent,
            account=account,
            network=conversation.network,
            mention=about,
            request_key=request_key,
            created_at=moment,
        )
        record_use(message=message, variant_id=variant_id)
        _forget_draft(message, agent)
        _put_in_outbox(message, moment, seconds)
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
        _forget_draft(message, agent)
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
    except (checks.AccountUnusable, Guarded, TemplateNeeded, WindowClosed):
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


def answered_mention(conversation_id: int, mention_id: int | None) -> Mention:
    """The customer's post that is answered: the one named, else the newest that still stands."""
    posts = Mention.objects.filter(conversation_id=conversation_id, is_own=False)
    if mention_id is None:
        newest = posts.filter(deleted_at=None).order_by("-posted_at", "-pk").first()
        if newest is None:
            raise DeskError(NOTHING_PUBLIC)
        return newest
    mention = posts.filter(pk=mention_id).first()
    if mention is None:
        raise NotFound("The post that this answers is not part of this conversation. Reload the conversation.")
    if mention.deleted_at is not None:
        raise Conflict("The post that this answers was deleted by its author. Answer another one, or write a private message.")
    return mention


def take_claim(conversation: Conversation, agent: Agent, moment: datetime) -> None:
    require_claim(conversation, agent, now=moment)
    save_conversation(conversation)
    live.publish(live.ConversationsChanged([conversation_state(conversation)], by=agent.pk))


def _make_promise(message: Message, promised: Promised, *, by_key: bool) -> None:
    Promise.objects.create(
        conversation=message.conversation,
        message=message,
        text=promised.words,
        minutes=promised.minutes,
        due_at=message.created_at + timedelta(minutes=promised.minutes),
        by_key=by_key,
    )


def _forget_draft(message: Message, agent: Agent) -> None:
    save_draft(agent=agent, conversation_id=message.conversation_id, kind=message.kind, text="")


def _put_in_outbox(message: Message, moment: datetime, hold: float, hold_reason: str = "") -> None:
    due = moment + timedelta(seconds=hold)
    delivery = Delivery.objects.create(
        message=message,
        kind=message.kind,
        token=uuid.uuid4().hex,
        not_before=due,
        told_at=due,
        hold_reason=hold_reason,
        created_at=moment,
    )
    note_carried(message)
    live.publish(live.MessageChanged(message.conversation_id, message.pk, delivery.state, message.agent_id))
    tell_worker(delivery.pk, seconds=hold)
