"""What goes out: messages, their deliveries, and drafts; and what the company has decided about it."""

from engagement.models.approval import Approval
from engagement.models.brake_lift import BrakeLift
from engagement.models.delivery import TROUBLED, UNFINISHED, Delivery
from engagement.models.draft import Draft
from engagement.models.message import Message
from engagement.models.policy import Policy
from engagement.models.rule import EngagementRule, MustAnswer

__all__ = [
    "TROUBLED",
    "UNFINISHED",
    "Approval",
    "BrakeLift",
    "Delivery",
    "Draft",
    "EngagementRule",
    "Message",
    "MustAnswer",
    "Policy",
]
