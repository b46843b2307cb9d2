"""What goes out and where it leads: messages, their deliveries, drafts, hops and short links."""

from engagement.models.delivery import TROUBLED, UNFINISHED, Delivery
from engagement.models.draft import Draft
from engagement.models.hop import OWING, Hop
from engagement.models.message import Message
from engagement.models.shortlink import ShortLink
from engagement.models.survey import SurveyAnswer

__all__ = ["OWING", "TROUBLED", "UNFINISHED", "Delivery", "Draft", "Hop", "Message", "ShortLink", "SurveyAnswer"]
