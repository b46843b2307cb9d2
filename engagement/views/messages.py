"""What is pressed in the composer and on a message: send, keep a draft, take back, decide."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST

from engagement.models import Approval, Message
from engagement.services import delivery
from engagement.services import send as sending
from engagement.services.approvals import submit_reply
from engagement.services.drafts import keep_typed, save_draft
from engagement.views.attachments import take_pictures
from engagement.views.conversation import find_conversation, render_conversation
from listening.models import Conversation
from listening.views.numbers import read_number
from profiles.models import Agent
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.pages import desk_view, done, is_fragment

Kind = Message.Kind
DECISIONS = {
    "sent": "Marked as sent.",
    "send_again": "It will be sent.",
    "look_again": "The desk is looking for it.",
    "abandon": "Given up. The text is your draft again.",
    "retry": "It is tried again.",
}


@require_POST
@desk_view
def send(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Write through one of the doors. A refusal is said beside the text, which stays where it is."""
    kind, text = request.POST.get("kind", ""), request.POST.get("text", "")
    agent = agent_of(request)
    try:
        written = _write(request, agent, pk, kind, text)
    except DeskError as error:
        found = find_conversation(pk)
        if is_fragment(request):
            return render(request, "engagement/_refusal.html", {"refusal": error, "kind": kind}, status=409)
        if kind in Kind.values:
            save_draft(agent=agent, conversation_id=pk, kind=kind, text=text)
        return render_conversation(request, found, refused=error, kind=kind, status=error.status)
    if isinstance(written, Approval):
        words = f"Waits for a lead: {'; '.join(written.reasons)}."
        return done(request, words, conversation=pk, approval=written.pk, did="waiting", kind=kind)
    if written.kind == Kind.NOTE:
        return done(request, "Note added.", conversation=pk, message=written.pk, did="noted", kind=kind)
    return _tell_queued(request, written)


def _tell_queued(request: HttpRequest, message: Message) -> HttpResponseBase:
    delivery = message.delivery
    seconds = max(0.0, (delivery.not_before - now()).total_seconds())
    words = f"Sending {'in public' if message.kind == Kind.REPLY else 'in private'} in {settings.UNDO_SECONDS:g} s."
    if delivery.hold_reason:
        words = f"It goes out in {math.ceil(seconds / 60)} min. {delivery.hold_reason}"
    facts = {"kind": message.kind, "seconds": round(seconds, 1), "answer": message.answer_number, "cools": bool(delivery.hold_reason)}
    return done(
        request,
        words,
        conversation=message.conversation_id,
        message=message.pk,
        did="closed" if message.is_closing_line else "queued",
        **facts,
    )


def _write(request: HttpRequest, agent: Agent, pk: int, kind: str, text: str) -> Message | Approval:
    form = request.POST
    common: dict[str, Any] = {"conversation_id": pk, "agent": agent, "text": text, "request_key": form.get("request_key", "")}
    variant = read_number(form.get("variant", ""))
    if kind == Kind.REPLY:
        # `also` is the button beside the other answer: the number of what was read there.
        seen = read_number(form.get("also") or form.get("answer_seen", "")) or 0
        pictures = take_pictures(request, agent, pk)
        mention = read_number(form.get("mention", ""))
        return submit_reply(**common, mention_id=mention, answer_seen=seen, variant_id=variant, pictures=pictures)
    if kind == Kind.DIRECT_MESSAGE:
        return sending.send_direct_message(**common, variant_id=variant, reason=form.get("reason", ""), waiver=form.get("waiver", ""))
    if kind == Kind.NOTE:
        return sending.add_note(**common)
    raise DeskError("Choose a door first: public reply, private message or note.")


@require_POST
@desk_view
def draft(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Keep what is typed. Answers nothing: it happens while somebody writes."""
    if not Conversation.objects.filter(pk=pk).exists():
        raise NotFound("There is no such conversation. Your text is still in the composer; copy it from there.")
    form = request.POST
    typed = {name: form.get(name, "") for name in ("kind", "text", "request_key")}
    keep_typed(agent=agent_of(request), conversation_id=pk, **typed)
    return HttpResponse(status=204)


@require_POST
@desk_view
def delivery_undo(request: HttpRequest, pk: int) -> HttpResponseBase:
    undone = delivery.undo_delivery(message_id=pk, agent=agent_of(request))
    if hasattr(undone.message, "promise") and undone.message.promise.by_key:
        return _tell(request, "Taken back. Nothing is promised.", undone.message, "taken_back")
    if hasattr(undone.message, "follow_request"):
        return _tell(request, "Taken back. They are not asked to follow.", undone.message, "taken_back")
    return _tell(request, "Taken back. The text is your draft again.", undone.message, "undone")


@require_POST
@desk_view
def delivery_decide(request: HttpRequest, pk: int) -> HttpResponseBase:
    """`decision`: what a person says of a message that failed or of which nobody knows."""
    decision = request.POST.get("decision", "")
    if decision not in DECISIONS:
        raise DeskError("Choose what to do with this message.")
    agent = agent_of(request)
    if decision == "retry":
        seen = read_number(request.POST.get("answer_seen", "")) or 0
        decided = delivery.retry_failed(message_id=pk, agent=agent, answer_seen=seen)
    else:
        decided = delivery.decide_unconfirmed(message_id=pk, agent=agent, decision=decision)
    return _tell(request, DECISIONS[decision], decided.message, "given_up" if decision == "abandon" else "decided")


def _tell(request: HttpRequest, words: str, message: Message, did: str) -> HttpResponseBase:
    return done(request, words, conversation=message.conversation_id, message=message.pk, kind=message.kind, did=did)
