"""The brake on heated threads (brief C11): the more often we answered somebody who stays angry, the slower the next public answer.

With N answers of ours and the customer still negative, the next one cools down, the one after it is read by a lead, then only the
closing line may be said, and then nothing: a hostile thread gets at most N + 3 public answers. It begins anew when the customer has
calmed down, or when a lead lifts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from engagement.models import BrakeLift, Policy
from engagement.services.facts import Turn
from engagement.services.heat import is_calm
from listening.models import Conversation
from listening.services.conversations import conversation_state, lock_conversation
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError, NotAllowed
from socialdesk.lib.text import clean

# Our last public word, by language: it does not argue, and offers the private way.
CLOSING_LINES = {
    "en": "We hear you, and going on here would not help you. Please write to us in a private message: one person will stay with it"
    " until it is settled.",
    "es": "Te leemos, y seguir aquí no te ayudaría. Escríbenos por mensaje privado: una misma persona se ocupará de ello hasta resolverlo.",
    "fr": "Nous vous lisons, et continuer ici ne vous aiderait pas. Écrivez-nous en message privé : une même personne suivra votre demande"
    " jusqu'au bout.",
    "de": "Wir nehmen das ernst, und hier weiterzumachen hilft Ihnen nicht. Schreiben Sie uns bitte eine private Nachricht: Eine Person"
    " bleibt dran, bis es geklärt ist.",
    "ar": "نقرأ رسائلك، ومتابعة الحديث هنا لن تفيدك. راسلنا من فضلك برسالة خاصة، وسيتابع شخص واحد طلبك حتى يُحلّ.",
}


class Stage(StrEnum):
    FREE = "free"
    COOLING = "cooling"
    APPROVAL = "approval"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Brake:
    """Where a thread stands. `answers` are ours in public to a customer who was and stayed angry, since the brake was last lifted."""

    stage: Stage
    answers: int
    cooling_minutes: int
    closing_line: str

    @property
    def is_on(self) -> bool:
        return self.stage is not Stage.FREE

    @property
    def reason(self) -> str:
        """Why it is on, in words."""
        return f"{self.answers} public answer{'s' if self.answers != 1 else ''} and they are still negative"

    @property
    def words(self) -> str:
        """What it means for the next public answer; "" while it is off."""
        still = self.reason
        match self.stage:
            case Stage.COOLING:
                return f"{still}: the next one cools down for {self.cooling_minutes} minutes before it goes out."
            case Stage.APPROVAL:
                return f"{still}: a lead reads the next one first."
            case Stage.CLOSING:
                return f"{still}: only the closing line may still be said in public."
            case Stage.CLOSED:
                return "The closing line was said: nothing more goes out in public here until they are calmer or a lead lifts the brake."
            case _:
                return ""


def find_brake(turns: Sequence[Turn], *, policy: Policy, lifted_at: datetime | None, language: str) -> Brake:
    """The brake for the next public answer in a thread. `language` is the customer's, for the closing line."""
    answers, is_closed, is_heated = 0, False, False
    posts: list[Turn] = []
    for turn in turns:
        if not turn.is_ours:
            posts.append(turn)
            is_heated = not is_calm(posts)
            if not is_heated:
                answers, is_closed = 0, False
        elif is_heated and (lifted_at is None or turn.at > lifted_at):
            answers += 1
            is_closed |= turn.is_closing
    stage = Stage.FREE if not is_heated else _stage(answers - policy.brake_after, is_closed)
    line = CLOSING_LINES.get(language.partition("-")[0], CLOSING_LINES["en"])
    return Brake(stage, answers, policy.cooling_minutes, line)


def _stage(beyond: int, is_closed: bool) -> Stage:
    if is_closed:
        return Stage.CLOSED
    if beyond < 0:
        return Stage.FREE
    return (Stage.COOLING, Stage.APPROVAL, Stage.CLOSING)[min(beyond, 2)]


def is_closing_line(text: str) -> bool:
    return text in CLOSING_LINES.values()


def last_lift(conversation_id: int) -> datetime | None:
    """When a lead last lifted the brake in a conversation. One query."""
    lifts = BrakeLift.objects.filter(conversation_id=conversation_id).order_by("-at")
    return lifts.values_list("at", flat=True).first()


def lift_brake(*, conversation_id: int, agent: Agent, reason: str) -> Conversation:
    """Let the thread be answered in public again; recorded with its reason. Raises NotAllowed, NotFound, DeskError."""
    if not agent.may_approve:
        raise NotAllowed("A lead lifts the brake. Ask one, or go on in private.")
    words = clean(reason).strip()[:300]
    if not words:
        raise DeskError("Say why it may go on in public; the reason is kept with the thread.")
    with transaction.atomic():
        conversation = lock_conversation(conversation_id)
        BrakeLift.objects.create(conversation=conversation, agent=agent, at=current_time(), reason=words)
        live.publish(live.ConversationsChanged([conversation_state(conversation)], by=agent.pk))
    return conversation
