"""The simulated service of private messages."""

from __future__ import annotations

from typing import Any

import regex

from tests.socialdesk.networks.bluesky.simulator import Refused, Session, Simulator
from tests.socialdesk.networks.bluesky.views import Views
from tests.socialdesk.networks.bluesky.world import Message, World, fine_stamp


class Talks:
    def __init__(self, sim: Simulator, views: Views) -> None:
        self.world: World = sim.world
        self.views = views

    def getConvoAvailability(self, session: Session, given: Any) -> Any:
        (other,) = given["members"]
        if other not in self.world.people:
            raise Refused(400, "InvalidRequest", "recipient not found")
        convo = self.world.convo_of(session.did, other, make=False)
        found = {"convo": self._convo(convo, session)} if convo else {}
        return {"canChat": self.world.may_message(session.did, other), **found}

    def getConvoForMembers(self, session: Session, given: Any) -> Any:
        (other,) = given["members"]
        self._check_may(session, other)
        return {"convo": self._convo(self.world.convo_of(session.did, other), session)}

    def getConvo(self, session: Session, given: Any) -> Any:
        self._members(session, given["convoId"])
        return {"convo": self._convo(given["convoId"], session)}

    def listConvos(self, session: Session, given: Any) -> Any:
        mine = [convo for convo, members in self.world.convos.items() if session.did in members]
        return {"convos": [self._convo(convo, session) for convo in mine[: given.get("limit", 50)]]}

    def getMessages(self, session: Session, given: Any) -> Any:
        self._members(session, given["convoId"])
        found = [each for each in reversed(self.world.messages) if each.convo == given["convoId"]]
        left = [each for each in found if not given.get("cursor") or each.rev < given["cursor"]]
        page = left[: given.get("limit", 50)]
        more = {"cursor": page[-1].rev} if len(left) > len(page) else {}
        return {**more, "messages": [view(each) for each in page]}

    def getLog(self, session: Session, given: Any) -> Any:
        """Without a cursor: where the log stands now."""
        mine = [event for event in self.world.log if session.did in self.world.convos[event["convoId"]]]
        if "cursor" not in given:
            return {"cursor": mine[-1]["rev"] if mine else "2222222222222", "logs": []}
        events = [event for event in mine if event["rev"] > given["cursor"]][:100]
        logs = [{**event, "message": view(event["message"])} if "message" in event else event for event in events]
        return {"cursor": events[-1]["rev"] if events else given["cursor"], "logs": logs}

    def sendMessage(self, session: Session, given: Any) -> Any:
        other = next(did for did in self._members(session, given["convoId"]) if did != session.did)
        self._check_may(session, other)
        text = given["message"]["text"]
        if len(text.encode()) > 10_000 or len(regex.findall(r"\X", text)) > 1000:
            raise Refused(400, "InvalidRequest", "Input/message/text must not be longer than 1000 graphemes")
        return view(self.world.message(session.did, given["convoId"], text))

    def _members(self, session: Session, convo: str) -> tuple[str, ...]:
        members = self.world.convos.get(convo)
        if members is None or session.did not in members:
            raise Refused(400, "InvalidRequest", "Convo not found")
        return members

    def _check_may(self, session: Session, other: str) -> None:
        if not self.world.may_message(session.did, other):
            raise Refused(400, "InvalidRequest", "recipient requires incoming messages to come from someone they follow")

    def _convo(self, convo: str, session: Session) -> Any:
        members = [self.views.basic(self.world.people[did]) for did in self.world.convos[convo]]
        return {"id": convo, "rev": self.world.new_tid(), "members": members, "muted": False, "unreadCount": 0, "status": "accepted"}


def view(message: Message) -> dict[str, Any]:
    kind = "chat.bsky.convo.defs#deletedMessageView" if message.is_deleted else "chat.bsky.convo.defs#messageView"
    shown: dict[str, Any] = {
        "$type": kind,
        "id": message.id,
        "rev": message.rev,
        "sender": {"did": message.sender},
        "sentAt": fine_stamp(message.sent_at),
    }
    return shown if message.is_deleted else {**shown, "text": message.text}
