"""Signatures of what is told from system to system: the scheme of Standard Webhooks 1.0.0, symmetric.

Specification: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. What is signed is
"id.timestamp.body" with HMAC-SHA256; a secret is base64 after "whsec_"; the header holds "v1," and the signature in base64, several
apart by blanks while a secret is being changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from socialdesk.lib.errors import DeskError

PREFIX = "whsec_"
APART = timedelta(minutes=5)  # how far two clocks may differ, and for how long somebody could send again what they overheard
_SHORTEST, _LONGEST = 16, 64  # bytes; the specification asks senders for 24 and more, some send less


class BadSignature(DeskError):
    """Not signed with the secret of that system, or not now."""

    status = 401
    code = "bad_signature"


def make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def check_secret(text: str) -> str:
    """A secret as another system shows it. Raises DeskError for what is none."""
    given = text.strip()
    try:
        length = len(_key(given))
    except (binascii.Error, ValueError):
        length = 0
    if not _SHORTEST <= length <= _LONGEST:
        raise DeskError("This is no signing secret. Copy it whole, from whsec_ to its end.")
    return given


def sign(*, secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The Webhook-Signature header of a message."""
    digest = hmac.new(_key(secret), b"%b.%d.%b" % (message_id.encode(), timestamp, body), hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def verify(*, secret: str, message_id: str, timestamp: str, signatures: str, body: bytes, now: datetime) -> None:
    """Raises BadSignature unless one of `signatures` is ours and was made within APART of `now`."""
    if not (message_id and timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 13):
        raise BadSignature("Webhook-Id, Webhook-Timestamp and Webhook-Signature are needed.")
    if abs(now.timestamp() - int(timestamp)) > APART.total_seconds():
        raise BadSignature("Webhook-Timestamp is more than five minutes from now. Set the clock, or sign again when you send again.")
    expected = sign(secret=secret, message_id=message_id, timestamp=int(timestamp), body=body)
    if not any(hmac.compare_digest(expected.encode(), given.encode()) for given in signatures.split()[:10]):
        raise BadSignature("The signature is not that of this connection's secret.")


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
