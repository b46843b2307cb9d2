"""The rules of vaderSentiment 3.3.2, decision for decision, in a form that is several times faster.

The lexicon, the word lists and the constants are read from the installed package, which stays the base; that the results are the
same to the last digit is tested against the package itself. What makes it faster: a word is looked up once and then remembered, only
words of the lexicon are visited, and rules that need a certain word are skipped where that word is absent.
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping, Sequence
from functools import cache
from heapq import heappop, heappush

from vaderSentiment.vaderSentiment import B_INCR, BOOSTER_DICT, C_INCR, N_SCALAR, NEGATE, SPECIAL_CASES, SentimentIntensityAnalyzer

CAPITALS_EMPHASIS: float = C_INCR
BOOST: float = B_INCR
NEGATION: float = N_SCALAR
BOOSTERS: Mapping[str, float] = BOOSTER_DICT
NEGATIONS = frozenset(NEGATE)
IDIOMS: Mapping[str, float] = SPECIAL_CASES

# What is true of a word, as bits, so that one pass over a text can collect what is in it.
HIT = 1  # carries a weight of its own
KNOWN = 2  # stands in the lexicon
UPPER = 4  # written in capitals
NEGATES = 8
IDIOM = 16  # the word without which an idiom cannot be there
BUT = 32
FIRM = 64  # weighs what it weighs, whatever stands around it; no word of vaderSentiment's is so

# Words that the rules ask for by name.
_GRAMMAR = frozenset({"no", "never", "so", "this", "without", "doubt", "least", "at", "very", "or", "nor", "kind", "of", "but"})
_SHORTEST_WORD = 3  # what is shorter without its punctuation was an emoticon, and keeps it
_REMEMBERED_WORDS = 50_000
_LONGEST_REMEMBERED = 40  # characters; longer ones are links and accidents

Notes = list[str] | None  # what the rules did to one weight, in plain words; None where nobody asked


@cache
def lexicon() -> Mapping[str, float]:
    """vaderSentiment's words and emoticons with their weights, -4 to 4."""
    words: dict[str, float] = SentimentIntensityAnalyzer().lexicon
    return words


@cache
def emoji() -> Mapping[str, str]:
    """vaderSentiment's emoji of one character, each with its description."""
    described: dict[str, str] = SentimentIntensityAnalyzer().emojis
    return {symbol: words for symbol, words in described.items() if len(symbol) == 1}


def bare(token: str) -> str:
    """`token` without the punctuation around it, unless hardly anything would be left."""
    stripped = token.strip(string.punctuation)
    return token if len(stripped) < _SHORTEST_WORD else stripped


class Word:
    """What the rules need to know about one word. `weight` counts only where `flags` has HIT; `boost` is 0 for most.

    The rules leave the other two alone: `note` says where the weight is from, `phrases` is a tree of what may follow in a phrase.
    """

    __slots__ = ("boost", "flags", "lower", "note", "phrases", "weight")

    def __init__(
        self, lower: str, flags: int, *, weight: float = 0.0, boost: float = 0.0, note: str = "", phrases: Phrases | None = None
    ) -> None:
        self.lower = lower
        self.flags = flags
        self.weight = weight
        self.boost = boost
        self.note = note
        self.phrases = phrases


class Phrases(dict[str, "Phrases"]):
    """A tree of phrases by their next word; `word` is what the phrase that ends here comes to, None where none ends."""

    __slots__ = ("word",)

    def __init__(self) -> None:
        super().__init__()
        self.word: Word | None = None


class Vocabulary(dict[str, Word | None]):
    """From a token, as it stands between spaces, to its `Word`; None where no rule cares about it. Remembers what it has seen.

    Threads may share it: each entry depends on its key alone, so that a race only does the same work twice.
    """

    def __init__(self, weights: Mapping[str, float], boosters: Mapping[str, float] = BOOSTERS) -> None:
        super().__init__()
        self.weights = weights
        self.boosters = boosters
        self._idiom_words = {max(idiom.split(), key=len) for idiom in (*IDIOMS, *boosters) if " " in idiom}
        self._asked_for = _GRAMMAR | {word for idiom in (*IDIOMS, *boosters) for word in idiom.split()}

    def __missing__(self, token: str) -> Word | None:
        word = self.read(token)
        if len(token) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED_WORDS:
                self.clear()
            self[token] = word
        return word

    def read(self, token: str) -> Word | None:
        """What `token` is, worked out anew."""
        lower = bare(token).lower()
        weight = self.weights.get(lower)
        boost = self.boosters.get(lower, 0.0)
        flags = 0
        if weight is not None:
            flags |= KNOWN if boost else KNOWN | HIT
        if lower in NEGATIONS or "n't" in lower:
            flags |= NEGATES
        if not (flags or boost or lower in self._asked_for):
            return None
        if lower in self._idiom_words:
            flags |= IDIOM
        if lower == "but":
            flags |= BUT
        if token.isupper():
            flags |= UPPER
        return Word(lower, flags, weight=weight or 0.0, boost=boost)


def polarity_scores(text: str) -> dict[str, float]:
    """vaderSentiment's own function of that name: `neg`, `neu`, `pos` and `compound`."""
    text = describe_emoji(text)
    tokens = text.split()
    if not tokens:
        return {"neg": 0.0, "neu": 0.0, "pos": 0.0, "compound": 0.0}
    words = list(map(plain_vocabulary().__getitem__, tokens))
    weights = weigh(tokens, words, *survey(words))
    total = sum(weights)
    emphasis = punctuation_emphasis(text)
    # A word of weight 0 counts 1 in the shares, so each other word counts 1 more than its weight.
    positive = negative = 0.0
    neutral = len(tokens)
    for weight in weights:
        if weight > 0:
            positive += weight + 1
            neutral -= 1
        elif weight < 0:
            negative += weight - 1
            neutral -= 1
    if positive > -negative:
        positive += emphasis
    elif positive < -negative:
        negative -= emphasis
    whole = positive - negative + neutral
    return {
        "neg": round(-negative / whole, 3),
        "neu": round(neutral / whole, 3),
        "pos": round(positive / whole, 3),
        "compound": round(compound(total, emphasis), 4),
    }


@cache
def plain_vocabulary() -> Vocabulary:
    """vaderSentiment's own words, nothing added."""
    return Vocabulary(lexicon())


@cache
def _emoji_characters() -> frozenset[str]:
    return frozenset(emoji())


def describe_emoji(text: str) -> str:
    """`text` with each emoji replaced by its description, set off by a space in front only."""
    if text.isascii() or _emoji_characters().isdisjoint(text):
        return text
    descriptions = emoji()
    pieces: list[str] = []
    after_space = True
    for character in text:
        description = descriptions.get(character)
        if description is None:
            pieces.append(character)
            after_space = character == " "
        else:
            pieces.append(description if after_space else f" {description}")
            after_space = False
    return "".join(pieces)


def punctuation_emphasis(text: str) -> float:
    """What exclamation marks (up to four) and two or more question marks add to the side that leads."""
    exclamations, questions = text.count("!"), text.count("?")
    emphasis = 0.292 * min(exclamations, 4)
    if questions > 1:
        emphasis += 0.18 * questions if questions <= 3 else 0.96
    return emphasis


def compound(total: float, emphasis: float) -> float:
    """The sum of all weights brought between -1 and 1."""
    if total > 0:
        total += emphasis
    elif total < 0:
        total -= emphasis
    return max(-1.0, min(1.0, total / math.sqrt(total * total + 15)))


def survey(words: Sequence[Word | None]) -> tuple[int, list[int]]:
    """The flags of all words together, and the positions of those that carry a weight."""
    flags = 0
    hits = []
    for i, word in enumerate(words):
        if word is not None:
            flags |= word.flags
            if word.flags & HIT:
                hits.append(i)
    return flags, hits


def weigh(
    tokens: Sequence[str], words: Sequence[Word | None], flags: int, hits: Sequence[int], notes: dict[int, list[str]] | None = None
) -> list[float]:
    """The weights of the words at `hits` after all rules; `flags` and `hits` as `survey` found them.

    `notes`, where given, receives by position what each rule did to the weight.
    """
    capitals = bool(flags & UPPER) and 0 < sum(map(str.isupper, tokens)) < len(tokens)
    idioms = bool(flags & IDIOM)
    weights = []
    for i in hits:
        note: Notes = None
        if notes is not None:
            note = notes[i] = []
        weights.append(_weight(i, words, capitals, idioms, note))
    if flags & BUT and weights:
        but = next(i for i, word in enumerate(words) if word is not None and word.flags & BUT)
        turn_at_but(weights, hits, but, notes)
    return weights


def _weight(i: int, words: Sequence[Word | None], capitals: bool, idioms: bool, note: Notes) -> float:
    """The weight of the word at `i`, which is a hit, after what stands around it. `capitals`: only some words are in capitals."""
    word = words[i]
    assert word is not None
    weight = word.weight
    if word.flags & FIRM:
        return weight
    first = words[i - 1] if i else None
    second = words[i - 2] if i > 1 else None
    third = words[i - 3] if i > 2 else None

    if word.lower == "kind" or word.lower == "no":
        following = words[i + 1] if i + 1 < len(words) else None
        if following is not None:
            if word.lower == "kind" and following.lower == "of":
                return 0.0
            if word.lower == "no" and following.flags & KNOWN:
                weight = 0.0  # it turns the next word round instead
    if (first is not None and (first.lower == "no" or (first.lower in ("or", "nor") and third is not None and third.lower == "no"))) or (
        second is not None and second.lower == "no"
    ):
        weight = word.weight * NEGATION
        if note is not None:
            note.append("turned round by “no”")
    if capitals and word.flags & UPPER:
        weight += CAPITALS_EMPHASIS if weight > 0 else -CAPITALS_EMPHASIS
        if note is not None:
            note.append("stronger in capitals")

    if first is None and second is None and third is None and not idioms:
        return weight
    if first is not None and not first.flags & KNOWN:
        weight += _boost(first, weight, capitals, note)
        if first.flags & NEGATES:
            weight = _negated(weight, first, note)
    if second is not None and not second.flags & KNOWN:
        weight += _boost(second, weight, capitals, note) * 0.95
        weight = _negated_at_two(weight, first, second, note)
    if i > 2 and not (third is not None and third.flags & KNOWN):
        if third is not None:
            weight += _boost(third, weight, capitals, note) * 0.9
        weight = _negated_at_three(weight, first, second, third, note)
        if idioms:
            weight = _idiom(weight, i, words, note)
    if first is not None and first.lower == "least" and not (second is not None and second.lower in ("at", "very")):
        weight = _negated(weight, first, note)
    return weight


def _boost(before: Word, weight: float, capitals: bool, note: Notes) -> float:
    """What a word such as “very” or “barely” adds."""
    boost = before.boost
    if not boost:
        return 0.0
    if weight < 0:
        boost = -boost
    if capitals and before.flags & UPPER:
        boost += CAPITALS_EMPHASIS if weight > 0 else -CAPITALS_EMPHASIS
    if note is not None:
        note.append(f"{'strengthened' if boost * weight > 0 else 'weakened'} by “{before.lower}”")
    return boost


def _negated(weight: float, by: Word, note: Notes) -> float:
    if note is not None:
        note.append(f"turned round by “{by.lower}”")
    return weight * NEGATION


def _negated_at_two(weight: float, first: Word | None, second: Word, note: Notes) -> float:
    if first is not None:
        if second.lower == "never" and first.lower in ("so", "this"):
            return _never_so(weight, note)
        if second.lower == "without" and first.lower == "doubt":
            return weight
    return _negated(weight, second, note) if second.flags & NEGATES else weight


def _negated_at_three(weight: float, first: Word | None, second: Word | None, third: Word | None, note: Notes) -> float:
    nearest, nearer = first.lower if first is not None else "", second.lower if second is not None else ""
    # vaderSentiment's condition reads as if “never” were needed for both halves. It is not, and is kept so.
    if nearest in ("so", "this") or (nearer in ("so", "this") and third is not None and third.lower == "never"):
        return _never_so(weight, note)
    if third is None or (third.lower == "without" and "doubt" in (nearest, nearer)):
        return weight
    return _negated(weight, third, note) if third.flags & NEGATES else weight


def _never_so(weight: float, note: Notes) -> float:
    if note is not None:
        note.append("strengthened by “so” or “this”")
    return weight * 1.25


def _idiom(weight: float, i: int, words: Sequence[Word | None], note: Notes) -> float:
    """The weight of the idiom around `i`, if there is one; plus that of a two-word booster before it (“sort of”)."""
    around = [word.lower if word is not None else "" for word in words[i - 3 : i + 3]]
    third, second, first, here = around[:4]
    for phrase in (f"{first} {here}", f"{second} {first} {here}", f"{second} {first}", f"{third} {second} {first}", f"{third} {second}"):
        if phrase in IDIOMS:
            weight = _of_idiom(phrase, note)
            break
    for end in range(5, len(around) + 1):
        phrase = " ".join(around[3:end])
        if phrase in IDIOMS:
            weight = _of_idiom(phrase, note)
    for phrase in (f"{third} {second} {first}", f"{third} {second}", f"{second} {first}"):
        if phrase in BOOSTERS:
            weight += BOOSTERS[phrase]
            if note is not None:
                note.append(f"changed by “{phrase}”")
    return weight


def _of_idiom(phrase: str, note: Notes) -> float:
    if note is not None:
        note.append(f"part of the idiom “{phrase}”")
    return IDIOMS[phrase]


def turn_at_but(weights: list[float], hits: Sequence[int], but: int, notes: dict[int, list[str]] | None = None) -> None:
    """Halve the weights before “but” (at position `but`) and strengthen those after it by half, in place.

    As in vaderSentiment, which looks a weight up by its value, each step changes the *first* weight that equals the one at hand: a
    value that occurs twice may be changed twice and its twin left alone. The heaps find that first one without a search.
    """
    holders: dict[float, list[int]] = {}
    for k, weight in enumerate(weights):
        holders.setdefault(weight, []).append(k)
    for k in range(len(weights)):
        first = heappop(holders[weights[k]])
        before = hits[first] < but
        changed = weights[first] * (0.5 if before else 1.5)
        if notes is not None and changed:
            notes[hits[first]].append("halved, as “but” follows" if before else "stronger after “but”")
        weights[first] = changed
        heappush(holders.setdefault(changed, []), first)
