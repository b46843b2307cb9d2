"""The table of who may use which address: complete, enforced, and closed by default."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from knox.models import AuthToken

from profiles.models import Role
from socialdesk.access import ACCESS, READS, find_rule
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


def every_pattern(patterns=None, before=""):
    for item in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(item, URLResolver):
            yield from every_pattern(item.url_patterns, before + str(item.pattern))
        elif isinstance(item, URLPattern):
            yield before + str(item.pattern), item


def address(name, pattern):
    """A path that the pattern answers to: of things that are not there, so that nothing is changed."""
    text = re.sub(r"<int:\w+>", "999999", pattern)
    text = re.sub(r"\(\?P<\w+>[^)]*\)", "999999", text)
    return "/" + text.replace("^", "").replace("$", "").replace("\\", "")


def signed_in(role, *, with_token):
    agent = make_agent(role)
    if with_token:
        return Client(headers={"Authorization": f"Token {AuthToken.objects.create(agent)[1]}"})
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


PATTERNS = [(item.name, path) for path, item in every_pattern()]


def test_every_address_has_a_name_and_a_rule():
    assert [path for name, path in PATTERNS if not name] == []
    assert sorted({name for name, _ in PATTERNS} - set(ACCESS)) == []


def test_the_table_names_no_address_that_is_gone():
    assert sorted(set(ACCESS) - {name for name, _ in PATTERNS}) == []


@pytest.mark.parametrize(("name", "path"), PATTERNS, ids=[name for name, _ in PATTERNS])
def test_roles_are_let_in_and_kept_out_as_the_table_says(name, path):
    rule = find_rule(name)
    where = address(name, path)
    for method in ("GET", "POST"):
        stranger = Client().generic(method, where, content_type="application/json")
        if rule.is_public:
            assert stranger.status_code not in (302, 401), f"{method} {where} wants a sign-in"
            continue
        assert stranger.status_code in (302, 401, 403), f"{method} {where} answers a stranger with {stranger.status_code}"
        for role in Role.values:
            client = (
                Client(headers={"Authorization": f"Token {AuthToken.objects.create(make_agent(role))[1]}"})
                if path.startswith("api/")
                else Client()
            )
            if not path.startswith("api/"):
                client.force_login(make_agent(role), backend="django.contrib.auth.backends.ModelBackend")
            answer = client.generic(method, where, content_type="application/json")
            if rule.allows(role, method):
                assert answer.status_code not in (401, 403, 500), f"{role} may {method} {where} and got {answer.status_code}"
            else:
                assert answer.status_code in (403, 405), f"{role} may not {method} {where} and got {answer.status_code}"


def test_an_address_without_a_rule_is_closed_to_everybody():
    rule = find_rule("a page that somebody forgot")
    assert not rule.is_public
    assert not any(rule.allows(role, method) for role in Role.values for method in (*READS, "POST"))


def test_a_fragment_sends_a_stranger_to_the_sign_in_page_as_a_whole():
    answer = Client(headers={"HX-Request": "true"}).get("/feed/")
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in/"


def test_repeated_wrong_passwords_lock_the_sign_in(settings):
    make_agent(username="sam")
    client = Client()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post("/sign-in/", {"username": "sam", "password": "wrong"})
    answer = client.post("/sign-in/", {"username": "sam", "password": "wrong again"})
    assert answer.status_code == 429
    assert Client().post("/sign-in/", {"username": "sam", "password": "wrong"}).status_code == 429


def test_a_token_of_a_deactivated_agent_is_worth_nothing():
    agent = make_agent()
    token = AuthToken.objects.create(agent)[1]
    agent.is_active = False
    agent.save()
    assert Client(headers={"Authorization": f"Token {token}"}).get("/api/mentions/").status_code == 401
