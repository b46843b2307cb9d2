"""What is read from what Bluesky sends: one case for each file, and whatever else may stand in their fields."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialdesk.lib import text as texts
from socialdesk.networks.base import AuthorData, MessageData, PostData, QuoteData, Unreadable
from socialdesk.networks.bluesky.posts import Entry, read_message, read_post, read_repost, read_view
from socialdesk.networks.bluesky.texts import full_text, mentions
from socialdesk.networks.bluesky.values import split_uri

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "networks" / "bluesky"
US = "did:plc:tidewheelq2345abcdefghij"
MARLOW = AuthorData("did:plc:marlowbikes2345abcdefghi", "marlowbikes.example")
KINDS = {PostData: "post", MessageData: "message", Unreadable: "unreadable"}
CASES = sorted(path.stem for path in FIXTURES.glob("*.json"))


def load(case: str) -> Any:
    return json.loads((FIXTURES / f"{case}.json").read_text())


def read(shape: str, payload: Any) -> Entry:
    if shape == "repost":
        return read_repost(payload, {})
    if shape == "message":
        return read_message(payload, MARLOW, US)
    if shape == "event":
        commit = payload["commit"]
        uri, record = f"at://{payload['did']}/{commit['collection']}/{commit['rkey']}", commit["record"]
        return read_post(uri, record, {"did": payload["did"]}, indexed_at=None, embed=record.get("embed"))
    return read_view(payload)


@pytest.mark.parametrize("case", CASES)
def test_an_entry_is_read_as_its_file_says(case: str) -> None:
    given = load(case)
    entry, expected_of = read(given["shape"], given["payload"]), given["read"]
    assert KINDS[type(entry)] == expected_of.pop("kind")
    for name, expected in expected_of.items():
        value = getattr(entry, name)
        if isinstance(value, datetime):
            assert value.isoformat() == expected
        elif name == "media":
            assert [[part.kind, part.url, part.alt, *filter(None, [part.preview])] for part in value] == expected
        elif isinstance(value, AuthorData | QuoteData):
            assert {key: getattr(value, key) for key in expected} == expected
        else:
            assert value == expected, name


def test_there_are_files_of_every_shape_and_kind() -> None:
    cases = [load(case) for case in CASES]
    assert {case["read"]["kind"] for case in cases} == set(KINDS.values())
    assert {case["shape"] for case in cases} == {"post", "repost", "message", "event"}
    assert len(CASES) > 40


def test_the_longest_text_is_as_long_as_the_network_allows() -> None:
    text = load("graphemes_at_the_limit")["payload"]["record"]["text"]
    assert (texts.length(text, "graphemes"), len(text) > 1000) == (300, True)


TELLING = st.sampled_from(["app.bsky.embed.images", "app.bsky.embed.record#view", "2025-06-01T06:40:12Z", US, "at://", "7"])
KEYS = st.text(max_size=8) | st.sampled_from(["uri", "did", "$type", "record", "images", "ref", "$link", "index", "features", "parent"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | TELLING,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
VIEW, MESSAGE, REPOST, EVENT = (load(case)["payload"] for case in ("mention", "message_to_us", "our_repost", "streamed_post"))


def changes_of(fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(sorted(fields)), ANYTHING, max_size=5)


@given(changes_of([*VIEW, "embed"]), changes_of([*VIEW["record"], "reply", "embed", "labels"]), changes_of(VIEW["author"]))
def test_anything_in_any_field_of_a_post_is_read_or_said_to_be_unreadable(
    of_view: dict[str, Any], of_record: dict[str, Any], of_author: dict[str, Any]
) -> None:
    view = {**VIEW, "record": VIEW["record"] | of_record, "author": VIEW["author"] | of_author} | of_view
    assert isinstance(read_view(view), PostData | Unreadable)


@given(changes_of(MESSAGE | {"embed": None}), changes_of(REPOST), changes_of(REPOST["reason"]), changes_of(EVENT["commit"]["record"]))
def test_anything_in_any_field_of_the_rest_is_read_or_said_to_be_unreadable(
    of_message: dict[str, Any], of_repost: dict[str, Any], of_reason: dict[str, Any], of_record: dict[str, Any]
) -> None:
    assert isinstance(read("message", MESSAGE | of_message), MessageData | Unreadable)
    assert isinstance(read("repost", {**REPOST, "reason": REPOST["reason"] | of_reason} | of_repost), PostData | Unreadable)
    commit = EVENT["commit"] | {"record": EVENT["commit"]["record"] | of_record}
    assert isinstance(read("event", EVENT | {"commit": commit}), PostData | Unreadable)


@given(ANYTHING)
def test_anything_at_all_is_read_or_said_to_be_unreadable(given: Any) -> None:
    assert isinstance(read_view(given), PostData | Unreadable)
    assert isinstance(read_repost(given, {}), PostData | Unreadable)
    assert isinstance(read_message(given, MARLOW, US), MessageData | Unreadable)
    assert split_uri(given) is None


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(-5, 90), st.integers(-5, 90)), max_size=5))
def test_links_at_any_place_leave_the_text_around_them(text: str, places: list[tuple[int, int]]) -> None:
    features = [{"$type": "app.bsky.richtext.facet#link", "uri": "https://pedals.example"}]
    facets = [{"index": {"byteStart": start, "byteEnd": end}, "features": features} for start, end in places]
    said = full_text({"text": text, "facets": facets})
    assert said.isprintable() or not text.isprintable()
    assert mentions({"text": text, "facets": facets}) == set()
    assert full_text({"text": text}) == text.encode("utf-8", "replace").decode().strip()
