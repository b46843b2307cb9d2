"""What is asked of a text and of its writer before it is taken: the same for the screen and for programs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from engagement.models import Message
from engagement.services.live_codes import live_codes
from listening.models import Conversation, NetworkAccount
from profiles.models import Agent
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, Unavailable
from socialdesk.lib.text import MAX_TEXT, clean, length
from socialdesk.networks import registry
from socialdesk.networks.base import Capabilities

MAX_NOTE = 20_000  # characters of an internal note
MANY_BYTES = "An emoji takes several, and so do letters with accents and those of most scripts."


class AccountUnusable(Unavailable):
    """Our account cannot speak now. The text is kept as a draft."""

    code = "account_unusable"


class GivesCodeAway(Conflict):
    """A public text holds a code that only the customer may know. `findings` say where."""

    code = "guarded"


class NotFollowing(Conflict):
    """The network takes a private message only for those who follow us."""

    code = "not_following"


def check_may_answer(agent: Agent) -> None:
    """Raises NotAllowed unless the agent's role writes to customers."""
    if not agent.may_answer:
        raise NotAllowed("Your role reads and notes; answering customers is for care agents and their leads. You can write a note.")


def check_may_settle(agent: Agent, message: Message) -> None:
    """Raises NotAllowed unless the agent may decide what becomes of a message in trouble: those who answer, and whoever wrote it."""
    if message.agent_id != agent.pk:
        check_may_answer(agent)


def check_text(text: str, *, limit: int, unit: str, most_bytes: int = 0) -> str:
    """The text as it will be sent: cleaned, with plain line ends, without space around it.

    `limit` counts in `unit` (see socialdesk.lib.text.length); 0 is no limit but what a database row may hold. `most_bytes` is what the
    network takes of it in UTF-8 besides, 0 as much as there is. Raises DeskError.
    """
    if len(text) > MAX_TEXT:
        raise DeskError(f"The text has {len(text)} characters; nothing longer than {limit or MAX_TEXT} can be sent. Shorten it.")
    ready = tidy_text(text)
    if not any(unicodedata.category(character)[0] in "LNPS" for character in ready):
        raise DeskError("There is nothing to send yet. Write a text first.")
    size = length(ready, unit)
    if limit and size > limit:
        raise DeskError(
            f"The text is {size - limit} characters too long: {size} of {limit}. Shorten it.", length=size, limit=limit, unit=unit
        )
    weight = size_in_bytes(ready)
    if most_bytes and weight > most_bytes:
        raise DeskError(
            f"The text is {weight - most_bytes} bytes too long: {weight} of {most_bytes}. {MANY_BYTES} Shorten it.",
            length=weight,
            limit=most_bytes,
            unit="bytes",
        )
    return ready


def size_in_bytes(text: str) -> int:
    """As networks count it that have a limit in bytes: in UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def fits_in_public(text: str, abilities: Capabilities) -> bool:
    """Whether a public text is within what the network takes, in its characters and in bytes."""
    limit, most_bytes = abilities.max_length, abilities.max_bytes
    if limit and length(text, abilities.length_unit) > limit:
        return False
    return not most_bytes or size_in_bytes(text) <= most_bytes


def tidy_text(text: str) -> str:
    return clean(text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def check_reply_text(conversation: Conversation, text: str) -> str:
    """The text of a public reply, ready for this conversation's network. Raises DeskError."""
    abilities = abilities_in(conversation)
    if not abilities.reply:
        raise DeskError(why_no_reply(conversation))
    ready = _check_public_text(text, abilities)
    check_no_live_code(conversation, ready)
    return ready


def check_no_live_code(conversation: Conversation, text: str) -> None:
    """Raises GivesCodeAway for a public text with a verification code that still works (brief D21)."""
    spans = live_codes(conversation).spans_in(text)
    if spans:
        advice = "This is the code that the customer was sent in private. Leave it out; nobody else may know it."
        findings = [{"kind": "live_code", "start": start, "end": end, "advice": advice} for start, end in spans]
        raise GivesCodeAway(f"Nothing was sent. {advice}", findings=findings)


def check_share_text(conversation: Conversation, kind: str, text: str) -> str:
    """The text of a repost or quote, ready for this conversation's network. Raises DeskError."""
    abilities = abilities_in(conversation)
    name = "repost" if kind == Message.Kind.REPOST else "post"
    if not getattr(abilities, name):
        what = "reposted" if kind == Message.Kind.REPOST else "quoted"
        refusal = f"Nothing can be {what} on {label_of(conversation.network)} from this desk."
        raise DeskError(f"{why_not(conversation, name) or refusal} Thank the author, or do it there.")
    return _check_public_text(text, abilities)


def _check_public_text(text: str, abilities: Capabilities) -> str:
    return check_text(text, limit=abilities.max_length, unit=abilities.length_unit, most_bytes=abilities.max_bytes)


def check_direct_message_text(conversation: Conversation, text: str) -> str:
    """The text of a private message, ready for this conversation's network and author. Raises DeskError."""
    abilities = abilities_in(conversation)
    if not abilities.direct_message:
        raise DeskError(f"{why_no_direct_message(conversation)} Reply publicly without personal data.")
    if must_follow_first(conversation):
        raise NotFollowing(
            f"@{conversation.author.username} does not follow us, and {label_of(conversation.network)} takes private messages only for"
            " followers. Ask them publicly to follow us first."
        )
    most = abilities.max_message_length
    return check_text(text, limit=most, unit=abilities.length_unit, most_bytes=abilities.max_message_bytes)


def must_follow_first(conversation: Conversation) -> bool:
    """Whether the network takes no private message to the author before they follow us. The author should be loaded."""
    if not capabilities_of(conversation.network).follow_first or conversation.author.follows_us is not False:
        return False
    incoming = Message.objects.filter(conversation__author_id=conversation.author_id, kind=Message.Kind.DIRECT_MESSAGE, is_incoming=True)
    return not incoming.exists()


def check_note_text(text: str) -> str:
    return check_text(text, limit=MAX_NOTE, unit="codepoints")


def speaking_account(conversation: Conversation) -> NetworkAccount:
    """Our account that answers here: the one that was addressed, else our first one on that network. Raises AccountUnusable."""
    account = account_for(conversation)
    if account is None:
        raise AccountUnusable(f"No account of ours on {label_of(conversation.network)} is connected. Connect one, then send it again.")
    if not account.is_usable:
        reason = f" ({account.state_reason.rstrip('.')})" if account.state_reason else ""
        raise AccountUnusable(f"{account} has to be connected again before it can send{reason}. Your text is kept.")
    return account


def account_for(conversation: Conversation) -> NetworkAccount | None:
    """Our account that answers here, whether it can just now or not. No query where the one that was addressed is loaded."""
    account = conversation.account
    if account is None or account.removed_at is not None:
        account = NetworkAccount.objects.filter(network=conversation.network, removed_at=None).order_by("state", "pk").first()
    return account


def abilities_in(conversation: Conversation) -> Capabilities:
    """What can be done in a conversation: what the account that answers there may; without one, what its network can."""
    account = account_for(conversation)
    return capabilities_of(conversation.network) if account is None else account.capabilities


def abilities_among(conversations: Iterable[Conversation]) -> dict[int, Capabilities]:
    """As `abilities_in`, by id, for many whose accounts are loaded: one query, none where each has one."""
    rows = list(conversations)
    own = {row.pk: row.account for row in rows if row.account is not None and row.account.removed_at is None}
    lacking = {row.network for row in rows if row.pk not in own}
    ours = NetworkAccount.objects.filter(network__in=lacking, removed_at=None).defer("credentials").order_by("-state", "-pk")
    first = {account.network: account for account in ours} if lacking else {}  # of each network the last one stays: the first
    found = {row.pk: own.get(row.pk) or first.get(row.network) for row in rows}
    return {row.pk: account.capabilities if (account := found[row.pk]) else capabilities_of(row.network) for row in rows}


def why_not(conversation: Conversation, name: str) -> str:
    """Why our account may not do what its network lets others do, as it was found out; "" where it may, or nobody may."""
    account = account_for(conversation)
    return "" if account is None else why_account_may_not(account, name)


def why_account_may_not(account: NetworkAccount, name: str) -> str:
    """The same for one account."""
    if name not in account.cannot or not getattr(capabilities_of(account.network), name, False):
        return ""
    return f"@{account.username} may not do that on {label_of(account.network)}: {account.cannot[name].rstrip('. ')}."


def why_no_reply(conversation: Conversation) -> str:
    refusal = f"{label_of(conversation.network)} cannot be answered from this desk."
    return f"{why_not(conversation, 'reply') or refusal} Answer there, and leave a note here."


def why_no_direct_message(conversation: Conversation) -> str:
    return why_not(conversation, "direct_message") or f"{label_of(conversation.network)} takes no private messages from this desk."


def capabilities_of(network: str) -> Capabilities:
    """What a network can do; nothing, if its connector is gone. For what one of our accounts may do there: `abilities_in`."""
    try:
        return registry.get(network).capabilities
    except registry.UnknownNetwork:
        return Capabilities()


def label_of(network: str) -> str:
    """What people call the network with that key."""
    try:
        return registry.get(network).label
    except registry.UnknownNetwork:
        return network
