"""What agents press for live chats: be here, accept, say, pass on, end."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST

from engagement.services import chat
from engagement.services.chat_duty import note_here, note_read, read_bar
from listening.views.numbers import read_numbers
from profiles.models import Agent
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view, done, is_fragment


@require_POST
@desk_view
def chats_here(request: HttpRequest) -> HttpResponseBase:
    """The desk is open. `takes` turns the agent's switch, `open` is the conversation that they look at. Answers with the bar."""
    agent, takes = agent_of(request), request.POST.get("takes", "")
    duty = note_here(agent=agent, takes_chats=None if takes not in ("on", "off") else takes == "on")
    for looked_at in read_numbers([request.POST.get("open", "")]):
        note_read(agent=agent, conversation_id=looked_at)
    if is_fragment(request):
        return render(request, "engagement/_chats_bar.html", {"bar": read_bar(agent, duty)})
    return done(request, "You take chats." if duty.takes_chats else "You take no chats.")


@require_POST
@desk_view
def chat_accept(request: HttpRequest, pk: int) -> HttpResponseBase:
    session = chat.accept_chat(chat_id=pk, agent=agent_of(request))
    return done(request, "The chat is yours. Write to them now.", did="chat_accepted", conversation=session.conversation_id, chat=pk)


@require_POST
@desk_view
def chat_say(request: HttpRequest, pk: int) -> HttpResponseBase:
    key = request.POST.get("client_key", "") or uuid.uuid4().hex
    line = chat.say_as_agent(chat_id=pk, agent=agent_of(request), text=request.POST.get("text", ""), client_key=key)
    return done(request, "Sent in the chat.", did="chat_said", conversation=line.session.conversation_id, chat=pk, key=key)


@require_POST
@desk_view
def chat_typing(request: HttpRequest, pk: int) -> HttpResponseBase:
    chat.type_to_visitor(chat_id=pk, agent=agent_of(request))
    return HttpResponse(status=204)


@require_POST
@desk_view
def chat_transfer(request: HttpRequest, pk: int) -> HttpResponseBase:
    to = Agent.objects.filter(pk__in=read_numbers([request.POST.get("to", "")]), is_active=True).first()
    if to is None:
        raise DeskError("Choose the colleague who takes the chat.")
    session = chat.transfer_chat(chat_id=pk, agent=agent_of(request), to=to)
    return done(request, f"{to.name} has the chat now.", did="chat_passed", conversation=session.conversation_id, chat=pk)


@require_POST
@desk_view
def chat_end(request: HttpRequest, pk: int) -> HttpResponseBase:
    session = chat.end_chat(session_id=pk, agent=agent_of(request))
    words = "The chat has ended. The thank-you stands in your public draft."
    return done(request, words, did="hop_done", conversation=session.conversation_id, kind="reply")
