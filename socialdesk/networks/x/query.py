"""The words of the desk's topics as queries and rules in X's own language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

LONGEST = 512  # characters of one query or rule; the least that any plan of X allows
_PLAIN = re.compile(r"[#@$]?\w+")
_RESERVED = ("and", "or", "not")


def search_queries(terms: Iterable[str], *, us: str) -> list[str]:
    """Queries that together find every post with one of the words, without our own and without reposts, each of which would be paid for."""
    return list(_joined(terms, rest=f"-is:retweet -from:{us}"))


def stream_rules(terms: Iterable[str], *, us: str) -> list[str]:
    """As above, for the stream, which also brings what mentions us."""
    return list(_joined([f"@{us}", *terms], rest=f"-is:retweet -from:{us}"))


def _joined(terms: Iterable[str], *, rest: str) -> Iterator[str]:
    room = LONGEST - len(rest) - len("() ")
    together: list[str] = []
    for word in dict.fromkeys(filter(None, map(_quoted, terms))):
        if len(word) > room:
            continue  # no post of usual length could hold it
        if together and len(" OR ".join([*together, word])) > room:
            yield f"({' OR '.join(together)}) {rest}"
            together = []
        together.append(word)
    if together:
        yield f"({' OR '.join(together)}) {rest}"


def _quoted(term: str) -> str:
    """A term as one word or phrase, so that nothing in it is taken for an operator."""
    words = " ".join(term.replace('"', " ").replace("\\", " ").split())
    if not re.search(r"\w", words):
        return ""
    return words if _PLAIN.fullmatch(words) and words.lower() not in _RESERVED else f'"{words}"'
