"""Who looks at which conversation, and who types there: what every web process remembers of the presence events. Advice only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LIFE = 45.0  # seconds after which an entry that was not refreshed is gone; browsers refresh every 20
DOING = ("looking", "typing", "left")


@dataclass(slots=True)
class _Entry:
    name: str
    doing: str
    until: float


class PresenceBoard:
    """Entries by conversation and agent. Times are monotonic seconds, given by the caller."""

    def __init__(self, life: float = LIFE) -> None:
        self.life = life
        self._entries: dict[tuple[int, int], _Entry] = {}

    def note(self, event: dict[str, Any], now: float) -> bool:
        """Take a `presence.changed` event. True if it says something new, False if it only refreshes."""
        key = (event["conversation"], event["agent"])
        known = self._entries.get(key)
        if event["doing"] == "left":
            self._entries.pop(key, None)
            return known is not None
        self._entries[key] = _Entry(event["name"], event["doing"], now + self.life)
        return known is None or known.doing != event["doing"]

    def expire(self, now: float) -> list[dict[str, Any]]:
        """Forget what was not refreshed in time; answers it as entries whose `doing` is "left"."""
        gone = [key for key, entry in self._entries.items() if entry.until <= now]
        return [_shown(key, self._entries.pop(key), "left") for key in gone]

    def snapshot(self) -> list[dict[str, Any]]:
        """All entries, `{agent, name, conversation, doing}` each."""
        return [_shown(key, entry, entry.doing) for key, entry in self._entries.items()]


def _shown(key: tuple[int, int], entry: _Entry, doing: str) -> dict[str, Any]:
    conversation, agent = key
    return {"agent": agent, "name": entry.name, "conversation": conversation, "doing": doing}
