"""How a compliment moves on: on its locked row, by a conditional UPDATE, with an entry in its history and a live event.

Whoever needs both locks a compliment before the delivery of its repost, so that nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from engagement.models import SHARES, Compliment, ComplimentEvent, Message, Permission
from listening.models import Mention
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, NotAllowed, NotFound

State = Compliment.State
Kind = ComplimentEvent.Kind
ANY = tuple(State)
_RELATED = (
    "mention__author",
    "conversation__author",
    "asking__delivery",
    "thanks__delivery",
    "forwarded_by",
    "forwarded_to",
    "accepted_by",
)


class MovedOn(Conflict):
    """Somebody else did something with it first."""

    code = "moved_on"


def lock_compliment(compliment_id: int) -> Compliment:
    """The compliment, locked until the transaction ends, with its post and people loaded. Raises NotFound."""
    rows = Compliment.objects.select_for_update(of=("self",)).select_related(*_RELATED)
    compliment = rows.filter(pk=compliment_id).first()
    if compliment is None:
        raise NotFound("There is no such praise on the board. Reload the page to see what there is.")
    return compliment


def check_may_work(agent: Agent, compliment: Compliment) -> None:
    """Raises NotAllowed unless the agent works the board, or is the account owner whom this was forwarded to."""
    if not agent.may_share and compliment.forwarded_to_id != agent.pk:
        raise NotAllowed("Marketing and leads decide what becomes of praise, and whoever it was forwarded to. You can leave a note.")


def permission_of(compliment: Compliment) -> Permission | None:
    """The author's yes that still holds."""
    return Permission.objects.filter(compliment=compliment, ended_at=None).first()


def move(
    compliment: Compliment,
    did: Kind,
    *,
    to: Compliment.State | None = None,
    wherefrom: Collection[str] = ANY,
    agent: Agent | None,
    at: datetime | None = None,
    post: Mention | None = None,
    message: Message | None = None,
    note: str = "",
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Change the row if its state is one of `wherefrom`, and tell. Inside a transaction. Raises MovedOn if it is not."""
    moment = at or current_time()
    values = {**(changes or {}), "changed_at": moment, "state": to or compliment.state}
    if Compliment.objects.filter(pk=compliment.pk, state__in=wherefrom).update(**values) != 1:
        raise MovedOn("Somebody else did something with this praise first. Reload the page to see what.")
    for name, value in values.items():
        setattr(compliment, name, value)
    add_event(compliment, did, agent=agent, at=moment, post=post, message=message, note=note)


def add_event(
    compliment: Compliment,
    did: Kind,
    *,
    agent: Agent | None,
    at: datetime,
    post: Mention | None = None,
    message: Message | None = None,
    note: str = "",
) -> None:
    """Write the history and tell the browsers after the commit."""
    ComplimentEvent.objects.create(compliment=compliment, kind=did, at=at, agent=agent, post=post, message=message, note=note)
    live.publish(
        live.ComplimentChanged(
            compliment=compliment.pk,
            conversation=compliment.conversation_id,
            state=compliment.state,
            did=did,
            who=compliment.mention.author.username,
            forwarded_by=compliment.forwarded_by_id,
            by=agent.pk if agent else None,
        )
    )


# --- What the outbox asks and tells -------------------------------------------------------------------------------------


def lock_compliment_of(message: Message) -> Compliment | None:
    """The locked compliment that a repost or quote belongs to; None for every other message. Before its delivery is touched."""
    if message.kind not in SHARES:
        return None
    return lock_compliment(Permission.objects.values_list("compliment_id", flat=True).get(share=message))


def is_permitted(message: Message) -> bool:
    """Whether the author's yes to this repost or quote still holds, and the post still stands. One query."""
    return Permission.objects.filter(share=message, ended_at=None, compliment__mention__deleted_at=None).exists()


def note_shared(compliment: Compliment, message: Message, *, at: datetime) -> None:
    """The network has our repost or quote. On the locked row. Whoever was thanked or withdrew meanwhile stays where they are."""
    did = Kind.REPOSTED if message.kind == Message.Kind.REPOST else Kind.QUOTED
    to = State.REPOSTED if compliment.state == State.GRANTED else None
    move(compliment, did, to=to, agent=message.agent, message=message, changes={"shared_at": at})
