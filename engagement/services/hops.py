"""Hops: offered, begun, done, and the return to the public thread that each of them owes (brief D3, D22 to D24, C10).

A hop is paid by a public answer of ours that comes after the last thing that was written or said in the other channel. What goes on
there after that owes again. `Conversation.returns_owed` holds the number of debts, and the database keeps such a conversation open.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext

from engagement.models import (
    CALLBACK_OPEN,
    CHAT_OPEN,
    OWING,
    TICKET_OPEN,
    CallbackRequest,
    ChatSession,
    Delivery,
    Draft,
    Hop,
    Message,
    ShortLink,
    Ticket,
)
from engagement.services.acknowledge import stands_in_public
from engagement.services.drafts import save_draft
from engagement.services.links import link_url
from engagement.services.surveys import survey_link
from engagement.services.wordings import name_of
from listening.models import Conversation, ConversationEvent
from listening.services.conversations import add_event, lock_conversation, record_returns_owed
from profiles.models import Agent
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.lib.paging import page_of
from socialdesk.lib.text import clean

State, Channel, Reason = Hop.State, Hop.Channel, Hop.Reason
Event = ConversationEvent.Kind

# How long the task of a hop may take; what is behind it reminds the agent.
TIME_FOR = {
    Channel.DIRECT_MESSAGE: timedelta(hours=4),
    Channel.CHOICE: timedelta(days=1),
    Channel.CALLBACK: timedelta(days=1),
    Channel.CHAT: timedelta(hours=1),
    Channel.TICKET: timedelta(days=3),
}
LONGEST_WORDS = 300

# What ends the task of a hop in channels where it has an end of its own.
ENDED_BY = {
    Channel.TICKET: "Its ticket is not solved yet. Solve the ticket: that ends this too.",
    Channel.CHAT: "The chat goes on. End the chat: that ends this too.",
    Channel.CALLBACK: "The customer still waits for the call. Note what came of it in the queue of callbacks: that ends this too.",
}
_HERE = {"conversation": OuterRef("conversation")}
_CALLS = CallbackRequest.objects.filter(any_of("state", CALLBACK_OPEN))
_IS_OPEN = (
    Q(Exists(Ticket.objects.filter(any_of("state", TICKET_OPEN), **_HERE)), channel=Channel.TICKET)
    | Q(Exists(ChatSession.objects.filter(any_of("state", CHAT_OPEN), **_HERE)), channel=Channel.CHAT)
    | Q(Exists(_CALLS.filter(link=OuterRef("link"))), channel=Channel.CALLBACK)
    | Q(Exists(_CALLS.filter(**_HERE)), channel=Channel.CALLBACK, link=None)
)


def check_reason(reason: str) -> str:
    """Raises DeskError unless `reason` is one of the list: no hop without one (brief D3)."""
    if reason not in Reason.values:
        raise DeskError(f"Say why the customer should change the channel: one of {', '.join(Reason.values)}.", reasons=Reason.values)
    return reason


def offer_hop(*, link: ShortLink, reason: str, agent: Agent | None, task: str = "") -> Hop:
    """A link that leads elsewhere was made. Nothing is owed until the customer follows it."""
    return Hop.objects.create(
        conversation_id=link.conversation_id,
        channel=Channel(link.kind),
        reason=check_reason(reason),
        task=clean(task, limit=LONGEST_WORDS),
        state=State.OFFERED,
        agent=agent,
        link=link,
        offered_at=current_time(),
    )


def begin_hop(
    *,
    conversation: Conversation,
    channel: str,
    reason: str,
    agent: Agent | None,
    at: datetime,
    link: ShortLink | None = None,
    acknowledge_waiver: str = "",
    task: str = "",
) -> Hop:
    """The customer is in the other channel now, or we wrote to them there; call it on a locked conversation.

    A hop that is under way in that channel goes on; an offer behind `link` begins; else a new one begins. What was done there, and goes on
    before anybody came back, is under way again. Of a choice that is taken twice, each channel is a hop of its own.
    """
    known = Hop.objects.filter(conversation=conversation)
    of_link = known.filter(link=link).first() if link is not None else None
    hop = of_link if of_link is not None and (of_link.state == State.OFFERED or of_link.channel == channel) else None
    hop = hop or known.filter(channel=channel, state__in=OWING).order_by("-pk").first()
    if hop is None:
        own_link = link if of_link is None else None
        hop = Hop(
            conversation=conversation, channel=channel, reason=check_reason(reason), agent=agent, link=own_link, offered_at=at, task=task
        )
    if hop.state == State.DONE:
        hop.state, hop.done_at, hop.due_at = State.BEGUN, None, at + TIME_FOR[Channel(channel)]
        _take_back_thanks(conversation)
    elif hop.state not in OWING:
        hop.state, hop.channel, hop.begun_at = State.BEGUN, channel, at
        hop.done_at = hop.returned_at = hop.return_message = None
        hop.due_at = at + TIME_FOR[Channel(channel)]
        add_event(conversation, Event.HOPPED, at=at, agent=agent, data={"channel": channel, "reason": hop.reason})
    hop.acknowledge_waiver = clean(acknowledge_waiver, limit=LONGEST_WORDS) or hop.acknowledge_waiver
    hop.active_at = max(at, hop.active_at or at)
    hop.save()
    _recount(conversation)
    return hop


def note_activity(*, conversation: Conversation, channel: str, at: datetime) -> None:
    """Somebody wrote or spoke in the other channel; call it on a locked conversation. What came back before owes its return again."""
    hop = Hop.objects.filter(conversation=conversation, channel=channel).exclude(state=State.OFFERED).order_by("-pk").first()
    if hop is None:
        return
    hop.active_at = max(at, hop.active_at or at)
    if hop.state in (State.RETURNED, State.WAIVED) and at > (hop.returned_at or at):
        hop.state, hop.returned_at, hop.return_message, hop.done_at = State.BEGUN, None, None, None
        hop.due_at = at + TIME_FOR[Channel(channel)]
    hop.save()
    _recount(conversation)


def finish_hop(*, hop_id: int, agent: Agent) -> Hop:
    """What was to be done there is done: the named thank-you for the original thread stands in the agent's public draft (brief D24).

    A draft that the agent has begun is kept. Raises Conflict if it is not under way, or if the call, the chat or the ticket behind it is
    not over: what ends it there ends the hop too.
    """
    with transaction.atomic():
        hop = _lock_hop(hop_id)
        if hop.state != State.BEGUN:
            raise Conflict("This is not under way any more. Reload the conversation to see what became of it.", state=hop.state)
        if reason := goes_on(hop):
            raise Conflict(reason)
        hop.state, hop.done_at = State.DONE, current_time()
        hop.save()
        _recount(hop.conversation)
        draft_thanks(hop.conversation, agent)
    return hop


def goes_on(hop: Hop) -> str:
    """Why what the hop is about is not over yet, as a sentence that says what ends it; "" if it is. Of one that `read_hops` read, no
    query; else one."""
    is_open = getattr(hop, "is_open", None)
    if is_open is None:
        is_open = Hop.objects.filter(_IS_OPEN, pk=hop.pk).exists()
    return ENDED_BY[Channel(hop.channel)] if is_open else ""


def finish_channel(*, conversation: Conversation, channel: str, agent: Agent | None, at: datetime) -> None:
    """What went on in that channel came to its end there; call it on a locked conversation.

    The thank-you is drafted for `agent`, or whoever has the conversation.
    """
    under_way = Hop.objects.filter(conversation=conversation, channel=channel, state=State.BEGUN)
    if not under_way.update(state=State.DONE, done_at=at, active_at=at):
        return
    _recount(conversation)
    whose = agent or conversation.assignee
    if whose is not None:
        draft_thanks(conversation, whose)


def carry_over(*, conversation: Conversation, channel: str, to: str, at: datetime) -> None:
    """What is under way in one channel goes on in another: it stays one matter with one return. Call it on a locked conversation."""
    under_way = Hop.objects.filter(conversation=conversation, channel=channel, state=State.BEGUN)
    under_way.update(channel=to, active_at=at, due_at=at + TIME_FOR[Channel(to)])


def draft_thanks(conversation: Conversation, agent: Agent) -> None:
    """Put the thank-you into the agent's public draft, unless they have begun one; into the private one where nothing stands in public."""
    kind = Message.Kind.REPLY if stands_in_public(conversation) else Message.Kind.DIRECT_MESSAGE
    if not Draft.objects.filter(agent=agent, conversation=conversation, kind=kind).exists():
        link = survey_link(conversation_id=conversation.pk, agent=agent)
        save_draft(agent=agent, conversation_id=conversation.pk, kind=kind, text=thanks_for(conversation, survey=link_url(link)))


def _take_back_thanks(conversation: Conversation) -> None:
    """Nobody is thanked for what is not over after all: drafts that stand as they were made go; what an agent wrote in them stays."""
    surveys = ShortLink.objects.filter(conversation=conversation, kind=ShortLink.Kind.SURVEY)
    made = [thanks_for(conversation, survey=link_url(survey)) for survey in surveys]
    kinds = (Message.Kind.REPLY, Message.Kind.DIRECT_MESSAGE)
    Draft.objects.filter(conversation=conversation, kind__in=kinds, text__in=made).delete()


def thanks_for(conversation: Conversation, *, survey: str) -> str:
    """A thank-you to the author by name with the address of a survey, in the conversation's language where the desk speaks it."""
    author = conversation.author
    with translation.override(conversation.language.partition("-")[0] or "en"):
        # Translators: a public thank-you after a matter was settled in private. It says nothing of what it was about.
        words = gettext("@%(handle)s Thank you for sorting this out with us, %(name)s. How did we do? %(survey)s")
    return words % {"handle": author.username, "name": name_of(author), "survey": survey}


def waive_return(*, conversation_id: int, agent: Agent, reason: str, hop_id: int | None = None) -> list[Hop]:
    """There is a reason not to come back to the public thread: all open debts of the conversation, or that of one hop, are let go.

    Raises DeskError without a reason, Conflict if nothing is owed.
    """
    if not agent.may_work:
        raise NotAllowed("Your role reads and notes; waiving a return is for care agents and their leads.")
    words = clean(reason, limit=LONGEST_WORDS).strip()
    if not words:
        raise DeskError("Say why the return to the public thread is waived; it stays in the history.")
    moment = current_time()
    with transaction.atomic():
        conversation = lock_conversation(conversation_id)
        owing = _owing(conversation).filter(Q(pk=hop_id) if hop_id is not None else Q())
        hops = list(owing)
        if not hops:
            raise Conflict("Nothing is owed here any more.")
        for hop in hops:
            hop.state, hop.waiver, hop.waived_by, hop.returned_at = State.WAIVED, words, agent, moment
            hop.save()
        add_event(conversation, Event.WAIVED, at=moment, agent=agent, data={"hops": [hop.pk for hop in hops], "reason": words})
        _recount(conversation)
    return hops


def pay_returns(*, conversation_id: int, written_at: datetime, at: datetime, message: Message | None = None) -> None:
    """An answer of ours stands in the original thread since `at`: it pays every debt behind which nothing was said later. It is a public
    one, or where nothing stands in public any more a private one, which pays no private message.

    One that was written before the hop began (`written_at`), as the acknowledgement that announces it, is no return. Calls, chats and
    tickets have an end, and nothing pays them before it: the answer that carries their link is no return either.
    """
    with transaction.atomic():
        if not Conversation.objects.filter(pk=conversation_id, returns_owed__gt=0).exists():
            return
        conversation = lock_conversation(conversation_id)
        is_private = message is not None and message.kind == Message.Kind.DIRECT_MESSAGE
        over = (
            Q(state=State.DONE) & ~Q(channel=Channel.DIRECT_MESSAGE)
            if is_private
            else Q(state=State.DONE) | Q(channel=Channel.DIRECT_MESSAGE)
        )
        paid = list(_owing(conversation).filter(over, Q(active_at=None) | Q(active_at__lte=at), begun_at__lte=written_at))
        for hop in paid:
            hop.state, hop.returned_at, hop.return_message = State.RETURNED, at, message
            hop.done_at = hop.done_at or at
            hop.save()
        if paid:
            add_event(conversation, Event.RETURNED, at=at, agent=message.agent if message else None, data={"hops": [h.pk for h in paid]})
            _recount(conversation)


def withdraw_begun(message: Message) -> None:
    """A private message was taken back or given up. If nothing else was said there, the hop has not begun after all."""
    if message.kind != Message.Kind.DIRECT_MESSAGE:
        return
    conversation = lock_conversation(message.conversation_id)
    hop = _owing(conversation).filter(channel=Channel.DIRECT_MESSAGE, begun_at__lte=message.created_at).order_by("-pk").first()
    if hop is None or hop.begun_at is None:
        return
    gone = Q(delivery__state__in=[Delivery.State.ABORTED, Delivery.State.FAILED])
    standing = Message.objects.filter(conversation=conversation, kind=Message.Kind.DIRECT_MESSAGE, created_at__gte=hop.begun_at)
    if standing.exclude(gone).exclude(pk=message.pk).exists():
        return
    hop.state, hop.begun_at, hop.active_at, hop.due_at = State.OFFERED, None, None, None
    hop.save()
    _recount(conversation)


def read_hops(conversation: Conversation) -> list[Hop]:
    """The hops of a conversation that began, with their links and whether they go on, newest first; one query."""
    begun = Hop.objects.filter(conversation=conversation).exclude(state=State.OFFERED)
    return list(begun.annotate(is_open=_IS_OPEN).select_related("link", "agent", "waived_by").order_by("-pk")[:20])


def read_plain_links(conversation: Conversation) -> list[ShortLink]:
    """The links that lead to no other channel, and the offers that nobody has followed; newest first, one query."""
    offered = Q(hop=None) | Q(hop__state=State.OFFERED)
    return list(ShortLink.objects.filter(offered, conversation=conversation).order_by("-created_at", "-pk")[:10])


def read_debts(*, after: str = "", limit: int = 50) -> tuple[list[Hop], str]:
    """Hops that owe their return to the public thread, the first due first, and the key of what follows (brief C10); one query.

    Raises DeskError for a key that is none.
    """
    owing = Hop.objects.filter(any_of("state", OWING)).select_related("conversation__author", "conversation__assignee", "agent")
    return page_of(owing, field="due_at", after=after, limit=limit, oldest_first=True)


def _owing(conversation: Conversation) -> QuerySet[Hop]:
    return Hop.objects.filter(conversation=conversation, state__in=OWING)


def _lock_hop(hop_id: int) -> Hop:
    """The hop with its conversation locked. Raises NotFound."""
    known = Hop.objects.filter(pk=hop_id).values_list("conversation_id", flat=True).first()
    if known is None:
        raise NotFound("There is no such move to another channel.")
    conversation = lock_conversation(known)
    hop = Hop.objects.get(pk=hop_id)
    hop.conversation = conversation
    return hop


def _recount(conversation: Conversation) -> None:
    record_returns_owed(conversation, _owing(conversation).count())


def settle_returns(conversation_ids: Iterable[int]) -> None:
    """Answers of ours that were written outside the desk came in for these conversations: they pay as well."""
    owing = Conversation.objects.filter(pk__in=list(conversation_ids), returns_owed__gt=0, last_answered_at__isnull=False)
    for pk, at in owing.order_by("pk").values_list("pk", F("last_answered_at")):
        pay_returns(conversation_id=pk, written_at=at, at=at)
