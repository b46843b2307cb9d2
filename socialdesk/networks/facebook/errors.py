"""What the Graph API's errors mean for the outbox: nothing was written, it may be tried again, or nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from socialdesk.networks.base import NetworkError
from socialdesk.networks.wire import refusal

# Graph API, "Handling errors" and "Rate limits"; 80001 and up are those of a business's page, account or messages.
RATE_LIMITS = frozenset({4, 17, 32, 341, 613, *range(80000, 80015)})
_PERMISSION = frozenset({3, 10, *range(200, 300)})
_REVOKED = frozenset({102, 190})
_UNSURE = frozenset({1, 2, 1200})  # unknown error, service down, a message that "temporarily" failed: the write may have happened
_GONE = 33  # subcode of 100: no such object, or not for us
_BLOCKED = 368  # for a while, for what looks like abuse
_ANSWERED = frozenset({10900})
_WINDOW = frozenset({2018278, 2534022, 10903})  # subcodes and codes that say: outside of the time in which they may be written to

WINDOW_CLOSED = "window_closed"
NOT_PERMITTED = "not_permitted"


@dataclass(frozen=True, slots=True)
class Said:
    """The error in an answer, read sanely."""

    code: int
    subcode: int
    message: str
    is_transient: bool


def read_error(response: requests.Response) -> Said | None:
    """The answer's `error`, None where it holds none. Facebook sends some with a status of 200."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):  # the dialog of signing in writes it so
        return Said(0, 0, str(body.get("error_description") or error), False)
    if not isinstance(error, dict):
        return None
    message = error.get("error_user_msg") or error.get("message")
    return Said(
        _whole(error.get("code")),
        _whole(error.get("error_subcode")),
        message if isinstance(message, str) else "",
        error.get("is_transient") is True,
    )


def error_for(status: int, said: Said | None, *, is_write: bool, wait: float | None, hide: Callable[[str], str]) -> NetworkError:
    """`hide` takes secrets out of what Facebook says."""
    if said is None:
        return refusal(status, "The network gave no reason.", is_write=is_write, wait=wait)
    message = hide(said.message)[:300] or "The network gave no reason."
    text = f"Facebook says: {message} ({said.code}{f'/{said.subcode}' if said.subcode else ''})"
    if said.code in _REVOKED:
        return NetworkError(f"{text}.", permanent=True, account_revoked=True, code="revoked")
    if said.code in RATE_LIMITS:
        return NetworkError(text, retryable=True, retry_after=wait or 300, code="rate_limit")
    if said.code == _BLOCKED:
        return NetworkError(text, retryable=True, retry_after=wait or 3600, code="blocked")
    if said.code in _ANSWERED:
        return NetworkError(
            f"This post got its one private answer already; more can be sent once they write to us. {text}", permanent=True, code="answered"
        )
    if said.code in _WINDOW or said.subcode in _WINDOW:
        return NetworkError(
            "Too long ago: a private message is taken for 24 hours after their last one to us, and one private answer for 7 days after"
            f" their comment. Answer publicly and ask them to write to us. {text}",
            permanent=True,
            code=WINDOW_CLOSED,
        )
    if said.code in _PERMISSION:
        return NetworkError(f"The account may not do this. {text}", permanent=True, code=NOT_PERMITTED)
    if said.code == 506:
        return NetworkError(text, permanent=True, code="already_there")
    if (said.code == 100 and said.subcode == _GONE) or said.code == 803:
        return NetworkError(text, permanent=True, code="not_found")
    if said.code in _UNSURE or said.is_transient or status >= 500:
        return NetworkError(text, retryable=not is_write, retry_after=wait, code="server_error")
    return NetworkError(text, permanent=True, code="refused")


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
