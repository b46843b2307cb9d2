"""Templates and articles for tests."""

from __future__ import annotations

from typing import Any

from engagement.models import Article, Message, Template
from engagement.services.articles import Written, save_article
from engagement.services.promises import Acknowledged
from engagement.services.templates import Wording, save_template
from listening.models import Topic

ACKNOWLEDGE = "We have seen this, {name}. You hear from us here {due}. {agent}"


def make_template(name: str = "Acknowledge", purpose: str = "acknowledge", *topics: Topic, **texts: str) -> Template:
    """Texts by language, for public replies on any network."""
    wordings = [Wording(language=language, text=text) for language, text in (texts or {"en": ACKNOWLEDGE}).items()]
    return save_template(template=None, name=name, purpose=purpose, wordings=wordings, topics=topics, agent=None)


def make_article(title: str, body: str = "Text.", *topics: Topic, language: str = "en", **fields: Any) -> Article:
    return save_article(article=None, slug="", texts=[Written(language, title, body)], topics=topics, agent=None, **fields)


def message_of(said: Acknowledged) -> Message:
    """What an acknowledgement sent; it must not have waited for a lead."""
    assert said.message is not None
    return said.message
