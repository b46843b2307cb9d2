"""Many queries at once: an index of the tokens that each cannot do without, so that only a few are asked about a text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from listening.query.document import Doc, Prepared, prepare
from listening.query.matching import Query, parse
from listening.query.nodes import Either, Every, Field, Node, Not, Text, positive_leaves
from listening.query.terms import Key, Test
from listening.query.tokens import is_spaced

_REMEMBERED = 50_000  # words
_FIELD_COMMONNESS = {"from": 0.1, "lang": 30.0, "network": 60.0}  # beside that of words, see _commonness


class TopicMatcher:
    """Which topics a text belongs to. `queries`: topic id -> query. Raises QueryError for a query that cannot be read."""

    def __init__(self, queries: Mapping[int, Query | str]) -> None:
        self._topics: list[tuple[int, Test]] = []
        self._always: list[int] = []  # places in `_topics` that no token announces
        self._exact: dict[str, list[int]] = defaultdict(list)
        self._beginnings: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))  # length -> beginning -> places
        self._plain: set[str] = set()  # words that begin nothing
        read = [(topic_id, parse(query) if isinstance(query, str) else query) for topic_id, query in sorted(queries.items())]
        uses = Counter(key for _, query in read for key in {key for leaf in positive_leaves(query.node) for key in _leaf_keys(leaf)})
        for place, (topic_id, query) in enumerate(read):
            self._topics.append((topic_id, query.test))
            self._index(place, _need(query.node, uses))
        self._keys = frozenset(self._exact)
        self._by_field = any(":" in key for key in self._keys)

    def _index(self, place: int, need: _Need | None) -> None:
        if need is None:
            self._always.append(place)
            return
        for key in need.keys:
            if key.prefix:
                self._beginnings[len(key.text)][key.text].append(place)
            else:
                self._exact[key.text].append(place)

    def match(self, doc: Doc | Prepared) -> list[int]:
        """The ids of the topics that `doc` belongs to, ascending."""
        prepared = doc if isinstance(doc, Prepared) else prepare(doc)
        places = set(self._always)
        for word in self._keys & prepared.words:
            places.update(self._exact[word])
        if self._beginnings:
            for word in prepared.words - self._plain:
                places.update(self._begun_by(word))
        if self._by_field:
            for key in self._keys.intersection(_field_keys(prepared)):
                places.update(self._exact[key])
        return [self._topics[place][0] for place in sorted(places) if self._topics[place][1](prepared)]

    def _begun_by(self, word: str) -> list[int]:
        """The topics that wait for a beginning of `word`. Words of which there are none are remembered: the same few come in every text."""
        found = [place for length, beginnings in self._beginnings.items() for place in beginnings.get(word[:length], ())]
        if not found:
            if len(self._plain) >= _REMEMBERED:
                self._plain = set()
            self._plain.add(word)
        return found


class _Need(NamedTuple):
    """A text matches only if it holds at least one of `keys`; `commonness` guesses how often one does."""

    commonness: float
    keys: frozenset[Key]


def _need(node: Node, uses: Mapping[Key, int], *, wanted: bool = True) -> _Need | None:
    """What a text must hold to fulfil `node` (with `wanted` false: to fail it). None: no token is necessary.

    `uses`: in how many queries a key occurs. What many of them name (the company, its field) says little.
    """
    match node:
        case Text() | Field():
            keys = _leaf_keys(node) if wanted else ()
            return _rarest([_Need(_commonness(key) * uses[key], frozenset({key})) for key in keys])
        case Not(item):
            return _need(item, uses, wanted=not wanted)
        case Every(items) | Either(items):
            needs = [_need(item, uses, wanted=wanted) for item in items]
            # That something fails is fulfilled by any one of its parts failing, and the other way round.
            return _rarest(needs) if isinstance(node, Every) == wanted else _all_of(needs)


def _leaf_keys(leaf: Text | Field) -> tuple[Key, ...]:
    """The tokens that `leaf` cannot do without; for a field, one of `_field_keys`."""
    if isinstance(leaf, Text):
        return leaf.term.keys
    if leaf.name not in _FIELD_COMMONNESS:
        return ()
    return (Key(f"{leaf.name}:{leaf.value.partition('-')[0] if leaf.name == 'lang' else leaf.value}"),)


def _rarest(needs: Iterable[_Need | None]) -> _Need | None:
    return min((need for need in needs if need), key=lambda need: need.commonness, default=None)


def _all_of(needs: list[_Need | None]) -> _Need | None:
    known = [need for need in needs if need]
    if len(known) < len(needs):
        return None
    return _Need(sum(need.commonness for need in known), frozenset().union(*(need.keys for need in known)))


def _commonness(key: Key) -> float:
    """A guess, for comparison only: short words are common, tags, symbols and long words rare."""
    name, _, value = key.text.partition(":")
    if value:
        return _FIELD_COMMONNESS[name]
    if name[0] in "#@":
        return 0.1
    if not is_spaced(name):
        return 1.0
    return (20.0 if key.prefix else 10.0) / len(name) ** 2


def _field_keys(prepared: Prepared) -> list[str]:
    doc = prepared.doc
    keys = [f"from:{name}" for name in prepared.author_names]
    if doc.language:
        keys.append(f"lang:{prepared.language.partition('-')[0]}")
    if doc.network:
        keys.append(f"network:{doc.network.lower()}")
    return keys
