"""Trends: the page that reads like an article, the posts behind each of its figures, and its files."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from listening.models import Sentiment, Topic
from listening.trends.export import write_counts, write_mentions
from listening.trends.figures import make_figures, name_stretch, posts_url
from listening.trends.filters import Filters, Narrowing
from listening.trends.posts import read_moment, read_posts
from listening.trends.sentences import describe
from listening.trends.series import count_mentions, read_report
from listening.trends.windows import LABELS
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view
from socialdesk.networks.registry import NETWORKS


@require_safe
@desk_view
def trends(request: HttpRequest) -> HttpResponseBase:
    """The sentence, the charts, their table and their parts."""
    topics = list(Topic.objects.all())
    context = {"choices": _choices(topics), "form": request.GET}
    try:
        filters = _read_filters(request, topics)
    except DeskError as error:
        return render(request, "listening/trends.html", {**context, "error": error}, status=error.status)
    report = read_report(filters, topics=topics)
    window = filters.window
    context |= {
        "filters": filters,
        "window": window,
        "query": filters.as_query(),
        "report": report,
        "sentences": describe(report),
        "figures": make_figures(report),
        "posts_url": posts_url(filters.narrowing, window.since, window.until),
    }
    return render(request, "listening/trends.html", context)


@require_safe
@desk_view
def trends_posts(request: HttpRequest) -> HttpResponseBase:
    """The mentions behind a figure, newest first, a page at a time by key."""
    topics = list(Topic.objects.all())
    narrowing = Narrowing.from_query(request.GET, topics=topics)
    since, until = _read_stretch(request, topics)
    page = read_posts(narrowing, since, until, after=request.GET.get("after", ""))
    context = {
        "narrowing": narrowing,
        "network": NETWORKS[narrowing.network].label if narrowing.network else "",
        "stretch": name_stretch(since, until, zone=timezone.get_current_timezone()),
        "count": count_mentions(narrowing, since, until),
        "mentions": page.mentions,
        "query": narrowing.posts_query(since, until),
        "next": page.next,
        "is_first": "after" not in request.GET,
    }
    return render(request, "listening/trend_posts.html", context)


@require_safe
@desk_view
def trends_csv(request: HttpRequest) -> HttpResponseBase:
    """Every mention that the page's filters count, a row each."""
    topics = list(Topic.objects.all())
    narrowing = Narrowing.from_query(request.GET, topics=topics)
    since, until = _read_stretch(request, topics)
    pieces = write_mentions(narrowing, since, until, zone=timezone.get_current_timezone())
    return _as_file(StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8"), "mentions")


@require_safe
@desk_view
def trends_counts_csv(request: HttpRequest) -> HttpResponseBase:
    """The figures of the chart, a row for each of its points."""
    topics = list(Topic.objects.all())
    report = read_report(_read_filters(request, topics), topics=())
    return _as_file(HttpResponse(write_counts(report), content_type="text/csv; charset=utf-8"), "counts")


def _read_filters(request: HttpRequest, topics: list[Topic]) -> Filters:
    return Filters.from_query(request.GET, topics=topics, now=now(), zone=timezone.get_current_timezone())


def _read_stretch(request: HttpRequest, topics: list[Topic]) -> tuple[datetime, datetime]:
    """`since` to `until` where they are given, else the page's window."""
    if "since" not in request.GET and "until" not in request.GET:
        window = _read_filters(request, topics).window
        return window.since, window.until
    since, until = (read_moment(request.GET.get(name, ""), name) for name in ("since", "until"))
    if since >= until:
        raise DeskError("The stretch of time ends before it begins. Turn “since” and “until” round.")
    return since, until


def _choices(topics: list[Topic]) -> dict[str, list[tuple[str, str]]]:
    return {
        "topics": [(str(topic.pk), topic.name if topic.is_active else f"{topic.name} (off)") for topic in topics],
        "networks": [(network.key, network.label) for network in NETWORKS.values()],
        "sentiments": Sentiment.choices,
        "windows": list(LABELS.items()),
        "steps": [("", "As fits"), ("hour", "Hour"), ("day", "Day")],
    }


def _as_file(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.localdate():%Y-%m-%d}.csv"'
    return response
