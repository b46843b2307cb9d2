"""Until when a network takes private messages to somebody: from what they wrote to us, in private and in public, whatever kind it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from engagement.models import Message
from engagement.services.answers import GONE
from listening.models import Conversation, Mention, NetworkAccount
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict
from socialdesk.networks.base import Capabilities

_KIND = Message.Kind.DIRECT_MESSAGE


class WindowClosed(Conflict):
    """The network takes no private message to them now."""

    code = "window_closed"


@dataclass(frozen=True, slots=True)
class Window:
    """`words` say what was decided and by what. `about` is the public post that the one private answer is for, if it is for one."""

    is_open: bool
    words: str
    until: datetime | None = None
    about: Mention | None = None


def read_window(
    conversation: Conversation,
    *,
    able: Capabilities,
    account: NetworkAccount | None,
    label: str,
    now: datetime | None = None,
    besides: int | None = None,
) -> Window | None:
    """None where the network knows no window; at most two queries where it does. `besides` is a private message that answers no post as
    long as it is not sent: the one that is tried again."""
    if not able.direct_message or not (able.message_window_hours or able.private_reply_days):
        return None
    moment = now or current_time()
    to_us = Q(account=account) | Q(account=None)
    incoming = Message.objects.filter(to_us, conversation__author_id=conversation.author_id, kind=_KIND, is_incoming=True)
    wrote_at = incoming.order_by("-created_at").values_list("created_at", flat=True).first()
    if wrote_at is not None:
        if not able.message_window_hours:
            return Window(True, f"They wrote to us in private {_ago(wrote_at, moment)}: it can be answered.")
        until = wrote_at + timedelta(hours=able.message_window_hours)
        if until > moment:
            return Window(True, f"They wrote in private {_ago(wrote_at, moment)}: open until {_at(until)}.", until)
    post = _answerable_post(conversation, able.private_reply_days, moment, besides)
    if post is not None:
        until = post.posted_at + timedelta(days=able.private_reply_days)
        words = f"They posted in public {_ago(post.posted_at, moment)}: one private answer is taken until {_at(until)}."
        return Window(True, words, until, post)
    return Window(False, _why_closed(able, label, wrote_at, moment))


def require_open(window: Window | None) -> Mention | None:
    """The public post that a private message answers, if it is for one. Raises WindowClosed."""
    if window is None:
        return None
    if not window.is_open:
        raise WindowClosed(window.words)
    return window.about


def _answerable_post(conversation: Conversation, days: int, moment: datetime, besides: int | None) -> Mention | None:
    """The author's newest public post here that the network still takes a private answer to: each of them once."""
    if not days:
        return None
    posts = Mention.objects.filter(conversation=conversation, author_id=conversation.author_id, is_own=False, deleted_at=None)
    recent = posts.filter(posted_at__gt=moment - timedelta(days=days)).order_by("-posted_at", "-pk")
    answered = Message.objects.filter(kind=_KIND, is_incoming=False, mention__isnull=False).exclude(delivery__state__in=GONE)
    answered = answered.exclude(pk=besides) if besides else answered
    return recent.exclude(pk__in=answered.filter(conversation=conversation).values("mention")).first()


def _why_closed(able: Capabilities, label: str, wrote_at: datetime | None, moment: datetime) -> str:
    parts = []
    if able.message_window_hours:
        last = f"that was {_ago(wrote_at, moment)}" if wrote_at else "they have written none"
        parts.append(f"{label} takes private messages for {able.message_window_hours} hours after the last one from them, and {last}.")
    if able.private_reply_days:
        days = "a day" if able.private_reply_days == 1 else f"{able.private_reply_days} days"
        parts.append(f"A public post of theirs can be answered in private once, within {days}; none is left.")
    return f"{' '.join(parts)} Ask them in public to write to us."


def _ago(moment: datetime, now: datetime) -> str:
    minutes = max(0, int((now - moment).total_seconds() // 60))
    if minutes < 1:
        return "just now"
    if minutes < 90:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"


def _at(moment: datetime) -> str:
    local, today = timezone.localtime(moment), timezone.localtime().date()
    if local.date() == today:
        return f"{local:%H:%M}"
    if (local.date() - today).days == 1:
        return f"tomorrow {local:%H:%M}"
    return f"{local.day} {local:%b %H:%M}"
