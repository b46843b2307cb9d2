"""What queries are matched against: one post, and the same post folded and cut into tokens once for all of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from listening.query.folding import fold_text
from listening.query.tokens import tag_pattern, word_pattern

_LINK = re.compile(r"https?://\S|(?<![\w.])www\.\w")


@dataclass(frozen=True, slots=True)
class Doc:
    """One post as queries see it.

    `author` is the user name, with or without @. `language` is a BCP 47 tag, "" if unknown. `network` is the registry's key.
    `has_link` None: look for one in the text.
    """

    text: str
    author: str = ""
    language: str = ""
    network: str = ""
    followers: int = 0
    has_link: bool | None = None
    has_media: bool = False


class Prepared:
    """A `Doc` made ready for matching: `folded` text, and `words`: its tokens, `#tags` and `@handles`."""

    __slots__ = ("_joined", "_places", "_tokens", "doc", "folded", "words")

    def __init__(self, doc: Doc) -> None:
        self.doc = doc
        self.folded = folded = fold_text(doc.text)
        self._tokens = word_pattern(folded).findall(folded)
        self.words: set[str] = set(self._tokens)
        if "#" in folded or "@" in folded:
            self.words.update(tag_pattern(folded).findall(folded))
        self._joined: str | None = None
        self._places: list[tuple[str, int, int]] | None = None

    @property
    def joined(self) -> str:
        """The tokens in their order, a space before and after each: a phrase is a substring of it."""
        if self._joined is None:
            self._joined = f" {' '.join(self._tokens)} "
        return self._joined

    @property
    def places(self) -> list[tuple[str, int, int]]:
        """The tokens as (token, start, end) in `folded`."""
        if self._places is None:
            self._places = [(found.group(), *found.span()) for found in word_pattern(self.folded).finditer(self.folded)]
        return self._places

    @property
    def author_names(self) -> set[str]:
        """The author's name, folded: as it stands, and without its instance (`name@instance`)."""
        name = fold_text(self.doc.author).strip().removeprefix("@")
        return {name, name.partition("@")[0]} if name else set()

    @property
    def language(self) -> str:
        """The language tag in lower case with hyphens."""
        return self.doc.language.lower().replace("_", "-")

    @property
    def has_link(self) -> bool:
        if self.doc.has_link is not None:
            return self.doc.has_link
        return _LINK.search(self.folded) is not None


def prepare(doc: Doc) -> Prepared:
    """`doc` folded and tokenised, for any number of queries."""
    return Prepared(doc)
