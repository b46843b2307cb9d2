"""People of the network: looked up in bulk and remembered for a while, since posts say little of their authors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.cache import cache

from socialdesk.networks.base import AuthorData, NetworkError
from socialdesk.networks.bluesky.client import Client
from socialdesk.networks.bluesky.posts import read_profile
from socialdesk.networks.bluesky.values import is_did, items, part, words

TOGETHER = 25  # profiles in one call
KNOWN_FOR = 600  # seconds; whether somebody follows us may change
HEARD_FOR = 30 * 24 * 3600  # seconds that a deletion by somebody whose posts we took in is worth telling


def look_up(client: Client, dids: Iterable[str]) -> dict[str, AuthorData]:
    """Those that could be found. One that cannot be looked up now is left to what its post says of it."""
    asked = [did for did in dict.fromkeys(dids) if is_did(did)]
    known: dict[str, AuthorData] = cache.get_many([_key(client.our_did, did) for did in asked])
    found = {author.external_id: author for author in known.values()}
    missing = [did for did in asked if did not in found]
    for start in range(0, len(missing), TOGETHER):
        try:
            said = client.query("app.bsky.actor.getProfiles", actors=missing[start : start + TOGETHER])
        except NetworkError as error:
            if error.account_revoked:
                raise
            break
        fresh = dict(_profiles(said))
        cache.set_many({_key(client.our_did, did): author for did, author in fresh.items()}, timeout=KNOWN_FOR)
        found |= fresh
    return found


def remember(authors: Iterable[AuthorData]) -> None:
    """That posts of these were taken in. Nothing that names them is kept."""
    keys = [_key("heard", author.external_id) for author in authors]
    if keys:
        cache.set_many(dict.fromkeys(keys, True), timeout=HEARD_FOR)


def heard(dids: Iterable[str]) -> set[str]:
    """Those among them whose posts were taken in."""
    keys = {_key("heard", did): did for did in dids}
    return {keys[key] for key in cache.get_many(keys)}


def _profiles(said: Mapping[str, Any]) -> Iterable[tuple[str, AuthorData]]:
    for profile in items(said.get("profiles"))[: 2 * TOGETHER]:
        did = words(part(profile).get("did"))
        if is_did(did):
            yield did, read_profile(part(profile), did)


def _key(what: str, did: str) -> str:
    """A DID may be longer than a key of a cache."""
    return f"bluesky:{hashlib.sha256(f'{what} {did}'.encode()).hexdigest()[:40]}"
