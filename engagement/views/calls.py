"""The queue of calls that customers asked for, and the sheet of the one that is being made."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from engagement.models import CallAttempt, CallbackRequest
from engagement.services.callbacks import read_queue
from engagement.services.calls import begin_call, end_call, show_number
from engagement.services.thread import read_thread
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import NotFound
from socialdesk.lib.pages import desk_view, done, is_fragment

READ_BEFORE = 6  # entries of the conversation that stand beside the number
OUTCOMES = {
    "reached": "Noted. The thank-you stands in your public draft.",
    "no_answer": "Noted. It comes back to the list when it is time to try again.",
    "wrong_number": "Noted. Nobody calls that number again; ask the customer where they wrote.",
    "declined": "Noted. They are not called again.",
}


@require_safe
@desk_view
def callbacks(request: HttpRequest) -> HttpResponseBase:
    """Open calls, the first due first, a page at a time by key. No number stands here. To the open page, the list alone."""
    page = read_queue(after=request.GET.get("after", ""))
    context = {"callbacks": page.callbacks, "next": page.next, "is_first": "after" not in request.GET, "now": now()}
    return render(request, "engagement/_callbacks.html" if is_fragment(request) else "engagement/callbacks.html", context)


@require_POST
@desk_view
def callback_begin(request: HttpRequest, pk: int) -> HttpResponseBase:
    """I call now."""
    begin_call(callback_id=pk, agent=agent_of(request))
    return redirect("callback_call", pk=pk)


@require_safe
@desk_view
def callback_call(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The number and what to know before it is dialled, for the agent who calls; each look at it is kept."""
    agent = agent_of(request)
    callback = CallbackRequest.objects.select_related("conversation__author", "consent").filter(pk=pk).first()
    if callback is None:
        raise NotFound("There is no such call. Go back to the list.")
    context = {
        "callback": callback,
        "number": show_number(callback_id=pk, agent=agent),
        "conversation": callback.conversation,
        "thread": read_thread(callback.conversation, limit=READ_BEFORE),
        "earlier": callback.calls.exclude(outcome="").select_related("agent").order_by("-begun_at"),
        "outcomes": [choice for choice in CallAttempt.Outcome if choice.value in OUTCOMES],
    }
    return render(request, "engagement/call.html", context)


@require_POST
@desk_view
def callback_end(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What came of it. After a call that reached them, the conversation opens: its thank-you is the next thing to do."""
    outcome = request.POST.get("outcome", "")
    callback = end_call(callback_id=pk, agent=agent_of(request), outcome=outcome, note=request.POST.get("note", ""))
    if is_fragment(request):
        return done(request, OUTCOMES[outcome], did="call_ended", conversation=callback.conversation_id)
    done(request, OUTCOMES[outcome])
    return redirect("conversation", callback.conversation_id) if outcome == "reached" else redirect("callbacks")
