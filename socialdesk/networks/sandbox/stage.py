"""One moment of the play: the world, the script, the play's own clock, and what is planned for later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Literal

from socialdesk.networks.sandbox.lines import Script
from socialdesk.networks.sandbox.world import World

PlanKind = Literal["edit", "delete", "patience", "answer", "followed", "private", "permission"]


@dataclass(frozen=True, slots=True)
class Stage:
    """`clock` counts seconds at speed 1 since the play began, and stands at `now`. Used inside one transaction."""

    world: World
    script: Script
    round: int
    clock: float
    now: datetime
    speed: float

    def at(self, due: float) -> datetime:
        """The real time at which the clock stood at `due`."""
        return self.now - timedelta(seconds=(self.clock - due) / self.speed) if self.speed else self.now

    def plan(
        self,
        kind: PlanKind,
        *,
        due: float,
        account: str,
        post: str = "",
        thread: str = "",
        answers: str = "",
        text: str = "",
        follows: bool = False,
    ) -> None:
        """Puts down what the account with that id will do. A second plan that answers the same reply is dropped."""
        numbers = [int(value) if value else None for value in (post, thread, answers)]
        with self.world.store.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO plan (kind, due, round, account, post, thread, answers, text, follows)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (kind, due, self.round, account, *numbers, text, follows),
            )


def between(low: float, high: float, *, key: str) -> float:
    """A number from low to high by chance, always the same for the same key, so that a play can be repeated."""
    return low + (high - low) * int.from_bytes(blake2b(key.encode(), digest_size=6).digest()) / 2**48
