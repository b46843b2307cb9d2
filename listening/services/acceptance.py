"""What may come in at all: each post is made safe to store or refused with a reason that says what to mend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from listening.services.parts import accept_parts, accept_url
from socialdesk.lib.clock import EARLIEST
from socialdesk.lib.text import MAX_TEXT, clean
from socialdesk.networks.base import AuthorData, MessageData, PostData
from socialdesk.networks.registry import NETWORKS

MAX_ID = 200
MAX_NAME = 200
MAX_BIO = 1000
MAX_URL = 1000
MAX_FOLLOWERS = 10**12
CLOCK_SKEW = timedelta(days=1)  # a network's clock may run ahead of ours; what is further off is not a time of posting


@dataclass(frozen=True, slots=True)
class Rejection:
    """`index` is the post's place in what was handed in."""

    index: int
    reason: str


class Refused(Exception):
    """This post cannot be taken. The message is the reason."""


def accept_post(post: PostData, *, received_at: datetime) -> PostData:
    """`post` with safe text, names, times and parts. Raises Refused."""
    if post.network not in NETWORKS:
        raise Refused(f"unknown network {post.network[:40]!r}: use one of {', '.join(NETWORKS)}")
    _accept_id("external_id", post.external_id)
    if len(post.in_reply_to) > MAX_ID or len(post.repost_of) > MAX_ID:
        raise Refused(f"in_reply_to is longer than {MAX_ID} characters")
    if len(post.text) > MAX_TEXT:
        raise Refused(f"text has {len(post.text):,} characters; at most {MAX_TEXT:,} are taken")
    text = clean(post.text)
    post = accept_parts(post)
    if not text.strip() and not (post.media or post.poll or post.quote or post.deleted or post.repost_of):
        raise Refused("text is empty")
    if post.posted_at.tzinfo is None:
        raise Refused("posted_at has no time zone")
    if post.posted_at < EARLIEST or post.posted_at > received_at + CLOCK_SKEW:
        raise Refused(f"posted_at is {post.posted_at:%Y-%m-%d}, which cannot be the time of a post received on {received_at:%Y-%m-%d}")
    author, url = _accept_author(post.author), accept_url(post.url, limit=MAX_URL)
    in_reply_to, language, posted_at = clean(post.in_reply_to), clean(post.language)[:12], min(post.posted_at, received_at)
    accepted = (text, author, url, in_reply_to, language, posted_at)
    if accepted == (post.text, post.author, post.url, post.in_reply_to, post.language, post.posted_at):
        return post  # as nearly always; a copy would cost more than all the checks
    return replace(post, text=text, author=author, url=url, in_reply_to=in_reply_to, language=language, posted_at=posted_at)


def accept_message(message: MessageData, *, received_at: datetime) -> MessageData:
    """`message` with safe text, names and times. Raises Refused."""
    if message.network not in NETWORKS:
        raise Refused(f"unknown network {message.network[:40]!r}: use one of {', '.join(NETWORKS)}")
    _accept_id("external_id", message.external_id)
    if message.sent_at.tzinfo is None:
        raise Refused("sent_at has no time zone")
    if message.sent_at < EARLIEST or message.sent_at > received_at + CLOCK_SKEW:
        raise Refused(f"sent_at is {message.sent_at:%Y-%m-%d}, which cannot be the time of a message received on {received_at:%Y-%m-%d}")
    # Some networks say no more of who writes in private than an id.
    text, author = clean(message.text), _accept_author(message.author, is_named=False)
    return replace(message, text=text, author=author, sent_at=min(message.sent_at, received_at))


def _accept_id(name: str, value: str) -> None:
    if not value.strip():
        raise Refused(f"{name} is empty")
    if len(value) > MAX_ID:
        raise Refused(f"{name} is longer than {MAX_ID} characters")
    if clean(value) != value:
        raise Refused(f"{name} holds characters that cannot be stored")


def _accept_author(author: AuthorData, *, is_named: bool = True) -> AuthorData:
    _accept_id("author.external_id", author.external_id)
    username = clean(author.username, limit=MAX_NAME).strip().removeprefix("@")
    if is_named and not username:
        raise Refused("author.username is empty")
    display_name, url = clean(author.display_name, limit=MAX_NAME), accept_url(author.url, limit=MAX_URL)
    followers = max(0, min(author.followers, MAX_FOLLOWERS))
    bio = clean(author.bio, limit=MAX_BIO)
    accepted = (username, display_name, url, followers, bio)
    if accepted == (author.username, author.display_name, author.url, author.followers, author.bio):
        return author
    return replace(author, username=username, display_name=display_name, url=url, followers=followers, bio=bio)
