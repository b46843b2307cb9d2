"""What goes out: messages, their deliveries, and drafts."""

from engagement.models.delivery import TROUBLED, UNFINISHED, Delivery
from engagement.models.draft import Draft
from engagement.models.message import Message

__all__ = ["TROUBLED", "UNFINISHED", "Delivery", "Draft", "Message"]
