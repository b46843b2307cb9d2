"""What leads decide for everybody or for one thread: the brake's settings, certificates, and lifting the brake."""

from __future__ import annotations

from datetime import datetime, time

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST

from engagement.services.brake import lift_brake
from engagement.services.certificates import set_certificate
from engagement.services.policy import save_policy
from listening.views.numbers import read_number
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view, done


@require_POST
@desk_view
def policy_save(request: HttpRequest) -> HttpResponseBase:
    """The brake's numbers, and whether agents need a certificate."""
    form = request.POST
    save_policy(
        agent=agent_of(request),
        brake_after=_number(form.get("brake_after", ""), "after how many answers the brake begins"),
        cooling_minutes=_number(form.get("cooling_minutes", ""), "for how many minutes an answer cools down"),
        require_certificate="require_certificate" in form,
    )
    messages.success(request, "Saved. It holds from the next answer on.")
    return redirect("rules")


@require_POST
@desk_view
def certificate_save(request: HttpRequest, pk: int) -> HttpResponseBase:
    """An agent's certificate: until the end of the day `until`, or none if `end` was pressed."""
    until = None if "end" in request.POST else _end_of_day(request.POST.get("until", ""))
    agent = set_certificate(agent_id=pk, by=agent_of(request), until=until)
    local = timezone.localtime(until) if until else None
    words = f"may answer in public until {local.day} {local:%B %Y}" if local else "drafts for approval from now on"
    messages.success(request, f"{agent.name} {words}.")
    return redirect("rules")


@require_POST
@desk_view
def brake_lift(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A heated thread may be answered in public again, for the `reason` given."""
    lift_brake(conversation_id=pk, agent=agent_of(request), reason=request.POST.get("reason", ""))
    return done(request, "The brake is lifted: this thread can be answered in public again.", conversation=pk, did="lifted")


def _number(given: str, what: str) -> int:
    refusal = f"Say {what} as a whole number."
    number = read_number(given, refusal=refusal)
    if number is None:
        raise DeskError(refusal)
    return number


def _end_of_day(given: str) -> datetime:
    try:
        day = parse_date(given)
    except ValueError:
        day = None
    if day is None:
        raise DeskError("Choose the last day of the certificate.")
    return timezone.make_aware(datetime.combine(day, time(23, 59)))
