"""Where the customer of a conversation can be reached, and the acts by which it is verified: always in private."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from engagement.models import Verification
from engagement.services.reach import read_reach
from engagement.services.verification import ask_verification_question, enter_code, judge_answer, send_verification_code
from engagement.views.conversation import find_conversation
from listening.views.numbers import read_number
from profiles.signed_in import agent_of
from socialdesk.lib.pages import desk_view, done, is_fragment


@require_safe
@desk_view
def conversation_contacts(request: HttpRequest, pk: int) -> HttpResponseBase:
    """To the open pane what stands in its menu, to everybody else a page."""
    conversation = find_conversation(pk)
    template = "engagement/_contacts.html" if is_fragment(request) else "engagement/contacts.html"
    return render(request, template, {"conversation": conversation, "reach": read_reach(conversation)})


@require_POST
@desk_view
def verification_send(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a code: `by` says how, `contact` what it verifies (nothing: the account that wrote)."""
    by = request.POST.get("by", "")
    send_verification_code(
        conversation_id=pk,
        agent=agent_of(request),
        contact_point_id=_contact(request),
        by=by,
        waiver=request.POST.get("waiver", ""),
    )
    return done(request, f"A code is on its way by {Verification.Way(by).label}.", did="verifying", conversation=pk)


@require_POST
@desk_view
def verification_ask(request: HttpRequest, pk: int) -> HttpResponseBase:
    ask_verification_question(
        conversation_id=pk,
        agent=agent_of(request),
        question=request.POST.get("question", ""),
        contact_point_id=_contact(request),
        waiver=request.POST.get("waiver", ""),
    )
    return done(request, "Your question is on its way by private message.", did="verifying", conversation=pk)


@require_POST
@desk_view
def verification_enter(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The code that the customer told the agent."""
    verification = enter_code(verification_id=pk, typed=request.POST.get("code", ""), agent=agent_of(request))
    return done(request, "Confirmed.", did="verified", conversation=verification.conversation_id)


@require_POST
@desk_view
def verification_judge(request: HttpRequest, pk: int) -> HttpResponseBase:
    is_right = request.POST.get("answer") == "right"
    verification = judge_answer(verification_id=pk, agent=agent_of(request), is_right=is_right)
    words = "Confirmed." if is_right else "Noted: the answer was wrong. Nothing is verified."
    return done(request, words, did="verified", conversation=verification.conversation_id)


def _contact(request: HttpRequest) -> int | None:
    return read_number(request.POST.get("contact", ""))
