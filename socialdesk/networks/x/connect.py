"""How an account of X is connected: OAuth 2.0 with PKCE, and tokens of two hours that are renewed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from django.conf import settings

from socialdesk.networks.base import AccountConfig, Begun, Connected, Field, Grant, NetworkError

SCOPES = (
    *("tweet.read", "tweet.write", "tweet.moderate.write", "users.read"),
    *("dm.read", "dm.write", "like.write", "media.write", "offline.access"),
)


class XConnecting:
    """See Connecting."""

    steps: tuple[str, ...] = (
        "Make an app in X's developer console, and choose the plan that pays for what the desk reads and writes.",
        "Under user authentication settings, let it read and write and send direct messages, as a web app, with the desk's address as"
        " callback.",
        "Give the desk its client ID and client secret as SOCIALDESK_X_CLIENT_ID and SOCIALDESK_X_CLIENT_SECRET.",
        "For posts within seconds, give it the app's bearer token too, as SOCIALDESK_X_BEARER.",
    )
    fields: tuple[Field, ...] = ()
    by_redirect = True

    def missing(self) -> str:
        return "" if settings.X_CLIENT_ID else "the desk's owner must set SOCIALDESK_X_CLIENT_ID, the client ID of your app at X."

    def begin(self, values: Mapping[str, str], *, redirect_uri: str, state: str, challenge: str) -> Begun:
        asked = {
            "response_type": "code",
            "client_id": settings.X_CLIENT_ID,
            "redirect_uri": redirect_uri,
            "scope": " ".join(SCOPES),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return Begun(f"{settings.X_WEB}/i/oauth2/authorize?{urlencode(asked, quote_via=quote)}")

    def finish(self, values: Mapping[str, str], *, answer: Mapping[str, str], verifier: str, redirect_uri: str) -> Sequence[Connected]:
        from socialdesk.networks.x import sign_in

        code = answer.get("code", "")
        if answer.get("error") or not code:
            why = "the desk was not allowed to" if answer.get("error") == "access_denied" else "it gave no code"
            raise NetworkError(f"X did not connect the account: {why}. Begin again, and allow what the desk asks for.", permanent=True)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        credentials = sign_in.ask_token(form)
        return (Connected(credentials, sign_in.ask_grant(AccountConfig("x", "", credentials=credentials))),)

    def probe(self, config: AccountConfig) -> Grant:
        from socialdesk.networks.x import sign_in

        return sign_in.ask_grant(config)

    def renew(self, config: AccountConfig) -> Mapping[str, str] | None:
        """X gives a new refresh token each time, and takes the old one no more."""
        from socialdesk.networks.x import sign_in

        refresh_token = config.credentials.get("refresh_token")
        if not refresh_token:
            return None
        return sign_in.ask_token({"grant_type": "refresh_token", "refresh_token": refresh_token})

    def give_back(self, config: AccountConfig) -> str:
        """Its sign-in, and the rules of the stream that were its own: the app would go on paying for what they find."""
        from socialdesk.networks.x import sign_in
        from socialdesk.networks.x.stream import XStream

        for name in ("refresh_token", "access_token"):
            if config.credentials.get(name):
                sign_in.revoke(config.credentials[name])
        if config.credentials.get("app_token") or settings.X_BEARER:
            XStream(config).drop_rules()
        return ""
