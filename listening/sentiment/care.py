"""The desk's scorer: VADER's rules over a lexicon that knows how people write to companies, and honest about what it cannot read."""

from __future__ import annotations

import re
import string
import threading
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from importlib.metadata import version

from listening.sentiment.base import Explanation, Guess, Label, Part, Score
from listening.sentiment.language import ENGLISH, language_name, resolve_language, without_links
from listening.sentiment.vader import FIRM, HIT, NEGATES, Word, compound, punctuation_emphasis, weigh
from listening.sentiment.vocabulary import CARE, HINT, REQUEST, SYMBOL, THANKS, CareVocabulary, join_phrases, prepare, tokens_in_place

# Where the labels begin, as scores. Praise needs more: a polite word is soon said.
NEGATIVE_AT = -0.2
POSITIVE_AT = 0.35
# Below this confidence the label is "unsure".
SURE_FROM = 0.4

_LONGEST = 20_000  # characters that are judged; no network allows posts as long
_UNMET = -0.7  # “not”, “can't” and the like where they turn no word round: something does not work or did not come
_REACH = 3  # words after a negation that it may turn round, as in the rules
_HINTS_AT_MOST = -2.0  # a long post gathers many; they shall not outweigh what it says outright
_A_COMPLAINT = -1.2  # from here on thanks are a bitter or a polite ending
_WEAK = HINT | NEGATES
_MARKS = re.compile(r"[!?]+")
_AROUND = string.punctuation + "“”‘’…—–"
_LETTER = re.compile(r"[^\W\d_]")


class _Account:
    """What `explain` gathers on the way: where each word stands, what it weighs, what the rules did to it, and why."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans = [(start, end) for _, start, end in tokens_in_place(text)]
        self.notes: dict[int, list[str]] = {}
        self.weights: dict[int, float] = {}
        self.marks = 0.0
        self.reasons: list[str] = []

    def weigh(self, i: int, weight: float, word: Word) -> None:
        """Enter what the word at `i` weighs so far, and where that is from."""
        self.weights[i] = weight
        if word.note:
            origin = f"care lexicon: {word.note}"
        elif word.flags & SYMBOL:
            origin = "an emoji or emoticon"
        else:
            origin = "a good word" if word.weight > 0 else "a bad word"
        self.notes.setdefault(i, []).insert(0, origin)

    def change(self, i: int, factor: float, note: str) -> None:
        """Multiply the weight of the word at `i`, and say why."""
        self.weights[i] *= factor
        self.notes[i].append(note)

    def place(self, i: int) -> tuple[int, int]:
        """Where the word at `i` stands, without the punctuation around it, which an emoticon consists of."""
        start, end = self.spans[i]
        token = self.text[start:end]
        if not _LETTER.search(token):
            return start, end
        return start + len(token) - len(token.lstrip(_AROUND)), end - len(token) + len(token.rstrip(_AROUND))

    def quote(self, i: int) -> str:
        """The word at `i` as it was written."""
        start, end = self.place(i)
        return f"“{self.text[start:end]}”"


class CareScorer:
    """`Scorer` for short public posts in English. `own_terms` are names of the company and its products, which carry no feeling.

    Handles and links carry none either. A post in another language, or with nothing in it to judge, is `unsure`, and only its emoji
    and emoticons are read. The steps of the confidence were read off vaderSentiment's own rated tweets (MIT licence); each is about
    the share of such posts that it judges as the raters did.
    """

    name = "vader+care"
    version = f"{version('vaderSentiment')}+care.1"

    def __init__(self, own_terms: Iterable[str] = ()) -> None:
        self._vocabulary = CareVocabulary(own_terms)

    def score(self, text: str, *, language: str = "") -> Score:
        """Judge one text by its first 20,000 characters."""
        return self._judge(text, language, None)

    def score_many(self, texts: Sequence[tuple[str, str]]) -> list[Score]:
        """Judge pairs of (text, language), in their order."""
        judge = self._judge
        return [judge(text, language, None) for text, language in texts]

    def explain(self, text: str, *, language: str = "") -> Explanation:
        """The same score, with each word's part and the reasons in sentences.

        The score is the sum of the parts brought between -1 and 1 (`vader.compound`). Exclamation and question marks are one part,
        with the span of their first run.
        """
        account = _Account(text[:_LONGEST])
        score = self._judge(text, language, account)
        places = [(*account.place(i), weight, "; ".join(account.notes[i])) for i, weight in account.weights.items()]
        if account.marks and (marks := _MARKS.search(text)):
            places.append((*marks.span(), account.marks, "exclamation or question marks strengthen what the words say"))
        parts = [Part(text[start:end], start, end, weight, note) for start, end, weight, note in sorted(places)]
        if len(text) > _LONGEST:
            account.reasons.append(f"Only its first {_LONGEST:,} characters were judged.")
        return Explanation(score, parts, account.reasons)

    def _judge(self, text: str, claimed: str, account: _Account | None) -> Score:
        text = prepare(text[:_LONGEST])
        tokens = text.split()
        words = list(map(self._vocabulary.__getitem__, tokens))
        language = resolve_language(text, tokens, claimed)
        readable = language == ENGLISH
        if not readable:
            words = [word if word is not None and word.flags & SYMBOL else None for word in words]
            readable = not language and _is_symbols_alone(tokens, words)
        good, bad = _weigh(tokens, words, account)
        total = good + bad
        emphasis = punctuation_emphasis(text)
        score = round(compound(total, emphasis), 4)
        guess: Guess = "negative" if score <= NEGATIVE_AT else "positive" if score >= POSITIVE_AT else "neutral"
        confidence = _confidence(guess, score, good, bad) if readable else 0.0
        label: Label = guess if confidence >= SURE_FROM else "unsure"
        if account is not None:
            account.marks = emphasis if total > 0 else -emphasis if total < 0 else 0.0
            account.reasons += _reasons(language, readable, label, good, bad, account)
        return Score(score, label, confidence, language, self.name, self.version, guess)


def _is_symbols_alone(tokens: Sequence[str], words: Sequence[Word | None]) -> bool:
    """Whether there are emoji or emoticons among `words`, and no other words beside them."""
    if not any(words):
        return False
    rest = " ".join(token for token, word in zip(tokens, words, strict=True) if word is None)
    return not _LETTER.search(without_links(rest))


def _weigh(tokens: list[str], words: list[Word | None], account: _Account | None) -> tuple[float, float]:
    """All that speaks for (0 or more) and against (0 or less). Joins phrases in `tokens` and `words`."""
    join_phrases(tokens, words, account.spans if account is not None else None)
    flags, hits, weak = _survey(words)
    weights = weigh(tokens, words, flags, hits, account.notes if account is not None else None)
    if account is not None:
        for i, weight in zip(hits, weights, strict=True):
            word = words[i]
            assert word is not None
            account.weigh(i, weight, word)
    bad = sum(weight for weight in weights if weight < 0)
    good_hints, bad_hints = _hints(words, hits, weak, account) if weak else (0.0, 0.0)
    bad += bad_hints
    if flags & (THANKS | CARE):
        weights = _discount(tokens, words, flags, hits, weights, bad, account)
    return sum(weight for weight in weights if weight > 0) + good_hints, bad


def _survey(words: Sequence[Word | None]) -> tuple[int, list[int], list[int]]:
    """`vader.survey`, and with it the positions of what the rules leave alone: hints and negations."""
    flags = 0
    hits: list[int] = []
    weak: list[int] = []
    for i, word in enumerate(words):
        if word is not None:
            bits = word.flags
            flags |= bits
            if bits & HIT:
                hits.append(i)
            elif bits & _WEAK:
                weak.append(i)
    return flags, hits, weak


def _hints(words: Sequence[Word | None], hits: Sequence[int], weak: Sequence[int], account: _Account | None) -> tuple[float, float]:
    """The good and the bad of the words at `weak`: hints as they weigh, negations where they turn no hit round."""
    found: list[tuple[int, float]] = []
    for i in weak:
        word = words[i]
        assert word is not None
        if word.flags & HINT:
            found.append((i, word.weight))
        else:
            following = bisect_right(hits, i)
            if following == len(hits) or hits[following] > i + _REACH or _is_firm(words[hits[following]]):
                found.append((i, _UNMET))
    good = sum(weight for _, weight in found if weight > 0)
    bad = sum(weight for _, weight in found if weight < 0)
    share = min(1.0, _HINTS_AT_MOST / bad) if bad else 1.0
    if account is not None:
        for i, weight in found:
            word = words[i]
            assert word is not None
            if word.flags & HINT:
                account.weigh(i, weight, word)
            else:
                account.weights[i] = weight
                account.notes[i] = ["something is not, cannot or did not"]
            if share < 1 and weight < 0:
                account.change(i, share, "one of many hints")
    return good, bad * share


def _is_firm(word: Word | None) -> bool:
    return word is not None and bool(word.flags & FIRM)


def _discount(
    tokens: Sequence[str],
    words: Sequence[Word | None],
    flags: int,
    hits: Sequence[int],
    weights: Sequence[float],
    bad: float,
    account: _Account | None,
) -> list[float]:
    """`weights` without thanks that only close a complaint or a request, and with half of the praise that stands beside a failure."""
    complaint = bad <= _A_COMPLAINT
    closing = complaint or bool(flags & REQUEST) or any("?" in token and "://" not in token for token in tokens)
    bits = [word.flags if (word := words[i]) is not None else 0 for i in hits]
    failing = any(weight < 0 and bit & CARE for weight, bit in zip(weights, bits, strict=True))
    discounted = []
    for i, weight, bit in zip(hits, weights, bits, strict=True):
        factor = 1.0
        if weight > 0 and closing and bit & THANKS:
            factor = 0.0
            note = f"not counted, as it closes a {'complaint' if complaint else 'request'}"
        elif weight > 0 and failing:
            factor = 0.5
            note = "counted half beside a failure"
        if factor != 1.0 and account is not None:
            account.change(i, factor, note)
        discounted.append(weight * factor)
    return discounted


def _confidence(guess: Guess, score: float, good: float, bad: float) -> float:
    """The share of such posts whose guess is right."""
    if guess == "neutral":
        if good and bad:
            return 0.35
        return 0.5 if good or bad else 0.63
    contradicted = 3 * min(good, -bad) > max(good, -bad)
    return round(min(0.92, 0.2 + 0.95 * abs(score)) - (0.15 if contradicted else 0.0), 2)


def _reasons(language: str, readable: bool, label: Label, good: float, bad: float, account: _Account) -> list[str]:
    """Why the label is what it is, as sentences for an agent."""
    if not readable:
        if language:
            reasons = [f"The words are in {language_name(language)}, which this scorer cannot read."]
        elif _LETTER.search(without_links(account.text)):
            reasons = ["It is too short or too unusual to tell its language, so its words were not judged."]
        else:
            reasons = ["There is nothing in it to judge: no words, and no emoji that carry feeling."]
        if account.weights:
            reasons.append("Only its emoji and emoticons were read.")
        return reasons
    if label == "unsure" and not (good and bad):
        return ["What it says is too weak to be sure of it."]
    if label == "unsure":
        return ["Good and bad words are about equally strong, so that it may be meant either way."]
    if label == "neutral":
        if not account.weights:
            return ["No word in it carries feeling, so it counts as neutral."]
        return ["What feeling there is in it is too weak to count."]
    sign = 1 if label == "positive" else -1
    strongest = sorted((i for i, weight in account.weights.items() if weight * sign > 0), key=lambda i: -abs(account.weights[i]))[:3]
    reasons = [f"What speaks for “{label}” most: {', '.join(account.quote(i) for i in strongest)}."]
    if good and bad:
        reasons.append("Something speaks against it, but less strongly.")
    return reasons


_scorer: CareScorer | None = None
_making = threading.Lock()


def get_scorer() -> CareScorer:
    """The scorer of this process, made at its first use; threads may share it."""
    global _scorer
    if _scorer is None:
        with _making:
            if _scorer is None:
                _scorer = CareScorer()
    return _scorer
