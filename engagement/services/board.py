"""The praise board: what stands in each column, with all that decides the next step, and the figures at its head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Count, QuerySet

from engagement.models import Compliment, ComplimentEvent, Delivery, Message, Permission, TakeDown
from engagement.services import answers as public_answers
from engagement.services import checks, wordings
from engagement.services.explain import Explanation, explain
from engagement.services.permissions import Answer, read_answers
from engagement.services.praise_replies import is_gone, purposes_of
from engagement.services.praise_state import State
from profiles.models import Agent
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.paging import page_of
from socialdesk.networks.base import Capabilities

COLUMN = 20  # entries of one column of the board
PAGE = 50  # entries of one state by itself
WINDOW = timedelta(days=30)  # of the figures
_MOST_MEASURED = 5000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something of ours about a compliment that is out or on its way: what (question, thanks, repost, quote) and how it stands."""

    what: str
    message: Message
    explanation: Explanation

    @property
    def is_held(self) -> bool:
        return "undo" in self.explanation.actions

    @property
    def is_troubled(self) -> bool:
        return self.message.delivery.state in (Delivery.State.FAILED, Delivery.State.UNCONFIRMED)


@dataclass(frozen=True, slots=True)
class Entry:
    """A compliment with its post, author and people loaded, and what somebody who works on it can do now.

    `answers` are what the author wrote since they were asked; `answer_seen` the number of the post's last public answer, whose text is
    `last_answer`; `purposes` what can be asked for; `quote` what a quote would say; `takedown` what of ours must go.
    """

    compliment: Compliment
    acts: tuple[str, ...]
    answers: list[Answer]
    answer_seen: int
    last_answer: str
    purposes: list[str]
    outgoing: list[Outgoing]
    permission: Permission | None
    takedown: TakeDown | None
    quote: str


@dataclass(frozen=True, slots=True)
class Column:
    """One state. `count` is all there are, `next` the key to ask for those after `entries`, "" at the end."""

    state: Compliment.State
    count: int
    entries: list[Entry]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was forwarded in the last WINDOW. `to_forward` is the median time from a post's coming in to its being forwarded, None for
    none; `rate` the share of the authors who agreed among those whose answer is recorded, None where nobody answered."""

    forwarded: int
    to_forward: timedelta | None
    answered: int
    granted: int
    rate: float | None
    shared: int


@dataclass(slots=True)
class _Facts:
    """What is read for many compliments at once, by compliment or by post."""

    answers: dict[int, list[Answer]] = field(default_factory=dict)
    standing: dict[int, list[public_answers.Answer]] = field(default_factory=dict)  # public answers to a post, oldest first
    able: dict[int, Capabilities] = field(default_factory=dict)  # what can be done in a conversation
    permissions: dict[int, Permission] = field(default_factory=dict)
    takedowns: dict[int, TakeDown] = field(default_factory=dict)


def read_board(agent: Agent, *, now: datetime | None = None) -> list[Column]:
    """Every state with its newest compliments. A fixed number of queries."""
    counts = count_states()
    found = {state: page_of(loaded_compliments().filter(state=state), field="changed_at", after="", limit=COLUMN) for state in State}
    entries = _entries([compliment for page, _ in found.values() for compliment in page], agent, now)
    by_id = {entry.compliment.pk: entry for entry in entries}
    return [Column(state, counts.get(state, 0), [by_id[c.pk] for c in page], following) for state, (page, following) in found.items()]


def read_column(agent: Agent, state: str, *, after: str = "", limit: int = PAGE, now: datetime | None = None) -> Column:
    """One state from the key `after` on, last changed first. A fixed number of queries. Raises DeskError on an unknown state or key."""
    if state not in State.values:
        raise DeskError(f"There is no column {state[:40]!r}. Use one of: {', '.join(State.values)}.")
    page, following = page_of(loaded_compliments().filter(state=state), field="changed_at", after=after, limit=limit)
    return Column(State(state), count_states().get(state, 0), _entries(page, agent, now), following)


def read_entry(agent: Agent, compliment_id: int, *, now: datetime | None = None) -> tuple[Entry, list[ComplimentEvent]]:
    """One compliment and its history, oldest first. Raises NotFound."""
    compliment = loaded_compliments().filter(pk=compliment_id).first()
    if compliment is None:
        raise NotFound("There is no such praise. It may have been opened from an old address; look for it on the board.")
    history = compliment.events.select_related("agent", "post", "message").order_by("at", "pk")
    return _entries([compliment], agent, now)[0], list(history)


def count_states() -> dict[str, int]:
    return dict(Compliment.objects.values_list("state").annotate(n=Count("pk")).order_by())


def read_figures(*, now: datetime | None = None) -> Figures:
    """One query."""
    since = (now or current_time()) - WINDOW
    rows = Compliment.objects.filter(forwarded_at__gte=since).order_by("-forwarded_at", "-pk")
    columns = ("mention__received_at", "forwarded_at", "answer", "shared_at")
    measured = list(rows.values_list(*columns)[:_MOST_MEASURED])
    times = [forwarded - received for received, forwarded, _, _ in measured]
    answers = [answer for _, _, answer, _ in measured if answer]
    granted = answers.count(Compliment.Answer.GRANTED)
    return Figures(
        forwarded=len(measured),
        to_forward=median(times) if times else None,
        answered=len(answers),
        granted=granted,
        rate=granted / len(answers) if answers else None,
        shared=sum(shared is not None for *_, shared in measured),
    )


def loaded_compliments() -> QuerySet[Compliment]:
    """Compliments with their posts, people and replies, in no order."""
    people = ("forwarded_by", "forwarded_to", "accepted_by", "thanks_from")
    related = ("mention__author__profile", "conversation__account", "asking__delivery", "thanks__delivery")
    return Compliment.objects.select_related(*related, *people).defer("conversation__account__credentials")


def _entries(compliments: Sequence[Compliment], agent: Agent, now: datetime | None) -> list[Entry]:
    moment = now or current_time()
    facts = _read_facts(compliments)
    return [_entry(compliment, agent, facts, moment) for compliment in compliments]


def _read_facts(compliments: Sequence[Compliment]) -> _Facts:
    ids = [compliment.pk for compliment in compliments]
    standing = public_answers.read_standing([compliment.mention_id for compliment in compliments])
    able = checks.abilities_among(compliment.conversation for compliment in compliments)
    facts = _Facts(answers=read_answers(compliments), standing=standing, able=able)
    for permission in Permission.objects.filter(compliment__in=ids).select_related("share__delivery", "share__takedown", "recorded_by"):
        share = getattr(permission, "share", None)
        takedown = getattr(share, "takedown", None)
        if takedown is not None and takedown.done_at is None:
            facts.takedowns[permission.compliment_id] = takedown
        if permission.ended_at is None:
            facts.permissions[permission.compliment_id] = permission
    return facts


def _entry(compliment: Compliment, agent: Agent, facts: _Facts, moment: datetime) -> Entry:
    permission, takedown = facts.permissions.get(compliment.pk), facts.takedowns.get(compliment.pk)
    share = getattr(permission, "share", None)
    outgoing = [
        Outgoing(what, message, explain(message.delivery, now=moment))
        for what, message in (("question", compliment.asking), ("thanks", compliment.thanks), (share.kind if share else "", share))
        if message is not None and (what != "question" or compliment.state == State.ASKED or message.delivery.state != Delivery.State.SENT)
    ]
    standing = facts.standing.get(compliment.mention_id, [])
    last = standing[-1] if standing else None
    may_work = agent.may_share or compliment.forwarded_to_id == agent.pk
    is_quote = permission is not None and permission.purpose == Compliment.Purpose.QUOTE
    able = facts.able[compliment.conversation_id]
    purposes = purposes_of(able)
    return Entry(
        compliment=compliment,
        acts=_acts(compliment, permission, share, takedown, outgoing, agent, able) if may_work else (),
        answers=facts.answers.get(compliment.pk, []),
        answer_seen=public_answers.sum_up_seen(answer.number for answer in standing),
        last_answer=last.text if last and (last.id is None or last.id not in (compliment.asking_id, compliment.thanks_id)) else "",
        purposes=purposes,
        outgoing=outgoing,
        permission=permission,
        takedown=takedown,
        quote=wordings.quote(compliment.mention, able) if is_quote and share is None else "",
    )


def _acts(
    compliment: Compliment,
    permission: Permission | None,
    share: Message | None,
    takedown: TakeDown | None,
    outgoing: Sequence[Outgoing],
    agent: Agent,
    abilities: Capabilities,
) -> tuple[str, ...]:
    """What can be done now, the next step first."""
    state, forwarder = compliment.state, compliment.forwarded_by
    stands = compliment.mention.deleted_at is None
    not_shared = share is None or share.delivery.state in public_answers.GONE
    not_thanked = compliment.thanked_at is None or is_gone(compliment.thanks)
    answerable = stands and abilities.reply
    unasked = state == State.NEW or (state == State.ASKED and is_gone(compliment.asking))
    able = {
        "removed": takedown is not None and takedown.by_hand,
        "take_back": any(thing.is_held for thing in outgoing),
        "ask": stands and bool(purposes_of(abilities)) and unasked,
        "share": stands and permission is not None and not_shared,
        "thank": answerable and not_thanked,
        "hand": answerable and compliment.thanked_at is None and forwarder not in (None, agent) and forwarder.may_answer,
        "record": permission is None,
        "accept": compliment.accepted_by_id != agent.pk,
        "withdraw": permission is not None,
        "decline": state in (State.NEW, State.ASKED) or (state == State.GRANTED and not_shared),
    }
    return tuple(act for act, can in able.items() if can)
