"""Pictures and films of an answer that is being written: handed in, described, taken out, and looked at."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from engagement.models import Message
from engagement.services import attachments
from engagement.services.drafts import save_draft
from listening.views.numbers import read_number
from profiles.models import Agent
from profiles.signed_in import agent_of
from socialdesk.lib import mp4
from socialdesk.lib.pages import desk_view, done, is_fragment
from socialdesk.lib.pictures import BadPicture
from socialdesk.lib.ranges import ranged_response

SEEN_FOR = 3600  # seconds for which a browser keeps it: not longer than a person who was erased may be seen


@require_GET
@desk_view
def picture(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The bytes of one: the author's own while it is a draft, everybody's once it went out or waits for a lead."""
    found = attachments.find_attachment(attachment_id=pk, agent=agent_of(request))
    size: int = found.size  # type: ignore[attr-defined]  # annotated
    return ranged_response(request, size, partial(attachments.read_bytes, found), found.media_type, seconds=SEEN_FOR)


@require_POST
@desk_view
def pictures_add(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Puts one into the agent's draft of that conversation; answers with its line in the composer."""
    added = attachments.add_attachment(agent=agent_of(request), content=_read_file(request), conversation_id=pk)
    if is_fragment(request):
        room = attachments.room_for_alt(added)
        return render(request, "engagement/_picture.html", {"picture": added, "picture_alt_room": room, "film_alt_room": room})
    return done(request, "It stands in your draft.", conversation=pk)


@require_POST
@desk_view
def picture_describe(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Keeps what it shows. Answers nothing: it happens while somebody writes."""
    attachments.describe_attachment(attachment_id=pk, agent=agent_of(request), alt=request.POST.get("alt", ""))
    return HttpResponse(status=204)


@require_POST
@desk_view
def picture_remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Takes it out of the draft. Without JavaScript the whole composer comes along, and its text is kept."""
    agent, conversation_id = agent_of(request), read_number(request.POST.get("conversation", ""))
    attachments.remove_attachment(attachment_id=pk, agent=agent)
    if is_fragment(request):
        return HttpResponse(status=204)
    if conversation_id is not None and "text" in request.POST:
        save_draft(agent=agent, conversation_id=conversation_id, kind=Message.Kind.REPLY, text=request.POST["text"])
    return done(request, "It is out of your draft.")


def take_pictures(request: HttpRequest, agent: Agent, conversation_id: int) -> list[int]:
    """The ids of what is sent with a reply, described as the form says. A file that was chosen without JavaScript comes with it."""
    form = request.POST
    ids = [number for number in map(read_number, form.getlist("pictures")) if number]
    for pk in ids:
        if f"alt-{pk}" in form:
            attachments.describe_attachment(attachment_id=pk, agent=agent, alt=form[f"alt-{pk}"])
    if request.FILES.get("picture"):
        alt = form.get("picture_alt", "")
        added = attachments.add_attachment(agent=agent, content=_read_file(request), alt=alt, conversation_id=conversation_id)
        ids.append(added.pk)
    return ids


def _read_file(request: HttpRequest) -> bytes:
    file = request.FILES.get("picture")
    if file is None or not file.size:
        raise BadPicture("Choose a picture first.")
    if file.size > mp4.MOST_BYTES:  # the larger of the two
        raise BadPicture(f"The file has {file.size / 1e6:.0f} MB; at most {mp4.MOST_BYTES / 1e6:.0f} are taken. Make it smaller.")
    return bytes(file.read())
