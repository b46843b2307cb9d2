"""Signing in with a token: what it costs, and that nothing outlives the token or the agent's right to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from knox.models import AuthToken

from profiles.models import Agent, Role
from profiles.tokens import TokenAuthentication
from socialdesk.lib.clock import now
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


def ask(token: str) -> int:
    return Client(headers={"Authorization": f"Token {token}"}).get("/api/topics/").status_code


def make_token(agent: Agent, **fields: Any) -> tuple[AuthToken, str]:
    made: tuple[AuthToken, str] = AuthToken.objects.create(agent, **fields)
    return made


def test_token_finds_its_agent_in_one_statement() -> None:
    agents = [make_agent() for _ in range(3)]
    tokens = [make_token(agent)[1] for agent in agents for _ in range(2)]
    for agent, token in zip((agent for agent in agents for _ in range(2)), tokens, strict=True):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            found, _ = TokenAuthentication().authenticate_credentials(token.encode())
        assert len(queries) == 1
        for field in Agent._meta.concrete_fields:
            assert getattr(found, field.attname) == getattr(Agent.objects.get(pk=agent.pk), field.attname)


def test_token_that_was_revoked_is_refused_from_the_next_request_on() -> None:
    agent = make_agent()
    (_, token), (revoked, other) = make_token(agent), make_token(agent)
    assert (ask(token), ask(other)) == (200, 200)
    revoked.delete()
    assert (ask(token), ask(other)) == (200, 401)


def test_agent_who_is_switched_off_is_refused_from_the_next_request_on() -> None:
    agent = make_agent()
    token = make_token(agent)[1]
    assert ask(token) == 200
    Agent.objects.filter(pk=agent.pk).update(is_active=False)
    assert ask(token) == 401
    Agent.objects.filter(pk=agent.pk).update(is_active=True)
    assert ask(token) == 200


def test_role_that_changes_counts_from_the_next_request_on() -> None:
    agent = make_agent(Role.LEAD)
    client = Client(headers={"Authorization": f"Token {make_token(agent)[1]}"})
    topic = {"name": "Delivery", "query": "delivery"}
    assert client.post("/api/topics/", topic, content_type="application/json").status_code == 201
    Agent.objects.filter(pk=agent.pk).update(role=Role.AGENT)
    assert client.post("/api/topics/", {**topic, "name": "Other"}, content_type="application/json").status_code == 403


def test_token_lives_until_its_expiry() -> None:
    agent = make_agent()
    token, text = make_token(agent, expiry=timedelta(hours=1))
    assert ask(text) == 200
    AuthToken.objects.filter(pk=token.pk).update(expiry=now() - timedelta(seconds=1))
    assert ask(text) == 401


@pytest.mark.parametrize("header", [b"Token", b"Token \xff\xfe", b"Token two words", b"Token " + b"0" * 64, b"token\x00 x"])
def test_header_that_names_no_token_is_answered_401(header: bytes) -> None:
    answer = Client().get("/api/topics/", headers={"Authorization": header.decode("latin1")})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Token"
    assert set(answer.json()) == {"detail"}
