"""The codes that a conversation waits for, and whether a text gives one away: asked before anything is public."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from django.utils.crypto import salted_hmac

from engagement.models import Verification
from listening.models import Conversation
from socialdesk.lib.clock import now as current_time

DIGITS = 6
_FARTHEST = 4  # between two digits of one code, as in "1 - 2"
_NAMESPACE = "engagement.verification"


@dataclass(frozen=True, slots=True)
class LiveCodes:
    """Salts and hashes; the codes themselves are nowhere."""

    known: tuple[tuple[str, str], ...]

    def spans_in(self, text: str) -> list[tuple[int, int]]:
        """Where one of them stands in `text`, in any digits and spacing: (start, end)."""
        if not self.known:
            return []
        found = [(place, str(digit)) for place, character in enumerate(text) if (digit := _digit(character)) is not None]
        spans = []
        for number in range(len(found) - DIGITS + 1):
            window = found[number : number + DIGITS]
            is_close = all(later[0] - earlier[0] <= _FARTHEST for earlier, later in pairwise(window))
            if is_close and self.has("".join(digit for _, digit in window)):
                spans.append((window[0][0], window[-1][0] + 1))
        return spans

    def has(self, code: str) -> bool:
        return any(is_code(code, salt=salt, code_hash=code_hash) for salt, code_hash in self.known)


def live_codes(conversation: Conversation, *, now: datetime | None = None) -> LiveCodes:
    """The codes that were sent to the author of `conversation` and still work. One query."""
    alive = Verification.objects.filter(handle=conversation.author_id, state=Verification.State.LIVE, expires_at__gt=now or current_time())
    return LiveCodes(tuple(alive.filter(kind=Verification.Kind.CODE).values_list("salt", "code_hash")))


def hash_code(code: str, *, salt: str) -> str:
    """Keyed with the desk's secret, so that whoever has only the database cannot try out a million codes."""
    return salted_hmac(_NAMESPACE + salt, code, algorithm="sha256").hexdigest()


def is_code(code: str, *, salt: str, code_hash: str) -> bool:
    return hmac.compare_digest(hash_code(code, salt=salt), code_hash)


def read_digits(text: str) -> str:
    """The six digits that a text is, in any digits and spacing; "" if it is anything else."""
    bare = [character for character in text[:40] if character not in " \t\n\r-–.·\u200e\u200f\u2068\u2069"]
    digits = [_digit(character) for character in bare]
    return "".join(map(str, digits)) if len(digits) == DIGITS and None not in digits and len(text) <= 40 else ""


def _digit(character: str) -> int | None:
    return int(character) if character.isdecimal() else None
