"""What the header says of drafts that wait for a lead."""

from __future__ import annotations

from django.db import DatabaseError
from django.template import Library

from engagement.services.approvals import count_pending
from profiles.models import Agent

register = Library()


@register.simple_tag
def drafts_waiting(agent: Agent) -> int:
    """How many drafts wait for this lead; one query, none for others. 0 while the database is away: the page that says so has a header."""
    if not agent.may_approve:
        return 0
    try:
        return count_pending()
    except DatabaseError:
        return 0
