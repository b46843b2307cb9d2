"""The outbox: what did not simply go out, and the one thing to do about each."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from engagement.services.outbox import OutboxEntry, read_outbox
from profiles.models import Agent
from profiles.signed_in import agent_of
from socialdesk.lib.pages import desk_view


@dataclass(frozen=True, slots=True)
class Choice:
    """A button: the decision it sends, and its words."""

    decision: str
    words: str


# The first that an entry allows is the one thing to do; the others stand behind it.
CHOICES = (
    Choice("retry", "Try again"),
    Choice("look_again", "Let the desk look again"),
    Choice("sent", "It is there"),
    Choice("send_again", "It is not there: send it"),
    Choice("abandon", "Give up, keep the text as a draft"),
)
# After these a second try would fail for the same reason: the text has to change or the post is gone.
HOPELESS = frozenset({"too_long", "deleted", "not_found", "no_connector"})


@dataclass(frozen=True, slots=True)
class Line:
    entry: OutboxEntry
    main: Choice | None
    others: list[Choice]
    may_settle: bool


@require_safe
@desk_view
def outbox(request: HttpRequest) -> HttpResponseBase:
    """Failed, unconfirmed and waiting answers, newest first, a page at a time by key."""
    page = read_outbox(after=request.GET.get("after", ""))
    context = {
        "lines": [_line(entry, agent_of(request)) for entry in page.entries],
        "next": page.next,
        "is_first": "after" not in request.GET,
    }
    return render(request, "engagement/outbox.html", context)


def _line(entry: OutboxEntry, agent: Agent) -> Line:
    allowed = [choice for choice in CHOICES if choice.decision in entry.explanation.actions]
    if entry.delivery.error_code in HOPELESS:
        allowed.sort(key=lambda choice: choice.decision != "abandon")
    may_settle = agent.may_answer or entry.message.agent_id == agent.pk
    return Line(entry, allowed[0] if allowed else None, allowed[1:], may_settle)
