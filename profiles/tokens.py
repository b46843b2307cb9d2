"""Signs programs in by their token: one statement a request, and nothing is remembered from one request to the next."""

from __future__ import annotations

from typing import NoReturn

from django.db import connection
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication as KnoxAuthentication
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from profiles.models import Agent
from socialdesk.lib.clock import now

_AGENT_OF_TOKEN = f"""
SELECT agent.* FROM {Agent._meta.db_table} agent JOIN {AuthToken._meta.db_table} token ON token.user_id = agent.id
WHERE token.digest = %s AND (token.expiry IS NULL OR token.expiry > %s)
"""  # noqa: S608  names of our own models


class TokenAuthentication(KnoxAuthentication):
    """`Authorization: Token ...`. Its digest is its key, so that one look finds the token and its agent: an eighth of what the parent
    takes, which was a quarter of a pushed post. A token that was revoked and an agent who was switched off are refused from the
    next request on.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[Agent, None]:
        """The agent behind `token`. Raises AuthenticationFailed."""
        try:
            digest = hash_token(token.decode())
        except UnicodeDecodeError:
            _refuse("Invalid token.")
        found = list(Agent.objects.raw(_AGENT_OF_TOKEN, [digest, connection.ops.adapt_datetimefield_value(now())]))
        if not found:
            _refuse("Invalid token.")
        if not found[0].is_active:
            _refuse("User inactive or deleted.")
        return found[0], None


class TokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    """How the API's description names it."""

    target_class = "profiles.tokens.TokenAuthentication"


def _refuse(reason: str) -> NoReturn:
    raise AuthenticationFailed(reason)
