"""Who a customer is, in the few lines that stand beside a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from profiles.models import Handle, Profile
from profiles.timeline import Entry, find_subject, read_timeline
from socialdesk.lib.clock import now

RECENT = timedelta(days=30)
SHOWN = 8  # entries of the history
COUNTED = 50


@dataclass(frozen=True, slots=True)
class Card:
    """`contacts` counts the history's entries of the last 30 days, COUNTED meaning that many or more."""

    profile: Profile
    handles: list[Handle]
    first_seen_at: datetime | None
    followers: int
    contacts: int
    history: list[Entry]

    @property
    def contacts_words(self) -> str:
        return f"{self.contacts}+" if self.contacts >= COUNTED else str(self.contacts)


def read_card(profile: Profile) -> Card:
    """The card of a profile. One query, and what the timeline's parts cost."""
    handles = list(profile.handles.order_by("first_seen_at", "pk"))
    entries = read_timeline(subject=find_subject(profile.person), limit=COUNTED).entries
    since = now() - RECENT
    return Card(
        profile=profile,
        handles=handles,
        first_seen_at=min((handle.first_seen_at for handle in handles), default=None),
        followers=max((handle.followers for handle in handles), default=0),
        contacts=sum(1 for entry in entries if entry.at >= since),
        history=entries[:SHOWN],
    )
