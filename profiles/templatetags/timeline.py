"""What a person's page shows of their history: a page of entries, and the choice of kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import Http404, HttpRequest
from django.template import Library

from profiles.models import Profile
from profiles.timeline import Entry, find_subject, list_kinds, read_timeline, split_kinds
from socialdesk.lib.errors import DeskError

register = Library()

# What is chosen together. Kinds that stand nowhere here are a choice of their own.
GROUPS: Sequence[tuple[str, Sequence[str]]] = (
    ("Posts", ("mention",)),
    ("Public answers", ("reply", "repost", "quote")),
    ("Private messages", ("direct_message",)),
    ("Notes", ("note", "profile_note")),
    ("Tickets", ("ticket",)),
    ("Calls", ("callback", "call")),
    ("Chats", ("chat",)),
    ("E-mail and SMS", ("email", "sms")),
    ("Surveys", ("survey",)),
    ("Permissions", ("consent", "consent_revoked", "verified")),
    ("About the profile", ("stage", "merge", "unmerge")),
)

# Who could read it, where that matters.
BADGES = {
    **dict.fromkeys(("mention", "reply", "repost", "quote"), "public"),
    **dict.fromkeys(("direct_message", "chat", "email", "sms", "call", "callback"), "private"),
    **dict.fromkeys(("note", "profile_note"), "internal"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """One choice. `query` is the address after choosing it: on top of what is chosen, or without it where it is."""

    name: str
    query: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Page:
    """`query` is the address of the newest page with this choice, `older` of the page after this one, "" at the end."""

    entries: list[Entry]
    chips: list[Chip]
    is_filtered: bool
    is_first: bool
    query: str
    older: str


@register.simple_tag
def history_of(profile: Profile, request: HttpRequest) -> Page:
    """A page of a person's history, as the address asks for it. A fixed number of queries."""
    kinds = split_kinds(request.GET.getlist("kind"))
    after = request.GET.get("after", "")
    try:
        found = read_timeline(subject=find_subject(profile.pk), kinds=kinds, after=after)
    except DeskError as error:
        raise Http404(error.message) from None
    return Page(
        entries=found.entries,
        chips=_chips(kinds),
        is_filtered=bool(kinds),
        is_first=not after,
        query=_query(kinds),
        older=_query(kinds, after=found.next) if found.next else "",
    )


def _chips(chosen: Sequence[str]) -> list[Chip]:
    known = list_kinds()
    grouped = {kind for _, kinds in GROUPS for kind in kinds}
    groups = [*GROUPS, *((kind.replace("_", " ").capitalize(), (kind,)) for kind in known if kind not in grouped)]
    chips = []
    for name, kinds in groups:
        is_chosen = any(kind in chosen for kind in kinds)
        others = [kind for kind in chosen if kind not in kinds]
        chips.append(Chip(name, _query(others if is_chosen else [*others, *kinds]), is_chosen))
    return chips


def _query(kinds: Sequence[str], **more: str) -> str:
    """`?` and what follows it; only `?` where nothing is chosen, so that a link leads to the page itself."""
    return "?" + urlencode({**({"kind": ",".join(kinds)} if kinds else {}), **more}, safe=",")


@register.filter
def entry_badge(kind: str) -> str:
    """The class of an entry's badge: public, private, internal or nothing."""
    return BADGES.get(kind, "")
