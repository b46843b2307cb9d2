"""The praise board, one compliment with its history, and what is pressed on them: each view calls one service."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from engagement.models import Compliment
from engagement.services import compliments, permissions, praise_replies, shares
from engagement.services.board import read_board, read_column, read_entry, read_figures
from engagement.services.praise_state import State
from listening.views.actions import read_assignee
from listening.views.numbers import read_number
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view, done, is_fragment


@require_safe
@desk_view
def board(request: HttpRequest) -> HttpResponseBase:
    """All columns; with `state`, that one in front, and from the key `after` on that one alone. To the open page, the columns only."""
    agent, chosen, after = agent_of(request), request.GET.get("state", State.NEW), request.GET.get("after", "")
    if chosen not in State.values:
        raise DeskError(f"There is no column {chosen[:40]!r}. Choose one of the board's.")
    if after:
        context: dict[str, Any] = {"columns": [read_column(agent, chosen, after=after)], "is_alone": True}
    else:
        context = {"columns": read_board(agent), "figures": read_figures()}
    template = "engagement/_board.html" if is_fragment(request) else "engagement/board.html"
    return render(request, template, {**context, "chosen": chosen})


@require_safe
@desk_view
def compliment(request: HttpRequest, pk: int) -> HttpResponseBase:
    entry, history = read_entry(agent_of(request), pk)
    writings = permissions.read_writings(entry.compliment) if {"record", "withdraw"} & set(entry.acts) else []
    context = {"entry": entry, "history": history, "writings": writings, "purposes": Compliment.Purpose.choices}
    return render(request, "engagement/compliment.html", context)


@require_POST
@desk_view
def conversation_forward(request: HttpRequest, pk: int) -> HttpResponseBase:
    """`mention` names the post, `to` an account owner, else it goes to marketing; `note` goes with it."""
    form = request.POST
    mention = read_number(form.get("mention", ""))
    forwarded = compliments.forward_compliment(
        conversation_id=pk, mention_id=mention, agent=agent_of(request), note=form.get("note", ""), to=read_assignee(form)
    )
    whom = forwarded.forwarded_to.name if forwarded.forwarded_to else "marketing"
    return done(request, f"Praise forwarded to {whom}.", conversation=pk, compliment=forwarded.pk, did="forwarded")


@require_POST
@desk_view
def accept(request: HttpRequest, pk: int) -> HttpResponseBase:
    compliments.accept_compliment(compliment_id=pk, agent=agent_of(request))
    return _tell(request, "You have it now.", pk, "accepted")


@require_POST
@desk_view
def ask(request: HttpRequest, pk: int) -> HttpResponseBase:
    form = request.POST
    praise_replies.ask_permission(
        compliment_id=pk,
        agent=agent_of(request),
        purpose=form.get("purpose", ""),
        answer_seen=read_number(form.get("answer_seen", "")) or 0,
    )
    return _tell(request, "The author is asked in public.", pk, "asked")


@require_POST
@desk_view
def record(request: HttpRequest, pk: int) -> HttpResponseBase:
    """`granted` is 1 or 0, `evidence` the post or message that says so, `purpose` what for if it was not asked."""
    form = request.POST
    if form.get("granted") not in ("0", "1"):
        raise DeskError("Say whether the author agrees or not.")
    granted = form["granted"] == "1"
    permissions.record_answer(
        compliment_id=pk,
        agent=agent_of(request),
        granted=granted,
        evidence=form.get("evidence", ""),
        purpose=form.get("purpose", ""),
    )
    return _tell(request, "Recorded: the author agrees." if granted else "Recorded: the author says no.", pk, "recorded")


@require_POST
@desk_view
def share(request: HttpRequest, pk: int) -> HttpResponseBase:
    shares.share_compliment(compliment_id=pk, agent=agent_of(request))
    return _tell(request, "It is on its way to our account.", pk, "shared")


@require_POST
@desk_view
def thank(request: HttpRequest, pk: int) -> HttpResponseBase:
    seen = read_number(request.POST.get("answer_seen", "")) or 0
    praise_replies.thank_author(compliment_id=pk, agent=agent_of(request), answer_seen=seen)
    return _tell(request, "The author is thanked in public.", pk, "thanked")


@require_POST
@desk_view
def hand(request: HttpRequest, pk: int) -> HttpResponseBase:
    praise_replies.hand_thanks(compliment_id=pk, agent=agent_of(request))
    return _tell(request, "Whoever forwarded it is asked to thank the author.", pk, "handed")


@require_POST
@desk_view
def decline(request: HttpRequest, pk: int) -> HttpResponseBase:
    permissions.decline_compliment(compliment_id=pk, agent=agent_of(request), note=request.POST.get("note", ""))
    return _tell(request, "Put away.", pk, "declined")


@require_POST
@desk_view
def withdraw(request: HttpRequest, pk: int) -> HttpResponseBase:
    permissions.withdraw_permission(compliment_id=pk, agent=agent_of(request), evidence=request.POST.get("evidence", ""))
    return _tell(request, "The permission has ended. What we made public of it is removed.", pk, "withdrawn")


@require_POST
@desk_view
def take_back(request: HttpRequest, pk: int) -> HttpResponseBase:
    shares.take_back(compliment_id=pk, agent=agent_of(request))
    return _tell(request, "Taken back.", pk, "taken_back")


@require_POST
@desk_view
def removed(request: HttpRequest, pk: int) -> HttpResponseBase:
    shares.confirm_removed(compliment_id=pk, agent=agent_of(request))
    return _tell(request, "Noted that it is gone.", pk, "removed")


def _tell(request: HttpRequest, words: str, pk: int, did: str) -> HttpResponseBase:
    return done(request, words, compliment=pk, did=did)
