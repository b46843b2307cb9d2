"""The words of the desk's scorer: VADER's lexicon under the care lexicon, handles and own names masked, emoji set apart."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator
from functools import cache

from listening.sentiment.vader import (
    BOOST,
    BOOSTERS,
    FIRM,
    HIT,
    KNOWN,
    UPPER,
    Phrases,
    Vocabulary,
    Word,
    bare,
    emoji,
    lexicon,
    plain_vocabulary,
    survey,
    weigh,
)
from listening.sentiment.words import care

# Further bits of `Word.flags`, above those of the rules.
HINT = 128  # a care word too weak for the rules: it is added as it is
THANKS = 256
REQUEST = 512
SYMBOL = 1024  # an emoji or emoticon: it can be read in a text of any language, and no “not” before it turns it round
CARE = 2048  # speaks of a failure, in the care lexicon

_CARE = care()
_HINT_BELOW = 1.0
_A_TIME = "a length of time"
_MASKED = re.compile(r"[^\w@]*@\w|\W*(?:https?://|www\.)", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*\+?")
_DURATION = re.compile(r"\d+(?:[.,]\d+)?\+?-?([a-z]+)")
_STRETCHED = re.compile(r"([^\W\d])\1{2,}")
_LETTERS = re.compile(r"[a-z]{2}|^\w+$")

_TYPED = (("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"'), ("…", " "), ("—", " "), ("–", " "))
# What only modifies an emoji: skin tones, joiners, variation selectors.
_MODIFIERS = "\u200d\ufe0e\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
# Blocks in which emoji stand, rather than each emoji: quicker to search for, and next year's are in them.
_EMOJI = "©®\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
_ANY_MODIFIER = re.compile(f"[{_MODIFIERS}]")
_ANY_EMOJI = re.compile(f"([{_EMOJI}])")
_TOKEN = re.compile(rf"[{_EMOJI}]|[^\s{_EMOJI}]+")


def prepare(text: str) -> str:
    """`text` ready to be split into words: emoji stand alone, quotation marks are straight, dashes and three dots part words."""
    text = _as_typed(text)
    return text if text.isascii() else _ANY_EMOJI.sub(r" \1 ", _ANY_MODIFIER.sub("", text))


def tokens_in_place(text: str) -> Iterator[tuple[str, int, int]]:
    """The words of `prepare(text)`, each with where it begins and ends in `text`."""
    for found in _TOKEN.finditer(_as_typed(text)):
        token = _ANY_MODIFIER.sub("", found.group())
        if token:
            yield token, found.start(), found.end()


def _as_typed(text: str) -> str:
    """`text` with what a phone makes of a typed text undone, character for character, so that places in it stay the same."""
    if not text.isascii():
        for character, typed in _TYPED:
            text = text.replace(character, typed)
    return text.replace("...", "   ")


class CareVocabulary(Vocabulary):
    """`Vocabulary` with the care lexicon. `own_terms` are names of the company and its products: they carry no feeling."""

    def __init__(self, own_terms: Iterable[str] = ()) -> None:
        own = {" ".join(term.lower().split()) for term in own_terms}
        phrases = {form: meaning for entry, meaning in _CARE.entries.items() if " " in entry for form in (entry, entry.replace("'", ""))}
        self._care = {entry: meaning for entry, meaning in _CARE.entries.items() if " " not in entry}
        weights = {word: weight for word, weight in lexicon().items() if word not in _CARE.without_feeling and word not in self._care}
        weights |= _emoji_weights()
        weights |= {word: weight for word, (weight, _) in self._care.items() if not _is_hint(weight)}
        super().__init__(weights, {**BOOSTERS, **dict.fromkeys(_CARE.boosters, BOOST)})
        self._own = {bare(term) for term in own}
        self._units = Phrases()
        for unit, weight in _CARE.times.items():
            self._units.setdefault(unit, Phrases()).word = Word(unit, HINT, weight=weight, note=_A_TIME)
        self._tree = Phrases()
        for number in _CARE.numbers:
            self._tree.setdefault(number, Phrases()).update(self._units)
        for phrase, (weight, note) in phrases.items():
            self._plant(phrase, weight, note)
        for term in own:
            if " " in term:
                self._plant(term, 0.0, "a name of your own")
        # Each word inside a phrase has to be known, for the tree to be walked.
        self._asked_for |= {*self._units, *(word for phrase in (*phrases, *own) for word in phrase.split())}

    def _plant(self, phrase: str, weight: float, note: str) -> None:
        node = self._tree
        for word in phrase.split():
            node = node.setdefault(word, Phrases())
        node.word = Word(phrase, _flags_of(phrase.split(), weight), weight=weight, note=note)

    def read(self, token: str) -> Word | None:
        """What `token` is. Handles and links are nothing; stretched words (“sooooo”) are read in their usual spelling."""
        if _MASKED.match(token):
            return None
        word = self._read(token)
        if word is None:
            short = token.strip(string.punctuation)
            if len(short) < len(token) and short.lower() in self._care:
                word = self._read(short)  # “ty!” and “bs.”, which the rules take for emoticons
            if word is None and _STRETCHED.search(token):
                word = self._read(_STRETCHED.sub(r"\1\1", token)) or self._read(_STRETCHED.sub(r"\1", token))
        return word

    def _read(self, token: str) -> Word | None:
        lower = bare(token).lower()
        if lower in self._own:
            return None
        word = super().read(token)
        phrases = self._tree.get(lower) or (self._units if _NUMBER.fullmatch(lower) else None)
        care = self._care.get(lower)
        if care is None:
            duration = _DURATION.fullmatch(lower)
            weight = _CARE.times.get(duration[1]) if duration else None
            care = (weight, _A_TIME) if weight else None
        flags = REQUEST if lower in _CARE.requests else 0
        if care is not None:
            flags |= _flags_of([lower], care[0])
        elif lower in self.weights and not _LETTERS.search(lower):
            flags |= SYMBOL | FIRM
        if word is None:
            if not flags and not phrases:
                return None
            word = Word(lower, UPPER if token.isupper() else 0)
        word.flags |= flags
        word.phrases = phrases
        if care is not None:
            word.weight, word.note = care
        return word


def join_phrases(tokens: list[str], words: list[Word | None], spans: list[tuple[int, int]] | None = None) -> None:
    """Make each phrase in `words` one word, in place, and the same in `tokens` and `spans`."""
    found: list[tuple[int, int, Word]] = []
    taken = 0
    for start, tree in [(i, word.phrases) for i, word in enumerate(words) if word is not None and word.phrases is not None]:
        if start < taken:
            continue
        node: Phrases | None = tree
        end = start + 1
        longest: Word | None = None
        while end < len(words) and node is not None and (following := words[end]) is not None:
            node = node.get(following.lower)
            if node is None:
                break
            end += 1
            if node.word is not None:
                longest, taken = node.word, end
        if longest is not None:
            found.append((start, taken, longest))
    for start, end, word in reversed(found):
        tokens[start:end] = [" ".join(tokens[start:end])]
        words[start:end] = [word]
        if spans is not None:
            spans[start:end] = [(spans[start][0], spans[end - 1][1])]


def _is_hint(weight: float) -> bool:
    return abs(weight) < _HINT_BELOW


def _flags_of(words: list[str], weight: float) -> int:
    """The bits of a care word or phrase that weighs `weight`."""
    if not weight:
        return 0
    if _is_hint(weight):
        return HINT
    flags = HIT | KNOWN
    if weight < 0:
        flags |= CARE
    elif not _CARE.thanks.isdisjoint(words):
        flags |= THANKS
    return flags


@cache
def _emoji_weights() -> dict[str, float]:
    """Every emoji that weighs something: by hand where the care lexicon has it, otherwise by its description."""
    weights: dict[str, float] = {}
    for symbol, description in emoji().items():
        tokens = description.split()
        words = [plain_vocabulary()[token] for token in tokens]
        weights[symbol] = sum(weigh(tokens, words, *survey(words)))
    return {symbol: weight for symbol, weight in {**weights, **_CARE.emoji}.items() if weight}
