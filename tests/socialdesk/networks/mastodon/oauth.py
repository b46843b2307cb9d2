"""How the simulated server registers apps, lets a person allow them and gives out tokens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.socialdesk.networks.mastodon.simulator import Refused
from tests.socialdesk.networks.mastodon.world import Person, World, challenge_of
from tests.socialdesk.networks.served import Answer, Call


@dataclass(slots=True)
class App:
    id: str
    client_id: str
    client_secret: str
    redirect_uris: list[str]
    scopes: list[str]


@dataclass(slots=True)
class Token:
    person: Person
    app: App
    scopes: list[str]


class OAuth:
    """`expires_in`: as servers do whose tokens end. `is_denied`: the person says no."""

    def __init__(self, base: str, world: World) -> None:
        self._base, self._world = base, world
        self.apps: dict[str, App] = {}
        self.tokens: dict[str, Token] = {}
        self.refresh: dict[str, Token] = {}
        self.codes: dict[str, tuple[App, list[str], str, str]] = {}  # code -> app, scopes, redirect_uri, challenge
        self.expires_in = 0
        self.is_denied = False
        self.routes: dict[tuple[str, str], Callable[[Call], Answer]] = {
            ("POST", "/api/v1/apps"): self._register,
            ("GET", "/api/v1/apps/verify_credentials"): self._app,
            ("GET", "/oauth/authorize"): self._authorize,
            ("POST", "/oauth/token"): self._token,
            ("POST", "/oauth/revoke"): self._revoke,
        }

    def give_token(self, scopes: str = "read write", person: Person | None = None) -> str:
        """As if somebody had allowed the desk already."""
        app = App("1", "client", "secret", ["urn:ietf:wg:oauth:2.0:oob"], scopes.split())
        return self._issue(Token(person or self._world.us, app, scopes.split()))

    def bearer(self, call: Call) -> tuple[Person, list[str]]:
        given = call.headers.get("authorization", "").removeprefix("Bearer ")
        if given not in self.tokens:
            raise Refused(401, "The access token is invalid")
        return self.tokens[given].person, self.tokens[given].scopes

    def _issue(self, token: Token) -> str:
        given = secrets.token_urlsafe(32)
        self.tokens[given] = token
        return given

    def _register(self, call: Call) -> Answer:
        form = call.form
        uris = form.get("redirect_uris", [""])[0].split("\n")
        name = form.get("client_name", [""])[0]
        if not name or not uris[0]:
            raise Refused(422, "Validation failed: Application Name can't be blank, Redirect URI can't be blank")
        scopes = form.get("scopes", ["read"])[0].split()
        app = App(self._world.new_id(), secrets.token_urlsafe(16), secrets.token_urlsafe(16), uris, scopes)
        self.apps[app.client_id] = app
        return Answer(
            200, self._entity(app, name) | {"client_id": app.client_id, "client_secret": app.client_secret, "client_secret_expires_at": 0}
        )

    def _entity(self, app: App, name: str) -> dict[str, object]:
        return {
            "id": app.id,
            "name": name,
            "website": None,
            "scopes": app.scopes,
            "redirect_uri": "\n".join(app.redirect_uris),
            "redirect_uris": app.redirect_uris,
            "vapid_key": "BCk-QqERU0q-CfYZjcuB6lnyyOYfJ2AifKqfeGIm7Z-HiTU5T9eTG5GxVA0_OH5mMlI4UkkDTpaZwozy0TzdZ2M=",
        }

    def _app(self, call: Call) -> Answer:
        self.bearer(call)
        token = self.tokens[call.headers["authorization"].removeprefix("Bearer ")]
        return Answer(200, self._entity(token.app, "Social Desk"))

    def _authorize(self, call: Call) -> Answer:
        """The page on which the person says yes, and their yes, in one."""
        asked = {name: values[0] for name, values in call.query.items()}
        app = self.apps.get(asked.get("client_id", ""))
        if app is None or asked.get("response_type") != "code":
            raise Refused(401, "invalid_client", error_description="Client authentication failed due to unknown client.")
        uri, scopes = asked.get("redirect_uri", ""), asked.get("scope", "read").split()
        if uri not in app.redirect_uris:
            raise Refused(400, "invalid_redirect_uri", error_description="The redirect uri included is not valid.")
        if not set(scopes) <= set(app.scopes):
            raise Refused(400, "invalid_scope", error_description="The requested scope is invalid, unknown, or malformed.")
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            raise Refused(400, "invalid_code_challenge_method", error_description="The code challenge method must be S256.")
        if self.is_denied:
            back = {"error": "access_denied", "error_description": "The resource owner or authorization server denied the request."}
        else:
            code = secrets.token_urlsafe(24)
            self.codes[code] = (app, scopes, uri, asked.get("code_challenge", ""))
            back = {"code": code}
        return Answer(302, {}, {"Location": f"{uri}?{urlencode(back | {'state': asked.get('state', '')})}"})

    def _token(self, call: Call) -> Answer:
        form = {name: values[0] for name, values in call.form.items()}
        if form.get("grant_type") == "refresh_token":
            token = self.refresh.pop(form.get("refresh_token", ""), None)  # each is good for once
            if token is None:
                raise Refused(400, "invalid_grant", error_description="The provided authorization grant is invalid.")
            return self._give(token)
        app = self.apps.get(form.get("client_id", ""))
        if app is None or form.get("client_secret") != app.client_secret:
            raise Refused(401, "invalid_client", error_description="Client authentication failed due to unknown client.")
        code = self.codes.pop(form.get("code", ""), None)
        if form.get("grant_type") != "authorization_code" or code is None or code[0] is not app or code[2] != form.get("redirect_uri"):
            raise Refused(400, "invalid_grant", error_description="The provided authorization grant is invalid.")
        if code[3] and challenge_of(form.get("code_verifier", "")) != code[3]:
            raise Refused(400, "invalid_grant", error_description="The provided authorization grant is invalid.")
        return self._give(Token(self._world.us, app, code[1]))

    def _revoke(self, call: Call) -> Answer:
        """A token that is not known is no error; one of another app stays (RFC 7009)."""
        form = {name: values[0] for name, values in call.form.items()}
        app = self.apps.get(form.get("client_id", ""))
        if app is None or form.get("client_secret") != app.client_secret:
            raise Refused(403, "unauthorized_client", error_description="You are not authorized to revoke this token")
        for known in (self.tokens, self.refresh):
            if form.get("token", "") in known and known[form["token"]].app is app:
                del known[form["token"]]
        return Answer(200, {})

    def _give(self, token: Token) -> Answer:
        given: dict[str, object] = {
            "access_token": self._issue(token),
            "token_type": "Bearer",
            "scope": " ".join(token.scopes),
            "created_at": int(time.time()),
        }
        if self.expires_in:
            renewal = secrets.token_urlsafe(24)
            self.refresh[renewal] = token
            given |= {"expires_in": self.expires_in, "refresh_token": renewal}
        return Answer(200, given)
