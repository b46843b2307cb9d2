"""Who may answer in public by themselves (brief B9): a certificate with an end, given by a lead."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from engagement.models import Policy
from profiles.models import Agent, Role
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError, NotAllowed, NotFound

LONGEST = timedelta(days=3 * 366)


def find_gap(agent: Agent, *, policy: Policy, now: datetime) -> str:
    """Why this agent may only draft in public, in words; "" where they may answer. Leads answer for themselves."""
    if agent.may_approve or not policy.require_certificate:
        return ""
    until = agent.public_send_until
    if until is None:
        return f"{agent.name} has no certificate for public answers yet"
    if until <= now:
        local = timezone.localtime(until)
        return f"{agent.name}'s certificate for public answers ended on {local.day} {local:%B %Y}"
    return ""


def set_certificate(*, agent_id: int, by: Agent, until: datetime | None) -> Agent:
    """Let an agent answer in public until then; None takes the right away. Raises NotAllowed, NotFound, DeskError."""
    if not by.may_configure:
        raise NotAllowed("Certificates are given by leads, managers and admins.")
    moment = current_time()
    if until is not None and not moment < until <= moment + LONGEST:
        raise DeskError("A certificate ends between tomorrow and three years from now.")
    # Read and written in one step: two leads at once each do what they said, and the later one holds.
    if not Agent.objects.filter(pk=agent_id, role=Role.AGENT, is_active=True).update(public_send_until=until):
        raise NotFound("There is no such care agent. Reload the page; leads and admins need no certificate.")
    return Agent.objects.get(pk=agent_id)
