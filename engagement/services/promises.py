"""Saying in public that we are on it, by one key, and by when we will answer (brief C8, C9).

An acknowledgement is a public reply made from a template of that purpose. It stops the clock that waits for one and no other; the promise
in it binds once the network has it, and is kept by our next answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import F

from engagement.models import Approval, Audience, Message, Promise, Purpose
from engagement.services import checks
from engagement.services.answers import AlreadyAnswered
from engagement.services.approvals import submit_reply
from engagement.services.ranking import Suggestion, rank_templates
from engagement.services.spans import Promised, say_within
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.errors import DeskError, NotFound

LEAST, MOST = 5, 7 * 1440  # minutes that can be promised


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """`message` is on its way; None while a lead has to read it first, and then `approval` is what waits.

    `is_new` is False where the same agent had acknowledged that post already: nothing was sent a second time.
    """

    message: Message | None
    approval: Approval | None = None
    is_new: bool = True


def acknowledge(
    *, conversation_id: int, agent: Agent, promise_minutes: int | None = None, request_key: str = "", hold: float | None = None
) -> Acknowledged:
    """Tell the customer in public that we are on it and will answer within `promise_minutes` (None: as long as the desk usually says).

    The best template for that is sent as it is. Raises DeskError where there is none that can be filled and fits, and whatever
    submit_reply raises; AlreadyAnswered too, since what has a public answer needs no acknowledgement.
    """
    checks.check_may_answer(agent)
    minutes = int(settings.PROMISE_MINUTES) if promise_minutes is None else promise_minutes
    if not LEAST <= minutes <= MOST:
        raise DeskError(f"Promise an answer in {LEAST} minutes to {MOST // 1440} days.")
    related = ("author", "account", "last_mention")
    conversation = Conversation.objects.select_related(*related).filter(pk=conversation_id).first()
    if conversation is None:
        raise NotFound("There is no such conversation. It may have been removed; reload the list.")
    chosen = _choose(conversation, agent, minutes)
    promised = Promised(minutes, say_within(minutes, chosen.variant.language))
    try:
        written = submit_reply(
            conversation_id=conversation_id,
            agent=agent,
            text=chosen.filled.text,
            variant_id=chosen.variant.pk,
            promise=promised,
            request_key=request_key,
            hold=hold,
        )
    except AlreadyAnswered as refusal:
        last = Message.objects.select_related("delivery", "promise").filter(pk=refusal.extra["answers"][-1]["id"]).first()
        if last is None or last.agent_id != agent.pk or not hasattr(last, "promise"):
            raise
        return Acknowledged(last, is_new=False)
    return Acknowledged(None, written) if isinstance(written, Approval) else Acknowledged(written)


def _choose(conversation: Conversation, agent: Agent, minutes: int) -> Suggestion:
    """The best acknowledgement of those that can be sent as they are."""
    abilities = checks.abilities_in(conversation)
    suggestions = rank_templates(
        conversation=conversation, agent=agent, audience=Audience.PUBLIC, purpose=Purpose.ACKNOWLEDGE, promise_minutes=minutes
    )
    for suggestion in suggestions:
        if not suggestion.filled.missing and checks.fits_in_public(suggestion.filled.text, abilities):
            return suggestion
    raise DeskError(
        f"No acknowledgement fits here: none is written in {conversation.language or 'their language'} or English that"
        f" {checks.label_of(conversation.network)} takes. Answer in your own words, or ask a lead to write one under Templates."
    )


def settle_promises() -> int:
    """Write down of open promises when they were kept: by our first answer after them, wherever it was given. Returns how many."""
    kept = Promise.objects.filter(
        kept_at=None, message__sent_at__isnull=False, conversation__last_answered_at__gt=F("message__sent_at")
    ).values_list("pk", "conversation__last_answered_at")
    settled = 0
    for pk, answered_at in list(kept[:1000]):
        settled += Promise.objects.filter(pk=pk, kept_at=None).update(kept_at=answered_at)
    return settled
