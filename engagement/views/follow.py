"""One press that asks the customer in public to follow us, so that the private door can open."""

from __future__ import annotations

import math

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_POST

from engagement.services.answers import AlreadyAnswered
from engagement.services.follow_requests import Asked, ask_to_follow
from listening.templatetags.desk import ago
from listening.views.numbers import read_number
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict
from socialdesk.lib.pages import desk_view, done


@require_POST
@desk_view
def conversation_ask_follow(request: HttpRequest, pk: int) -> HttpResponseBase:
    seen = read_number(request.POST.get("answer_seen", "")) or 0
    try:
        asked = ask_to_follow(conversation_id=pk, agent=agent_of(request), answer_seen=seen)
    except AlreadyAnswered as refusal:
        raise Conflict("Somebody answered meanwhile. Read it; then press again to ask them to follow as well.") from refusal
    if not asked.is_new:
        return done(request, _earlier(asked), did="said", conversation=pk)
    message = asked.message
    if message is None:
        reasons = "; ".join(asked.approval.reasons) if asked.approval else ""
        return done(request, f"A lead reads your request first: {reasons}.", did="said", conversation=pk)
    delivery = message.delivery
    seconds = max(0.0, (delivery.not_before - now()).total_seconds())
    words = "Asking them in public to follow us."
    if delivery.hold_reason:
        words = f"They are asked in {math.ceil(seconds / 60)} min. {delivery.hold_reason}"
    facts = {"message": message.pk, "kind": message.kind, "seconds": round(seconds, 1), "answer": message.answer_number}
    return done(request, words, did="acknowledged", conversation=pk, cools=bool(delivery.hold_reason), **facts)


def _earlier(asked: Asked) -> str:
    who = asked.request.agent.name if asked.request.agent else "Somebody"
    if asked.message is None:
        return f"{who} asked already; a lead reads the request first."
    return f"{who} asked them already, {ago(asked.request.asked_at)}. The desk tells when they follow."
