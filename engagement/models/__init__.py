"""What goes out and where it leads: messages and deliveries, hops and links, calls, chats, tickets, praise, texts and rules."""

from engagement.models.act import OPEN, STANDING, NetworkAct
from engagement.models.approval import Approval
from engagement.models.article import Article, ArticleText
from engagement.models.article_link import ArticleLink, ArticleVote
from engagement.models.attachment import Attachment
from engagement.models.brake_lift import BrakeLift
from engagement.models.callback import CALLBACK_OPEN, CallAttempt, CallbackRequest, NumberView
from engagement.models.chat import CHAT_OPEN, ChatDuty, ChatLine, ChatSession
from engagement.models.company import Company
from engagement.models.compliment import Compliment, ComplimentEvent
from engagement.models.delivery import DELIVERY_WAITING, TROUBLED, UNFINISHED, Delivery
from engagement.models.digest import PraiseDigest
from engagement.models.draft import Draft
from engagement.models.follow import FollowRequest
from engagement.models.handover import HANDED, Handover
from engagement.models.hop import OWING, Hop
from engagement.models.message import SHARES, Message
from engagement.models.notice import Notice
from engagement.models.permission import Permission
from engagement.models.policy import Policy
from engagement.models.promise import Promise
from engagement.models.rule import EngagementRule, MustAnswer
from engagement.models.shortlink import ShortLink
from engagement.models.survey import SurveyAnswer
from engagement.models.takedown import TakeDown
from engagement.models.template import Audience, Purpose, Template, TemplateVariant
from engagement.models.template_right import TemplateRight
from engagement.models.template_use import TemplateUse, TemplateWord
from engagement.models.ticket import TICKET_OPEN, Ticket, TicketSubscription, TicketUpdate
from engagement.models.verification import Verification

__all__ = [
    "CALLBACK_OPEN",
    "CHAT_OPEN",
    "DELIVERY_WAITING",
    "HANDED",
    "OPEN",
    "OWING",
    "SHARES",
    "STANDING",
    "TICKET_OPEN",
    "TROUBLED",
    "UNFINISHED",
    "Approval",
    "Article",
    "ArticleLink",
    "ArticleText",
    "ArticleVote",
    "Attachment",
    "Audience",
    "BrakeLift",
    "CallAttempt",
    "CallbackRequest",
    "ChatDuty",
    "ChatLine",
    "ChatSession",
    "Company",
    "Compliment",
    "ComplimentEvent",
    "Delivery",
    "Draft",
    "EngagementRule",
    "FollowRequest",
    "Handover",
    "Hop",
    "Message",
    "MustAnswer",
    "NetworkAct",
    "Notice",
    "NumberView",
    "Permission",
    "Policy",
    "PraiseDigest",
    "Promise",
    "Purpose",
    "ShortLink",
    "SurveyAnswer",
    "TakeDown",
    "Template",
    "TemplateRight",
    "TemplateUse",
    "TemplateVariant",
    "TemplateWord",
    "Ticket",
    "TicketSubscription",
    "TicketUpdate",
    "Verification",
]
