"""The thread above a conversation, asked of its network when somebody opens it: shown for a while, and never stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.cache import cache

from engagement.services import checks
from engagement.services.bubbles import Bubble
from engagement.services.speaking import as_network_error
from listening.models import Conversation, Mention, NetworkAccount
from listening.services.acceptance import Refused, accept_post
from listening.services.parts import Parts, media_json, read_parts
from listening.services.renewal import renew_account
from profiles.services.erasure import find_erased
from socialdesk.lib.clock import now
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, NetworkError, PostData

KEPT_FOR = 600  # seconds
FAILED_FOR = 30  # seconds until a network that did not answer is asked again
MOST = 40  # posts, those nearest to what is read here


@dataclass(frozen=True, slots=True)
class PostAbove:
    """One post of somebody, with what else it carries. Its pictures are links: the desk fetches only what it has stored."""

    post: PostData
    parts: Parts


@dataclass(frozen=True, slots=True)
class Above:
    """What stands above, from the thread's first post down; `problem` says why it cannot be shown."""

    posts: tuple[PostAbove, ...] = ()
    problem: str = ""


def has_above(conversation: Conversation, thread: Sequence[Bubble], *, is_whole: bool) -> bool:
    """Whether the first post of a thread answers one that is not stored, and its network can be asked for that. No query."""
    first = next((bubble.mention for bubble in thread if bubble.mention is not None), None) if is_whole else None
    return first is not None and _answers_unknown(first) and checks.abilities_in(conversation).context


def read_above(conversation: Conversation) -> Above:
    """Ask the network, or remember what it said within the last ten minutes. Never raises for what a network does.

    What was written by somebody who was erased since is not shown, whoever still has it.
    """
    first = Mention.objects.filter(conversation=conversation).order_by("posted_at", "pk").first()
    if first is None or not _answers_unknown(first) or not checks.abilities_in(conversation).context:
        return Above()
    key = f"above:{hashlib.sha256(f'{first.network} {first.external_id}'.encode()).hexdigest()}"
    known: tuple[tuple[PostData, ...], str] | None = cache.get(key)
    if known is None:
        known = _ask(conversation, first.external_id)
        cache.set(key, known, timeout=FAILED_FOR if known[1] else KEPT_FOR)
    posts, problem = known
    erased = find_erased({(post.network, post.author.external_id) for post in posts})
    standing = [post for post in posts if not _is_erased(post, erased)]
    return Above(tuple(PostAbove(post, read_parts(media_json(post))) for post in standing), problem)


def _answers_unknown(mention: Mention) -> bool:
    return bool(mention.in_reply_to) and mention.parent_id is None and mention.deleted_at is None


def _is_erased(post: PostData, erased: dict[tuple[str, str], datetime]) -> bool:
    at = erased.get((post.network, post.author.external_id))
    return at is not None and post.posted_at <= at


def _ask(conversation: Conversation, external_id: str) -> tuple[tuple[PostData, ...], str]:
    label = checks.label_of(conversation.network)
    account = checks.account_for(conversation)
    if account is None or not account.is_usable:
        return (), f"{label} can be asked what this answers once our account is connected again."
    try:
        found = _climb(account, external_id)
    except (registry.NoConnector, registry.UnknownNetwork, UnreadableCredentials):
        return (), f"{label} cannot be asked what this answers from here."
    except Exception as error:
        failure = as_network_error(error)
        if failure.permanent and not failure.account_revoked:
            return (), f"{label} does not show us what this answers. It may have been deleted, or be for others only."
        return (), f"{label} could not be asked just now what this answers. Open the conversation again in a minute."
    return tuple(safe for post in found[-MOST:] if (safe := _made_safe(post)) is not None), ""


def _climb(account: NetworkAccount, external_id: str) -> tuple[PostData, ...]:
    try:
        return registry.context_for(account.config).above(external_id)
    except NetworkError as error:
        if error.code != EXPIRED:
            raise
    fresh = renew_account(account.pk, used=account.credentials)
    return registry.context_for(fresh.config).above(external_id)


def _made_safe(post: PostData) -> PostData | None:
    try:
        return accept_post(post, received_at=now())
    except Refused:
        return None
