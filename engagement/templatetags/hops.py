"""Template filters for short links: their address and how far the customer came, in words."""

from __future__ import annotations

from django.template import Library

from engagement.models import ShortLink
from engagement.services import links
from listening.templatetags.desk import ago
from socialdesk.lib.clock import now

register = Library()


@register.filter
def link_url(link: ShortLink) -> str:
    return links.link_url(link)


@register.filter
def is_alive(link: ShortLink) -> bool:
    return link.is_alive(now())


@register.filter
def link_progress(link: ShortLink) -> str:
    """How far the customer came, and when; or that the link does not work any more."""
    if link.target.get("chosen") == "stay":
        return "wants to stay here"
    if link.sent_at:
        return f"sent {ago(link.sent_at)}"
    if link.revoked_at:
        return "revoked"
    if link.expires_at <= now():
        return "expired"
    if link.filled_at:
        return f"filling it in, {ago(link.filled_at)}"
    if link.opened_at:
        return f"opened {ago(link.opened_at)}"
    return "not opened yet" if link.message_id else "not sent yet"
