"""The company's own numbers: patterns that its admins wrote, tried before they are kept and matched within a bound of time."""

from __future__ import annotations

import time
from functools import lru_cache

import regex

LONGEST = 200  # characters of a pattern
TRY_SECONDS = 0.25  # processor time for one trial text when a pattern is saved
SECONDS = 1.0  # processor time for one pattern on one draft

_PLAIN = (
    "Thank you for telling us, we are sorry and look into it at once. Gracias por avisar. Merci de votre patience. Danke für die Geduld."
)
_TRIAL = 3_000  # characters


class BadPattern(ValueError):
    """A pattern that cannot be kept; the text says why."""


class TooSlow(Exception):
    """A pattern did not come to an end on a text."""


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> regex.Pattern[str]:
    """Raises BadPattern if it is no regular expression."""
    if len(pattern) > LONGEST:
        raise BadPattern(f"It has {len(pattern)} characters; {LONGEST} are enough for a number's shape.")
    try:
        return regex.compile(pattern, regex.IGNORECASE)
    except (regex.error, OverflowError, RecursionError, MemoryError) as error:
        raise BadPattern(f"It is no regular expression: {error}.") from None


def check_pattern(pattern: str) -> None:
    """Raises BadPattern for what does not compile, matches ordinary sentences, or takes too long."""
    compiled = compile_pattern(pattern)
    try:
        if compiled.search("", timeout=TRY_SECONDS) or compiled.search(_PLAIN, timeout=TRY_SECONDS):
            raise BadPattern("It matches ordinary sentences, so that nothing could be sent. Say what makes the number yours: TW-\\d{6}.")
        for text in _trials(pattern):
            for _ in compiled.finditer(text, timeout=TRY_SECONDS):
                pass
    except TimeoutError:
        raise BadPattern("It takes too long on some texts. Avoid a repeat inside a repeat, as in (\\d+)+.") from None


def find_all(pattern: str, *texts: str) -> list[list[tuple[int, int]]]:
    """Where `pattern` stands in each of `texts`, all within one bound. Raises TooSlow, and BadPattern for one that was never checked."""
    found, left = [], SECONDS
    for text in texts:
        begun = time.thread_time()
        try:
            matches = compile_pattern(pattern).finditer(text, timeout=max(left, 0.001), concurrent=True)
            found.append([match.span() for match in matches if match.group()])
        except TimeoutError:
            raise TooSlow(pattern) from None
        left -= time.thread_time() - begun
    return found


def _trials(pattern: str) -> list[str]:
    """Texts on which a careless pattern does not come to an end: long runs of what it asks for, with an end that it does not.

    Its own letters follow, because a text without them is not searched at all.
    """
    end = "\x00" + "".join(character for character in regex.sub(r"\\\w", "", pattern) if character.isalnum())
    letters = sorted({character for character in pattern if character.isalnum() or character in " -_/."} | set("0a -"))[:24]
    runs = [*letters, "0a", "0 a-", "".join(letters)]
    return [run * (_TRIAL // len(run)) + end for run in runs]
