"""The desk: its views with counts, and the feed of conversations, whole and in the parts that the open page asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.conf.locale import LANG_INFO
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from listening import feed as conversations
from listening.feed import VIEWS, Filters
from listening.models import SavedSearch, Sentiment, Status, Topic
from listening.services.accounts import count_troubled
from listening.templatetags.desk import network_label
from listening.views.marking import mark_cards
from listening.views.numbers import read_numbers
from profiles.models import Agent, Role, Segment
from profiles.signed_in import agent_of
from socialdesk.lib.pages import desk_view, is_fragment
from socialdesk.networks import registry

# The letter that leads to a view after `g`.
LETTERS = {
    "all": "a",
    "mine": "m",
    "handed": "o",
    "unassigned": "u",
    "urgent": "r",
    "negative": "n",
    "proactive": "h",
    "private": "p",
    "promises": "d",
    "chats": "c",
    "waiting": "w",
    "snoozed": "s",
    "resolved": "e",
}
# What posts about a company are written in; a post in another language is found by its words or its topic.
LANGUAGES = ("ar", "bn", "de", "en", "es", "fa", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "uk", "vi")
MOST_CARDS = 100  # asked for by id at once
PANES = re.compile(r"(\d{3})\.(\d{3})\Z")


@dataclass(frozen=True, slots=True)
class Pile:
    """One line of the views pane. `count` is capped: 1000 means more than 999; None where counting would cost too much."""

    key: str
    name: str
    count: int | None
    query: str
    letter: str = ""
    is_current: bool = False
    search_id: int | None = None


def active_topics() -> list[Topic]:
    return list(Topic.objects.filter(is_active=True))


def read_piles(agent: Agent, filters: Filters, topics: list[Topic]) -> dict[str, Any]:
    """The views, topics and saved searches with their counts, and the counts of the queues by name."""
    searches = list(SavedSearch.objects.filter(agent=agent))
    counts = conversations.count_views(agent, topics=topics, searches=searches)
    query = filters.as_query()

    def pile(key: str, name: str, pile_query: str, **more: Any) -> Pile:
        return Pile(key, name, counts.get(key), pile_query, is_current=query == pile_query, **more)

    return {
        "views": [pile(view, name, Filters(view=view).as_query(), letter=LETTERS[view]) for view, name in VIEWS.items()],
        "queues": {queue: counts.get(queue) for queue in conversations.QUEUES},
        "topics": [pile(f"topic:{topic.pk}", topic.name, Filters(topic=topic.pk).as_query()) for topic in topics],
        "searches": [
            pile(f"search:{search.pk}", search.name, Filters.from_query(search.filters).as_query(), search_id=search.pk)
            for search in searches
        ],
    }


def read_feed(request: HttpRequest, filters: Filters, topics: list[Topic]) -> dict[str, Any]:
    """What `_cards.html` shows: a page of cards, and the filters as they stand."""
    page = conversations.read_page(agent=agent_of(request), filters=filters, after=request.GET.get("after", ""))
    mark_cards(page.conversations, topics)
    return {"cards": page.conversations, "next": page.next, "filters": filters, "query": filters.as_query()}


def feed_choices(filters: Filters, topics: list[Topic]) -> dict[str, Any]:
    """What the head of the feed offers."""
    names = {topic.pk: topic.name for topic in topics}
    staff = Agent.objects.filter(is_active=True, role__in=[Role.AGENT, Role.LEAD, Role.ADMIN]).order_by("display_name")
    colleagues = {colleague.pk: colleague.name for colleague in staff}
    segments = dict(Segment.objects.values_list("pk", "name"))
    return {
        "title": VIEWS[filters.view] if filters.view != "all" else names.get(filters.topic or 0, VIEWS["all"]),
        "other_order": replace(filters, sort="newest" if filters.sort == "due" else "due").as_query(),
        "chips": list(_chips(filters, names, colleagues, segments)),
        "networks": [(network.key, network.label) for network in registry.NETWORKS.values()],
        "languages": [(code, LANG_INFO[code]["name"]) for code in LANGUAGES],
        "sentiments": Sentiment.choices,
        "statuses": Status.choices,
        "all_topics": list(names.items()),
        "colleagues": list(colleagues.items()),
        "segments": list(segments.items()),
    }


def _chips(filters: Filters, topics: dict[int, str], staff: dict[int, str], segments: dict[int, str]) -> Iterator[tuple[str, str]]:
    """The filters that are set, each in words and with the query that is left without it."""
    words = {
        "sentiment": filters.sentiment,
        "network": network_label(filters.network),
        "language": LANG_INFO.get(filters.language, {}).get("name", filters.language),
        "topic": topics.get(filters.topic or 0, "") if filters.view != "all" else "",  # else it is the title
        "status": Status(filters.status).label if filters.status else "",
        "assignee": staff.get(filters.assignee or 0, "somebody") if filters.assignee is not None else "",
        "segment": segments.get(filters.segment, "a segment that is gone") if filters.segment is not None else "",
        "q": f"“{filters.q}”" if filters.q else "",
    }
    default = Filters()
    for name, said in words.items():
        if said:
            yield said, replace(filters, **{name: getattr(default, name)}).as_query()


def desk_context(request: HttpRequest) -> dict[str, Any]:
    """All that `stream.html` shows beside the open conversation. A fixed number of queries."""
    filters = Filters.from_query(request.GET)
    topics = active_topics()
    widths = PANES.match(request.COOKIES.get("panes", ""))
    return {
        "place": "desk",
        "piles": read_piles(agent_of(request), filters, topics),
        "troubled": count_troubled(),
        "widths": widths.groups() if widths else None,
        "profile_folded": request.COOKIES.get("profile") == "folded",
        "pane": "views" if "piles" in request.GET else "feed",
        **read_feed(request, filters, topics),
        **feed_choices(filters, topics),
    }


@require_GET
@desk_view
def stream(request: HttpRequest) -> HttpResponseBase:
    """The desk; to the open page, the feed pane alone."""
    if not is_fragment(request):
        return render(request, "listening/stream.html", desk_context(request))
    filters = Filters.from_query(request.GET)
    topics = active_topics()
    context = {**read_feed(request, filters, topics), **feed_choices(filters, topics)}
    response = render(request, "listening/_feed.html", context)
    response["HX-Push-Url"] = f"{reverse('stream')}?{filters.as_query()}"
    return response


@require_GET
@desk_view
def feed(request: HttpRequest) -> HttpResponseBase:
    """The next page of cards, with the link to the one after it."""
    return render(request, "listening/_cards.html", read_feed(request, Filters.from_query(request.GET), active_topics()))


@require_GET
@desk_view
def feed_cards(request: HttpRequest) -> HttpResponseBase:
    """Those of `ids` that fit the filters, as cards: what the open page asks for when it hears of a change."""
    ids = read_numbers(request.GET.get("ids", "").split(",")[:MOST_CARDS])
    filters = Filters.from_query(request.GET)
    cards = conversations.read_cards(ids, agent=agent_of(request), filters=filters)
    mark_cards(cards, active_topics())
    return render(request, "listening/_cards.html", {"cards": cards, "filters": filters, "query": filters.as_query()})


@require_GET
@desk_view
def counts(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"views": conversations.count_views(agent_of(request)), "troubled": count_troubled()})
