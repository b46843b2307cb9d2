"""What an agent does with a conversation from the desk: each view reads the form, calls one service and answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_POST

from listening.feed import Filters
from listening.models import Conversation, Mention, Sentiment
from listening.sentiment import get_scorer
from listening.services import conversations
from listening.services.corrections import correct_sentiment
from listening.services.searches import delete_search, save_search
from listening.views.numbers import read_number, read_numbers
from profiles.models import Agent
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.pages import desk_view, done, is_fragment

MOST_AT_ONCE = 200
BULK_WORDS = {"claim": "claimed", "assign": "assigned", "snooze": "snoozed", "resolve": "resolved"}
MORNING = 9  # o'clock, in the desk's time zone


@require_POST
@desk_view
def conversation_claim(request: HttpRequest, pk: int) -> HttpResponseBase:
    conversations.claim_conversation(conversation_id=pk, agent=agent_of(request))
    return done(request, "It is yours.", conversation=pk, did="claimed")


@require_POST
@desk_view
def conversation_release(request: HttpRequest, pk: int) -> HttpResponseBase:
    conversations.release_claim(conversation_id=pk, agent=agent_of(request))
    return done(request, "Released: others can take it.", conversation=pk, did="released")


@require_POST
@desk_view
def conversation_assign(request: HttpRequest, pk: int) -> HttpResponseBase:
    to = read_assignee(request.POST)
    conversations.assign_conversation(conversation_id=pk, agent=agent_of(request), to=to)
    return done(request, f"Assigned to {to.name}." if to else "Assigned to nobody.", conversation=pk, did="assigned")


@require_POST
@desk_view
def conversation_snooze(request: HttpRequest, pk: int) -> HttpResponseBase:
    until = read_until(request.POST)
    conversations.snooze_conversation(conversation_id=pk, agent=agent_of(request), until=until)
    words = f"{timezone.localtime(until):%A %H:%M}"
    return done(request, f"Snoozed until {words}.", conversation=pk, did="snoozed")


@require_POST
@desk_view
def conversation_resolve(request: HttpRequest, pk: int) -> HttpResponseBase:
    version = read_number(request.POST.get("version", ""))
    conversations.resolve_conversation(conversation_id=pk, agent=agent_of(request), version=version)
    return done(request, "Resolved.", conversation=pk, did="resolved")


@require_POST
@desk_view
def conversation_reopen(request: HttpRequest, pk: int) -> HttpResponseBase:
    conversations.reopen_conversation(conversation_id=pk, agent=agent_of(request))
    return done(request, "Open again.", conversation=pk, did="reopened")


def read_assignee(form: QueryDict) -> Agent | None:
    """The agent named by `to`: an id, or nothing for nobody."""
    to = form.get("to", "")
    if not to:
        return None
    agent = Agent.objects.filter(pk__in=read_numbers([to]), is_active=True).first()
    if agent is None:
        raise NotFound("There is no such colleague. Reload the page and choose again.")
    return agent


def read_until(form: QueryDict) -> datetime:
    """`until`: 1h, 3h, tomorrow, monday, or a date and time in the desk's time zone."""
    choice = form.get("until", "")
    now = timezone.localtime()
    morning = now.replace(hour=MORNING, minute=0, second=0, microsecond=0)
    if choice in {"1h", "3h"}:
        return now + timedelta(hours=int(choice[0]))
    if choice == "tomorrow":
        return morning + timedelta(days=1)
    if choice == "monday":
        return morning + timedelta(days=7 - now.weekday())
    try:
        moment = parse_datetime(choice)
    except ValueError:
        moment = None
    if moment is None:
        raise DeskError("Say until when: choose one of the times, or give a date and a time.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


@require_POST
@desk_view
def bulk(request: HttpRequest) -> HttpResponseBase:
    """One act on many conversations, each by itself: what could not be done is said for each, with its reason."""
    agent, form = agent_of(request), request.POST
    name = form.get("act", "")
    if name not in BULK_WORDS:
        raise DeskError("Choose what to do with the selected conversations.")
    ids = read_numbers(form.getlist("ids"))
    if not ids:
        raise DeskError("Nothing is selected. Select conversations with x or their boxes first.")
    if len(ids) > MOST_AT_ONCE:
        raise DeskError(f"At most {MOST_AT_ONCE} at once; {len(ids)} are selected.")
    act = _bulk_act(name, form, agent)
    refused: list[tuple[int, str]] = []
    for pk in ids:
        try:
            act(pk)
        except DeskError as error:
            refused.append((pk, error.message))
    names = dict(Conversation.objects.filter(pk__in=[pk for pk, _ in refused]).values_list("pk", "author__username"))
    results = [{"id": pk, "who": names.get(pk, ""), "reason": reason} for pk, reason in refused]
    succeeded = len(ids) - len(refused)
    words = f"{succeeded} {BULK_WORDS[name]}" + (f", {len(refused)} not." if refused else ".")
    if not is_fragment(request):
        words += "".join(f" @{result['who']}: {result['reason']}" for result in results)
    return done(request, words, did="bulk", ids=[pk for pk in ids if pk not in dict(refused)], refused=results)


def _bulk_act(name: str, form: QueryDict, agent: Agent) -> Callable[[int], object]:
    """What is done with each id."""
    if name == "assign":
        to = read_assignee(form)
        return lambda pk: conversations.assign_conversation(conversation_id=pk, agent=agent, to=to)
    if name == "snooze":
        until = read_until(form)
        return lambda pk: conversations.snooze_conversation(conversation_id=pk, agent=agent, until=until)
    if name == "claim":
        return lambda pk: conversations.claim_conversation(conversation_id=pk, agent=agent)
    return lambda pk: conversations.resolve_conversation(conversation_id=pk, agent=agent)


@require_GET
@desk_view
def mention_why(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Why a post was scored as it was: its own words, each with its part."""
    mention = _mention(pk)
    return render(request, "listening/_why.html", {"mention": mention, **explain_mention(mention)})


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a post; `note` says what gave it its weight, "" where it has none."""

    words: str
    weight: float = 0.0
    note: str = ""


def explain_mention(mention: Mention) -> dict[str, Any]:
    """The score's explanation, the post cut into pieces in the order of reading, and the parts that stand for the whole post."""
    explanation = get_scorer().explain(mention.text, language=mention.language)
    pieces: list[Piece] = []
    at = 0
    for part in sorted((part for part in explanation.parts if part.end > part.start), key=lambda part: part.start):
        if part.start >= at:
            said = Piece(mention.text[part.start : part.end], part.weight, part.note or part.text)
            pieces += [Piece(mention.text[at : part.start]), said]
            at = part.end
    pieces.append(Piece(mention.text[at:]))
    whole = [part for part in explanation.parts if part.end <= part.start]
    return {"explanation": explanation, "pieces": pieces, "whole": whole}


@require_POST
@desk_view
def mention_correct(request: HttpRequest, pk: int) -> HttpResponseBase:
    label = request.POST.get("label", "")
    if label not in Sentiment.values:
        raise DeskError("Choose negative, neutral or positive.")
    mention = correct_sentiment(mention_id=pk, agent=agent_of(request), label=label)
    return done(request, f"Corrected to {label}. It counts from now on.", conversation=mention.conversation_id, mention=pk, did="corrected")


def _mention(pk: int) -> Mention:
    try:
        return Mention.objects.select_related("corrected_by").get(pk=pk)
    except Mention.DoesNotExist:
        raise NotFound("There is no such post. It may have been removed; reload the list.") from None


@require_POST
@desk_view
def search_save(request: HttpRequest) -> HttpResponseBase:
    """Keep the filters in `query`, as the feed's address has them, under a name."""
    filters = Filters.from_query(QueryDict(request.POST.get("query", "")))
    kept = dict(QueryDict(filters.as_query()).items())
    search = save_search(agent=agent_of(request), name=request.POST.get("name", ""), filters=kept)
    return done(request, f"Saved as “{search.name}”.", search=search.pk, did="search_saved")


@require_POST
@desk_view
def search_delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    delete_search(agent=agent_of(request), pk=pk)
    return done(request, "Saved search deleted.", search=pk, did="search_deleted")
