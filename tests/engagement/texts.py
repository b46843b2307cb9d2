"""Templates for tests."""

from __future__ import annotations

from engagement.models import Template
from engagement.services.templates import Wording, save_template
from listening.models import Topic

ACKNOWLEDGE = "We have seen this, {name}. You hear from us here {due}. {agent}"


def make_template(name: str = "Acknowledge", purpose: str = "acknowledge", *topics: Topic, **texts: str) -> Template:
    """Texts by language, for public replies on any network."""
    wordings = [Wording(language=language, text=text) for language, text in (texts or {"en": ACKNOWLEDGE}).items()]
    return save_template(template=None, name=name, purpose=purpose, wordings=wordings, topics=topics, agent=None)
