"""Numbers that come in forms and addresses."""

from __future__ import annotations

from collections.abc import Iterable

from socialdesk.lib.errors import DeskError

_LONGEST = 18  # digits; whatever is longer is the number of nothing
NOT_WHOLE = "This form is not whole. Reload the page and send it again; your text is kept."


def read_number(word: str, *, refusal: str = NOT_WHOLE) -> int | None:
    """A number, None where nothing was given. Raises DeskError with `refusal` on anything else."""
    if not word:
        return None
    if not (word.isascii() and word.isdecimal() and len(word) <= _LONGEST):
        raise DeskError(refusal)
    return int(word)


def read_numbers(words: Iterable[str]) -> list[int]:
    """Those that are numbers, in their order."""
    return [int(word) for word in words if word.isascii() and word.isdecimal() and len(word) <= _LONGEST]
