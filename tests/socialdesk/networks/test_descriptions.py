"""Every request that a connector makes and every answer that a simulator gives, against what the networks publish of their APIs."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests.socialdesk.networks.facebook.graph import INSTAGRAM, PAGE
from tests.socialdesk.networks.facebook.routes import ROUTES
from tests.socialdesk.networks.graph_description import GraphDescription
from tests.socialdesk.networks.mastodon.simulator import Simulator as MastodonSimulator
from tests.socialdesk.networks.openapi import Description, Exchange
from tests.socialdesk.networks.walks import walk_facebook, walk_instagram, walk_mastodon, walk_x
from tests.socialdesk.networks.x.asked import CALLS

DESCRIPTIONS = Path(__file__).resolve().parents[4] / "shared" / "specs"
# Where a network is known to differ from its description: part of what is found, and why it is right all the same.
X_DIFFERS = {
    "POST /2/oauth2/token: no such path": "signing in is described in X's guide to OAuth 2.0, not among its calls",
    "POST /2/oauth2/revoke: no such path": "likewise",
    ": 400 answer /: unknown field errors": "what was wrong with each parameter stands in every answer of this kind, as X's guide shows",
    "GET /2/tweets/search/stream: 429 answer /: unknown field connection_issue": "X's guide to the stream has it, its list of problems not",
    "GET /2/tweets/search/stream: 429 answer /type: 'https://api.x.com/2/problems/streaming-connection' is not": "likewise",
    "GET /2/tweets/search/stream/rules: 200 answer /meta: unknown field sent": "every answer about rules says when it was sent",
}
MASTODON_DIFFERS = {
    "POST /oauth/token: 200 answer /: unknown field expires_in": "Mastodon's tokens do not end, those of other servers with its API do",
    "POST /oauth/token: 200 answer /: unknown field refresh_token": "likewise",
    "POST /oauth/token: body /: 'code' is a required property": "so a token is renewed where it ends (RFC 6749, 6)",
    "POST /oauth/token: body /: 'redirect_uri' is a required property": "likewise",
    "POST /oauth/token: body /: unknown field refresh_token": "likewise",
    "POST /api/v1/statuses: 500 a status that is not described": "any call can fail so",
    "POST /api/v1/statuses: body /: {'status'": "of its shapes for text and for pictures exactly one may fit: a text with pictures is both",
}
META_DIFFERS = {
    "POST ?/access_token: no such call": "signing in is described in the guide to access tokens, not among the nodes",
    "GET ?/: no such call": "so is the call that says what a token may do",
    "GET Message/: no such call": "messages are described in the guide to Messenger, not among the nodes",
    "GET User/accounts: Page has no field tasks": "the guide to pages' access tokens has it for this edge",
    "GET User/accounts: answer: Page has no field tasks": "likewise",
    "POST Page/messages: answer is no receipt: ['message_id', 'recipient_id']": "so the guide to Messenger has it",
}


def described(name: str) -> Path | None:
    """The description, or None in a clone that has none beside it. In CI it has to be there."""
    path = DESCRIPTIONS / name
    if path.exists():
        return path
    assert not os.environ.get("CI"), f"{path} is missing: in CI connectors and simulators must be held against what networks publish"
    warnings.warn(f"{name} is not at hand: this check looked at nothing", stacklevel=2)
    return None


def hold(found: Iterable[str], differs: dict[str, str]) -> None:
    """Nothing differs but what is known to, and each of that still does."""
    lines = sorted(set(found))
    unexpected = [line for line in lines if not any(known in line for known in differs)]
    assert unexpected == []
    assert [known for known in differs if not any(known in line for line in lines)] == [], "no longer different: take it out"


def test_x_is_asked_and_answers_as_it_is_described(tmp_path: Path, settings: Settings) -> None:
    path = described("x-api-openapi.json")
    if path is None:
        return
    description = Description.of(path, errors="#/components/schemas/Problem")
    said = walk_x(tmp_path, settings)
    hold((line for one in said for line in description.findings(one)), X_DIFFERS)
    # Every call that the simulator knows was made.
    assert [call.path for call in CALLS if not any(call.match(one.method, one.path) and one.status < 300 for one in said)] == []


def test_mastodon_is_asked_and_answers_as_it_is_described(tmp_path: Path, settings: Settings) -> None:
    path = described("mastodon-openapi.json")
    if path is None:
        return
    description = Description.of(path)
    said = walk_mastodon(tmp_path, settings)
    hold((line for one in said for line in description.findings(one)), MASTODON_DIFFERS)
    simulator = MastodonSimulator()
    routes = simulator.routes._routes
    simulator.stop()
    made = [one for one in said if one.status < 300]
    assert [path.pattern for method, path, *_ in routes if not any(method == one.method and path.fullmatch(one.path) for one in made)] == []


def test_facebook_and_instagram_are_asked_and_answer_as_they_are_described(tmp_path: Path, settings: Settings) -> None:
    folder = described("facebook")
    if folder is None:
        return
    said = [*walk_facebook(tmp_path, settings), *walk_instagram(tmp_path, settings)]
    found: list[str] = []
    for exchange, kinds in said:
        found += GraphDescription(folder, lambda thing_id, kinds=kinds: kinds_of(thing_id, kinds)).findings(exchange)  # type: ignore[misc]
    hold(found, META_DIFFERS)
    made = [one for one, _ in said if one.status == 200]
    without_version = [(one.method, one.path.partition("/")[2]) for one in made]
    missing = [
        (method, pattern.pattern)
        for method, pattern, *_ in ROUTES
        if not any(method == asked and pattern.fullmatch(path) for asked, path in without_version)
    ]
    assert missing == []


def kinds_of(thing_id: str, kinds: dict[str, str]) -> tuple[str, ...]:
    """What a node of the Graph API is, by its id. "Message" is described nowhere, and neither is what is no node."""
    known = {PAGE: "Page", INSTAGRAM: "IGUser", "me": "User"} | kinds
    if thing_id in known:
        return (known[thing_id],)
    if thing_id.startswith(("t_", "m_")):
        return ("UnifiedThread",) if thing_id.startswith("t_") else ("Message",)
    if re.fullmatch(r"[\d_]+", thing_id):  # never was, or is no longer
        return ("PagePost", "Comment", "IGComment", "IGMedia")
    return ()


# --- That these tests can fail

POST = Exchange(
    *("POST", "/2/tweets", {}, {"text": "We are sorry.", "reply": {"in_reply_to_tweet_id": "17", "auto_populate_reply_metadata": True}}),
    *(201, {"data": {"id": "18", "text": "We are sorry."}}),
)
READ = Exchange(
    "GET", "/2/users/7/mentions", {"max_results": ["100"], "post.fields": ["id,text"]}, None, 200, {"meta": {"result_count": 0}}
)
X_SPOILT: list[Any] = [
    (POST, {"path": "/2/posts"}, "no such path"),
    (POST, {"method": "PUT"}, "no such path"),
    (POST, {"body": None}, "no body"),
    (POST, {"body": {"txt": "We are sorry."}}, "body /: unknown field txt"),
    (POST, {"body": {"text": 7}}, "body /text: 7 is not of type 'string'"),
    (POST, {"status": 202}, "202 a status that is not described"),
    (POST, {"answer": {"data": {"id": "18", "text": None}}}, "201 answer /data/text: None is not of type 'string'"),
    (POST, {"answer": {"data": {"id": "18", "text": "x", "colour": "red"}}}, "201 answer /data: unknown field colour"),
    (POST, {"status": 403, "answer": {"title": "Forbidden"}}, "403 answer /"),
    (READ, {"query": {"max_results": ["many"]}}, "parameter max_results /: 'many' is not of type 'integer'"),
    (READ, {"query": {"post.fields": ["id,colour"]}}, "parameter post.fields /*: 'colour' is not one of"),
    (READ, {"query": {"page": ["2"]}}, "unknown parameter page"),
]
ANSWER = Exchange(*("POST", "v23.0/9_1/comments", {"appsecret_proof": ["p"]}, {"message": ["We are sorry."]}, 200, {"id": "1_2"}, True))
SHOWN = Exchange(
    *("GET", "v23.0/9_1", {"fields": ["id,message,from"]}, None),
    *(200, {"id": "9_1", "message": "it broke", "from": {"id": "5", "name": "Ana"}}),
)
META_SPOILT: list[Any] = [
    (ANSWER, {"path": "v23.0/9_1/answers"}, "no such call"),
    (ANSWER, {"method": "DELETE"}, "no such call"),
    (ANSWER, {"body": {"text": ["We are sorry."]}}, "unknown parameter text"),
    (ANSWER, {"answer": {"posted": True}}, "answer is no receipt"),
    (ANSWER, {"status": 400, "answer": {"error": "no"}}, "answer is no error"),
    (SHOWN, {"query": {"fields": ["id,colour"]}}, "PagePost has no field colour"),
    (SHOWN, {"answer": {"id": "9_1", "message": 7}}, "PagePost.message is no string but '7'"),
    (SHOWN, {"answer": {"id": "9_1", "story": "x"}}, "PagePost.story was not asked for"),
]


def finds_it(findings: Callable[[Exchange], Iterable[str]], right: Exchange, changes: dict[str, Any], finding: str) -> None:
    assert list(findings(right)) == []
    assert any(finding in line for line in findings(replace(right, **changes))), list(findings(replace(right, **changes)))


@pytest.fixture(scope="module")
def of_x() -> Description | None:
    path = described("x-api-openapi.json")
    return Description.of(path, errors="#/components/schemas/Problem") if path else None


@pytest.mark.parametrize(("right", "changes", "finding"), X_SPOILT)
def test_what_is_not_as_x_describes_it_is_found(of_x: Description | None, right: Exchange, changes: dict[str, Any], finding: str) -> None:
    if of_x is not None:
        finds_it(of_x.findings, right, changes, finding)


@pytest.mark.parametrize(("right", "changes", "finding"), META_SPOILT)
def test_what_is_not_as_facebook_describes_it_is_found(right: Exchange, changes: dict[str, Any], finding: str) -> None:
    folder = described("facebook")
    if folder is not None:
        finds_it(GraphDescription(folder, lambda thing_id: ("PagePost",)).findings, right, changes, finding)
