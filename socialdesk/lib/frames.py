"""What goes over `/ws/desk/`: events of a tenth of a second merged into at most one frame of each type, as JSON text.

Every frame is `{"seq": n, "type": ..., ...}`. `seq` counts the frames of one web process without gaps; a browser that sees a gap,
a `resync` or a new connection fetches what it missed. Ids and attributes only: what must be rendered is fetched by id.

    hello                  agent, presence: [{agent, name, conversation, doing}]; seq is that of the last frame before it
    mentions.stored        ids: [mention], conversations: [conversation]
    conversations.changed  conversations: [{id, status, assignee, assignee_name, claimed_by, claimed_by_name, claimed_until, version, by}]
    message.changed        messages: [{conversation, message, state, agent}]
    act.changed            acts: [{conversation, act, kind, state, agent}], kind is like, hide or delete
    compliment.changed     compliments: [{compliment, conversation, state, did, who, forwarded_by, by}]
    presence.changed       presence: [{agent, name, conversation, doing}], doing is looking, typing or left
    sources.changed        troubled: how many, networks: [network] of accounts that can do more or less than before
    ticket.changed         tickets: [{conversation, ticket, state}]
    ticket.late            tickets: [{conversation, ticket, name, agent}], a promise to write ran out; agent has it, or null
    link.changed           links: [{conversation, link, kind, progress}], progress is unopened, opened, filling or sent
    callbacks.changed      callbacks: [{callback, conversation, state}]
    approvals.changed      pending: how many drafts wait for a lead, approvals: [{approval, conversation, state, agent, by}]
    chat.changed           chats: [{conversation, chat, state, agent}]
    chat.typed             chats: [{conversation, chat, doing}], doing is typing or idle
    follow.came            follows: [{conversation, who, agent}], agent is who asked them to follow us
    handover.changed       handovers: [{conversation, handover, state, giver, to, team, by}], to is an agent or null, team a role
    counts                 views: {view: count}, mine: this agent's
    resync                 from: the first frame that was lost; seq is the last one that was
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

Body = dict[str, Any]


def encode(seq: int, body: Body) -> str:
    """JSON text. Escaped to ASCII, so that half a character in somebody's name cannot break the socket."""
    return json.dumps({"seq": seq, **body}, separators=(",", ":"))


def merge_events(events: Iterable[Body]) -> list[Body]:
    """One body for each type among `events`, in the order in which the types first came; a type that is not known raises KeyError."""
    by_type: dict[str, list[Body]] = {}
    for event in events:
        by_type.setdefault(event["type"], []).append(event)
    return [{"type": kind, **_MERGE[kind](group)} for kind, group in by_type.items()]


def _mentions_stored(events: list[Body]) -> Body:
    return {key: list(dict.fromkeys(one for event in events for one in event[key])) for key in ("ids", "conversations")}


def _conversations_changed(events: list[Body]) -> Body:
    # A conversation that changed twice keeps its last state, and its last place in the order.
    last: dict[int, Body] = {}
    for event in events:
        for state in event["conversations"]:
            last.pop(state["id"], None)
            last[state["id"]] = {**state, "by": event["by"]}
    return {"conversations": list(last.values())}


def _message_changed(events: list[Body]) -> Body:
    return {"messages": _last_of(events, "message")}


def _act_changed(events: list[Body]) -> Body:
    return {"acts": _last_of(events, "act")}


def _compliment_changed(events: list[Body]) -> Body:
    return {"compliments": _last_of(events, "compliment", "did")}


def _presence_changed(events: list[Body]) -> Body:
    return {"presence": _last_of(events, "agent", "conversation")}


def _sources_changed(events: list[Body]) -> Body:
    return {"troubled": events[-1]["troubled"], "networks": sorted({event.get("network", "") for event in events} - {""})}


def _tickets(events: list[Body]) -> Body:
    return {"tickets": _last_of(events, "ticket")}


def _link_changed(events: list[Body]) -> Body:
    return {"links": _last_of(events, "link")}


def _callbacks_changed(events: list[Body]) -> Body:
    return {"callbacks": _last_of(events, "callback")}


def _approvals_changed(events: list[Body]) -> Body:
    entries = [{name: value for name, value in entry.items() if name != "pending"} for entry in _last_of(events, "approval")]
    return {"pending": events[-1]["pending"], "approvals": entries}


def _chats(events: list[Body]) -> Body:
    return {"chats": _last_of(events, "chat")}


def _follow_came(events: list[Body]) -> Body:
    return {"follows": _last_of(events, "conversation", "agent")}


def _handovers(events: list[Body]) -> Body:
    return {"handovers": _last_of(events, "handover")}


def _last_of(events: list[Body], *key: str) -> list[Body]:
    last = {tuple(event[name] for name in key): event for event in events}
    return [{name: value for name, value in event.items() if name != "type"} for event in last.values()]


_MERGE: dict[str, Callable[[list[Body]], Body]] = {
    "mentions.stored": _mentions_stored,
    "conversations.changed": _conversations_changed,
    "message.changed": _message_changed,
    "act.changed": _act_changed,
    "compliment.changed": _compliment_changed,
    "presence.changed": _presence_changed,
    "sources.changed": _sources_changed,
    "link.changed": _link_changed,
    "ticket.changed": _tickets,
    "ticket.late": _tickets,
    "callbacks.changed": _callbacks_changed,
    "approvals.changed": _approvals_changed,
    "chat.changed": _chats,
    "chat.typed": _chats,
    "follow.came": _follow_came,
    "handover.changed": _handovers,
}
