"""The words of the active topics as networks are asked for them, kept by each process for as long as no topic changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from listening.models import Topic
from listening.query import QueryError, literal_words, parse
from listening.services.matching import read_stamp
from socialdesk.networks.registry import NETWORKS


@dataclass(frozen=True, slots=True)
class Listened:
    """`terms`: every match of an active topic holds at least one of them, but for the topics named in `without`, which have no such
    words: a network that is asked by words is not asked for those."""

    terms: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


_kept: tuple[Any, Listened] | None = None


def find_words() -> Listened:
    """What the topics that are active now listen for. One small query, unless a topic changed."""
    global _kept
    stamp, kept = read_stamp(), _kept
    if kept is not None and kept[0] == stamp:
        return kept[1]
    listened = _read_topics()
    _kept = (stamp, listened)
    return listened


def _read_topics() -> Listened:
    terms: dict[str, str] = {}
    without = []
    elsewhere = {network.key for network in NETWORKS.values() if not network.capabilities.by_words}
    for name, query in Topic.objects.filter(is_active=True).order_by("id").values_list("name", "query"):
        try:
            words = literal_words(parse(query), elsewhere=elsewhere)
        except QueryError:  # of an older grammar
            words = None
        if words is None:
            without.append(name)
        for word in sorted(words or ()):
            terms.setdefault(word.casefold(), word)
    return Listened(tuple(terms.values()), tuple(sorted(without, key=str.casefold)))
