"""The conversation pane: the thread, the three doors of the composer, and who the customer is."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from engagement.models import Compliment, Hop, Message, ShortLink, Ticket
from engagement.services import checks
from engagement.services.above import Above, has_above, read_above
from engagement.services.acknowledge import NOTHING_PUBLIC, acknowledged, public_posts
from engagement.services.act_words import read_offers
from engagement.services.answers import last_answers
from engagement.services.attachments import longest_alt, read_unsent, say_taken, unsent_of
from engagement.services.bubbles import Bubble
from engagement.services.callbacks import next_callback
from engagement.services.chat import read_chats
from engagement.services.chat_duty import list_colleagues
from engagement.services.chat_state import LONGEST_LINE
from engagement.services.compliments import choose_praise
from engagement.services.drafts import read_drafts
from engagement.services.follow import FollowState, read_follow, related_of
from engagement.services.handovers import TEAMS, is_for, read_handover
from engagement.services.hops import goes_on, read_hops, read_plain_links
from engagement.services.outlook import Outlook, read_outlook
from engagement.services.spans import CHOICES, say_within
from engagement.services.thread import Thread, read_thread
from engagement.services.windows import read_window
from listening.feed import list_assignable
from listening.models import Conversation, Mention
from listening.templatetags.desk import network_label
from listening.views.stream import desk_context
from profiles.models import Agent
from profiles.services.card import read_card
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.pages import desk_view, is_fragment
from socialdesk.networks.base import Capabilities

Kind = Message.Kind
HOP_REASONS = [(value, words) for value, words in Hop.Reason.choices if value != Hop.Reason.PROGRAM]
LINK_KINDS = [  # and whether it leads elsewhere, which wants a reason
    (ShortLink.Kind.CHOICE, "Call, chat or stay here: their choice", True),
    (ShortLink.Kind.CALLBACK, "Callback form", True),
    (ShortLink.Kind.CHAT, "Chat", True),
    (ShortLink.Kind.SURVEY, "Survey: how did we do?", False),
]
_FOLLOW_NEXT = {
    "": "",
    "locked": "Ask them in public to follow us; the desk tells you when they do.",
    "reading": "A lead reads our request first.",
    "asked": "They were asked; this opens as soon as they do.",
    "came": "",
}


@dataclass(frozen=True, slots=True)
class Door:
    """One way to write: who will see it, and what stands in the way. `key` and `letter` open it, `limit` and
    `most_bytes` 0 are none."""

    kind: str
    audience: str
    name: str
    promise: str
    send: str
    letter: str
    text: str
    limit: int
    unit: str
    most_bytes: int = 0
    obstacle: str = ""
    refusal: DeskError | None = None
    needs_reason: bool = False  # it begins a move to another channel
    needs_waiver: bool = False  # the customer has no public word of ours yet
    window: str = ""  # until when the network takes it, and why; and where their answers do not come in

    @property
    def request_key(self) -> str:
        return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Target:
    """The post that a public reply answers, and the `answer_seen` of whoever sees the thread (0: it shows no answer)."""

    mention: Mention
    answer_seen: int


@dataclass(frozen=True, slots=True)
class Praise:
    """The post that `f` would forward, and what became of it if it was forwarded."""

    mention: Mention | None
    compliment: Compliment | None


def find_conversation(pk: int) -> Conversation:
    related = ("author__profile", "account", "assignee", "claimed_by", "last_mention", *related_of("author"))
    is_acknowledged = ExpressionWrapper(acknowledged(), output_field=BooleanField())
    asked = {
        "is_acknowledged": is_acknowledged,
        "stands_in_public": Exists(public_posts()),
        "has_unsent_pictures": Exists(unsent_of(OuterRef("pk"))),
    }
    conversation = Conversation.objects.select_related(*related).annotate(**asked).filter(pk=pk).first()
    if conversation is None:
        raise NotFound("There is no such conversation. It may have been removed; reload the list.")
    return conversation


@require_GET
@desk_view
def conversation_above(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What stands above the conversation on its network, for the open pane; the whole desk with it to everybody else."""
    found = find_conversation(pk)
    above = read_above(found)
    if is_fragment(request):
        return render(request, "engagement/_above.html", {"conversation": found, "above": above})
    return render_conversation(request, found, above=above)


@require_GET
@desk_view
def conversation(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The pane to the open page, what came before `before` to its thread, and the whole desk to everybody else."""
    found = find_conversation(pk)
    before = request.GET.get("before", "")
    if before and is_fragment(request):
        thread = read_thread(found, before=before)
        context = {
            "conversation": found,
            "thread": thread,
            "answers": last_answers(thread),
            "asks_above": _asks_above(found, thread),
            "act_offers": read_offers(agent=agent_of(request), conversation=found),
        }
        return render(request, "engagement/_thread.html", context)
    return render_conversation(request, found)


def render_conversation(
    request: HttpRequest,
    found: Conversation,
    *,
    refused: DeskError | None = None,
    kind: str = "",
    status: int = 200,
    above: Above | None = None,
) -> HttpResponseBase:
    """`refused` is said beside the door `kind`, where the text still stands. `above` stands at the top of the thread."""
    context = read_pane(agent_of(request), found, refused=refused, kind=kind, before=request.GET.get("before", ""))
    context["above"] = above
    if is_fragment(request):
        return render(request, "engagement/_conversation.html", context, status=status)
    desk = desk_context(request)
    return render(request, "engagement/conversation.html", {**desk, **context, "pane": "conversation"}, status=status)


def read_pane(agent: Agent, found: Conversation, *, refused: DeskError | None = None, kind: str = "", before: str = "") -> dict[str, Any]:
    """All that the pane shows of what `find_conversation` found.

    At most twenty-one queries, and a few more for each other channel that the conversation went to.
    """
    thread = read_thread(found, before=before)
    outlook = read_outlook(found, agent=agent, thread=None if before else thread)
    hops = read_hops(found)
    is_acknowledged: bool = found.is_acknowledged  # type: ignore[attr-defined]  # annotated
    has_unsent: bool = found.has_unsent_pictures  # type: ignore[attr-defined]  # annotated
    wrote_privately = any(bubble.kind == "direct_message" and not bubble.is_ours for bubble in thread)
    follow = read_follow(found, wrote_privately=wrote_privately)
    doors = open_doors(agent, found, hops, outlook, follow, is_acknowledged=is_acknowledged, refused=refused, kind=kind)
    able = checks.abilities_in(found)
    is_held = found.claimed_until is not None and found.claimed_until > now()
    return {
        "conversation": found,
        "thread": thread,
        "asks_above": _asks_above(found, thread),
        "claim_holder": found.claimed_by if is_held else None,
        "target": find_target(thread),
        "follow": follow,
        "may_ask_follow": follow.step == "locked" and not doors[0].obstacle,
        # Once they were written to, that they follow is no news.
        "follow_is_news": follow.step == "came" and not any(hop.channel == Hop.Channel.DIRECT_MESSAGE for hop in hops),
        "answers": last_answers(thread),
        "act_offers": read_offers(agent=agent, conversation=found),
        "outlook": outlook,
        "closing_key": uuid.uuid4().hex,
        "doors": doors,
        "most_pictures": able.max_pictures,
        "film_taken": able.max_film_bytes > 0,
        "picture_alt_room": longest_alt(able, film=False),
        "film_alt_room": longest_alt(able, film=True),
        "pictures_taken": say_taken(able, checks.label_of(found.network)),
        "unsent_pictures": read_unsent(agent=agent, conversation_id=found.pk) if has_unsent else [],
        "declined_stands": bool(doors[0].text),  # until the text that was sent back is sent or thrown away
        "open_door": kind or _first_door(agent, found, thread, hops),
        "assignable": list_assignable(),
        "card": read_card(found.author.profile, agent=agent),
        "hops": [(hop, goes_on(hop) if hop.state == Hop.State.BEGUN else "") for hop in hops],
        "links": read_plain_links(found),
        **_read_chat(agent, found),
        "hop_reasons": HOP_REASONS,
        "link_kinds": LINK_KINDS,
        # What goes on in another channel has its hop.
        "ticket": Ticket.objects.filter(conversation=found).exclude(state=Ticket.State.CLOSED).first() if hops else None,
        "ticket_kinds": Ticket.Kind.choices,
        "callback": next_callback(found) if hops else None,
        "may_acknowledge": agent.may_answer and not is_acknowledged and able.reply,
        "promises": [(minutes, say_within(minutes, "en")) for minutes in sorted({*CHOICES, int(settings.PROMISE_MINUTES)})],
        "usual_promise": int(settings.PROMISE_MINUTES),
        "praise": find_praise(thread),
        "may_change": agent.may_work,
        **_read_handover(agent, found),
    }


def _asks_above(found: Conversation, thread: Thread) -> bool:
    return has_above(found, thread, is_whole=not thread.earlier)


def _read_handover(agent: Agent, found: Conversation) -> dict[str, Any]:
    """Whose yes it waits for, or who works on it beside us. One query."""
    handover = read_handover(found)
    return {
        "handover": handover,
        "handover_is_mine": handover is not None and is_for(handover, agent),
        "teams": [(team.value, {"lead": "The leads"}.get(team.value, team.label)) for team in TEAMS],
    }


def _read_chat(agent: Agent, found: Conversation) -> dict[str, Any]:
    """What the chat strip shows; two queries where a chat goes on."""
    chats = read_chats(found) if found.chats_open else []
    return {
        "chats": chats,
        "my_chat": next((chat for chat in chats if chat.agent_id == agent.pk), None),
        "chat_colleagues": list_colleagues(agent) if chats else [],
        "chat_limit": LONGEST_LINE,
        "who": found.author.display_name or f"@{found.author.username}",
    }


def find_target(thread: Sequence[Bubble]) -> Target | None:
    """The customer's newest post that stands, with the answers to it that are on the screen."""
    posts = [bubble.mention for bubble in thread if bubble.kind == "mention" and bubble.mention and not bubble.deleted_at]
    if not posts:
        return None
    return Target(posts[-1], last_answers(thread).get(posts[-1].pk, 0))


def find_praise(thread: Sequence[Bubble]) -> Praise:
    """Of a thread whose posts were read with their compliments."""
    posts = [bubble.mention for bubble in thread if bubble.kind == "mention" and bubble.mention and not bubble.deleted_at]
    mention = choose_praise(posts)
    return Praise(mention, getattr(mention, "compliment", None))


def _first_door(agent: Agent, found: Conversation, thread: Sequence[Bubble], hops: Sequence[Hop]) -> str:
    if not agent.may_answer or not checks.abilities_in(found).reply:
        return Kind.NOTE
    if found.chats_open:  # answered in the chat itself
        return Kind.NOTE
    if found.private_waiting or not _is_public(found):
        return Kind.DIRECT_MESSAGE
    if any(hop.state == Hop.State.DONE for hop in hops):  # the thank-you is what comes next
        return Kind.REPLY
    # Whoever wrote in private is never answered in public by default.
    theirs = [bubble.kind for bubble in thread if bubble.kind in ("mention", "direct_message") and not bubble.is_ours]
    return Kind.DIRECT_MESSAGE if theirs[-1:] == ["direct_message"] else Kind.REPLY


def _is_public(found: Conversation) -> bool:
    stands_in_public: bool = found.stands_in_public  # type: ignore[attr-defined]  # annotated
    return stands_in_public


def open_doors(
    agent: Agent,
    found: Conversation,
    hops: Sequence[Hop],
    outlook: Outlook,
    follow: FollowState,
    *,
    is_acknowledged: bool,
    refused: DeskError | None = None,
    kind: str = "",
) -> list[Door]:
    """Public, private, note: always all three, always in this order."""
    drafts = read_drafts(agent=agent, conversation_id=found.pk)
    abilities = checks.abilities_in(found)
    who = found.author.display_name or f"@{found.author.username}"
    account_obstacle = _account_obstacle(found)

    def obstacle(able: bool, refusal: str) -> str:
        if not agent.may_answer:
            return "Your role reads and notes; answering customers is for care agents and their leads."
        return account_obstacle if able else refusal

    network = network_label(found.network)
    window = read_window(found, able=abilities, account=checks.account_for(found), label=network)
    if not abilities.direct_message:
        private_refusal = checks.why_no_direct_message(found)
    elif window is not None and not window.is_open:
        private_refusal = window.words
    else:
        private_refusal = f"{who} does not follow us, and {network} takes private messages only for followers. {_FOLLOW_NEXT[follow.step]}"
    doors = [
        Door(
            kind=Kind.REPLY,
            audience="public",
            name="Public reply",
            promise="everyone can read this",
            send="Send to a lead" if outlook.needs and not outlook.obstacle else "Send publicly",
            letter="r",
            text=drafts.get(Kind.REPLY, ""),
            limit=abilities.max_length,
            unit=abilities.length_unit,
            most_bytes=abilities.max_bytes,
            obstacle=obstacle(abilities.reply, "" if abilities.reply else checks.why_no_reply(found))
            or ("" if _is_public(found) else NOTHING_PUBLIC)
            or outlook.obstacle,
        ),
        Door(
            kind=Kind.DIRECT_MESSAGE,
            audience="private",
            name="Private",
            promise=f"only {who} can read this",
            send="Send privately",
            letter="m",
            text=drafts.get(Kind.DIRECT_MESSAGE, ""),
            limit=abilities.max_message_length,
            unit=abilities.length_unit,
            most_bytes=abilities.max_message_bytes,
            obstacle=obstacle(abilities.direct_message and not follow.is_locked and (window is None or window.is_open), private_refusal),
            window=" ".join(filter(None, [window.words if window is not None and window.is_open else "", _why_unheard(found, abilities)])),
            needs_reason=_is_public(found) and not any(hop.channel == Hop.Channel.DIRECT_MESSAGE and hop.owes_return for hop in hops),
            needs_waiver=not is_acknowledged,
        ),
        Door(
            kind=Kind.NOTE,
            audience="internal",
            name="Note",
            promise="only your team can read this",
            send="Add note",
            letter="n",
            text=drafts.get(Kind.NOTE, ""),
            limit=checks.MAX_NOTE,
            unit="codepoints",
        ),
    ]
    return [replace(door, refusal=refused) if door.kind == kind else door for door in doors]


def _why_unheard(found: Conversation, abilities: Capabilities) -> str:
    """Where we can write in private and not read what they answer, nobody should wait here for it."""
    if not abilities.direct_message or abilities.reads_direct_messages:
        return ""
    account = checks.account_for(found)
    why = account.cannot.get("reads_direct_messages", "").rstrip(". ") if account else ""
    network = network_label(found.network)
    return f"What they answer in private does not come in here{f', because: {why}' if why else ''}. Look on {network}."


def _account_obstacle(found: Conversation) -> str:
    try:
        checks.speaking_account(found)
    except checks.AccountUnusable as error:
        return error.message
    return ""
