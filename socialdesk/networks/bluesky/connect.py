"""How an account is connected: by its handle and an app password, for which its server opens a session that is renewed from then on."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings

from socialdesk.networks.base import EXPIRED, AccountConfig, Begun, Connected, Field, Grant, NetworkError
from socialdesk.networks.bluesky.client import Client
from socialdesk.networks.bluesky.values import NETWORK, is_did, items, part, words

CHAT = "chat"  # in credentials: yes or no, as private messages were found when the session was opened
_NO_CHAT = "Its app password was made without access to private messages. Make one with it and connect the account anew."
_CHATLESS = "Its server has no private messages."
_CHAT_AWAY = "Bluesky's private messages could not be reached when the desk asked. It asks again within two hours."


class BlueskyConnecting:
    """See Connecting."""

    steps: tuple[str, ...] = (
        "Sign in to Bluesky with your company's account and open Settings, Privacy and security, App passwords.",
        "Add one for the desk, and allow it access to your direct messages, so that customers can be answered privately.",
        "Type in the account's handle and that password. The account's own password stays with you.",
    )
    fields: tuple[Field, ...] = (
        Field("identifier", "Handle", help="As in tidewheel.bsky.social, or a domain of your own."),
        Field("password", "App password", help="Four groups of four letters.", is_secret=True),
        Field("service", "Server", help="Leave it empty; the desk finds out where the account lives.", is_required=False),
    )
    by_redirect = False

    def missing(self) -> str:
        return ""

    def begin(self, values: Mapping[str, str], *, redirect_uri: str, state: str, challenge: str) -> Begun:
        raise NetworkError("Bluesky accounts are connected by an app password.", permanent=True, code="not_supported")

    def finish(self, values: Mapping[str, str], *, answer: Mapping[str, str], verifier: str, redirect_uri: str) -> Sequence[Connected]:
        identifier = _identifier(values.get("identifier", ""))
        service = _service(values.get("service", "")) or _find_service(identifier)
        try:
            credentials = _open(identifier, values.get("password", ""), service)
        except NetworkError as error:
            if error.code == "AuthFactorTokenRequired":
                reason = "This is the account's own password, and it asks for a code besides. Make an app password for the desk."
                raise NetworkError(reason, permanent=True, code=error.code) from error
            if error.account_revoked:
                reason = "Bluesky does not take this handle and app password. Look at both, or make a new app password."
                raise NetworkError(reason, permanent=True, code="wrong_password") from error
            raise
        grant = self.probe(AccountConfig(NETWORK, "", credentials=credentials))
        return [Connected(credentials | {CHAT: "no" if "direct_message" in grant.cannot else "yes"}, grant)]

    def probe(self, config: AccountConfig) -> Grant:
        client = Client(config)
        us = client.query("com.atproto.server.getSession")
        did, handle = words(us.get("did")), words(us.get("handle"))
        if not is_did(did) or not handle:
            raise NetworkError("The server does not say whose account this is.", permanent=True, code="nameless")
        if us.get("active") is False:
            state = words(us.get("status")) or "not active"
            raise NetworkError(f"Bluesky says that this account is {state}.", permanent=True, account_revoked=True, code="not_active")
        _, reason = _ask_for_chat(client)
        cannot = dict.fromkeys(("direct_message", "reads_direct_messages"), reason) if reason else {}
        return Grant(external_id=did, username=handle, display_name=_display_name(client, did), cannot=cannot)

    def renew(self, config: AccountConfig) -> Mapping[str, str] | None:
        """By the refresh token, which the server replaces each time; where that is over or got lost, by the app password."""
        old = config.credentials
        fresh = {**old, **_renewed(config)}
        answer, _ = _ask_for_chat(Client(AccountConfig(NETWORK, config.username, config.external_id, fresh)))
        return fresh | ({CHAT: answer} if answer else {})

    def give_back(self, config: AccountConfig) -> str:
        """The session ends. An app password cannot take itself back."""
        if config.credentials.get("refresh"):
            try:
                Client(config, token=config.credentials["refresh"]).procedure("com.atproto.server.deleteSession", is_write=False)
            except NetworkError as error:
                if not error.permanent and error.code != EXPIRED:
                    raise
        return "Delete the desk's app password on Bluesky, under Settings, Privacy and security, App passwords."


def _renewed(config: AccountConfig) -> dict[str, str]:
    old = config.credentials
    if old.get("refresh"):
        try:
            said = Client(config, token=old["refresh"]).procedure("com.atproto.server.refreshSession", is_write=False)
            return _session(said)
        except NetworkError as error:
            if error.code != EXPIRED:
                raise
    return _open(old.get("identifier", ""), old.get("password", ""), old.get("service", ""))


def _open(identifier: str, password: str, service: str) -> dict[str, str]:
    """Credentials with a new session. Servers let an account open only a few hundred a day."""
    client = Client(AccountConfig(NETWORK, identifier, credentials={"service": service}), token="")
    said = client.procedure("com.atproto.server.createSession", {"identifier": identifier, "password": password}, is_write=False)
    did = words(said.get("did"))
    if not is_did(did):
        raise NetworkError("The server does not say whose account this is.", permanent=True, code="nameless")
    home = _home(part(said.get("didDoc"))) or client.service
    return {"identifier": identifier, "password": password, "service": home, "did": did} | _session(said)


def _session(said: Mapping[str, Any]) -> dict[str, str]:
    access, refresh = words(said.get("accessJwt")), words(said.get("refreshJwt"))
    if not access or not refresh or not (access + refresh).isascii() or not (access + refresh).isprintable():
        raise NetworkError("The server opened no session.", permanent=True, code="no_session")
    return {"access": access, "refresh": refresh, "expires_at": _end_of(access)}


def _end_of(token: str) -> str:
    """When a token ends, as it says itself (RFC 7519); "" where it does not. It is not checked: that is the server's to do."""
    try:
        payload = token.split(".")[1]
        ends = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
        return datetime.fromtimestamp(int(ends), UTC).isoformat()
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, OSError):
        return ""


def _identifier(typed: str) -> str:
    given = typed.strip().removeprefix("@").strip()
    if not given:
        raise NetworkError("Type in the account's handle.", permanent=True, code="no_handle")
    is_name = "." not in given and "@" not in given and not given.startswith("did:")
    return f"{given}.bsky.social" if is_name else given


def _service(typed: str) -> str:
    given = typed.strip().rstrip("/")
    return given if not given or "://" in given else f"https://{given}"


def _find_service(identifier: str) -> str:
    """The server of an account, as its DID's document says; the one of most accounts where it cannot be found out."""
    client = Client(AccountConfig(NETWORK, identifier), token="")
    try:
        did = identifier
        if not is_did(did):
            did = words(client.query("com.atproto.identity.resolveHandle", handle=identifier).get("did"))
        if did.startswith("did:plc:"):
            return _home(client.read_document(f"{settings.BLUESKY_DIRECTORY}/{quote(did, safe=':')}"))
        if did.startswith("did:web:") and is_did(did):
            return _home(client.read_document(f"https://{did.removeprefix('did:web:')}/.well-known/did.json"))
    except NetworkError as error:
        if not error.permanent:
            raise
    return ""


def _home(document: Mapping[str, Any]) -> str:
    for service in items(document.get("service")):
        named = words(part(service).get("id"))
        if named == "#atproto_pds" or named.endswith("#atproto_pds"):
            address = words(part(service).get("serviceEndpoint")).rstrip("/")
            return address if address.startswith(("https://", "http://")) else ""
    return ""


def _ask_for_chat(client: Client) -> tuple[str, str]:
    """Whether private messages can be read with these credentials, and why they cannot. Neither yes nor no where nobody knows now."""
    try:
        client.query("chat.bsky.convo.listConvos", to_chat=True, limit=1)
    except NetworkError as error:
        if error.account_revoked:
            raise
        if not error.permanent:
            return "", _CHAT_AWAY
        return "no", _NO_CHAT if error.code == "not_allowed" else _CHATLESS
    return "yes", ""


def _display_name(client: Client, did: str) -> str:
    try:
        return words(client.query("app.bsky.actor.getProfile", actor=did).get("displayName"))[:200]
    except NetworkError as error:
        if error.permanent and not error.account_revoked:
            return ""
        raise
