"""What goes out and where it leads: messages, their deliveries, drafts, hops and short links."""

from engagement.models.chat import CHAT_OPEN, ChatDuty, ChatLine, ChatSession
from engagement.models.delivery import TROUBLED, UNFINISHED, Delivery
from engagement.models.draft import Draft
from engagement.models.hop import OWING, Hop
from engagement.models.message import Message
from engagement.models.shortlink import ShortLink

__all__ = [
    "CHAT_OPEN",
    "OWING",
    "TROUBLED",
    "UNFINISHED",
    "ChatDuty",
    "ChatLine",
    "ChatSession",
    "Delivery",
    "Draft",
    "Hop",
    "Message",
    "ShortLink",
]
