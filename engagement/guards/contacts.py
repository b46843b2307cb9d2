"""What the company has made public: its own hotline, mailboxes and addresses, however they are spelled."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engagement.guards.reading import read

_COMPARED = 9  # last digits of a number that tell it, whether or not its country is written
_LEAST = 7


class PublicContacts:
    def __init__(self, contacts: Sequence[str]) -> None:
        self._texts = [text for text in map(_compact, contacts) if text]
        self._numbers = {digits[-_COMPARED:] for digits in map(_digits, contacts) if len(digits) >= _LEAST}

    def hold(self, kind: str, written: str) -> bool:
        """Whether what was found as `kind` is one of them."""
        if kind == "phone":
            digits = _digits(written)
            return any(digits.endswith(known) or (len(digits) >= _LEAST and known.endswith(digits)) for known in self._numbers)
        compact = _compact(written)
        if kind == "email":
            return compact in self._texts
        return bool(compact) and any(compact in text for text in self._texts)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", read(text).text).lstrip("0")


def _compact(text: str) -> str:
    return re.sub(r"[^\w@.]", "", read(text).text)
