"""Topics: what is listened for, with a query that is tried out on last week while it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from kombu.exceptions import OperationalError

from listening.models import Topic
from listening.query import HELP
from listening.services.topics import preview_topic, save_topic
from listening.tasks import rematch_topic
from listening.trends.charts import Spark, draw_spark
from listening.trends.series import read_days
from listening.trends.windows import make_window
from listening.views.previews import mark_matches, place_error
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view
from socialdesk.lib.text import clean


@dataclass(frozen=True, slots=True)
class Line:
    """One topic of the list. `count` is of the last seven days, today included."""

    topic: Topic
    count: int
    spark: Spark


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form's fields."""

    name: str
    query: str
    is_active: bool


@require_safe
@desk_view
def topics(request: HttpRequest) -> HttpResponseBase:
    """All topics, those that are on first."""
    known = sorted(Topic.objects.select_related("created_by"), key=lambda topic: (not topic.is_active, topic.name.casefold()))
    window = make_window(name="7d", per="day", now=now(), zone=timezone.get_current_timezone())
    days = read_days(topics=known, window=window)
    lines = [
        Line(topic, sum(point.counts.total for point in days[topic.pk]), draw_spark([point.counts.total for point in days[topic.pk]]))
        for topic in known
    ]
    return render(request, "listening/topics.html", {"lines": lines, "may_change": agent_of(request).may_configure})


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def topic_new(request: HttpRequest) -> HttpResponseBase:
    """The form of a topic that is not there yet."""
    return _edit(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def topic_edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The form of a topic that is."""
    return _edit(request, _get_topic(pk))


@require_POST
@desk_view
def topic_switch(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Turn a topic on or off, as `on` says (1 or 0)."""
    topic = _get_topic(pk)
    is_active = request.POST.get("on") == "1"
    save_topic(topic=topic, name=topic.name, query=topic.query, agent=agent_of(request), is_active=is_active)
    _match_again(request, topic)
    return redirect("topics")


@require_POST
@desk_view
def topic_preview(request: HttpRequest) -> HttpResponseBase:
    """What the query in the form would have matched last week, or what is wrong with it."""
    return render(request, "listening/_topic_preview.html", _try_out(clean(request.POST.get("query", ""))))


def _edit(request: HttpRequest, topic: Topic | None) -> HttpResponseBase:
    typed = _read_form(request, topic)
    context: dict[str, Any] = {"topic": topic, "typed": typed, "help": HELP}
    if request.method == "POST" and "try" not in request.POST:
        try:
            saved = save_topic(topic=topic, name=typed.name, query=typed.query, agent=agent_of(request), is_active=typed.is_active)
        except DeskError as error:
            context |= {"status": error.status} | place_error(error, typed.query)
        else:
            messages.success(request, f"{saved.name} is saved.")
            _match_again(request, saved)
            return redirect("topics")
    if "mistake" not in context:
        context |= _try_out(typed.query)
    return render(request, "listening/topic_form.html", context, status=context.get("status", 200))


def _match_again(request: HttpRequest, topic: Topic) -> None:
    """Ask a worker to match last week with the topic as it is now."""
    if not topic.is_active:
        return
    try:
        rematch_topic.delay(topic.pk)
    except OperationalError:
        messages.warning(request, "Only new posts are matched: the queue cannot be reached. Save it again later to match last week's.")


def _read_form(request: HttpRequest, topic: Topic | None) -> Typed:
    if request.method == "POST":
        post = request.POST
        return Typed(clean(post.get("name", "")), clean(post.get("query", "")), "is_active" in post)
    return Typed(topic.name, topic.query, topic.is_active) if topic else Typed("", "", True)


def _try_out(query: str) -> dict[str, Any]:
    """What `_topic_preview.html` shows: a preview with marked texts, a mistake, or nothing for a query without a word."""
    if not query.strip():
        return {}
    try:
        preview = preview_topic(query=query)
    except DeskError as error:
        return place_error(error, query)
    return {"preview": preview, "matches": mark_matches(preview, query)}


def _get_topic(pk: int) -> Topic:
    topic = Topic.objects.filter(pk=pk).first()
    if topic is None:
        raise Http404("There is no such topic; it may have been deleted.")
    return topic
