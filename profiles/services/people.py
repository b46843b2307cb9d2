"""Looks people up by what programs and commands name them with."""

from __future__ import annotations

from profiles.models import Agent
from socialdesk.lib.errors import NotFound


def find_agent(name: str) -> Agent:
    """The active agent with this id or user name. Raises NotFound."""
    agents = Agent.objects.filter(is_active=True)
    agent = agents.filter(username=name).first()
    if agent is None and name.isdecimal() and len(name) < 12:
        agent = agents.filter(pk=int(name)).first()
    if agent is None:
        raise NotFound(f"There is no active agent {name[:80]!r}.")
    return agent
