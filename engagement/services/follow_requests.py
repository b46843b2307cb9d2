"""Asking somebody in public to follow us, where their network lets us write in private only to those who do (brief D7, D8)."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from engagement.models import Approval, Audience, FollowRequest, Message, Purpose
from engagement.services import checks, follow
from engagement.services.approvals import submit_reply
from engagement.services.left_alone import check_may_begin
from engagement.services.ranking import rank_templates
from engagement.services.wordings import name_of, spoken
from listening.models import Conversation, ConversationEvent
from listening.services.conversations import add_event, lock_conversation
from profiles.models import Agent
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound

_ASK = {
    "en": "{name}, we would like to go on in a private message. Please follow us, so that we can write to you, and keep personal details"
    " out of public posts.",
    "de": "{name}, wir möchten gern in einer privaten Nachricht weitermachen. Bitte folgen Sie uns, dann können wir Ihnen schreiben."
    " Persönliche Angaben bitte nicht öffentlich posten.",
    "fr": "{name}, nous préférons continuer en message privé. Suivez-nous, s'il vous plaît, pour que nous puissions vous écrire, et ne"
    " publiez pas de données personnelles ici.",
    "es": "{name}, preferimos continuar por mensaje privado. ¿Nos sigue un momento para que podamos escribirle? Por favor, no publique"
    " datos personales aquí.",
    "ar": "{name}، نفضّل إكمال الحديث معك برسالة خاصة. نرجو متابعتنا لنتمكن من الكتابة إليك، وعدم نشر أي بيانات شخصية هنا.",
}


class NoFollowNeeded(Conflict):
    """They follow already, or the desk knows nothing to the contrary: the private door is open."""

    code = "no_follow_needed"


@dataclass(frozen=True, slots=True)
class Asked:
    """`message` is on its way; None while a lead has to read it first, and then `approval` is what waits.

    `is_new` is False where they were asked already, maybe in another conversation or by somebody else: nothing was sent again.
    """

    request: FollowRequest
    message: Message | None
    approval: Approval | None = None
    is_new: bool = True


def ask_to_follow(*, conversation_id: int, agent: Agent, answer_seen: int = 0, request_key: str = "", hold: float | None = None) -> Asked:
    """Ask the conversation's author in public to follow us, and wait for it: see follow.py. Whoever was asked is not asked again.

    The best template for that is sent as it is, in the customer's language if there is one, else words of the desk's own. Raises
    NoFollowNeeded, DeskError where the network knows no such condition, and whatever submit_reply raises.
    """
    checks.check_may_answer(agent)
    follow.ask_whether_followed(conversation_id)
    related = ("author", "account", "last_mention")
    conversation = Conversation.objects.select_related(*related).filter(pk=conversation_id).first()
    if conversation is None:
        raise NotFound("There is no such conversation. It may have been removed; reload the list.")
    _check_needed(conversation)
    text, variant_id = _choose(conversation, agent)
    moment = current_time()
    # What two people press at once meets at the row; the conversation is locked before it, everywhere.
    with transaction.atomic():
        locked = lock_conversation(conversation_id)
        check_may_begin(locked.author.profile_id)
        _check_needed(locked)
        fresh = {"conversation": locked, "agent": agent, "asked_at": moment, "look_at": moment}
        row, is_made = FollowRequest.objects.get_or_create(author_id=locked.author_id, defaults=fresh)
        rows = FollowRequest.objects.select_for_update(of=("self",)).select_related("agent", "message__delivery", "approval")
        request = rows.get(pk=row.pk)
        if not is_made and follow.is_waiting(request, now=moment):
            return Asked(request, request.message, request.approval, is_new=False)
        written = submit_reply(
            conversation_id=conversation_id,
            agent=agent,
            text=text,
            answer_seen=answer_seen,
            variant_id=variant_id,
            request_key=request_key,
            hold=hold,
            is_typed=False,
        )
        message, approval = (None, written) if isinstance(written, Approval) else (written, None)
        request.message, request.approval, request.followed_at = message, approval, None
        for name, value in fresh.items():
            setattr(request, name, value)
        request.save()
        add_event(locked, ConversationEvent.Kind.ASKED_TO_FOLLOW, at=written.created_at, agent=agent)
    return Asked(request, message, approval)


def _check_needed(conversation: Conversation) -> None:
    """Raises unless the author has to follow us before we may write to them."""
    abilities, label = checks.abilities_in(conversation), checks.label_of(conversation.network)
    if not abilities.direct_message:
        raise DeskError(f"{checks.why_no_direct_message(conversation)} Following changes nothing; reply publicly without personal data.")
    if not abilities.follow_first:
        raise NoFollowNeeded(f"{label} takes private messages without a follow. Write in private.")
    if not checks.must_follow_first(conversation):
        raise NoFollowNeeded(f"@{conversation.author.username} need not be asked: the private door is open. Write in private.")


def _choose(conversation: Conversation, agent: Agent) -> tuple[str, int | None]:
    """What is sent, and the template's wording that it is made from, if any."""
    abilities = checks.abilities_in(conversation)
    suggestions = rank_templates(conversation=conversation, agent=agent, audience=Audience.PUBLIC, purpose=Purpose.ASK_TO_FOLLOW)
    ready = [one for one in suggestions if not one.filled.missing and checks.fits_in_public(one.filled.text, abilities)]
    language = spoken(conversation.language)
    own = conversation.language.lower().partition("-")[0] or language
    for wanted in (own, language):
        for suggestion in ready:
            if suggestion.variant.language.partition("-")[0] == wanted:
                return suggestion.filled.text, suggestion.variant.pk
        if wanted in _ASK:
            break  # their language rather than a template in another
    return _ASK[language].format(name=name_of(conversation.author)), None
