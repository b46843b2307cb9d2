"""Numbers that come in forms."""

from __future__ import annotations

from socialdesk.lib.errors import DeskError


def read_number(word: str) -> int | None:
    """A number of a form, None where nothing was given. Raises DeskError on anything else."""
    if not word:
        return None
    if not word.isdecimal() or len(word) > 18:
        raise DeskError("This form is not whole. Reload the page and send it again; your text is kept.")
    return int(word)
