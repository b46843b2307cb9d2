"""The simulated X refuses what X refuses, in X's words, so that a connector that asks wrongly is found out."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.socialdesk.networks.x.conftest import Stage
from tests.socialdesk.networks.x.simulator import APP_TOKEN


def ask(x: Stage, method: str, path: str, *, token: str = "", **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {token or x.config.credentials['access_token']}"}
    return requests.request(method, x.simulator.address + path, headers=headers, timeout=30, **options)


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/2/nowhere", {}, 404),
        ("PATCH", "/2/tweets", {}, 501),
        ("GET", "/2/users/12/mentions?tweet.fields=id", {}, 400),
        ("GET", "/2/users/12/mentions?post.fields=mood", {}, 400),
        ("GET", "/2/users/12/mentions?max_results=101", {}, 400),
        ("GET", "/2/users/12/mentions?since_id=yesterday", {}, 400),
        ("GET", "/2/users/12/tweets?pagination_token=made-up", {}, 400),
        ("GET", "/2/tweets/search/recent", {}, 400),
        ("GET", "/2/tweets/search/recent?query=a&since_id=12", {}, 400),
        ("GET", f"/2/tweets/search/recent?query={'a' * 513}", {}, 400),
        ("POST", "/2/tweets", {"json": {"text": 7}}, 400),
        ("POST", "/2/tweets", {"json": {"text": ""}}, 400),
        ("POST", "/2/tweets", {"json": {"text": "a", "token": "t"}}, 400),
        ("POST", "/2/tweets", {"json": {"text": "a", "media": {"media_ids": ["12"]}}}, 400),
        ("POST", "/2/tweets", {"data": "text=a"}, 400),
        ("POST", "/2/tweets", {"json": {"text": "a", "reply": {"in_reply_to_tweet_id": "12"}}}, 403),
        ("POST", "/2/users/12/likes", {"json": {"tweet_id": "12"}}, 403),
        ("POST", "/2/users/12/likes", {"json": {}}, 400),
        ("DELETE", "/2/users/12/likes/12", {}, 403),
        ("POST", "/2/dm_conversations/with/12/messages", {"json": {"text": "a"}}, 404),
        ("POST", "/2/dm_conversations/with/12/messages", {"json": {}}, 400),
        ("POST", "/2/media/upload", {"json": {"media": "###", "media_category": "tweet_image"}}, 400),
        ("PUT", "/2/tweets/12/hidden", {"json": {"hidden": "yes"}}, 400),
        ("GET", "/2/tweets/search/stream", {}, 403),
        ("GET", "/2/users/me", {"token": APP_TOKEN}, 403),
        ("GET", "/2/users/me", {"token": "made-up"}, 401),
    ],
)
def test_what_is_asked_wrongly_is_refused(x: Stage, method: str, path: str, options: dict[str, Any], status: int) -> None:
    answer = ask(x, method, path, **options)
    assert answer.status_code == status
    if status < 500:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert {"title", "detail", "type", "status"} <= set(answer.json())
        assert x.simulator.log[-1].status == status


def test_where_it_is_told_to_only_those_who_name_us_are_answered(x: Stage) -> None:
    post = x.ana_posts("My tide wheel broke")
    body = {"text": "We are sorry.", "reply": {"in_reply_to_tweet_id": post.id}}
    x.world.uninvited = "You can only reply to or quote posts where you are mentioned or are the author."
    refused = ask(x, "POST", "/2/tweets", json=body)
    assert (refused.status_code, refused.json()["detail"]) == (403, x.world.uninvited)
    assert list(x.world.posts) == [post.id]
    x.world.uninvited = ""
    assert ask(x, "POST", "/2/tweets", json=body).status_code == 201


def test_each_answer_says_how_much_is_left(x: Stage) -> None:
    first, second = (ask(x, "GET", "/2/users/me").headers for _ in range(2))
    assert int(first["x-rate-limit-remaining"]) - int(second["x-rate-limit-remaining"]) == 1
    assert int(first["x-rate-limit-reset"]) > 10**9


def test_only_what_is_asked_for_is_shown(x: Stage) -> None:
    x.ana_posts()
    (plain,) = ask(x, "GET", f"/2/users/{x.us.id}/mentions").json()["data"]
    assert set(plain) == {"id", "text"}
    answer = ask(x, "GET", f"/2/users/{x.us.id}/mentions?expansions=author_id&post.fields=created_at&user.fields=public_metrics").json()
    assert set(answer["data"][0]) == {"id", "text", "author_id", "created_at"}
    assert set(answer["includes"]["users"][0]) == {"id", "name", "username", "public_metrics"}
