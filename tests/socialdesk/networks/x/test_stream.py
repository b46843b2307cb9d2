"""X's stream: rules in step with the words, posts as they come, and every way in which it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from socialdesk.networks import wire
from socialdesk.networks.base import Batch, NetworkError
from socialdesk.networks.x import NETWORK
from tests.socialdesk.networks.x.conftest import Stage


def until(done: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def first_with_posts(batches: Iterator[Batch]) -> Batch:
    return next(batch for batch in batches if batch.posts or batch.unreadable)


def rules(x: Stage) -> list[tuple[str, str]]:
    return sorted((rule["value"], rule.get("tag", "")) for rule in x.world.rules.values())


def test_a_post_comes_over_the_stream_as_it_would_by_reading(x: Stage) -> None:
    batches = x.stream.listen("")
    assert next(batches) == Batch()
    post = x.ana_posts("@tidewheel it broke &c.")
    x.simulator.push_post(x.world.publish(x.ben, "Nothing of yours"))
    x.simulator.push_post(post)
    streamed = first_with_posts(batches).posts
    (read,) = x.reader.fetch("").posts
    (one,) = streamed
    assert (one.external_id, one.text, one.posted_at, one.url) == (read.external_id, read.text, read.posted_at, read.url)
    assert one.author.username == "ana"


def test_a_quiet_stream_still_says_that_it_holds(x: Stage) -> None:
    batches = x.stream.listen("")
    assert [next(batches) for _ in range(4)] == [Batch()] * 4


def test_rules_are_kept_in_step_and_those_of_others_left_alone(x: Stage) -> None:
    x.world.rules["1"] = {"id": "1", "value": "cats", "tag": "of another program"}
    x.world.rules["2"] = {"id": "2", "value": "dogs"}
    x.stream.keep_rules()
    tag = f"socialdesk:{x.us.id}"
    others = [("cats", "of another program"), ("dogs", "")]
    assert rules(x) == [('(@tidewheel OR "tide wheel" OR "e-bike") -is:retweet -from:tidewheel', tag), *others]
    changes = len(x.simulator.calls("POST"))
    x.stream.keep_rules()
    assert len(x.simulator.calls("POST")) == changes  # nothing to change
    x.with_config(terms=("cargo bike",))
    x.stream.keep_rules()
    assert rules(x) == [('(@tidewheel OR "cargo bike") -is:retweet -from:tidewheel', tag), *others]
    added, removed = [call.body for call in x.simulator.calls("POST")[changes:]]
    assert ("add" in added, "delete" in removed) == (True, True)  # first the new ones, so that nothing is missed between


def test_a_rule_that_x_does_not_take_stops_nothing(x: Stage, caplog: pytest.LogCaptureFixture) -> None:
    x.simulator.answers_with = (200, b'{"meta": {"summary": {"not_created": 1}}, "errors": [{"title": "Invalid Rule"}]}', {})
    x.simulator.fails_on = lambda method, path: method == "POST"
    assert next(x.stream.listen("")) == Batch()
    assert "did not take every rule" in caplog.text


def test_what_another_accounts_rules_found_is_left_to_it(x: Stage) -> None:
    batches = x.stream.listen("")
    next(batches)
    theirs = {"data": {"id": "12", "text": "for them", "author_id": x.ana.id}, "matching_rules": [{"id": "1", "tag": "socialdesk:77"}]}
    ours = {"data": {"id": "13", "text": "for us", "author_id": x.ana.id}, "matching_rules": [{"id": "1", "tag": f"socialdesk:{x.us.id}"}]}
    x.simulator.push(theirs)
    x.simulator.push(ours)
    assert [post.text for post in first_with_posts(batches).posts] == ["for us"]


@pytest.mark.parametrize("line", [b"nonsense", b"[1]", b"{}", b'{"data": null}', b'{"data": {"id": 7}}', b'{"data": 7}', b"[" * 50_000])
def test_a_line_that_cannot_be_read_costs_no_other(x: Stage, line: bytes) -> None:
    batches = x.stream.listen("")
    next(batches)
    x.simulator.push(line)
    x.simulator.push({"data": {"id": "13", "text": "good", "author_id": x.ana.id}, "matching_rules": "none"})
    got: list[Batch] = []
    while not any(batch.posts for batch in got):
        got.append(next(batches))
    assert sum(len(batch.unreadable) for batch in got) <= 1
    assert [post.text for batch in got for post in batch.posts] == ["good"]


def test_duplicates_and_disorder_are_passed_on_for_intake_to_sort(x: Stage) -> None:
    batches = x.stream.listen("")
    next(batches)
    first, second = x.ana_posts("@tidewheel one"), x.ana_posts("@tidewheel two")
    for post in (second, first, first):
        x.simulator.push_post(post)
    assert [first_with_posts(batches).posts[0].external_id for _ in range(3)] == [second.id, first.id, first.id]


def test_x_says_that_it_ends_the_stream(x: Stage) -> None:
    batches = x.stream.listen("")
    next(batches)
    notice: dict[str, Any] = {
        "title": "operational-disconnect",
        "disconnect_type": "UpstreamOperationalDisconnect",
        "detail": "This stream has been disconnected upstream for operational reasons.",
        "type": "https://api.x.com/2/problems/operational-disconnect",
    }
    x.simulator.push({"errors": [notice]})
    with pytest.raises(NetworkError, match="operational reasons") as caught:
        list(batches)
    assert caught.value.retryable


def test_a_stream_that_just_ends_is_an_error_that_says_try_again(x: Stage) -> None:
    batches = x.stream.listen("")
    next(batches)
    x.simulator.end_streams()
    with pytest.raises(NetworkError) as caught:
        list(batches)
    assert caught.value.retryable


def test_a_silent_stream_is_taken_for_dead(x: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "QUIET", 3.0)  # in which a busy machine answers the call itself
    x.simulator.keep_alive = 60
    batches = x.stream.listen("")
    next(batches)
    with pytest.raises(NetworkError) as caught:
        list(batches)
    assert caught.value.retryable
    x.simulator.end_streams()


def test_only_as_many_connections_as_the_plan_allows(x: Stage) -> None:
    first = x.stream.listen("")
    next(first)
    with pytest.raises(NetworkError, match="no further connection") as caught:
        next(x.stream.listen(""))
    assert (caught.value.code, caught.value.retryable, caught.value.retry_after) == ("rate_limit", True, 5.0)


def no_place(x: Stage) -> float | None:
    with pytest.raises(NetworkError, match="no further connection") as caught:
        next(x.stream.listen(""))
    return caught.value.retry_after


def test_it_is_tried_again_soon_and_then_ever_later(x: Stage) -> None:
    """X still counts a connection that was closed a moment ago; one that another account holds is not worth asking for often."""
    held = x.stream.listen("")
    next(held)
    assert [no_place(x) for _ in range(8)] == [5, 10, 20, 40, 80, 160, 300, 300]
    x.simulator.end_streams()
    until(lambda: not x.simulator.streams)
    batches = x.stream.listen("")
    next(batches)
    assert no_place(x) == 5  # it held meanwhile, so that all begins anew


def test_how_long_x_says_to_wait_is_waited(x: Stage) -> None:
    body = b'{"title": "ConnectionException", "detail": "This stream is currently at the maximum allowed connection limit."}'
    x.simulator.answers_with = (429, body, {"Retry-After": "44"})
    x.simulator.fails_on = lambda method, path: path.endswith("/stream")
    assert no_place(x) == 44


def test_what_the_stream_needs_of_its_account_is_no_sign_in(x: Stage) -> None:
    assert NETWORK.stream_needs is not None
    renewed = replace(x.config, credentials={"access_token": "another", "refresh_token": "r", "expires_at": "soon"})
    assert NETWORK.stream_needs(renewed) == NETWORK.stream_needs(x.config)
    for changed in (
        replace(x.config, credentials={**x.config.credentials, "app_token": "another"}),
        replace(x.config, terms=("bells",)),
        replace(x.config, username="tidewheel_uk"),
    ):
        assert NETWORK.stream_needs(changed) != NETWORK.stream_needs(x.config)


def test_it_is_closed_from_another_thread(x: Stage) -> None:
    x.simulator.keep_alive = 60
    stream = x.stream
    got: list[Batch] = []
    failed: list[Exception] = []

    def listen() -> None:
        try:
            got.extend(stream.listen(""))
        except Exception as error:
            failed.append(error)

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    until(lambda: got or x.simulator.streams)
    stream.close()
    listening.join(30)
    assert not listening.is_alive()
    assert failed == []
    x.simulator.end_streams()


def test_closing_before_it_began_is_no_error(x: Stage) -> None:
    stream = x.stream
    stream.close()
    assert all(batch == Batch() for batch in stream.listen(""))


def test_without_the_apps_token_it_says_what_is_missing(x: Stage, settings: Any) -> None:
    settings.X_BEARER = ""
    with pytest.raises(NetworkError, match="SOCIALDESK_X_BEARER") as caught:
        _ = x.stream
    assert caught.value.permanent
    assert not caught.value.account_revoked


def test_an_apps_token_that_is_refused_does_not_revoke_the_account(x: Stage, settings: Any) -> None:
    settings.X_BEARER = "wrong"
    with pytest.raises(NetworkError) as caught:
        next(x.stream.listen(""))
    assert (caught.value.permanent, caught.value.account_revoked) == (True, False)
