"""The thread above a conversation, when somebody opens it: what the desk has of it from other conversations, and further up what its
network says, which is shown for a while and never stored."""

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
from listening.services.ancestors import find_stored, read_ancestors
from listening.services.parts import Parts, media_json, read_parts
from listening.services.renewal import renew_account
from profiles.services.erasure import find_erased
from socialdesk.lib.clock import now
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, AuthorData, NetworkError, PostData

KEPT_FOR = 600  # seconds
FAILED_FOR = 30  # seconds until a network that did not answer is asked again
MOST = 40  # posts, those nearest to what is read here


@dataclass(frozen=True, slots=True)
class PostAbove:
    """One post of somebody, with what else it carries. Of one that the desk has not stored pictures are links: it fetches no others.

    `mention` is the stored post, and then `conversation` the one that it stands in, if it stands in any.
    """

    post: PostData
    parts: Parts
    mention: Mention | None = None
    conversation: Conversation | None = None

    @property
    def is_kept(self) -> bool:
        return self.mention is not None


@dataclass(frozen=True, slots=True)
class Above:
    """What stands above, from the thread's first post down. `is_asked`: the network was, and `problem` says why it does not show more."""

    posts: tuple[PostAbove, ...] = ()
    problem: str = ""
    is_asked: bool = False


def has_above(conversation: Conversation, thread: Sequence[Bubble], *, is_whole: bool) -> bool:
    """Whether the first post of a thread answers one that is not in it, and that can be shown. No query."""
    posts = [bubble.mention for bubble in thread if bubble.mention is not None] if is_whole else []
    if not posts:
        return False
    first = posts[0]
    if _answers_stored(first):
        return all(post.pk != first.parent_id for post in posts)
    return _answers_unknown(first) and checks.abilities_in(conversation).context


def read_above(conversation: Conversation) -> Above:
    """What is stored of it, and above that what the network says, or said within the last ten minutes.

    Never raises for what a network does. What was written by somebody who was erased since is not shown, whoever still has it. Only public
    posts stand there: what was said in private, and among us, stays in its own conversation.
    """
    first = Mention.objects.filter(conversation=conversation).order_by("posted_at", "pk").first()
    if first is None or first.deleted_at is not None:
        return Above()
    kept = read_ancestors(first, limit=MOST)
    highest = kept[0] if kept else first
    asks = len(kept) < MOST and _answers_unknown(highest) and checks.abilities_in(conversation).context
    fetched, problem = _read_fetched(conversation, highest.external_id) if asks else ((), "")
    # Where a post between is unknown, one further up may be known all the same.
    stored = find_stored(conversation.network, [post.external_id for post in fetched]) if fetched else {}
    erased = find_erased({(post.network, post.author.external_id) for post in fetched})
    seen = {mention.pk for mention in kept}
    posts: list[PostAbove] = []
    for post in fetched:
        mention = stored.get(post.external_id)
        if mention is not None:
            if mention.pk not in seen:
                posts.append(_show_kept(mention))
        elif not _is_erased(post, erased):
            posts.append(PostAbove(post, read_parts(media_json(post))))
    posts += map(_show_kept, kept)
    others = [shown for shown in posts if shown.mention is None or shown.mention.conversation_id != conversation.pk]
    return Above(tuple(others[-MOST:]), problem, is_asked=asks)


def _show_kept(mention: Mention) -> PostAbove:
    author = mention.author
    post = PostData(
        network=mention.network,
        external_id=mention.external_id,
        text=mention.text,
        author=AuthorData(author.external_id, author.username, author.display_name),
        posted_at=mention.posted_at,
        url=mention.url,
        edited_at=mention.edited_at,
        deleted=mention.deleted_at is not None,
    )
    return PostAbove(post, read_parts(mention.media, mention_id=mention.pk), mention, mention.conversation)


def _read_fetched(conversation: Conversation, external_id: str) -> tuple[tuple[PostData, ...], str]:
    """What the network says of the thread above this post, and why it says no more."""
    key = f"above:{hashlib.sha256(f'{conversation.network} {external_id}'.encode()).hexdigest()}"
    known: tuple[tuple[PostData, ...], str] | None = cache.get(key)
    if known is None:
        known = _ask(conversation, external_id)
        cache.set(key, known, timeout=FAILED_FOR if known[1] else KEPT_FOR)
    return known


def _answers_stored(mention: Mention) -> bool:
    return mention.parent_id is not None and mention.deleted_at is None


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
