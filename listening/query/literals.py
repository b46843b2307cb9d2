"""The words and phrases of which every match of a query holds at least one, as they are written: for networks that are asked by words."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby

from listening.query.matching import Query
from listening.query.nodes import Either, Every, Field, Node, Not, Text
from listening.query.terms import Signs

Words = frozenset[str]
SHORTEST = 4  # letters of a beginning that is asked for by itself: shorter ones are other words


def literal_words(query: Query, *, elsewhere: Collection[str] = ()) -> Words | None:
    """A small set of words and phrases without which no text matches. None: there is none, as for `lang:de` or `NOT late`.

    `elsewhere` are networks of which no post is asked for: what matches there alone needs no words, and a query that matches nowhere else
    has none (an empty set). Of a word that ends in a star it is the beginning, though a network that knows whole words finds only those.
    """
    return _find(query.node, elsewhere, wanted=True)


def _find(node: Node, elsewhere: Collection[str], *, wanted: bool) -> Words | None:
    match node:
        case Text():
            return _read(node) if wanted else None
        case Field(name, value):
            return frozenset() if wanted and name == "network" and value in elsewhere else None
        case Not(item):
            return _find(item, elsewhere, wanted=not wanted)
        case Every(items) | Either(items):
            found = [_find(item, elsewhere, wanted=wanted) for item in items]
            # That something fails is fulfilled by any one of its parts failing, and the other way round.
            return _rarest(found) if isinstance(node, Every) == wanted else _all_of(found)


def _read(leaf: Text) -> Words | None:
    """The leaf itself; of what holds a star, which networks do not know, the longest stretch without one."""
    if isinstance(leaf.term, Signs):
        return None
    words = leaf.source.strip('"').split()
    stretches = [" ".join(group) for has_star, group in groupby(words, key=lambda word: "*" in word) if not has_star]
    longest = max(stretches, key=len, default="")
    if not longest and len(words) == 1 and words[0].endswith("*"):
        longest = words[0].removesuffix("*")
        if len(longest) < SHORTEST:
            return None
    return frozenset({longest}) if any(sign.isalnum() or ord(sign) > 0x7F for sign in longest) else None


def _rarest(found: Iterable[Words | None]) -> Words | None:
    return min((words for words in found if words is not None), key=_commonness, default=None)


def _all_of(found: list[Words | None]) -> Words | None:
    known = [words for words in found if words is not None]
    return frozenset().union(*known) if len(known) == len(found) else None


def _commonness(words: Words) -> float:
    """A guess, for comparison only: short words are common, long ones and tags rare; a set is as common as all of it together."""
    return sum(0.1 if word[0] in "#@" else 10 / len(word) ** 2 for word in words)
