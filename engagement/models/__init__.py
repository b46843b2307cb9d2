"""What goes out: messages, their deliveries, and drafts; praise, and the permission to use it."""

from engagement.models.compliment import Compliment, ComplimentEvent
from engagement.models.delivery import TROUBLED, UNFINISHED, Delivery
from engagement.models.digest import PraiseDigest
from engagement.models.draft import Draft
from engagement.models.message import SHARES, Message
from engagement.models.permission import Permission
from engagement.models.takedown import TakeDown

__all__ = [
    "SHARES",
    "TROUBLED",
    "UNFINISHED",
    "Compliment",
    "ComplimentEvent",
    "Delivery",
    "Draft",
    "Message",
    "Permission",
    "PraiseDigest",
    "TakeDown",
]
