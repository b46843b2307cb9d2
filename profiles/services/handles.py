"""Whose handles are these? The bulk answer that intake begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from profiles.models import Handle, Profile
from profiles.services.erasure import find_erased
from socialdesk.lib import bulk
from socialdesk.networks.base import AuthorData

Key = tuple[str, str]  # network, external id


@dataclass(slots=True)
class KnownHandle:
    """What intake needs to know of a handle. `is_new`: this call made it, so nothing else of this author is stored yet.

    `erased_at`: somebody with this account was erased then, and what was written until then is not stored anew. Where there is nothing
    later there is no handle, and `id` is 0.
    """

    id: int
    is_muted: bool
    is_new: bool
    erased_at: datetime | None = None


def find_or_create_handles(
    *, authors: Iterable[tuple[str, AuthorData]], now: datetime, newest: Mapping[Key, datetime] | None = None
) -> dict[Key, KnownHandle]:
    """The handles of `authors` (network, author), made with a profile of their own where they are new, brought up to date where not.

    `newest` says when the last that came from each was written: who was erased since is not made anew. Inside a transaction. A
    fixed number of queries for each network. Two calls that make the same handle at once must be kept apart by the caller, as intake does
    with its locks.
    """
    wanted: dict[Key, AuthorData] = {}
    for network, author in authors:
        wanted[network, author.external_id] = author
    known: dict[Key, KnownHandle] = {}
    stale: list[tuple[int, str, str, int, str, bool | None, str]] = []
    renamed: list[int] = []
    for network in {key[0] for key in wanted}:
        ids = [external_id for name, external_id in wanted if name == network]
        columns = ("id", "external_id", "username", "display_name", "followers", "url", "follows_us", "muted_at", "profile_id", "bio")
        for row in bulk.read_rows(Handle, columns, among=("external_id", ids), network=network):
            pk, external_id, username, display_name, followers, url, follows_us, muted_at, profile_id, bio = row
            key = (network, external_id)
            known[key] = KnownHandle(pk, muted_at is not None, False)
            author = wanted[key]
            fresh = (
                author.username or username,
                author.display_name or display_name,
                author.followers or followers,
                author.url or url,
                author.follows_us if author.follows_us is not None else follows_us,
                author.bio or bio,
            )
            if fresh != (username, display_name, followers, url, follows_us, bio):
                stale.append((pk, *fresh))
                if fresh[:2] != (username, display_name):
                    renamed.append(profile_id)
    bulk.update_rows(Handle, ["username", "display_name", "followers", "url", "follows_us", "bio"], stale)
    if renamed:
        _let_terms_wait(renamed)
    missing = [key for key in wanted if key not in known]
    erased = find_erased(wanted)
    for key, erased_at in erased.items():
        if key in known:
            known[key].erased_at = erased_at  # they came back since, and what they wrote before is shown again
        elif newest is not None and key in newest and newest[key] <= erased_at:
            known[key] = KnownHandle(0, False, True, erased_at)
            missing.remove(key)
    if missing:
        profile_ids, handle_ids = bulk.allocate_ids((Profile, len(missing)), (Handle, len(missing)))
        profiles, handles = [], []
        for key, profile_id, handle_id in zip(missing, profile_ids, handle_ids, strict=True):
            author = wanted[key]
            username = author.username or author.external_id  # until a network that gave no more than an id says a name
            profiles.append((profile_id, author.display_name or username, "", now))
            handles.append(
                (
                    handle_id,
                    profile_id,
                    key[0],
                    key[1],
                    username,
                    author.display_name,
                    author.followers,
                    author.url,
                    author.follows_us,
                    author.bio,
                    now,
                )
            )
            known[key] = KnownHandle(handle_id, False, True, erased.get(key))
        bulk.insert_rows(Profile, ["id", "name", "language", "created_at"], profiles)
        bulk.insert_rows(
            Handle,
            [
                "id",
                "profile_id",
                "network",
                "external_id",
                "username",
                "display_name",
                "followers",
                "url",
                "follows_us",
                "bio",
                "first_seen_at",
            ],
            handles,
        )
    return known


def keep_as_ours(*, network: str, author: AuthorData, now: datetime) -> None:
    """One of the company's own accounts: what it writes has an author, and its author is nobody among the people.

    Inside a transaction.
    """
    handle = Handle.objects.filter(network=network, external_id=author.external_id).first()
    if handle is None:
        profile = Profile.objects.create(name=author.display_name or author.username, created_at=now, is_ours=True)
        known = {"external_id": author.external_id, "username": author.username, "display_name": author.display_name}
        Handle.objects.create(profile=profile, network=network, first_seen_at=now, **known)
    else:
        Profile.objects.filter(pk=handle.profile_id, root=None).update(is_ours=True)


def _let_terms_wait(profile_ids: list[int]) -> None:
    """These are found by other words now, which a task writes soon. Held in the order of their ids, as whoever merges two does."""
    held = Profile.objects.select_for_update(no_key=True).filter(pk__in=profile_ids).order_by("pk")
    Profile.objects.filter(pk__in=[profile.pk for profile in held]).update(terms_at=None)
