"""What goes out and where it leads: messages, their deliveries, drafts, hops, short links, calls, notices, verifications."""

from engagement.models.callback import CallAttempt, CallbackRequest, NumberView
from engagement.models.company import Company
from engagement.models.delivery import TROUBLED, UNFINISHED, Delivery
from engagement.models.draft import Draft
from engagement.models.hop import OWING, Hop
from engagement.models.message import Message
from engagement.models.notice import Notice
from engagement.models.shortlink import ShortLink
from engagement.models.survey import SurveyAnswer
from engagement.models.verification import Verification

__all__ = [
    "OWING",
    "TROUBLED",
    "UNFINISHED",
    "CallAttempt",
    "CallbackRequest",
    "Company",
    "Delivery",
    "Draft",
    "Hop",
    "Message",
    "Notice",
    "NumberView",
    "ShortLink",
    "SurveyAnswer",
    "Verification",
]
