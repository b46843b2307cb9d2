"""A query compiled to a function that says whether a text fulfils it."""

from __future__ import annotations

from collections.abc import Iterable

from listening.query.document import Doc, Prepared, prepare
from listening.query.grammar import read_query
from listening.query.nodes import Either, Every, Field, Node, Not, Text, positive_leaves
from listening.query.terms import Term, Test, whole_word


class Query:
    """A query that has been read.

    `source` is what was typed, `node` its tree, `test` the tree as a function; `str(query)` is the tree as a query again.
    """

    __slots__ = ("node", "source", "test")

    def __init__(self, source: str, node: Node) -> None:
        self.source = source
        self.node = node
        self.test: Test = compile_test(node)

    def __str__(self) -> str:
        return str(self.node)

    def matches(self, doc: Doc | Prepared) -> bool:
        return self.test(doc if isinstance(doc, Prepared) else prepare(doc))

    @property
    def highlight_terms(self) -> tuple[Term, ...]:
        """The words, phrases, tags and handles that speak for a match: what to mark in a text."""
        return tuple(leaf.term for leaf in positive_leaves(self.node) if isinstance(leaf, Text))


def parse(query: str) -> Query:
    """`query` read and compiled. Raises QueryError."""
    return Query(query, read_query(query))


def compile_test(node: Node) -> Test:
    """A function that says whether a prepared text fulfils `node`."""
    match node:
        case Text(_, term):
            return term.test()
        case Field():
            return _field_test(node)
        case Not(item):
            unwanted = compile_test(item)
            return lambda prepared: not unwanted(prepared)
        case Every(items):
            return _every_test(items)
        case Either(items):
            return _either_test(items)


def _every_test(items: Iterable[Node]) -> Test:
    words, tests = _split(items)
    if not tests:
        return lambda prepared: words <= prepared.words
    if words:
        tests.insert(0, lambda prepared: words <= prepared.words)
    if len(tests) == 2:
        first, second = tests
        return lambda prepared: first(prepared) and second(prepared)
    return lambda prepared: all(test(prepared) for test in tests)


def _either_test(items: Iterable[Node]) -> Test:
    words, tests = _split(items)
    if not tests:
        return lambda prepared: not words.isdisjoint(prepared.words)
    if words:
        tests.insert(0, lambda prepared: not words.isdisjoint(prepared.words))
    if len(tests) == 2:
        first, second = tests
        return lambda prepared: first(prepared) or second(prepared)
    return lambda prepared: any(test(prepared) for test in tests)


def _split(items: Iterable[Node]) -> tuple[frozenset[str], list[Test]]:
    """The plain words and tags among `items`, which can be asked for as one set, and tests for the rest."""
    words: set[str] = set()
    tests: list[Test] = []
    for item in items:
        word = whole_word(item.term) if isinstance(item, Text) else ""
        if word:
            words.add(word)
        else:
            tests.append(compile_test(item))
    return frozenset(words), tests


def _field_test(field: Field) -> Test:
    value = field.value
    match field.name:
        case "from":
            return lambda prepared: value in prepared.author_names
        case "network":
            return lambda prepared: prepared.doc.network.lower() == value
        case "lang":
            longer = f"{value}-"
            return lambda prepared: prepared.language == value or prepared.language.startswith(longer)
        case "has" if value == "link":
            return lambda prepared: prepared.has_link
        case "has":
            return lambda prepared: prepared.doc.has_media
        case "min_followers":
            least = int(value)
            return lambda prepared: prepared.doc.followers >= least
