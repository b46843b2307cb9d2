"""Prints text messages instead of sending them: for the demo and for trying things out, as Django's console does for e-mail."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from datetime import datetime

from engagement.sms.base import BadSignature, IncomingText


class ConsoleSender:
    longest = 1_600
    can_look = False
    opted_out: frozenset[str] = frozenset()

    def send(self, *, to: str, text: str) -> str:
        sys.stdout.write(f"Text message to {to}: {text}\n")
        sys.stdout.flush()
        return f"console-{uuid.uuid4().hex}"

    def find(self, *, to: str, text: str, since: datetime) -> str | None:
        return None

    def read_incoming(self, *, url: str, form: Mapping[str, str], signature: str) -> IncomingText | None:
        raise BadSignature("The console receives nothing.")
