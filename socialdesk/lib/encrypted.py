"""What is encrypted with keys derived from the secret key: a JSON model field, and what is kept for a while outside the database."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models


class UnreadableCredentials(Exception):
    """What is stored was encrypted under another secret key. Give the old key back, or enter the credentials again."""


class Unsealed(Exception):
    """What was sealed is not ours, was changed, is for something else, or is too old."""


def _fernet(purpose: str = "credentials") -> Fernet:
    info = f"socialdesk {purpose}".encode()
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def seal(value: Any, *, purpose: str) -> str:
    """Any JSON as text that nobody else can read or make. It opens for the same purpose only."""
    return _fernet(f"sealed {purpose}").encrypt(json.dumps(value).encode()).decode()


def unseal(sealed: str, *, purpose: str, seconds: int) -> Any:
    """What was sealed at most so long ago. Raises Unsealed."""
    try:
        return json.loads(_fernet(f"sealed {purpose}").decrypt(sealed.encode(), ttl=seconds))
    except (InvalidToken, UnicodeError):
        raise Unsealed from None


class EncryptedJSONField(models.TextField[dict[str, str], dict[str, str]]):
    """Holds a flat dictionary of strings. Cannot be searched, which is the point."""

    def get_prep_value(self, value: Any) -> str:
        return _fernet().encrypt(json.dumps(value or {}).encode()).decode()

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> dict[str, str]:
        if not value:
            return {}
        try:
            return dict(json.loads(_fernet().decrypt(value.encode())))
        except InvalidToken:
            raise UnreadableCredentials("credentials were encrypted under another secret key") from None

    def to_python(self, value: Any) -> dict[str, str]:
        return dict(value or {})
