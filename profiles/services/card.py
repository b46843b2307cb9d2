"""Who a customer is, in the few lines that stand beside a conversation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from profiles.models import Agent, ContactPoint, CustomValue, Handle, Profile, ProfileNote, ProfileTag
from profiles.services.known import Fact, briefly, points_of, values_of, without_hidden
from profiles.timeline import Entry, Subject, read_timeline
from socialdesk.lib.clock import now
from socialdesk.lib.existing import which_exist

RECENT = timedelta(days=30)
SHOWN = 5  # entries of the history
COUNTED = 50
PINNED = 3
CONTACTS = ("mention", "direct_message", "callback", "chat")  # kinds by which a customer comes to us


@dataclass(frozen=True, slots=True)
class Card:
    """`profile` is the person, `handles` and all else of every profile that became one with them.

    `contacts` counts how often they came to us in the last 30 days, as far as the last COUNTED entries show it: `has_more` beyond.
    """

    profile: Profile
    subject: Subject
    handles: list[Handle]
    first_seen_at: datetime | None
    followers: int
    contacts: int
    has_more: bool
    history: list[Entry]
    tags: list[str]
    pinned: list[ProfileNote]
    known: list[Fact]

    @property
    def contacts_words(self) -> str:
        return f"{self.contacts}+" if self.has_more else str(self.contacts)


def read_card(profile: Profile, *, agent: Agent | None = None) -> Card:
    """The card of the person that `profile` belongs to, as `agent` may see it (None: whole).

    Three queries, one more for each of tags, pinned notes, coordinates and added fields that there are, one for rights where something is
    known, and what the timeline costs.
    """
    members = list(Profile.objects.filter(person=profile.person).select_related("owner"))
    members.sort(key=lambda member: (member.pk != profile.person, member.pk))
    ids = [member.pk for member in members]
    handles = list(Handle.objects.filter(profile__in=ids).order_by("first_seen_at", "pk"))
    subject = Subject(profile.person, tuple(ids), tuple(handle.pk for handle in handles))
    entries = read_timeline(subject=subject, limit=COUNTED).entries
    since = now() - RECENT
    recent = [entry for entry in entries if entry.at >= since]
    tags, pinned, known = _read_rest(ids)
    return Card(
        profile=members[0] if members else profile,
        subject=subject,
        handles=handles,
        first_seen_at=min((handle.first_seen_at for handle in handles), default=None),
        followers=max((handle.followers for handle in handles), default=0),
        contacts=sum(1 for entry in recent if entry.kind in CONTACTS and not entry.is_ours),
        has_more=len(recent) == COUNTED,
        history=entries[:SHOWN],
        tags=tags,
        pinned=pinned,
        known=without_hidden(known, agent),
    )


def _read_rest(ids: list[int]) -> tuple[list[str], list[ProfileNote], list[Fact]]:
    """What most people have none of: tags, pinned notes, and what is known of them."""
    tags = ProfileTag.objects.filter(profile__in=ids)
    pinned = ProfileNote.objects.filter(profile__in=ids, pinned_at__isnull=False)
    points, values = ContactPoint.objects.filter(profile__in=ids), CustomValue.objects.filter(profile__in=ids)
    has = which_exist(Profile.objects.filter(pk__in=ids[:1]), [tags, pinned, points, values])
    return (
        list(dict.fromkeys(tags.order_by("tag__folded").values_list("tag__name", flat=True))) if has[0] else [],
        list(pinned.select_related("agent").order_by("-pinned_at", "-pk")[:PINNED]) if has[1] else [],
        [*(briefly(points_of(ids)) if has[2] else []), *(values_of(ids) if has[3] else [])],
    )
