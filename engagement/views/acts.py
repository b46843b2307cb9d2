"""What is pressed on a post besides answering it: like it, hide it, take that back; take our answer down."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_POST

from engagement.models import NetworkAct
from engagement.services import acts
from profiles.signed_in import agent_of
from socialdesk.lib.pages import desk_view, done

_SAID = {
    NetworkAct.Kind.LIKE: ("It is being liked.", "It is liked already."),
    NetworkAct.Kind.HIDE: ("It is being hidden.", "It is hidden already."),
    NetworkAct.Kind.DELETE: ("It is being taken down.", "It is taken down already."),
}


@require_POST
@desk_view
def mention_like(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _tell(request, acts.like_mention(mention_id=pk, agent=agent_of(request)))


@require_POST
@desk_view
def mention_hide(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _tell(request, acts.hide_mention(mention_id=pk, agent=agent_of(request)))


@require_POST
@desk_view
def message_take_down(request: HttpRequest, pk: int) -> HttpResponseBase:
    return _tell(request, acts.take_down_answer(message_id=pk, agent=agent_of(request)))


@require_POST
@desk_view
def act_take_back(request: HttpRequest, pk: int) -> HttpResponseBase:
    act = acts.take_back_act(act_id=pk, agent=agent_of(request))
    words = "It is being taken back." if act.state == NetworkAct.State.UNDOING else "It is taken back already."
    return done(request, words, conversation=act.conversation_id, did="said")


def _tell(request: HttpRequest, act: NetworkAct) -> HttpResponseBase:
    under_way, already = _SAID[NetworkAct.Kind(act.kind)]
    words = already if act.state == NetworkAct.State.DONE else under_way
    return done(request, words, conversation=act.conversation_id, did="said")
