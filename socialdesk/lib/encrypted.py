"""A JSON model field that is encrypted at rest with a key derived from the secret key."""

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


def _fernet() -> Fernet:
    key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"socialdesk credentials").derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(key))


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
