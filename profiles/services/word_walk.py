"""Walks along the words that people are found by, to those who fit all words of a search.

Each word must begin one of the person's words. Along the index of the words: first who is called just so, newest first, then whose
word goes on, in the order of the words. The rarest word leads, so that a search costs what it finds, not how many people there are.
"""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Q, QuerySet

from profiles.models import Profile, SearchTerm
from profiles.services.words import Word
from socialdesk.lib.errors import DeskError

RARE = 2_000  # a word of fewer rows is read whole
FARTHEST = 40_000  # rows that one page walks at most; who looks further takes the next page
_WALKS = (200, 1_000, 5_000)  # rows at a time, more where the first ones held little
_BEYOND = "\U0010ffff"  # sorts after whatever a word can go on with
WORDS_KEY = "w"


class Place(NamedTuple):
    """Where a page ends: the leg of the walk, the word and the person that came last."""

    leg: int
    term: str
    profile: int


class Leg(NamedTuple):
    """A stretch of the index: those who have just `term`, or those whose word begins with it (without `term` itself if `goes_on`)."""

    term: str
    kind: str = ""
    is_whole: bool = False
    goes_on: bool = False

    def holds(self, kind: str, term: str) -> bool:
        if self.kind and kind != self.kind:
            return False
        return term == self.term if self.is_whole else term.startswith(self.term) and not (self.goes_on and term == self.term)

    @property
    def range(self) -> Q:
        if self.is_whole:
            return Q(term=self.term)
        return Q(**{"term__gt" if self.goes_on else "term__gte": self.term}, term__lt=self.term + _BEYOND)


def find_by_words(
    *, words: Sequence[Word], phrase: str, people: QuerySet[Profile] | None, hidden: Iterable[str], after: str, limit: int
) -> tuple[list[int], str]:
    """The ids of the first `limit` who fit all of `words` and are among `people` (None: whoever they are), and the key of the page after.

    `phrase` is all of them as one word: whoever is called just so is met first. `hidden` are the kinds of words that the asker may not
    see, and finds nobody by.
    """
    terms = SearchTerm.objects.exclude(kind__in=list(hidden)) if hidden else SearchTerm.objects.all()
    if after:
        lead, place = _read_place(after, len(words))
        rare = False
    else:
        counts = _count(terms, words)
        lead, place = min(range(len(words)), key=lambda number: counts[number]), None
        rare = counts[lead] < RARE
    legs = [*_phrase_legs(words, phrase), *_legs_of(words[lead])]
    found: list[int] = []
    walked = 0
    for turn in range(FARTHEST):
        size = RARE if rare else max(2 * limit, _WALKS[min(turn, len(_WALKS) - 1)])
        rows, is_end = _walk(terms, legs, place, size)
        fitting = _fitting(rows, terms, legs, words, people)
        for row in rows:
            if fitting.get(row.profile) != row or row == place:  # the same word may stand there as a name and as a handle
                continue
            if len(found) == limit:
                return found, _write_place(lead, place or row)
            found.append(row.profile)
            place = row
        walked += len(rows)
        if is_end:
            return found, ""
        place = rows[-1]
        if walked >= FARTHEST:
            break
    return found, _write_place(lead, place)


def _phrase_legs(words: Sequence[Word], phrase: str) -> list[Leg]:
    return [Leg(phrase)] if len(words) > 1 and phrase else []


def _legs_of(word: Word) -> list[Leg]:
    legs = []
    for beginning in word.beginnings:
        legs.append(Leg(beginning, word.kind, is_whole=True))
        if not word.is_whole:
            legs.append(Leg(beginning, word.kind, goes_on=True))
    return legs


def _walk(terms: QuerySet[SearchTerm], legs: Sequence[Leg], after: Place | None, size: int) -> tuple[list[Place], bool]:
    """The next `size` places after one, and whether these are the last. A person stands at as many places as words of theirs fit."""
    rows: list[Place] = []
    for number in range(after.leg if after else 0, len(legs)):
        leg = legs[number]
        here = after if after and after.leg == number else None
        found = _of_leg(terms, leg)
        if leg.is_whole:
            found = found.order_by("-profile")
            if here:
                found = found.filter(profile__lt=here.profile)
        else:
            found = found.order_by("term", "profile")
            if here:
                found = found.filter(Q(term__gt=here.term) | Q(profile__gt=here.profile), term__gte=here.term)
        wanted = size - len(rows)
        rows += [Place(number, term, profile) for term, profile in found.values_list("term", "profile")[:wanted]]
        if len(rows) >= size:
            return rows, False
    return rows, True


def _of_leg(terms: QuerySet[SearchTerm], leg: Leg) -> QuerySet[SearchTerm]:
    return (terms.filter(kind=leg.kind) if leg.kind else terms).filter(leg.range)


def _fitting(
    rows: Sequence[Place], terms: QuerySet[SearchTerm], legs: Sequence[Leg], words: Sequence[Word], people: QuerySet[Profile] | None
) -> dict[int, Place]:
    """Those of the rows' people who fit every word and are among `people`, each with the first place of the walk where they stand."""
    ids = {row.profile for row in rows}
    if not ids:
        return {}
    theirs: dict[int, list[tuple[str, str]]] = defaultdict(list)
    any_word = reduce(or_, {leg.range for leg in [*legs, *(leg for word in words for leg in _legs_of(word))]})
    for profile, kind, term in terms.filter(any_word, profile__in=ids).values_list("profile", "kind", "term"):
        theirs[profile].append((kind, term))
    fitting = {profile for profile, kept in theirs.items() if all(any(word.fits(*term) for term in kept) for word in words)}
    if people is not None and fitting:
        fitting = set(people.filter(pk__in=fitting).values_list("pk", flat=True))
    return {profile: first for profile in fitting if (first := _first_place(profile, theirs[profile], legs))}


def _first_place(profile: int, theirs: Iterable[tuple[str, str]], legs: Sequence[Leg]) -> Place | None:
    places = (Place(number, term, profile) for number, leg in enumerate(legs) for kind, term in theirs if leg.holds(kind, term))
    return min(places, default=None)


def _count(terms: QuerySet[SearchTerm], words: Sequence[Word]) -> list[int]:
    """How many rows each word has, counted up to RARE. One query."""
    if len(words) == 1:
        return [RARE]
    parts: list[str] = []
    values: list[Any] = []
    for number, word in enumerate(words):
        for leg in _legs_of(word):
            sql, own = _of_leg(terms, leg).order_by().values("pk")[:RARE].query.sql_with_params()
            parts.append(f"SELECT {number}, (SELECT count(*) FROM ({sql}) AS part)")  # noqa: S608  made by the ORM
            values += own
    counts = [0] * len(words)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        for number, count in cursor.fetchall():
            counts[number] += count
    return counts


def _write_place(lead: int, place: Place | None) -> str:
    return base64.urlsafe_b64encode(json.dumps([WORDS_KEY, lead, *(place or ())]).encode()).decode().rstrip("=")


def _read_place(key: str, words: int) -> tuple[int, Place]:
    try:
        mark, lead, leg, term, profile = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
        if mark != WORDS_KEY or not 0 <= int(lead) < words or not isinstance(term, str):
            raise ValueError
        return int(lead), Place(int(leg), term.replace("\x00", ""), min(int(profile), 2**62))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise DeskError("This page key is not one of ours. Start again from the first page.") from None
