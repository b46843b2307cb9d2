"""What a query looks for in a text: words in a row, a tag or handle, or bare signs; how each is found, and by which token."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, Protocol

from listening.query.document import Prepared
from listening.query.folding import fold_text
from listening.query.tokens import is_spaced, tag_pattern, word_pattern

Test = Callable[[Prepared], bool]

# Signs that belong to the word that they touch ("C++", "100%", "#1"). Other punctuation at its ends does not: "hello,".
_SIGN = "[#%&@+$<=>~°±×÷]"
_SIGNS_BEFORE = re.compile(f"{_SIGN}+$")
_SIGNS_AFTER = re.compile(f"^{_SIGN}+")
_SOFT = re.compile("[-']*")  # between two letters these count as a space: "e-mail", "l'avion"


class Key(NamedTuple):
    """A token that a text must hold for a term to match; with `prefix`, the beginning of one."""

    text: str
    prefix: bool = False


class Term(Protocol):
    """One thing that is looked for."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """The tokens that every text with this term holds."""
        ...

    def test(self) -> Test:
        """A function that says whether the term is in a text."""
        ...

    def find(self, prepared: Prepared) -> Iterator[tuple[int, int]]:
        """Where it is in the folded text."""
        ...


class Piece(NamedTuple):
    """One token of a term; with `prefix`, the beginning of a token."""

    text: str
    prefix: bool = False

    def fits(self, token: str) -> bool:
        return token.startswith(self.text) if self.prefix else token == self.text


class Joint(NamedTuple):
    """What stands between two pieces: `after` the one, `before` the other, and if `loose` anything without a token in between."""

    after: str = ""
    before: str = ""
    loose: bool = True

    def fits(self, between: str) -> bool:
        if self.loose:
            return len(between) >= len(self.after) + len(self.before) and between.startswith(self.after) and between.endswith(self.before)
        return between == self.after


@dataclass(frozen=True, slots=True)
class Words:
    """Tokens in a row. `lead` and `tail` are signs right before and after, `joints` one fewer than `pieces`."""

    pieces: tuple[Piece, ...]
    joints: tuple[Joint, ...] = ()
    lead: str = ""
    tail: str = ""

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(Key(*piece) for piece in self.pieces)

    def test(self) -> Test:
        plain = not (self.lead or self.tail)
        word = whole_word(self)
        if word:
            return lambda prepared: word in prepared.words
        if plain and all(joint == Joint() for joint in self.joints) and not any(piece.prefix for piece in self.pieces[:-1]):
            row = " " + " ".join(piece.text for piece in self.pieces) + ("" if self.pieces[-1].prefix else " ")
            return lambda prepared: row in prepared.joined
        if (
            plain
            and not any(len(piece.text) > 1 or is_spaced(piece.text) for piece in self.pieces)
            and not any(joint.loose for joint in self.joints)
        ):
            run = "".join(piece.text for piece in self.pieces)
            return lambda prepared: run in prepared.folded
        # A quick look for the longest stretch that has to be there letter by letter, before tokens are walked.
        needle = max(self._fixed(), key=len)
        return lambda prepared: needle in prepared.folded and any(True for _ in self.find(prepared))

    def _fixed(self) -> Iterator[str]:
        """The stretches that a text must hold letter by letter: the term, cut where anything may stand between."""
        stretch = self.lead
        for piece, joint in zip(self.pieces, (*self.joints, Joint(after=self.tail)), strict=True):
            stretch += piece.text
            if piece.prefix:
                yield stretch
                stretch = ""
            stretch += joint.after
            if joint.loose:
                yield stretch
                stretch = joint.before

    def find(self, prepared: Prepared) -> Iterator[tuple[int, int]]:
        folded, places = prepared.folded, prepared.places
        last = len(self.pieces) - 1
        for i in range(len(places) - last):
            row = places[i : i + last + 1]
            if all(piece.fits(token) for piece, (token, _, _) in zip(self.pieces, row, strict=True)) and all(
                joint.fits(folded[left[2] : right[1]]) for joint, (left, right) in zip(self.joints, pairwise(row), strict=True)
            ):
                start, end = row[0][1], row[-1][2]
                beyond = end + len(self.tail)
                # The next sign must be another one: "C+" is not in "C++".
                if (
                    folded.endswith(self.lead, 0, start)
                    and folded.startswith(self.tail, end)
                    and not (self.tail and folded.startswith(self.tail[-1], beyond))
                ):
                    yield start - len(self.lead), beyond


@dataclass(frozen=True, slots=True)
class Tag:
    """A whole `#tag` or `@handle`, or with `prefix` its beginning; `name` has the sign in front."""

    name: str
    prefix: bool = False

    @property
    def keys(self) -> tuple[Key, ...]:
        return (Key(self.name, self.prefix),)

    def test(self) -> Test:
        name = self.name
        if self.prefix:
            return lambda prepared: any(word.startswith(name) for word in prepared.words)
        return lambda prepared: name in prepared.words

    def find(self, prepared: Prepared) -> Iterator[tuple[int, int]]:
        piece = Piece(self.name, self.prefix)
        return (found.span() for found in tag_pattern(prepared.folded).finditer(prepared.folded) if piece.fits(found.group()))


@dataclass(frozen=True, slots=True)
class Signs:
    """Punctuation alone, found wherever it stands."""

    text: str

    @property
    def keys(self) -> tuple[Key, ...]:
        return ()

    def test(self) -> Test:
        return lambda prepared: self.text in prepared.folded

    def find(self, prepared: Prepared) -> Iterator[tuple[int, int]]:
        return (found.span() for found in re.finditer(re.escape(self.text), prepared.folded))


def whole_word(term: Term) -> str:
    """The one token that alone decides whether `term` is in a text; "" if it takes more than that."""
    if isinstance(term, Tag):
        return "" if term.prefix else term.name
    if isinstance(term, Words) and len(term.pieces) == 1 and not (term.lead or term.tail or term.pieces[0].prefix):
        return term.pieces[0].text
    return ""


def is_open(term: Term) -> bool:
    """Whether `term` ends in a star."""
    return term.prefix if isinstance(term, Tag) else isinstance(term, Words) and term.pieces[-1].prefix


def term_from(text: str) -> Term | None:
    """The term for `text`: a word as typed, or the inside of a phrase; a star after a word makes it a beginning.

    None: it holds nothing that can be looked for.
    """
    elements = fold_text(text).split()
    rows = [row for row in map(_read_words, elements) if row is not None]
    if not rows:
        return Signs(" ".join(elements)) if elements else None
    if len(rows) == 1:
        return next((tag for tag in map(_read_tag, elements) if tag is not None), rows[0])
    joints = list(rows[0].joints)
    for left, right in pairwise(rows):
        joints += [Joint(after=left.tail, before=right.lead), *right.joints]
    return Words(tuple(piece for row in rows for piece in row.pieces), tuple(joints), rows[0].lead, rows[-1].tail)


def _read_words(element: str) -> Words | None:
    """What stands between two spaces of folded text; None: punctuation only."""
    bare = element.rstrip("*")
    tokens = list(word_pattern(bare).finditer(bare))
    if not tokens:
        return None
    lead, tail = bare[: tokens[0].start()], bare[tokens[-1].end() :]
    prefix = element != bare and not tail
    return Words(
        pieces=tuple(Piece(token.group(), prefix and token is tokens[-1]) for token in tokens),
        joints=tuple(_read_joint(bare, left, right) for left, right in pairwise(tokens)),
        lead="." if lead == "." else "".join(_SIGNS_BEFORE.findall(lead)),
        tail="".join(_SIGNS_AFTER.findall(tail)),
    )


def _read_tag(element: str) -> Tag | None:
    """The tag or handle that `element` is, punctuation around it aside; None: it is none, or more than that."""
    bare = element.rstrip("*")
    tag = tag_pattern(bare).search(bare)
    if tag is None or any(_counts(rest) for rest in (bare[: tag.start()], bare[tag.end() :])):
        return None
    return Tag(tag.group(), prefix=element != bare and tag.end() == len(bare))


def _counts(rest: str) -> bool:
    """Whether what stands before or after a tag is more than punctuation."""
    return bool(word_pattern(rest).search(rest) or re.search(_SIGN, rest))


def _read_joint(text: str, left: re.Match[str], right: re.Match[str]) -> Joint:
    between = text[left.end() : right.start()]
    if between:
        return Joint() if _SOFT.fullmatch(between) else Joint(after=between, loose=False)
    # Two characters of a script without spaces are one word; beside Latin letters some people put a space: "iPhone手机".
    return Joint(loose=is_spaced(left.group()) or is_spaced(right.group()))
