"""Finds people: by words, by conditions, or the newest of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Q, QuerySet

from profiles.models import Agent, Profile, SearchTerm
from profiles.services.conditions import Condition
from profiles.services.rights import CUSTOM, hidden_fields
from profiles.services.segments import few_people, narrow
from profiles.services.word_walk import find_by_words
from profiles.services.words import Word, read_phrase, read_search
from socialdesk.lib.paging import read_key, write_key

MOST = 500  # people on one page
# So many of the newest people are looked through first, then more; conditions that these do not fill a page for are asked of everybody.
_WALKS = (400, 4_000, 24_000)
_NEWEST = ("-created_at", "-pk")


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
    upto = Q()
    if after:
        at, pk = read_key(after)
        upto = Q(created_at__lte=at) & (Q(created_at__lt=at) | Q(pk__lt=pk))
    rows = _read_newest(people, conditions, upto, limit + 1)
    page = rows[:limit]
    return Found(page, write_key(page[-1].created_at, page[-1].pk) if len(rows) > limit else "")


def _read_newest(people: QuerySet[Profile], conditions: Sequence[Condition], upto: Q, wanted: int) -> list[Profile]:
    fitting = narrow(people, conditions).filter(upto).select_related("owner").order_by(*_NEWEST)
    if not conditions:
        return list(fitting[:wanted])
    few = few_people(conditions)
    if few is not None:
        return list(fitting.filter(pk__in=few)[:wanted])
    for walked in _WALKS:
        edge = people.filter(upto).order_by(*_NEWEST).values_list("created_at", "pk")[walked : walked + 1].first()
        if edge is None:
            break
        rows = list(fitting.filter(Q(created_at__gt=edge[0]) | Q(pk__gt=edge[1]), created_at__gte=edge[0])[:wanted])
        if len(rows) == wanted:
            return rows
    return list(fitting[:wanted])
