"""What an agent presses to move a conversation to another channel and back, and the list of what is still owed."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from engagement.services.hop_figures import WINDOW, read_reasons, read_tone
from engagement.services.hops import finish_hop, read_debts, waive_return
from engagement.services.links import link_url, revoke_link
from engagement.services.offers import offer_link
from listening.views.numbers import read_number
from profiles.signed_in import agent_of
from socialdesk.lib.pages import desk_view, done


@require_POST
@desk_view
def conversation_link(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Make a link; the open composer puts its address into the text."""
    kind, reason = request.POST.get("kind", ""), request.POST.get("reason", "")
    link = offer_link(conversation_id=pk, kind=kind, agent=agent_of(request), reason=reason, task=request.POST.get("task", ""))
    words = f"{link.get_kind_display()}: {link_url(link)}"
    return done(request, words, did="linked", conversation=pk, link=link.pk, url=link_url(link))


@require_safe
@desk_view
def returns(request: HttpRequest) -> HttpResponseBase:
    """What is still to come back to its public thread, the first due first, a page at a time by key."""
    debts, following = read_debts(after=request.GET.get("after", ""))
    context = {
        "debts": debts,
        "next": following,
        "is_first": "after" not in request.GET,
        "reasons": read_reasons(),
        "tone": read_tone(),
        "window": WINDOW.days,
    }
    return render(request, "engagement/returns.html", context)


@require_POST
@desk_view
def conversation_waive(request: HttpRequest, pk: int) -> HttpResponseBase:
    hop = read_number(request.POST.get("hop", ""))
    waive_return(conversation_id=pk, agent=agent_of(request), reason=request.POST.get("reason", ""), hop_id=hop)
    return done(request, "Waived: nobody has to come back to the public thread.", did="waived", conversation=pk)


@require_POST
@desk_view
def hop_done(request: HttpRequest, pk: int) -> HttpResponseBase:
    hop = finish_hop(hop_id=pk, agent=agent_of(request))
    words = "Done there. The thank-you stands in your public draft."
    return done(request, words, did="hop_done", conversation=hop.conversation_id, kind="reply")


@require_POST
@desk_view
def link_revoke(request: HttpRequest, pk: int) -> HttpResponseBase:
    link = revoke_link(link_id=pk, agent=agent_of(request))
    return done(request, "Revoked: the link does not work any more.", did="revoked", conversation=link.conversation_id)
