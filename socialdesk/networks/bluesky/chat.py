"""Private messages: a log of all conversations that is read on from where it was left, and who is on the other side of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.cache import cache

from socialdesk.networks.base import AuthorData, MessageData, NetworkError, Unreadable
from socialdesk.networks.bluesky.client import Client
from socialdesk.networks.bluesky.cursor import short
from socialdesk.networks.bluesky.people import look_up
from socialdesk.networks.bluesky.posts import read_message, read_profile
from socialdesk.networks.bluesky.values import is_did, items, part, words

CREATED = "chat.bsky.convo.defs#logCreateMessage"
AT_FIRST = 10  # conversations whose last messages are read when an account is connected
LAST = 20  # messages of each of them
LOGS = 10  # answers of the log in one fetch
KNOWN_FOR = 3600  # seconds

Entry = MessageData | Unreadable


class Chat:
    """The private messages of one account. Raises NetworkError, permanent where the account may not read them."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def begin(self, *, limit: int) -> tuple[list[Entry], str]:
        """The last messages, oldest first, and where the log stands now."""
        log = words(self._client.query("chat.bsky.convo.getLog", to_chat=True).get("cursor"))
        convos = items(self._client.query("chat.bsky.convo.listConvos", to_chat=True, limit=AT_FIRST).get("convos"))
        found: list[Entry] = []
        for convo in (part(convo) for convo in convos[:AT_FIRST]):
            them = self._other(convo)
            if them is not None and words(convo.get("id")):
                found += [read_message(given, them, self._client.our_did) for given in self.latest(words(convo.get("id")), most=LAST)]
        found.sort(key=lambda entry: entry.sent_at.isoformat() if isinstance(entry, MessageData) else "")
        return found[-limit:], log

    def after(self, log: str, *, limit: int) -> tuple[list[Entry], str, bool]:
        """What came since then, oldest first, where the log stands behind it, and whether there is more."""
        found: list[Entry] = []
        for _ in range(LOGS):
            said = self._client.query("chat.bsky.convo.getLog", to_chat=True, cursor=log)
            logs = [part(event) for event in items(said.get("logs"))]
            for event in logs:
                if len(found) >= limit:
                    return found, log, True
                entry = self._read(event)
                if entry is not None:
                    found.append(entry)
                log = words(event.get("rev")) or log
            goes_on = words(said.get("cursor"))
            if not logs:
                return found, goes_on or log, False
            log = goes_on or log
        return found, log, True

    def latest(self, convo_id: str, *, most: int, cursor: str = "") -> list[Any]:
        """The messages of a conversation as they come, newest first."""
        said = self._client.query("chat.bsky.convo.getMessages", to_chat=True, convoId=convo_id, limit=most, cursor=cursor)
        # One that was deleted has no text: it was read before, or is no longer there to be read.
        return [given for given in items(said.get("messages"))[:most] if "deleted" not in words(part(given).get("$type")).lower()]

    def _read(self, event: Mapping[str, Any]) -> Entry | None:
        """One event; None where there is no message in it, or none for two."""
        message = part(event.get("message"))
        if event.get("$type") != CREATED or "deleted" in words(message.get("$type")).lower():
            return None
        convo_id = words(event.get("convoId"))
        if not convo_id:
            return Unreadable("Bluesky sent a message of no conversation.", words(message.get("id"))[:200])
        key = f"bluesky:convo:{short(f'{self._client.our_did} {convo_id}')}"
        them: AuthorData | None = cache.get(key)
        if them is None:
            try:
                said = self._client.query("chat.bsky.convo.getConvo", to_chat=True, convoId=convo_id)
            except NetworkError as error:
                if error.permanent and not error.account_revoked:  # we left it meanwhile
                    return Unreadable("The conversation of a message is not there any more.", words(message.get("id"))[:200])
                raise
            them = self._other(part(said.get("convo")))
            if them is None:
                return None
            cache.set(key, them, timeout=KNOWN_FOR)
        return read_message(message, them, self._client.our_did)

    def _other(self, convo: Mapping[str, Any]) -> AuthorData | None:
        """Whom we speak with; None in a group."""
        others = [part(member) for member in items(convo.get("members")) if part(member).get("did") != self._client.our_did]
        if len(others) != 1 or not is_did(others[0].get("did")):
            return None
        did = str(others[0]["did"])
        return look_up(self._client, [did]).get(did) or read_profile(others[0], did)
