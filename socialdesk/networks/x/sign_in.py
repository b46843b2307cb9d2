"""What X gives for a code or a refresh token, and what a sign-in is good for."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from requests import Response

from socialdesk.lib.clock import now
from socialdesk.networks.base import AccountConfig, Grant, NetworkError
from socialdesk.networks.budget import Budget
from socialdesk.networks.x import fields, payloads
from socialdesk.networks.x.client import Client, XSession, read_json

TOKEN, REVOKE = "/2/oauth2/token", "/2/oauth2/revoke"
# What cannot be done without a scope, by the names of Capabilities.
_NEEDED = {
    "tweet.write": ("reply", "post", "repost", "delete"),
    "tweet.moderate.write": ("hide",),
    "like.write": ("like",),
    "dm.write": ("direct_message",),
    "dm.read": ("reads_direct_messages",),
}
LONG_POSTS = {"Premium": 25_000, "PremiumPlus": 25_000}  # characters, for those who pay X for them


def ask_grant(config: AccountConfig) -> Grant:
    """Whose sign-in it is, and what X and the person who gave it do not let it do."""
    client = Client(config)
    user = client.get("/2/users/me", fields.USER).get("data")
    author = payloads.read_author(user)
    if author is None or not isinstance(user, dict):
        raise NetworkError("X does not say whose sign-in this is.", retryable=True, code="unreadable_answer")
    cannot = _cannot(str(config.credentials.get("scope") or ""))
    if "reads_direct_messages" not in cannot and (reason := _why_no_messages(client)):
        cannot["reads_direct_messages"] = reason
    if not (config.credentials.get("app_token") or settings.X_BEARER):
        cannot["streams"] = "The desk has no bearer token of the app (SOCIALDESK_X_BEARER), so posts are heard when they are read."
    length = LONG_POSTS.get(str(user.get("subscription_type")))
    return Grant(author.external_id, author.username, author.display_name, cannot, {"max_length": length} if length else {})


def ask_token(form: Mapping[str, str]) -> dict[str, str]:
    try:
        answer = _post(TOKEN, form)
    except NetworkError as error:
        if not error.permanent:
            raise
        # It says nothing of the account where the app itself is refused.
        if error.code == "app_refused":
            reason = "X refuses the desk's app: check SOCIALDESK_X_CLIENT_ID and SOCIALDESK_X_CLIENT_SECRET."
            raise NetworkError(reason, permanent=True, code="app_refused") from error
        if "code" in form:
            raise NetworkError(f"X did not connect the account: {error} Begin again."[:400], permanent=True, code="refused") from error
        if not str(error).startswith("HTTP 400"):
            # Only so does X judge a refresh token (RFC 6749, 5.2); whatever else stands before it says nothing of ours.
            raise NetworkError(str(error), retryable=True, code="server_error") from error
        raise NetworkError(f"X takes our sign-in no more: {error}"[:400], permanent=True, account_revoked=True, code="revoked") from error
    return _credentials(read_json(answer, is_write=True))


def revoke(token: str) -> None:
    """X takes that token no more. One that has ended already is none of ours to end."""
    try:
        _post(REVOKE, {"token": token})
    except NetworkError as error:
        if error.code == "app_refused" or not str(error).startswith("HTTP 400"):
            raise


def _post(route: str, form: Mapping[str, str]) -> Response:
    """What X's sign-in answers the desk's app."""
    headers = {}
    if settings.X_CLIENT_SECRET:
        pair = f"{quote(settings.X_CLIENT_ID, safe='')}:{quote(settings.X_CLIENT_SECRET, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return XSession(Budget("x:sign-in"), credentials=None).post(route, data={**form, "client_id": settings.X_CLIENT_ID}, headers=headers)


def _credentials(answer: Mapping[str, Any]) -> dict[str, str]:
    token = answer.get("access_token")
    if not isinstance(token, str) or not token:
        raise NetworkError("X gave no sign-in that can be used. Begin again.", code="unreadable_answer")
    moment = now()
    credentials = {"access_token": token, "issued_at": moment.isoformat()}
    for name in ("refresh_token", "scope"):
        if isinstance(answer.get(name), str):
            credentials[name] = answer[name]
    seconds = answer.get("expires_in")
    if isinstance(seconds, int) and 0 < seconds < 10**9:
        credentials["expires_at"] = (moment + timedelta(seconds=seconds)).isoformat()
    return credentials


def _cannot(scope: str) -> dict[str, str]:
    given = scope.split()
    if not given:
        return {}
    return {
        name: f"The sign-in was given without the permission {needed}. Connect the account again to give it."
        for needed, names in _NEEDED.items()
        if needed not in given
        for name in names
    }


def _why_no_messages(client: Client) -> str:
    """X lets some apps not read messages, whatever the person allowed."""
    try:
        client.get("/2/dm_events", {"max_results": 1, "event_types": payloads.MESSAGE})
    except NetworkError as error:
        if error.permanent and not error.account_revoked:
            return f"X lets this app read no private messages: {error}"[:300]
    return ""
