"""What marketing says to an author in public: the question for permission and the thank-you, each in a fixed wording.

They are public replies like any other: same rows, same outbox, same checks (`send.send_fixed_reply`). Marketing has no other words.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery

from engagement.models import Compliment, Delivery, Message
from engagement.services import checks, wordings
from engagement.services.answers import GONE
from engagement.services.delivery import undo_delivery
from engagement.services.drafts import read_drafts, save_draft
from engagement.services.left_alone import check_may_begin
from engagement.services.lines import leave_line
from engagement.services.praise_state import Kind, State, check_may_work, lock_compliment, move
from engagement.services.send import send_fixed_reply
from profiles.models import Agent
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError
from socialdesk.networks.base import Capabilities

Purpose = Compliment.Purpose


def ask_permission(*, compliment_id: int, agent: Agent, purpose: str, answer_seen: int = 0, hold: float | None = None) -> Compliment:
    """Ask the author in public, in their language, whether we may repost or quote the post. Asking again while it stands asks once.

    `answer_seen` and `hold` as for `send_reply`, whose refusals this raises as well; MovedOn if it is past asking, DeskError where the
    network can do neither.
    """
    if purpose not in Purpose.values:
        raise DeskError("Say what you ask for: a repost, or a quote with credit.")
    with transaction.atomic():
        compliment = lock_compliment(compliment_id)
        check_may_work(agent, compliment)
        if compliment.state == State.ASKED and not is_gone(compliment.asking):
            return compliment
        check_may_begin(compliment.mention.author.profile_id)
        if purpose not in purposes_of(checks.abilities_in(compliment.conversation)):
            label = checks.label_of(compliment.mention.network)
            raise DeskError(f"{label} lets us do nothing with the post from this desk. Thank the author, or ask there.")
        text = wordings.ask(compliment.mention, purpose)
        message = _reply(compliment, agent, text, answer_seen, hold)
        changes = {"purpose": purpose, "asking": message, "asked_at": message.created_at, "accepted_by": compliment.accepted_by or agent}
        move(compliment, Kind.ASKED, to=State.ASKED, wherefrom=(State.NEW, State.ASKED), agent=agent, message=message, changes=changes)
    return compliment


def thank_author(*, compliment_id: int, agent: Agent, answer_seen: int = 0, hold: float | None = None) -> Compliment:
    """Thank the author in public, in their language. Otherwise as `ask_permission`; whoever was thanked is not thanked again."""
    with transaction.atomic():
        compliment = lock_compliment(compliment_id)
        check_may_work(agent, compliment)
        if compliment.thanked_at is not None and not is_gone(compliment.thanks):
            return compliment
        message = _reply(compliment, agent, wordings.thank(compliment.mention), answer_seen, hold)
        to = None if compliment.state == State.DECLINED else State.THANKED
        changes = {"thanks": message, "thanked_at": message.created_at}
        move(compliment, Kind.THANKED, to=to, agent=agent, message=message, changes=changes)
    return compliment


def hand_thanks(*, compliment_id: int, agent: Agent) -> Compliment:
    """Leave the thanking to the agent who forwarded it: the wording becomes their draft, unless they are writing something already."""
    with transaction.atomic():
        compliment = lock_compliment(compliment_id)
        check_may_work(agent, compliment)
        whom = compliment.forwarded_by
        if whom is None or not (whom.is_active and whom.may_answer):
            raise DeskError("Whoever forwarded this does not answer customers. Thank the author yourself.")
        if compliment.thanked_at is not None:
            raise Conflict("The author was thanked already.")
        if not read_drafts(agent=whom, conversation_id=compliment.conversation_id).get(Message.Kind.REPLY, "").strip():
            text = wordings.thank(compliment.mention)
            save_draft(agent=whom, conversation_id=compliment.conversation_id, kind=Message.Kind.REPLY, text=text)
        move(compliment, Kind.HANDED, agent=agent, changes={"thanks_from": whom, "handed_at": current_time()})
        leave_line(
            conversation_id=compliment.conversation_id,
            agent=agent,
            words=f"Praise: {whom.name}, please thank @{compliment.mention.author.username}. A draft waits for you here.",
        )
    return compliment


def note_thanked(*, limit: int = 100) -> int:
    """Find the thank-yous that agents were asked for and sent meanwhile. Returns how many."""
    # One answer can thank for two posts of a conversation; a question for permission thanks for none.
    replies = Message.objects.filter(kind=Message.Kind.REPLY, delivery__state=Delivery.State.SENT).exclude(
        Exists(Compliment.objects.filter(asking=OuterRef("pk")))
    )
    of_whom = {"conversation": OuterRef("conversation"), "agent": OuterRef("thanks_from"), "created_at__gte": OuterRef("handed_at")}
    waiting = Compliment.objects.filter(handed_at__isnull=False, thanked_at=None)
    found = waiting.annotate(by=Subquery(replies.filter(**of_whom).order_by("pk").values("pk")[:1])).exclude(by=None).order_by("handed_at")
    thanked = 0
    for pk, message_id in found.values_list("pk", "by")[:limit]:
        with transaction.atomic():
            compliment = lock_compliment(pk)
            if compliment.handed_at is None or compliment.thanked_at is not None:
                continue
            message = Message.objects.select_related("agent").get(pk=message_id)
            to = None if compliment.state == State.DECLINED else State.THANKED
            changes = {"thanks": message, "thanked_at": message.created_at}
            move(compliment, Kind.THANKED, to=to, agent=message.agent, message=message, changes=changes)
            thanked += 1
    return thanked


def take_back_reply(compliment: Compliment, agent: Agent) -> bool:
    """Take back a question or a thank-you that is still held. On the locked row. False if there is none. Raises TooLate."""
    if compliment.state == State.ASKED and compliment.asking is not None:
        message, to = compliment.asking, State.NEW
        changes: dict[str, Any] = {"asking": None, "asked_at": None, "purpose": ""}
    elif compliment.thanks is not None and compliment.thanks.agent_id is not None:
        message, to = compliment.thanks, _before_thanks(compliment)
        changes = {"thanks": None, "thanked_at": None}
    else:
        return False
    undo_delivery(message_id=message.pk, agent=agent)
    move(compliment, Kind.TAKEN_BACK, to=to, agent=agent, message=message, changes=changes)
    return True


def _before_thanks(compliment: Compliment) -> Compliment.State:
    if compliment.state == State.DECLINED:
        return State.DECLINED
    if compliment.shared_at is not None:
        return State.REPOSTED
    if compliment.answer == Compliment.Answer.GRANTED:
        return State.GRANTED
    return State.ASKED if compliment.asking_id is not None else State.NEW


def _reply(compliment: Compliment, agent: Agent, text: str, answer_seen: int, hold: float | None) -> Message:
    seconds = settings.UNDO_SECONDS if hold is None else hold
    return send_fixed_reply(
        conversation_id=compliment.conversation_id,
        agent=agent,
        text=text,
        mention_id=compliment.mention_id,
        answer_seen=answer_seen,
        hold=seconds,
    )


def is_gone(message: Message | None) -> bool:
    """Whether there is no such reply, or it never reached the network and will not."""
    return message is None or message.delivery.state in GONE


def purposes_of(abilities: Capabilities) -> list[str]:
    """What can be done from here with a post, if its author agrees, where so much can be done."""
    possible = {Purpose.REPOST: abilities.repost, Purpose.QUOTE: abilities.post}
    return [purpose.value for purpose, able in possible.items() if able and abilities.reply]
