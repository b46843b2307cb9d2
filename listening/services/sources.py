"""Sources paused and taken up again by a person."""

from __future__ import annotations

from django.db import transaction

from listening.models import Source
from listening.services.accounts import count_troubled
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now
from socialdesk.lib.errors import NotAllowed, NotFound


def pause_source(*, source_id: int, agent: Agent) -> Source:
    """Stop reading a source. Its cursor stays, so that nothing is missed later. A read that runs now is finished."""
    return _switch(source_id, agent, is_active=False)


def resume_source(*, source_id: int, agent: Agent) -> Source:
    """Read a source again from where it stopped, at once and with a clean slate of failures."""
    return _switch(source_id, agent, is_active=True)


def _switch(source_id: int, agent: Agent, *, is_active: bool) -> Source:
    if not agent.may_configure:
        raise NotAllowed("Sources are paused and resumed by leads, managers and admins.")
    with transaction.atomic():
        source = Source.objects.select_for_update(of=("self",)).filter(pk=source_id, removed_at=None).first()
        if source is None:
            raise NotFound("There is no such source; it may have been removed.")
        if source.is_active != is_active:
            source.is_active, source.connected_at = is_active, None
            if is_active:
                source.failures, source.last_error, source.next_poll_at, source.found_late = 0, "", now(), 0
            source.save(update_fields=["is_active", "failures", "last_error", "next_poll_at", "found_late", "connected_at"])
            live.publish(live.SourcesChanged(troubled=count_troubled()))
    return source
