"""What goes out and where it leads: messages and deliveries, hops and links, calls, chats, tickets, praise, texts and rules."""

from engagement.models.article import Article, ArticleText
from engagement.models.article_link import ArticleLink, ArticleVote
from engagement.models.callback import CallAttempt, CallbackRequest, NumberView
from engagement.models.company import Company
from engagement.models.delivery import TROUBLED, UNFINISHED, Delivery
from engagement.models.draft import Draft
from engagement.models.hop import OWING, Hop
from engagement.models.message import Message
from engagement.models.notice import Notice
from engagement.models.promise import Promise
from engagement.models.shortlink import ShortLink
from engagement.models.survey import SurveyAnswer
from engagement.models.template import Audience, Purpose, Template, TemplateVariant
from engagement.models.template_right import TemplateRight
from engagement.models.template_use import TemplateUse, TemplateWord
from engagement.models.ticket import Ticket, TicketSubscription, TicketUpdate
from engagement.models.verification import Verification

__all__ = [
    "OWING",
    "TROUBLED",
    "UNFINISHED",
    "Article",
    "ArticleLink",
    "ArticleText",
    "ArticleVote",
    "Audience",
    "CallAttempt",
    "CallbackRequest",
    "Company",
    "Delivery",
    "Draft",
    "Hop",
    "Message",
    "Notice",
    "NumberView",
    "Promise",
    "Purpose",
    "ShortLink",
    "SurveyAnswer",
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
