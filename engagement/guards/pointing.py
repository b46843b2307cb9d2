"""Data that is named first and then asked for with a pronoun: “No order number, no refund. Tweet it to us!”"""

from __future__ import annotations

from collections.abc import Sequence

from engagement.guards.sentences import blank
from engagement.guards.things import without_things
from engagement.guards.vocabulary import words

_FARTHEST = 2  # sentences back


def find_pointed_at(sentences: Sequence[tuple[int, str]], number: int, language: str) -> list[tuple[int, int]]:
    """The datum that is to be told in public in sentence `number`, which only points at it.

    It stands earlier in that sentence, or in the one before; in the second before, if what follows goes on about it: “It starts with TW.”
    """
    sentence = sentences[number][1]
    told = words("told_here", language).search(_without_reports(sentence, language))
    if not told:
        return []
    text, between = sentence[: told.start()], ""
    for earlier in range(number, max(-1, number - 1 - _FARTHEST), -1):
        before = sentences[earlier - 1][1] if earlier else ""
        data = without_things([match.span() for match in words("data", language).finditer(text)], before, text, language)
        if data:
            start, end = data[-1]
            about = "\n".join(beside for _, beside in sentences[earlier : number + 2])
            behind = text[end:] + between
            is_other = words("other_antecedents", language).search(behind) or words("unneeded", language).search(behind)
            if is_other or _is_needless(text[:start], language) or _is_private(about, language):
                return []
            return [(sentences[earlier][0] + start, sentences[earlier][0] + end)]
        if earlier < number and not words("goes_on", language).match(text.lstrip()):
            return []
        between = text + between
        text = before
    return []


def _without_reports(sentence: str, language: str) -> str:
    """Without what somebody else does, or nobody should: “if you post it here, all can read it”, “don't post it here”."""
    for topic in ("reports", "statements", "warnings"):
        sentence = blank(words(topic, language), sentence)
    return sentence


def _is_needless(before: str, language: str) -> bool:
    """“No need for your order number”, but not “without your order number we find nothing”."""
    lacking = words("lacking", language)
    return any(not lacking.match(before, match.start()) for match in words("warnings", language).finditer(before))


def _is_private(text: str, language: str) -> bool:
    return words("private", language).search(blank(words("not_private", language), text)) is not None
