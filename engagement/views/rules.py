"""Engagement rules: the list, the form with a live check of its query, and the conversations that must be answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from kombu.exceptions import OperationalError

from engagement.models import EngagementRule, Policy
from engagement.services.brake import CLOSING_LINES
from engagement.services.marks import read_open
from engagement.services.rules import Conditions, preview_rule, save_rule
from engagement.tasks import mark_last_week
from listening.models import Sentiment, Source, Topic
from listening.query import HELP
from listening.views.numbers import read_number
from listening.views.previews import mark_matches, place_error
from profiles.models import Agent, Role
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view
from socialdesk.lib.text import clean

Kind = EngagementRule.Kind
Row = TypeVar("Row", Topic, Source)
# What each kind does, for the form and the list.
MEANINGS = {
    Kind.NEVER: "No public answer goes out. Private messages and notes stay open.",
    Kind.APPROVAL: "An agent's answer waits until a lead has read it. Leads answer at once.",
    Kind.MUST: "The conversation is listed until it is answered.",
    Kind.MAY: "The conversation says that nobody has to answer it.",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form's fields."""

    name: str
    kind: str
    is_active: bool
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Certified:
    """A care agent, and whether their certificate holds now."""

    agent: Agent
    is_current: bool


@require_safe
@desk_view
def rules(request: HttpRequest) -> HttpResponseBase:
    """What the company has decided: rules, those that are on first; the brake; who may answer in public."""
    known = EngagementRule.objects.select_related("topic", "source", "changed_by")
    moment = now()
    care = Agent.objects.filter(role=Role.AGENT, is_active=True).order_by("display_name", "pk")
    context = {
        "rules": sorted(known, key=lambda rule: (not rule.is_active, Kind.values.index(rule.kind), rule.name.casefold())),
        "meanings": MEANINGS,
        "policy": Policy.current(),
        "closing_line": CLOSING_LINES["en"],
        "certified": [Certified(agent, bool(agent.public_send_until and agent.public_send_until > moment)) for agent in care],
        "today": timezone.localdate(),
        "may_change": agent_of(request).may_configure,
    }
    return render(request, "engagement/rules.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def rule_new(request: HttpRequest) -> HttpResponseBase:
    """The form of a rule that is not there yet."""
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def rule_edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The form of a rule that is."""
    return _edit(request, _get_rule(pk))


@require_POST
@desk_view
def rule_switch(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Turn a rule on or off, as `on` says (1 or 0)."""
    rule = _get_rule(pk)
    conditions = Conditions(rule.query, rule.topic, rule.source, rule.sentiment)
    is_active = request.POST.get("on") == "1"
    save_rule(rule=rule, name=rule.name, kind=rule.kind, conditions=conditions, agent=agent_of(request), is_active=is_active)
    _mark_again(request, rule)
    return redirect("rules")


@require_POST
@desk_view
def rule_preview(request: HttpRequest) -> HttpResponseBase:
    """Which of last week's posts the form's conditions are about, or what is wrong with them."""
    return render(request, "listening/_topic_preview.html", _try_out(_read_conditions(request)))


@require_safe
@desk_view
def must_answer(request: HttpRequest) -> HttpResponseBase:
    """Conversations that must be answered by a rule, the one that waits longest first."""
    page = read_open(after=request.GET.get("after", ""))
    return render(
        request, "engagement/must_answer.html", {"entries": page.entries, "next": page.next, "is_first": "after" not in request.GET}
    )


def _edit(request: HttpRequest, rule: EngagementRule | None) -> HttpResponseBase:
    typed = _read_form(request, rule)
    context: dict[str, Any] = {
        "rule": rule,
        "typed": typed,
        "help": HELP,
        "kinds": [(kind.value, kind.label, MEANINGS[kind]) for kind in Kind],
        "topics": Topic.objects.order_by("name"),
        "sources": Source.objects.filter(removed_at=None).order_by("name"),
        "sentiments": Sentiment.choices,
    }
    if request.method == "POST" and "try" not in request.POST:
        try:
            saved = save_rule(
                rule=rule,
                name=typed.name,
                kind=typed.kind,
                conditions=typed.conditions,
                agent=agent_of(request),
                is_active=typed.is_active,
            )
        except DeskError as error:
            context |= {"status": error.status} | place_error(error, typed.conditions.query)
        else:
            messages.success(request, f"{saved.name} is saved.")
            _mark_again(request, saved)
            return redirect("rules")
    if "mistake" not in context:
        context |= _try_out(typed.conditions)
    return render(request, "engagement/rule_form.html", context, status=context.get("status", 200))


def _mark_again(request: HttpRequest, rule: EngagementRule) -> None:
    """Ask a worker to find last week's conversations that must be answered, by the rule as it is now."""
    try:
        mark_last_week.delay(rule.pk)
    except OperationalError:
        messages.warning(request, "Only new posts are marked: the queue cannot be reached. Save it again later to mark last week's.")


def _read_form(request: HttpRequest, rule: EngagementRule | None) -> Typed:
    if request.method == "POST":
        post = request.POST
        return Typed(clean(post.get("name", "")), post.get("kind", ""), "is_active" in post, _read_conditions(request))
    if rule is None:
        return Typed("", Kind.NEVER, True, Conditions())
    return Typed(rule.name, rule.kind, rule.is_active, Conditions(rule.query, rule.topic, rule.source, rule.sentiment))


def _read_conditions(request: HttpRequest) -> Conditions:
    post = request.POST
    return Conditions(
        query=clean(post.get("query", "")),
        topic=_chosen(Topic.objects.all(), post.get("topic", "")),
        source=_chosen(Source.objects.all(), post.get("source", "")),
        sentiment=post.get("sentiment", ""),
    )


def _chosen(rows: QuerySet[Row], given: str) -> Row | None:
    gone = "What you chose is not there any more. Reload the form and choose again."
    number = read_number(given, refusal=gone)
    if number is None:
        return None
    found = rows.filter(pk=number).first()
    if found is None:
        raise DeskError(gone)
    return found


def _try_out(conditions: Conditions) -> dict[str, Any]:
    """What `_topic_preview.html` shows of a rule: a preview with marked texts, a mistake, or nothing for a rule about nothing yet."""
    if conditions.is_empty:
        return {}
    try:
        preview = preview_rule(conditions)
    except DeskError as error:
        return place_error(error, conditions.query)
    return {"preview": preview, "matches": mark_matches(preview, conditions.query)}


def _get_rule(pk: int) -> EngagementRule:
    rule = EngagementRule.objects.select_related("topic", "source").filter(pk=pk).first()
    if rule is None:
        raise Http404("There is no such rule.")
    return rule
