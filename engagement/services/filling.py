"""The variables of a template and what stands for them in one conversation. What is not known is left as it is, never invented."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from engagement.models import Company
from engagement.services.spans import say_within
from engagement.services.wordings import name_of
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.clock import now as current_time

# What each means, for whoever writes a template.
VARIABLES = {
    "name": "what the customer calls themselves",
    "handle": "their account, with @",
    "agent": "who answers",
    "company": "our name",
    "link": "a short link, put in when it is made",
    "due": "when we will answer: within 2 hours",
}
_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Filled:
    """`missing` names the variables that nothing is known for; they still stand in `text`."""

    text: str
    missing: tuple[str, ...]


def fill(text: str, values: Mapping[str, str]) -> Filled:
    """`text` with its variables filled in."""
    filled = _VARIABLE.sub(lambda found: values.get(found[1]) or found[0], text)
    return Filled(filled, tuple(name for name in find_variables(text) if not values.get(name)))


def find_variables(text: str) -> list[str]:
    """The names in braces, each once, in their order."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def company_name(conversation: Conversation) -> str:
    """What we call ourselves: as the settings say, else as our account does. One query; the account should be loaded."""
    stored = Company.objects.filter(pk=1).values_list("name", flat=True).first()
    account = conversation.account
    return stored or ((account.display_name or account.username) if account else "")


def values_for(
    *, conversation: Conversation, agent: Agent, company: str, language: str, promise_minutes: int | None = None
) -> dict[str, str]:
    """What is known here, "" for what is not. The author should be loaded; `company` is what we call ourselves.

    `promise_minutes` is a promise about to be made; without it, one that is open counts.
    """
    minutes = _minutes_left(conversation) if promise_minutes is None else promise_minutes
    return {
        "name": name_of(conversation.author),
        "handle": f"@{conversation.author.username}",
        "agent": agent.name,
        "company": company,
        "due": say_within(minutes, language) if minutes else "",
    }


def _minutes_left(conversation: Conversation) -> int:
    """Until what was promised is due: whole hours from one on, else quarters of an hour. 0: nothing is promised, or it is late."""
    if conversation.promise_due_at is None:
        return 0
    left = (conversation.promise_due_at - current_time()).total_seconds() / 60
    step = 60 if left >= 60 else 15
    return max(0, -int(-left // step)) * step
