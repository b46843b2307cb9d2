"""What goes out and where it leads: messages, deliveries, drafts, promises, hops, short links, templates and articles."""

from engagement.models.article import Article, ArticleText
from engagement.models.article_link import ArticleLink, ArticleVote
from engagement.models.delivery import TROUBLED, UNFINISHED, Delivery
from engagement.models.draft import Draft
from engagement.models.hop import OWING, Hop
from engagement.models.message import Message
from engagement.models.promise import Promise
from engagement.models.shortlink import ShortLink
from engagement.models.survey import SurveyAnswer
from engagement.models.template import Audience, Purpose, Template, TemplateVariant
from engagement.models.template_right import TemplateRight
from engagement.models.template_use import TemplateUse, TemplateWord

__all__ = [
    "OWING",
    "TROUBLED",
    "UNFINISHED",
    "Article",
    "ArticleLink",
    "ArticleText",
    "ArticleVote",
    "Audience",
    "Delivery",
    "Draft",
    "Hop",
    "Message",
    "Promise",
    "Purpose",
    "ShortLink",
    "SurveyAnswer",
    "Template",
    "TemplateRight",
    "TemplateUse",
    "TemplateVariant",
    "TemplateWord",
]
