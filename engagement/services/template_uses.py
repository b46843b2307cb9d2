"""What an agent's text owes to a template: whether their role may send it, and that it was used (brief B31)."""

from __future__ import annotations

import re

from django.conf import settings

from engagement.models import Audience, Message, Purpose, TemplateRight, TemplateUse, TemplateVariant
from engagement.services.filling import company_name, fill, values_for
from engagement.services.spans import Promised, find_promise, pattern_of_spans
from engagement.services.templates import find_wordings
from listening.models import Conversation
from profiles.models import Agent, Role
from socialdesk.lib.errors import DeskError, NotAllowed

Right = TemplateRight.Right
_KEPT = 0.5  # share of a template's words that must still stand in an edited text
_WORD = re.compile(r"\w+")


class TemplateNeeded(NotAllowed):
    """The agent's role does not write this freely. The text is kept as a draft."""

    code = "template_needed"


def read_rights() -> dict[str, str]:
    """The right of each role that writes to customers."""
    kept = dict(TemplateRight.objects.values_list("role", "right"))
    return {role: kept.get(role, Right.FREE) for role in (Role.AGENT, Role.LEAD, Role.ADMIN)}


def set_right(*, role: str, right: str) -> None:
    """Say how freely a role writes in public. Raises DeskError."""
    if role not in (Role.AGENT, Role.LEAD, Role.ADMIN):
        raise DeskError("Only agents, leads and admins write to customers. Choose one of these roles.")
    if right not in Right.values:
        raise DeskError("Choose one of: write freely, begin with a template, use templates as they are.")
    TemplateRight.objects.update_or_create(role=role, defaults={"right": right})


def check_right(*, conversation: Conversation, agent: Agent, text: str, variant_id: int | None) -> None:
    """Raises TemplateNeeded if the agent's role may not send `text` in public. One query for those who write freely."""
    right = TemplateRight.objects.filter(role=agent.role).values_list("right", flat=True).first() or Right.FREE
    if right == Right.FREE:
        return
    if right == Right.AS_IS:
        wordings, company = find_wordings(conversation, audience=Audience.PUBLIC).values(), company_name(conversation)
        if not any(is_as_is(variant, text, conversation=conversation, agent=agent, company=company) for variant in wordings):
            raise TemplateNeeded(
                "Your role sends templates as they are. Choose one with / and leave its words unchanged, or ask a lead to answer."
            )
        return
    begun = TemplateVariant.objects.filter(pk=variant_id or 0, audience=Audience.PUBLIC, template__is_active=True).first()
    if begun is None:
        raise TemplateNeeded("Your role begins with a template. Choose one with / and edit it, or ask a lead to answer.")
    if not _keeps_enough(begun.text, text):
        raise TemplateNeeded(
            f"Too little of “{begun.template.name}” is left: at least half of its words must stay. Take it anew with /, or ask a lead"
            " to answer."
        )


def find_acknowledgement(variant_id: int | None, text: str) -> Promised | None:
    """What `text` promises if it was made from an acknowledgement and still says by when we answer. One query, none without a variant."""
    variant = TemplateVariant.objects.filter(pk=variant_id, template__purpose=Purpose.ACKNOWLEDGE).first() if variant_id else None
    return find_promise(text, variant.language, usual=int(settings.PROMISE_MINUTES)) if variant else None


def record_use(*, message: Message, variant_id: int | None) -> None:
    """Count that a message was made from a wording; one that is gone meanwhile is not counted. In the transaction that stores it."""
    variant = TemplateVariant.objects.filter(pk=variant_id).first() if variant_id is not None else None
    if variant is None or message.agent is None:
        return
    conversation, agent = message.conversation, message.agent
    TemplateUse.objects.create(
        template_id=variant.template_id,
        variant=variant,
        message=message,
        agent=agent,
        is_edited=not is_as_is(variant, message.text, conversation=conversation, agent=agent, company=company_name(conversation)),
        at=message.created_at,
    )


def is_as_is(variant: TemplateVariant, text: str, *, conversation: Conversation, agent: Agent, company: str) -> bool:
    """Whether `text` is that wording, filled in for this conversation: whatever the link and the promised time are."""
    values = values_for(conversation=conversation, agent=agent, company=company, language=variant.language)
    pattern = re.escape(fill(variant.text, {**values, "link": "", "due": ""}).text)
    pattern = pattern.replace(re.escape("{link}"), rf"{re.escape(settings.LINK_URL)}/s/[\w-]+").replace(
        re.escape("{due}"), f"(?:{pattern_of_spans(variant.language)})"
    )
    return re.fullmatch(pattern, text) is not None


def _keeps_enough(template: str, text: str) -> bool:
    """Whether at least half of the template's words, as often as it has them, stand in the text."""
    wanted = _WORD.findall(template.casefold())
    left = _WORD.findall(text.casefold())
    kept = 0
    for word in wanted:
        if word in left:
            left.remove(word)
            kept += 1
    return kept >= len(wanted) * _KEPT
