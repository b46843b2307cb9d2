"""How alike two people are, told from what was read of both: no database, so that it can be measured on any pair.

Each piece of evidence has a weight, the chance that it alone would be right; pieces are taken as independent of each other:
score = 1 - prod(1 - weight). The weights stand here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod

from rapidfuzz.distance import JaroWinkler
from rapidfuzz.fuzz import token_sort_ratio

from socialdesk.lib.text import fold

PROPOSED_FROM = 0.5  # what is less likely than not is not worth anybody's time
MANY = 5  # a coordinate of more people than that is a shop's, a school's, a help desk's

# What one piece of evidence is worth.
_VERIFIED = {"email": 0.97, "phone": 0.9}  # both gave the same, and one of them proved that it is theirs
_GIVEN = {"email": 0.85, "phone": 0.5}  # families share telephones more than mailboxes
_LOOSE = {"email": 0.6, "phone": 0.3}  # somebody else wrote it down
_BOTH_FORMS = 0.35  # each typed it into a form of ours, behind a link that only they were sent
_OF_MANY = 0.05
_LINK, _LINKS_BOTH_WAYS = 0.75, 0.97
_SAME_HANDLE, _ALIKE_HANDLE = 0.6, 0.3
_COMMON_HANDLE = 0.15  # a short one, or a mere first name: half the world may have it
_SAME_NAME, _ALIKE_NAME = 0.4, 0.25
_OTHER_NAME = 0.55  # what is left of the weight of what they share where the two go by other names: a family, an office

_LONG_ENOUGH = 7  # letters from which a handle is somebody's own
_DECORATION = re.compile(r"[\W\d_]+")
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Account:
    """A handle, as far as it tells who somebody is."""

    id: int
    network: str
    username: str
    url: str = ""
    bio: str = ""


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A contact point; `sharers` is how many people have the same, `by_form`: they typed it behind a short link of ours."""

    id: int
    kind: str
    value: str
    state: str
    by_form: bool = False
    sharers: int = 2


@dataclass(slots=True)
class Person:
    """What was read of one person, over all profiles that they are."""

    pk: int
    names: list[str] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    coordinates: list[Coordinate] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Evidence:
    """`kind` names what speaks for it, `rows` the ids of what it was read from: never the values themselves."""

    kind: str
    weight: float
    rows: tuple[int, ...] = ()


def compare(one: Person, other: Person) -> list[Evidence]:
    """All that speaks for these two being one, strongest first. A name alone speaks for nothing."""
    name = _name_likeness(one, other)
    has_other_name = _have_other_names(one, other)
    found = [*_shared_coordinates(one, other, has_other_name), *_links(one, other), *_handles(one, other, has_other_name)]
    if found and name is not None and name >= 0.85:
        found.append(Evidence("same_name" if name >= 0.98 else "like_name", _SAME_NAME if name >= 0.98 else _ALIKE_NAME))
    return sorted(found, key=lambda evidence: -evidence.weight)


def score(evidence: Iterable[Evidence]) -> float:
    return round(1 - prod(1 - piece.weight for piece in evidence), 4)


def plain_handle(username: str) -> str:
    """The letters of a handle: mara_k.92 and MaraK are the same."""
    return _DECORATION.sub("", fold(username))


def _shared_coordinates(one: Person, other: Person, has_other_name: bool) -> list[Evidence]:
    """The best shared one of each kind, and whether both typed it themselves: two addresses in common are hardly more than one."""
    theirs = {(point.kind, point.value): point for point in other.coordinates}
    best: dict[str, Evidence] = {}
    typed_by_both: tuple[int, ...] = ()
    for mine in one.coordinates:
        same = theirs.get((mine.kind, mine.value))
        if same is None or mine.kind not in _GIVEN or "revoked" in (mine.state, same.state):
            continue
        states = {mine.state, same.state}
        # Verified on one side counts where the customer said it on the other; what somebody else wrote down does not.
        if "unverified" in states:
            kind, weight = "noted", _LOOSE[mine.kind]
        elif "verified" in states:
            kind, weight = "verified", _VERIFIED[mine.kind]
        else:
            kind, weight = "given", _GIVEN[mine.kind]
        if max(mine.sharers, same.sharers) > MANY:
            kind, weight = "common", _OF_MANY
        elif mine.by_form and same.by_form:
            typed_by_both = (mine.id, same.id)
        if has_other_name:
            weight *= _OTHER_NAME
        known = best.get(mine.kind)
        if known is None or known.weight < weight:
            best[mine.kind] = Evidence(f"{kind}_{mine.kind}", round(weight, 4), (mine.id, same.id))
    found = list(best.values())
    if typed_by_both:
        found.append(Evidence("same_form", _BOTH_FORMS * (_OTHER_NAME if has_other_name else 1), typed_by_both))
    return found


def _links(one: Person, other: Person) -> list[Evidence]:
    there = [(a.id, b.id) for a in one.accounts for b in other.accounts if _points_at(a, b)]
    back = [(b.id, a.id) for a in one.accounts for b in other.accounts if _points_at(b, a)]
    if there and back:
        return [Evidence("links_both", _LINKS_BOTH_WAYS, there[0])]
    return [Evidence("link", _LINK, (there or back)[0])] if there or back else []


def _points_at(teller: Account, named: Account) -> bool:
    """What `teller` says of itself names the other account: by its address, or by its handle where it names the network too."""
    if teller.network == named.network:
        return False
    said = fold(teller.bio)
    address = _bare(named.url)
    if address and address in (part.rstrip(".,;:!?)") for part in map(_bare, said.split())):
        return True
    handle = re.escape(fold(named.username))
    network = re.escape(fold(named.network))
    pattern = rf"(?:\b{network}\b\W{{0,4}}@?{handle}|@{handle}\s+(?:on|auf|sur|en)\s+{network})(?![\w.-]*\w)"
    return bool(named.username) and re.search(pattern, said) is not None


def _bare(address: str) -> str:
    return fold(address).removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/")


def _handles(one: Person, other: Person, has_other_name: bool) -> list[Evidence]:
    best: Evidence | None = None
    for mine in one.accounts:
        for theirs in other.accounts:
            if mine.network == theirs.network:
                continue  # one network gives a name once: who has a like one there is somebody else, or does not want to be found
            a, b = plain_handle(mine.username), plain_handle(theirs.username)
            if not a or not b:
                continue
            weight, kind = 0.0, ""
            if fold(mine.username) == fold(theirs.username):
                weight, kind = (_SAME_HANDLE if _is_own(mine.username, a) else _COMMON_HANDLE), "same_handle"
            elif min(len(a), len(b)) >= _LONG_ENOUGH and (a == b or JaroWinkler.similarity(a, b) >= 0.94):
                weight, kind = _ALIKE_HANDLE, "like_handle"
            weight *= _OTHER_NAME if has_other_name else 1
            if kind and (best is None or best.weight < weight):
                best = Evidence(kind, round(weight, 4), (mine.id, theirs.id))
    return [best] if best else []


def _is_own(username: str, letters: str) -> bool:
    """Hardly two people choose it: long, or made of several parts."""
    return len(letters) >= _LONG_ENOUGH or (len(letters) >= 4 and len(fold(username)) - len(letters) >= 2)


def _name_likeness(one: Person, other: Person) -> float | None:
    """0..1, None where one of them has no name: a handle is none."""
    pairs = [(a, b) for a in _names(one) for b in _names(other)]
    if not pairs:
        return None
    return max(token_sort_ratio(a, b) for a, b in pairs) / 100


def _have_other_names(one: Person, other: Person) -> bool:
    """Whatever either is called, each has a word that the other lacks: Anna Berg is not Tom Berg, but Mara may be Mara K. or Mara Klein."""
    pairs = [(a.split(), b.split()) for a in _names(one, also_as_handle=True) for b in _names(other, also_as_handle=True)]
    return bool(pairs) and all(_differ(a, b) for a, b in pairs)


def _differ(one: list[str], other: list[str]) -> bool:
    if not any(_is_one_word(a, b) for a in one for b in other if min(len(a), len(b)) > 1):
        return True
    return _lacks(one, other) and _lacks(other, one)


def _lacks(words: list[str], others: list[str]) -> bool:
    return not all(any(_is_one_word(word, other) for other in others) for word in words)


def _is_one_word(one: str, other: str) -> bool:
    return one[0] == other[0] if 1 in (len(one), len(other)) else JaroWinkler.similarity(one, other) >= 0.88


def _names(person: Person, *, also_as_handle: bool = False) -> set[str]:
    """What they call themselves. A name that says no more than the handle does is the same evidence twice."""
    usernames = {fold(account.username) for account in person.accounts}
    handles = {plain_handle(account.username) for account in person.accounts}
    spoken = (name for name in person.names if fold(name) not in usernames)
    folded = (" ".join(_WORD.findall(fold(name))) for name in spoken)
    return {name for name in folded if name and (also_as_handle or name.replace(" ", "") not in handles)}
