"""What was posted before, fetched on the page of sources: begun, watched, paused, resumed and stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from listening.models import Backfill
from listening.services.accounts import WAITING
from listening.services.backfills import OPEN, pause_backfill, resume_backfill, start_backfill, stop_backfill
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view, is_fragment

DAYS = ((7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year"))
_MOVES = {"pause": pause_backfill, "resume": resume_backfill, "stop": stop_backfill}


@dataclass(frozen=True, slots=True)
class Walk:
    """A back-fill as it is shown: how far it came, in percent of the time that was asked for, and when it goes on if it waits."""

    backfill: Backfill
    percent: int
    is_open: bool
    waits: bool

    @classmethod
    def of(cls, backfill: Backfill, moment: datetime) -> Walk:
        asked = (backfill.started_at - backfill.until).total_seconds()
        gone = (backfill.started_at - backfill.reached_at).total_seconds() if backfill.reached_at else 0
        is_done = backfill.state == Backfill.State.DONE
        waits = backfill.error == WAITING and backfill.next_at is not None and backfill.next_at > moment
        percent = 100 if is_done else max(0, min(99, int(100 * gone / asked))) if asked > 0 else 0
        return cls(backfill, percent, backfill.state in OPEN, waits and backfill.state == Backfill.State.RUNNING)


@require_safe
@desk_view
def backfill(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The piece of the page that says how far one came."""
    found = Backfill.objects.select_related("source", "started_by").filter(pk=pk, source__removed_at=None).first()
    if found is None:
        raise Http404("There is no such fetch; its source may have been removed.")
    if not is_fragment(request):
        return redirect("sources")
    context = {"walk": Walk.of(found, now()), "source": found.source, "may_change": agent_of(request).may_configure}
    return render(request, "listening/_backfill.html", context)


@require_POST
@desk_view
def source_backfill(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Fetch what was posted before, as many days back as `days` says."""
    days = request.POST.get("days", "")
    if not (days.isascii() and days.isdecimal() and len(days) < 6):
        raise DeskError("Say how many days to go back.")
    begun = start_backfill(source_id=pk, days=int(days), agent=agent_of(request))
    messages.success(request, f"What was posted before is fetched for {begun.source.name}, newest first.")
    return redirect("sources")


@require_POST
@desk_view
def backfill_move(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Pause, resume or stop one, as `move` says."""
    move = _MOVES.get(request.POST.get("move", ""))
    if move is None:
        raise DeskError("A fetch can be paused, resumed and stopped.")
    move(backfill_id=pk, agent=agent_of(request))
    return redirect("sources")
