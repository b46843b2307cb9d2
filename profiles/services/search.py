"""Finds people: by words, by conditions, or the newest of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import QuerySet

from profiles.models import Agent, Profile, SearchTerm
from profiles.services.conditions import Condition
from profiles.services.rights import CUSTOM, hidden_fields
from profiles.services.segments import few_people, narrow
from profiles.services.word_walk import find_by_words
from profiles.services.words import Word, read_phrase, read_search
from socialdesk.lib.errors import DeskError

MOST = 500  # people on one page
# So many ids from the newest on are looked through first, then more; what these do not fill a page of is asked of everybody.
_WALKS = (400, 1_200, 4_000, 24_000)
_END = 2**62  # an id that nobody has


class Found(NamedTuple):
    """People, and the key of the page after them ("" at the end)."""

    people: list[Profile]
    next: str


def search_people(
    *,
    agent: Agent | None,
    text: str = "",
    conditions: Sequence[Condition] = (),
    words: Sequence[Word] = (),
    after: str = "",
    limit: int = 50,
) -> Found:
    """One page of the people who fit all words of `text` and meet all `conditions` (in their normal form).

    With words, who is called just so comes first; without, the newest first. Nobody is found by what `agent` may not see; None sees
    everything. `words` are such as must fit whole, as a handle that a program asks for. A fixed number of queries. Raises DeskError
    for a key of a page that is none.
    """
    limit = max(1, min(limit, MOST))
    wanted = [*words, *read_search(text)]
    people = Profile.objects.people()
    if text.strip() and not wanted:
        return Found([], "")
    if not wanted:
        return _newest(people, conditions, after, limit)
    ids, following = find_by_words(
        words=wanted,
        phrase="" if words else read_phrase(text),
        people=narrow(people, conditions) if conditions else None,
        hidden=hidden_kinds(agent),
        after=after,
        limit=limit,
    )
    rows = people.select_related("owner").in_bulk(ids)
    return Found([rows[pk] for pk in ids if pk in rows], following)


def hidden_kinds(agent: Agent | None) -> frozenset[str]:
    """The kinds of words that the agent may not see: who may not see numbers finds nobody by a number.

    The words of all our own fields stand together: who may not see one of these fields finds nobody by any of them.
    """
    hidden = hidden_fields(agent)
    return frozenset(SearchTerm.Kind.CUSTOM if field.startswith(CUSTOM) else field for field in hidden)


def _newest(people: QuerySet[Profile], conditions: Sequence[Condition], after: str, limit: int) -> Found:
    below = _read_key(after) if after else _END
    rows = _read_newest(people, conditions, below, limit + 1)
    return Found(rows[:limit], _write_key(rows[limit - 1].pk) if len(rows) > limit else "")


def _read_newest(people: QuerySet[Profile], conditions: Sequence[Condition], below: int, wanted: int) -> list[Profile]:
    """The first `wanted` who meet the conditions, of those with ids `below`: ids are given in the order in which people came."""
    fitting = narrow(people, conditions).filter(pk__lt=below).select_related("owner").order_by("-pk")
    if not conditions:
        return list(fitting[:wanted])
    few = few_people(conditions)
    if few is not None:
        return _among(fitting, [pk for pk in reversed(few) if pk < below], wanted)
    newest = people.filter(pk__lt=below).order_by("-pk").values_list("pk", flat=True).first() or 0
    for walked in _WALKS:
        rows = list(fitting.filter(pk__gt=newest - walked)[:wanted])
        if len(rows) == wanted or newest <= walked:
            return rows
    return list(fitting[:wanted])


def _among(fitting: QuerySet[Profile], ids: list[int], wanted: int) -> list[Profile]:
    """Those who fit of `ids`, the newest of whom are looked at first."""
    rows: list[Profile] = []
    begun = 0
    for size in (2 * wanted, len(ids)):
        rows += fitting.filter(pk__in=ids[begun : begun + size])[: wanted - len(rows)]
        begun += size
        if len(rows) == wanted or begun >= len(ids):
            break
    return rows


def _write_key(pk: int) -> str:
    return f"n{pk}"


def _read_key(key: str) -> int:
    if not (key[:1] == "n" and key[1:].isascii() and key[1:].isdecimal() and len(key) < 20):
        raise DeskError("This page key is not one of ours. Start again from the first page.")
    return int(key[1:])
