"""A server of the AT Protocol over HTTP on this machine: answers and refuses as one does, and fails in the ways that it is told to.

What is asked and answered is held against the protocol's own lexicons, as the client library has them: an answer of ours that does not fit
stands in `faults`.
"""

from __future__ import annotations

import base64
import itertools
import json
import time
from dataclasses import dataclass
from email.utils import formatdate

from tests.socialdesk.networks import served
from tests.socialdesk.networks.bluesky.world import World
from tests.socialdesk.networks.served import MODES, Answer, Served

LIMITS = {"read": 3000, "write": 5000, "session": 30, "chat": 3000}


class Call(served.Call):
    @property
    def nsid(self) -> str:
        return self.path.removeprefix("/xrpc/")


class Refused(Exception):
    """The server says no: a status, the error's name and its words."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status, self.answer = status, {"error": error, "message": message}


@dataclass(slots=True)
class Session:
    did: str
    scope: str
    kind: str  # access, refresh
    password: str = ""


@dataclass(slots=True)
class AppPassword:
    did: str
    scope: str


class Simulator(Served[Call]):
    """`world` is what stands behind it."""

    modes = (*MODES, "expired", "moved", "bad_jwt", "huge")
    broken = {"error": "InternalServerError", "message": "Internal Server Error"}
    call = Call

    def __init__(self) -> None:
        from tests.socialdesk.networks.bluesky.routes import Routes

        super().__init__()
        self.world = World()
        self.faults: list[str] = []
        self.left = dict(LIMITS)
        self.sessions: dict[str, Session] = {}
        self.passwords: dict[str, AppPassword] = {}
        self.ahead = 0  # seconds by which its clock is
        self.lasts = 7200  # seconds of an access token
        self.most_bytes = 100_000_000  # of one file
        self.has_chat = True
        self.knows_reasons = True  # in notifications
        self.is_strict = True  # its answers keep to the lexicons
        self.refused: set[str] = set()  # methods that this server does not have
        self.lives_at = self.base  # the server that documents of accounts name
        self._numbers = itertools.count(1)
        self.routes = Routes(self)

    def calls(self, nsid: str) -> list[Call]:
        return [call for call in self.log if call.nsid == nsid]

    def turn_away(self, call: Call, failure: str) -> Answer | None:
        if failure == "revoked":
            return Answer(401, {"error": "AccountTakedown", "message": "Account has been taken down"})
        if failure == "expired":
            return Answer(400, {"error": "ExpiredToken", "message": "Token has expired"})
        if failure == "bad_jwt":
            return Answer(401, {"error": "BadJwtAudience", "message": "jwt audience does not match service did"})
        if failure == "unavailable":
            return Answer(502, {"error": "UpstreamFailure", "message": "Upstream Failure"})
        if failure == "moved":
            return Answer(307, {}, {"Location": "https://elsewhere.example/xrpc/"})
        bucket = bucket_of(call)
        if failure == "rate_limit" or self.left[bucket] <= 0:
            self.left[bucket] = 0
            return Answer(429, {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"})
        self.left[bucket] -= 3 if bucket == "write" else 1  # points
        return None

    def answer(self, call: Call) -> Answer:
        try:
            return Answer(200, self.routes.answer(call))
        except Refused as refusal:
            return Answer(refusal.status, refusal.answer)
        except Exception as error:
            self.faults.append(f"{call.nsid}: {error!r}")
            return Answer(500, self.broken)

    def headers_of(self, call: Call) -> dict[str, str]:
        bucket = bucket_of(call)
        return {
            "ratelimit-limit": str(LIMITS[bucket]),
            "ratelimit-remaining": str(self.left[bucket]),
            "Date": formatdate(time.time() + self.ahead, usegmt=True),
            "ratelimit-reset": str(int(time.time()) + self.ahead + 300),
            "ratelimit-policy": f"{LIMITS[bucket]};w={3600 if bucket == 'write' else 300}",
        }

    def encode(self, answer: Answer, failure: str) -> bytes:
        return b" " * 9_000_000 if failure == "huge" else super().encode(answer, failure)

    def add_password(self, password: str, *, scope: str = "com.atproto.appPassPrivileged", handle: str = "") -> None:
        did = self.world.person(handle).did if handle else self.world.us.did
        self.passwords[password] = AppPassword(did, scope)

    def open_session(self, did: str, scope: str = "com.atproto.appPassPrivileged", password: str = "") -> dict[str, str]:
        """A pair of tokens. A refresh token is good for one renewal only."""
        return {
            "accessJwt": self._token(Session(did, scope, "access", password), self.lasts),
            "refreshJwt": self._token(Session(did, scope, "refresh", password), 90 * 24 * 3600),
        }

    def _token(self, session: Session, lasts: int) -> str:
        payload = {"scope": session.scope, "sub": session.did, "exp": int(time.time()) + lasts, "jti": next(self._numbers)}
        parts = [{"alg": "none"}, payload, {"made": "here"}]
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        self.sessions[token] = session
        return token


def bucket_of(call: Call) -> str:
    if call.nsid == "com.atproto.server.createSession":
        return "session"
    if call.nsid.startswith("chat."):
        return "chat"
    return "write" if call.method == "POST" and call.nsid.startswith("com.atproto.repo.") else "read"
