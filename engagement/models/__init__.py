"""What goes out: messages, their deliveries, and drafts."""

from engagement.models.company import Company
from engagement.models.delivery import TROUBLED, UNFINISHED, Delivery
from engagement.models.draft import Draft
from engagement.models.message import Message

__all__ = ["TROUBLED", "UNFINISHED", "Company", "Delivery", "Draft", "Message"]
