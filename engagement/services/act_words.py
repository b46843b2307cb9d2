"""What was done to the posts of a thread without a word, and what could be: in words for their bubbles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q

from engagement.models import STANDING, NetworkAct
from engagement.services import checks
from listening.models import Conversation, NetworkAccount
from profiles.models import Agent

Kind, State = NetworkAct.Kind, NetworkAct.State
CLIMBED = 4  # posts above one that are asked whose they are
_SOMEBODY = "somebody of the team"
_DONE = {Kind.LIKE: "Liked by", Kind.HIDE: "Hidden by", Kind.DELETE: "Taken down by"}
_UNDER_WAY = {Kind.LIKE: "is being liked", Kind.HIDE: "is being hidden", Kind.DELETE: "is being taken down"}
_UNDONE = {Kind.LIKE: "taken back by", Kind.HIDE: "shown again by"}
_UNDOING = {Kind.LIKE: "is being taken back", Kind.HIDE: "is being shown again"}
_NOT_UNDONE = {Kind.LIKE: "could not be taken back", Kind.HIDE: "could not be shown again"}
_FAILED = {Kind.LIKE: "was not liked", Kind.HIDE: "was not hidden", Kind.DELETE: "was not taken down"}
VERBS = {Kind.LIKE: "liked", Kind.HIDE: "hidden", Kind.DELETE: "deleted"}


@dataclass(frozen=True, slots=True)
class Acts:
    """The last act of each kind on one post, and which kinds are done or under way."""

    last: tuple[NetworkAct, ...] = ()
    standing: frozenset[str] = frozenset()


NO_ACTS = Acts()


@dataclass(frozen=True, slots=True)
class Offers:
    """What an agent can do to the posts of a conversation: "" where it can be done, else why not."""

    no_like: str
    no_hide: str
    no_take_down: str
    takes_down_all: bool  # also answers that colleagues wrote


def read_acts(*, mentions: Collection[int], messages: Collection[int]) -> tuple[dict[int, Acts], dict[int, Acts]]:
    """By the ids of posts, and by those of messages. One query, none where there are none."""
    of_these = Q(mention__in=mentions) | Q(message__in=messages)
    found = NetworkAct.objects.filter(of_these).select_related("agent", "undone_by").order_by("pk") if mentions or messages else ()
    of_mentions: dict[int, dict[str, NetworkAct]] = defaultdict(dict)
    of_messages: dict[int, dict[str, NetworkAct]] = defaultdict(dict)
    for act in found:
        rows = of_mentions[act.mention_id] if act.mention_id is not None else of_messages[act.message_id or 0]
        rows.pop(act.kind, None)
        rows[act.kind] = act
    return {pk: _sum_up(rows) for pk, rows in of_mentions.items()}, {pk: _sum_up(rows) for pk, rows in of_messages.items()}


def _sum_up(rows: dict[str, NetworkAct]) -> Acts:
    return Acts(tuple(rows.values()), frozenset(kind for kind, act in rows.items() if act.state in STANDING))


def say_act(act: NetworkAct) -> str:
    """Where it stands. Its agents should be loaded."""
    kind, done = Kind(act.kind), f"{_DONE[Kind(act.kind)]} {_name(act.agent)}"
    again = f" The desk tries again by itself: {_sentence(act.error)}" if act.error else ""
    match act.state:
        case State.DONE if act.error:
            return f"{done}. It {_NOT_UNDONE[kind]}: {_sentence(act.error)}"
        case State.DONE:
            return done
        case State.FAILED:
            return f"It {_FAILED[kind]}: {_sentence(act.error)}"
        case State.UNDOING:
            return f"It {_UNDOING[kind]}.{again}"
        case State.UNDONE:
            return f"{done}, {_UNDONE[kind]} {_name(act.undone_by)}"
    return f"It {_UNDER_WAY[kind]}.{again}"


def _name(agent: Agent | None) -> str:
    return agent.name if agent else _SOMEBODY


def read_offers(*, agent: Agent, conversation: Conversation) -> Offers:
    """No query where the account that was addressed is loaded, else one."""
    account = checks.account_for(conversation)
    no_hide = why_cannot(account, conversation.network, Kind.HIDE)
    if not agent.may_approve:
        no_hide = no_hide or "Hiding what others wrote is for leads and admins. Ask one of them."
    return Offers(
        no_like=why_cannot(account, conversation.network, Kind.LIKE),
        no_hide=no_hide,
        no_take_down=why_cannot(account, conversation.network, Kind.DELETE),
        takes_down_all=agent.may_approve,
    )


def is_below_others() -> Q:
    """Posts of which the desk knows that they answer others, in a thread that others began.

    What is not stored is not known: of those the network decides. No more than CLIMBED posts are looked at on the way up.
    """
    above = ["__".join(["parent"] * steps) for steps in range(1, CLIMBED + 1)]
    began = [Q(**{f"{post}__is_own": False, f"{post}__in_reply_to": None}) for post in above]
    return Q(parent__is_own=False) & reduce(or_, began)


def why_cannot(account: NetworkAccount | None, network: str, kind: NetworkAct.Kind) -> str:
    """Why our account cannot do that to a post on its network; "" where it can."""
    label = checks.label_of(network)
    abilities = checks.capabilities_of(network) if account is None else account.capabilities
    if not getattr(abilities, kind):
        refused = "" if account is None else checks.why_account_may_not(account, kind)
        return refused or f"Nothing can be {VERBS[kind]} on {label} from this desk. Do it there."
    if account is None:
        return f"No account of ours on {label} is connected. Connect one first."
    if not account.is_usable:
        return f"{account} has to be connected again first."
    return ""


def _sentence(error: str) -> str:
    words = error.strip()
    return words if words.endswith((".", "!", "?")) else f"{words}."
