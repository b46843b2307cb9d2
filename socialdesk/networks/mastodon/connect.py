"""How an account is connected: the desk registers itself at the server that was typed in, and the person allows it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from socialdesk.networks.base import AccountConfig, Begun, Connected, Field, Grant, NetworkError
from socialdesk.networks.mastodon.client import AGENT, Client
from socialdesk.networks.mastodon.entities import identity, words
from socialdesk.networks.mastodon.server import Limits, address_of, person_id, read_domain, read_limits

READS = ("read:accounts", "read:statuses", "read:notifications", "read:lists", "read:follows")
WRITES = ("write:statuses", "write:media", "write:favourites")
SCOPES = " ".join((*READS, *WRITES))

# What each ability needs. Without one of them the account may not.
_NEEDED = {
    "reply": ("write:statuses", "read:statuses"),
    "direct_message": ("write:statuses", "read:accounts"),
    "repost": ("write:statuses",),
    "post": ("write:statuses",),
    "delete": ("write:statuses",),
    "like": ("write:favourites",),
    "reads_direct_messages": ("read:notifications",),
    "streams": ("read:statuses", "read:notifications"),
    "backfill": ("read:statuses", "read:notifications"),
    "context": ("read:statuses",),
    "tells_deletions": ("read:statuses",),
    "tells_edits": ("read:statuses",),
}


class MastodonConnecting:
    """See Connecting."""

    steps: tuple[str, ...] = (
        "Have an account for your company on a Mastodon server, or on another that speaks Mastodon's API.",
        "Type in the server's name. You are sent there to sign in with that account and to allow the desk.",
        "To hear what certain people write, put them on a list there and type in its name too.",
    )
    fields: tuple[Field, ...] = (
        Field("server", "Server", help="The name behind the second @ of your account, as in mastodon.example."),
        Field("list", "List", help="The name of a list of yours whose people are heard too.", is_required=False),
    )
    by_redirect = True

    def missing(self) -> str:
        return ""

    def begin(self, values: Mapping[str, str], *, redirect_uri: str, state: str, challenge: str) -> Begun:
        client = Client(AccountConfig("mastodon", "", credentials={"server": values.get("server", "")}))
        form = {"client_name": AGENT, "redirect_uris": redirect_uri, "scopes": SCOPES, "website": settings.PUBLIC_URL}
        app = client.post_form("/api/v1/apps", form)
        client_id, client_secret = words(app.get("client_id")), words(app.get("client_secret"))
        if not client_id or not client_secret:
            raise NetworkError(f"{client.host} did not let the desk register itself.", permanent=True, code="no_app")
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPES,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return Begun(f"{client.address}/oauth/authorize?{urlencode(asked)}", {"client_id": client_id, "client_secret": client_secret})

    def finish(self, values: Mapping[str, str], *, answer: Mapping[str, str], verifier: str, redirect_uri: str) -> Sequence[Connected]:
        code = answer.get("code", "")
        if answer.get("error") or not code:
            raise NetworkError("The desk was not allowed there, so nothing was connected.", permanent=True, code="not_allowed")
        credentials = {
            "server": address_of(values.get("server", "")),
            "client_id": values.get("client_id", ""),
            "client_secret": values.get("client_secret", ""),
        }
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        credentials |= _token(credentials, given)
        client = Client(AccountConfig("mastodon", "", credentials=credentials))
        credentials["domain"] = read_domain(_instance(client), client.address)
        if title := values.get("list", "").strip():
            credentials["list"] = _find_list(client, title)
        return [Connected(credentials, self.probe(AccountConfig("mastodon", "", credentials=credentials)))]

    def probe(self, config: AccountConfig) -> Grant:
        client = Client(config)
        us = client.read(lambda api: api.account_verify_credentials())
        our_id, name = identity(us.get("id")), words(us.get("username")) or words(us.get("acct")).partition("@")[0]
        if not our_id or not name:
            raise NetworkError(f"{client.host} does not say whose account this is.", permanent=True, code="nameless")
        scopes = set(config.credentials.get("scope", "").split())
        limits = read_limits(_instance(client))
        return Grant(
            external_id=person_id(our_id, client.domain),
            # With the server's name: the same one may be taken by us on two of them.
            username=f"{name}@{client.domain}",
            display_name=words(us.get("display_name")),
            cannot=_why_it_does_not_stream(client) | _cannot(scopes),
            limits=_limits(limits, scopes),
        )

    def renew(self, config: AccountConfig) -> Mapping[str, str] | None:
        """Mastodon's tokens do not end; those of a server whose tokens do come with another to renew them."""
        old = config.credentials
        if not old.get("refresh_token"):
            return None
        return {**old, **_token(old, {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]})}

    def give_back(self, config: AccountConfig) -> str:
        given = config.credentials
        client = Client(AccountConfig("mastodon", config.username, credentials={"server": given.get("server", "")}))
        app = {"client_id": given.get("client_id", ""), "client_secret": given.get("client_secret", "")}
        for token in filter(None, (given.get("refresh_token"), given.get("access_token"))):
            client.post_form("/oauth/revoke", {**app, "token": token})
        return ""


def _token(credentials: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """What the server gives for a code, or for an older token."""
    # Without the token that it replaces, which may have ended.
    client = Client(AccountConfig("mastodon", "", credentials={"server": credentials["server"]}))
    app = {"client_id": credentials.get("client_id", ""), "client_secret": credentials.get("client_secret", "")}
    said = client.post_form("/oauth/token", {**app, **given})
    token = words(said.get("access_token"))
    if not token or len(token) > 10_000 or not token.isascii() or not token.isprintable():
        raise NetworkError(f"{client.host} gave no token.", permanent=True, code="no_token")
    fresh = {"access_token": token, "scope": words(said.get("scope")) or credentials.get("scope", "")}
    ends_in = said.get("expires_in")
    if refresh_token := words(said.get("refresh_token")):
        fresh["refresh_token"] = refresh_token
    if type(ends_in) is int and 0 < ends_in < 10**9:
        fresh["expires_at"] = (datetime.now(UTC) + timedelta(seconds=ends_in)).isoformat()
    return fresh


def _instance(client: Client) -> Mapping[str, Any]:
    """The server's description of itself, in the words of its time; an empty one where it gives none."""
    for path in ("/api/v2/instance", "/api/v1/instance"):
        try:
            return client.get(path)
        except NetworkError as error:
            if error.code != "not_found":
                raise
    return {}


def _find_list(client: Client, title: str) -> str:
    lists = [each for each in client.read_list(lambda api: api.lists()) if isinstance(each, Mapping)]
    for each in lists:
        if words(each.get("title")).casefold() == title.casefold() and identity(each.get("id")):
            return identity(each.get("id"))
    known = ", ".join(words(each.get("title")) for each in lists[:10]) or "none"
    raise NetworkError(f"This account has no list {title!r}; it has: {known}.", permanent=True, code="no_list")


def _why_it_does_not_stream(client: Client) -> dict[str, str]:
    """Some servers (Pleroma, GoToSocial) push to browsers only. What fails for another reason may work the next time."""
    try:
        client.open(f"{client.streaming_address()}/api/v1/streaming/user").close()
    except NetworkError as error:
        if error.permanent and not error.account_revoked:
            return {"streams": "This server does not push to programs; its posts are read every minute."}
    return {}


def _cannot(scopes: set[str]) -> dict[str, str]:
    """Nothing where the server does not say what it allowed."""
    if not scopes:
        return {}
    lacking = {name: [scope for scope in needed if not _covers(scopes, scope)] for name, needed in _NEEDED.items()}
    return {name: f"It was not allowed {' and '.join(missing)}. Connect it anew." for name, missing in lacking.items() if missing}


def _covers(scopes: set[str], scope: str) -> bool:
    return scope in scopes or scope.partition(":")[0] in scopes


def _limits(limits: Limits, scopes: set[str]) -> dict[str, int]:
    may_attach = not scopes or _covers(scopes, "write:media")
    return {
        "max_length": limits.of_text,
        "max_message_length": limits.of_text,
        "max_pictures": limits.pictures if may_attach else 0,
        "max_picture_bytes": limits.picture_bytes,
        "max_film_bytes": limits.film_bytes if may_attach else 0,
        "max_picture_alt": limits.alt,
        "max_film_alt": limits.alt,
    }
