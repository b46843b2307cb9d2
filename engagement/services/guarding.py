"""The guards at work: what they say of a draft where it is going, and the refusal of one that must not go there."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any, cast, get_args

from django.conf import settings

from engagement.guards import Audience, Finding, Place, check_draft
from engagement.models import Company
from engagement.services.bubbles import AUDIENCES
from engagement.services.reasking import find_known
from listening.models import Conversation, NetworkAccount
from socialdesk.lib.errors import Conflict, DeskError
from socialdesk.lib.text import MAX_TEXT
from socialdesk.networks import registry
from socialdesk.networks.base import Capabilities

logger = logging.getLogger(__name__)
CHECKED = get_args(Audience)


class Guarded(Conflict):
    """The draft holds or asks for what must not go out like this. `findings` are as `describe_finding` has them."""

    code = "guarded"


def check_any_draft(*, network: str, audience: str, text: str) -> list[Finding]:
    """What the guards say of a text that belongs to no conversation yet. Raises DeskError for an unknown network or audience."""
    if audience not in CHECKED:
        raise DeskError("The audience is public or private.")
    company = Company.current()
    return _check(text, network, cast(Audience, audience), company, Place(hosts=_own_hosts()))


def check_answer(*, conversation_id: int, kind: str, text: str) -> list[Finding]:
    """What the guards say of a text in its conversation. A note is the team's own: nothing is said of it."""
    audience = AUDIENCES.get(kind)
    conversation = Conversation.objects.select_related("author__profile", "account").filter(pk=conversation_id).first()
    if audience not in CHECKED or conversation is None:
        return []
    company = Company.current()
    ours = list(NetworkAccount.objects.filter(network=conversation.network, removed_at=None).order_by("state", "pk"))
    speaking = conversation.account if conversation.account in ours else next(iter(ours), None)
    place = Place(
        answered=conversation.author.username,
        speaking=speaking.username if speaking else "",
        others=frozenset(account.username for account in ours if account != speaking),
        hosts=_own_hosts(),
    )
    able = speaking.capabilities if speaking else None
    findings = _check(text, conversation.network, cast(Audience, audience), company, place, able)
    return sorted([*findings, *find_known(conversation=conversation, text=text)], key=lambda finding: (finding.start, finding.end))


def refuse_blocked(findings: list[Finding]) -> None:
    """Raises Guarded if one of the findings blocks. What it found is logged by its kind (brief B3); the text itself is not."""
    blocking = [finding for finding in findings if finding.blocks]
    if blocking:
        logger.warning("a guard stopped a text: %s", ", ".join(sorted({finding.kind for finding in blocking})))
        raise Guarded(f"It was not sent. {blocking[0].advice}", findings=[describe_finding(finding) for finding in blocking])


def describe_finding(finding: Finding) -> dict[str, Any]:
    """{kind, start, end, advice, blocks}: `start` and `end` in characters (code points) of the text."""
    return asdict(finding)


def _check(text: str, network: str, audience: Audience, company: Company, place: Place, able: Capabilities | None = None) -> list[Finding]:
    if len(text) > MAX_TEXT:
        raise DeskError(f"The text has {len(text)} characters; nothing longer than {MAX_TEXT} is looked at. Shorten it.")
    try:
        return check_draft(text=text, network=network, audience=audience, company=company, place=place, able=able)
    except registry.UnknownNetwork as error:
        raise DeskError(str(error)) from None


def _own_hosts() -> frozenset[str]:
    return frozenset({*settings.ALLOWED_HOSTS} - {"*"})
