"""Short links: made for one conversation, resolved by code, revoked; and how far the customer came behind each (brief D17, A19)."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from engagement.models import Message, ShortLink
from listening.models import Conversation
from listening.services.conversations import lock_conversation, record_customer_acted
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound

Kind = ShortLink.Kind

# Crockford's base 32: no i, l, o and u, so that a code survives being read aloud and typed from paper. 13 signs of 5 bits are 65 bits.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
CODE_LENGTH = 13
_HEARD_AS = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None, "_": None})
_CODE = re.compile(f"[{ALPHABET}]{{{CODE_LENGTH}}}")

LIFETIME = {
    Kind.CHOICE: timedelta(days=14),
    Kind.CALLBACK: timedelta(days=14),
    Kind.CHAT: timedelta(days=7),
    Kind.TICKET: timedelta(days=365),
    Kind.SURVEY: timedelta(days=30),
    Kind.ARTICLE: timedelta(days=365),
}
OFFERS = ("callback", "chat", "stay")
_SINGLE_USE = (Kind.CALLBACK, Kind.SURVEY)  # what they collect is sent once


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def read_code(given: str) -> str:
    """The code as it is stored, from what was typed or read aloud: any case, hyphens, o for 0, i and l for 1. "" if it cannot be one."""
    code = given[:40].casefold().translate(_HEARD_AS)
    return code if _CODE.fullmatch(code) else ""


def create_link(
    *, conversation_id: int, kind: str, agent: Agent | None, language: str = "", target: dict[str, Any] | None = None
) -> ShortLink:
    """A new link of that kind for a conversation. Raises DeskError for an unknown kind, NotFound.

    `target` is what the kind's page needs, see ShortLink. `language` is that of the page; "" takes the conversation's.
    """
    if kind not in Kind.values:
        raise DeskError(f"There is no kind of link {kind[:40]!r}; there are {', '.join(Kind.values)}.")
    conversation = Conversation.objects.filter(pk=conversation_id).only("language").first()
    if conversation is None:
        raise NotFound("There is no such conversation. It may have been removed; reload the list.")
    moment = current_time()
    link = ShortLink.objects.create(
        code=new_code(),
        kind=kind,
        conversation_id=conversation_id,
        agent=agent,
        language=language or conversation.language,
        target=target or {},
        is_single_use=kind in _SINGLE_USE,
        created_at=moment,
        expires_at=moment + LIFETIME[Kind(kind)],
    )
    _tell(link)
    return link


def link_url(link: ShortLink) -> str:
    """The address that the customer gets."""
    return f"{settings.LINK_URL}/s/{link.code}"


def resolve_link(code: str) -> ShortLink | None:
    """The link with that code, alive or not, with its conversation and author; None if there is none. One query, none for nonsense."""
    stored = read_code(code)
    if not stored:
        return None
    return ShortLink.objects.select_related("conversation__author__profile").filter(code=stored).first()


def offers_of(link: ShortLink) -> list[str]:
    """What a choice offers, in this order: callback, chat, stay. `target` may narrow it; to stay is always offered."""
    offered = link.target.get("offers")
    chosen = offered if isinstance(offered, list) else OFFERS
    return [offer for offer in OFFERS if offer in chosen or offer == "stay"]


def choose_to_stay(link: ShortLink) -> None:
    """The customer wants to go on in public: the conversation is ours to answer again."""
    moment = current_time()
    with transaction.atomic():
        lock_conversation(link.conversation_id)  # before the link, as everything else behind a link does
        link.refresh_from_db(fields=["target"])
        if link.target.get("chosen") == "stay" or not note_sent(link, at=moment):
            return
        link.target = {**link.target, "chosen": "stay"}
        ShortLink.objects.filter(pk=link.pk).update(target=link.target)
        record_customer_acted(conversation_id=link.conversation_id, at=moment)


def note_carried(message: Message) -> None:
    """Remember which of our links an outgoing message holds. Inside the transaction that stores it."""
    codes = [read_code(code) for code in _codes_in(message.text)]
    if codes:
        of_here = ShortLink.objects.filter(code__in=codes, conversation_id=message.conversation_id, message=None)
        of_here.update(message=message)


def _codes_in(text: str) -> list[str]:
    return re.findall(re.escape(settings.LINK_URL) + r"/s/([\w-]{13,26})", text)


def revoke_link(*, link_id: int, agent: Agent) -> ShortLink:
    """Close a link for good: whoever has it sees the page of links that do not work.

    Raises NotAllowed for roles that only read, NotFound, and Conflict if it was closed.
    """
    if not agent.may_work:
        raise NotAllowed("Your role reads and notes; revoking a link is for care agents and their leads.")
    with transaction.atomic():
        link = ShortLink.objects.filter(pk=link_id).first()
        if link is None:
            raise NotFound("There is no such link.")
        moment = current_time()
        if not ShortLink.objects.filter(pk=link_id, revoked_at=None).update(revoked_at=moment):
            raise Conflict("This link was revoked already.")
        link.revoked_at = moment
        _tell(link)
    return link


def note_opened(link: ShortLink, *, at: datetime | None = None) -> None:
    """A person's browser opened the page."""
    moment = at or current_time()
    with transaction.atomic():
        ShortLink.objects.filter(pk=link.pk).update(opens=F("opens") + 1)
        if ShortLink.objects.filter(pk=link.pk, opened_at=None).update(opened_at=moment):
            link.opened_at = moment
            _tell(link)


def note_filled(link: ShortLink, *, at: datetime | None = None) -> None:
    """They began to fill the form in."""
    moment = at or current_time()
    with transaction.atomic():
        if ShortLink.objects.filter(pk=link.pk, filled_at=None, sent_at=None).update(filled_at=moment):
            link.filled_at = moment
            _tell(link)


def note_sent(link: ShortLink, *, at: datetime | None = None) -> bool:
    """They sent it. False if it had been sent before, or does not work any more: then whoever calls stores nothing a second time.

    Inside the transaction that stores what was sent: of two presses at once the second waits here and gets False.
    """
    moment = at or current_time()
    alive = ShortLink.objects.filter(pk=link.pk, revoked_at=None, expires_at__gt=moment)
    if link.is_single_use:
        alive = alive.filter(sent_at=None)
    if not alive.update(sent_at=moment):
        return False
    link.sent_at = moment
    _tell(link)
    return True


def _tell(link: ShortLink) -> None:
    live.publish(live.LinkChanged(link.conversation_id, link.pk, link.kind, link.progress))
