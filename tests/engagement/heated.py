"""A customer who stays angry, and hands that answer them in public: what tests of the brake begin with."""

from __future__ import annotations

from datetime import datetime
from itertools import count

from engagement.models import EngagementRule, Message
from engagement.services.answers import AlreadyAnswered
from engagement.services.rules import Conditions, save_rule
from engagement.services.send import send_reply
from listening.models import Conversation, Mention
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk, work
from tests.factories import make_agent

_numbers = count(1)
INSULTS = (
    "@tidewheel this is terrible, you are useless liars",
    "@tidewheel worst company ever, I hate you all!!",
    "@tidewheel you are a joke, this is unacceptable and horrible",
    "@tidewheel LIES, LIES, LIES. Disgusting scammers!!",
)


def anger(desk: Desk, author: str = "mara") -> Mention:
    """The customer writes again, as angry as ever."""
    number = next(_numbers)
    mention = desk.mention(f"{INSULTS[number % len(INSULTS)]} ({number})", author=author)
    assert mention.sentiment == "negative", mention.text
    return mention


def angry_conversation(desk: Desk, author: str = "mara") -> Conversation:
    conversation = anger(desk, author).conversation
    assert conversation is not None
    return conversation


def answer(conversation: Conversation, agent: Agent, text: str = "", *, moment: datetime | None = None) -> Message:
    """Answer the newest post in public, whoever answered it before; delivered at `moment`, at once if none is given."""
    words = text or f"We look into it ({next(_numbers)})."
    Conversation.objects.filter(pk=conversation.pk).update(claimed_by=None, claimed_until=None)
    try:
        message = send_reply(conversation_id=conversation.pk, agent=agent, text=words, hold=0)
    except AlreadyAnswered as refusal:
        seen = refusal.extra["answer_seen"]
        message = send_reply(conversation_id=conversation.pk, agent=agent, text=words, hold=0, answer_seen=seen)
    work(moment or now())
    return message


def make_rule(kind: str, name: str = "Court", *, lead: Agent | None = None, **conditions: object) -> EngagementRule:
    who = lead or make_agent(Role.LEAD)
    return save_rule(rule=None, name=name, kind=kind, conditions=Conditions(**conditions), agent=who)  # type: ignore[arg-type]
