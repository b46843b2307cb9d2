"""How a JSON webhook is set up: its name, its secret, and which of the program's fields is what."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping, Sequence

from socialdesk.networks.base import AccountConfig, Begun, Connected, Field, Grant, Hook, HookRefused, NetworkError
from socialdesk.networks.json_hook.reading import FIELDS, BadMapping, read_mapping

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
_SHORTEST = 24  # characters of a secret


class Connecting:
    """See the protocol. Nobody is asked: what is typed is what the program must send."""

    steps: tuple[str, ...] = (
        "Choose a name; the program sends its posts by POST to /hooks/json/NAME/ on this desk.",
        "Copy the secret into the program: it signs each call with it by Standard Webhooks, or sends it as Authorization: Bearer SECRET.",
        "Say which of its fields is what, where they are not called as the desk calls them.",
    )
    by_redirect = False

    @property
    def fields(self) -> tuple[Field, ...]:
        """With a fresh secret each time that the form is shown."""
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        mapped = f"FIELD=path, apart by blanks, with dots into objects, as text=comment.body. Fields: entries, {', '.join(FIELDS)}."
        return (
            Field("name", "Name", "Small letters, digits and hyphens, as in our-forum. It becomes part of the address."),
            Field("secret", "Secret", "Copy it now: it is not shown again.", initial=secret),
            Field("mapping", "Fields", mapped, is_required=False),
        )

    def missing(self) -> str:
        return ""

    def begin(self, values: Mapping[str, str], *, redirect_uri: str, state: str, challenge: str) -> Begun:
        raise NetworkError("A JSON webhook is not signed in to.", permanent=True)

    def finish(self, values: Mapping[str, str], *, answer: Mapping[str, str], verifier: str, redirect_uri: str) -> Sequence[Connected]:
        name, secret = values.get("name", "").strip().lower(), values.get("secret", "").strip()
        mapping = values.get("mapping", "").strip()
        if not _NAME.fullmatch(name):
            raise NetworkError("Its name is 2 to 40 small letters, digits and hyphens.", permanent=True)
        if len(secret) < _SHORTEST or not secret.isascii() or not secret.isprintable() or " " in secret:
            raise NetworkError(f"The secret has at least {_SHORTEST} letters and signs, without blanks.", permanent=True)
        try:
            read_mapping(mapping)
        except BadMapping as error:
            raise NetworkError(str(error), permanent=True) from None
        return [Connected({"secret": secret, "mapping": mapping}, Grant(external_id=name, username=name, display_name=name))]

    def probe(self, config: AccountConfig) -> Grant:
        return Grant(external_id=config.external_id, username=config.username)

    def renew(self, config: AccountConfig) -> None:
        return None

    def give_back(self, config: AccountConfig) -> str:
        return ""


class Nowhere:
    """Nothing calls /hooks/json/ itself: each hook has its name, and its own secret."""

    def challenge(self, query: Mapping[str, str]) -> str:
        raise HookRefused("Send to /hooks/json/NAME/ with the name of the hook.")

    def read(self, *, headers: Mapping[str, str], body: bytes) -> Sequence[Hook]:
        raise HookRefused("Send to /hooks/json/NAME/ with the name of the hook.")
