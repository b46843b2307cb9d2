"""What a service raises when a person or a program asks for something that cannot be done."""

from __future__ import annotations

import traceback
from typing import Any


class DeskError(Exception):
    """A refusal. `message` says what happened and what to do next; `code` is stable for programs; `status` is the HTTP answer."""

    status = 400
    code = "refused"

    def __init__(self, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.message = message
        self.extra = extra


class NotAllowed(DeskError):
    status = 403
    code = "not_allowed"


class NotFound(DeskError):
    status = 404
    code = "not_found"


class Conflict(DeskError):
    """Somebody else was first, or what was seen is no longer so."""

    status = 409
    code = "conflict"


class Unavailable(DeskError):
    """Nothing wrong with the request: the desk cannot do it now and nothing was kept of it."""

    status = 503
    code = "unavailable"


def without_words(error: Exception) -> str:
    """What kind of error it was and where, for the log, without what it says: that may hold an address with a token."""
    return f"{type(error).__name__}:\n{''.join(traceback.format_tb(error.__traceback__))}"
