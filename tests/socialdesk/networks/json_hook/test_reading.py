"""What is read from a program's JSON, by a mapping or by usual names, and what of nonsense."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening.models import Mention
from socialdesk.networks.base import HookRefused, NetworkError, PostData, Unreadable
from socialdesk.networks.json_hook import NETWORK, read_call
from socialdesk.networks.json_hook.reading import FIELDS, MOST, BadMapping, read_mapping
from tests.factories import push

FIXTURES = Path(__file__).parents[4] / "fixtures" / "networks" / "json"
NESTED = "entries=data.items external_id=key text=comment.body author.username=by.nick author.external_id=by.uid url=href posted_at=at"

# A file -> its mapping, some fields of each post, and the reasons why the others are none.
READ: dict[str, tuple[str, list[dict[str, Any]], list[str]]] = {
    "forum_nested.json": (
        f"{NESTED} in_reply_to=parent",
        [
            {
                "external_id": "forum:k-1",
                "text": "Where is my Tidewheel? 👩‍👩‍👧",
                "url": "https://forum.example.com/k-1",
                "posted_at": datetime(2026, 11, 28, 10, 0, tzinfo=UTC),
            },
            {"external_id": "forum:k-3", "in_reply_to": "forum:k-1", "url": "", "posted_at": datetime(2026, 11, 28, 10, 0, tzinfo=UTC)},
        ],
        ["it has no text: say where it stands with text=path", "it has no id: say where it stands with external_id=path"],
    ),
    "usual_names.json": (
        "",
        [
            {"external_id": "forum:41", "text": "My bike is late", "posted_at": datetime(2026, 11, 28, 9, tzinfo=UTC), "language": "en"},
            {"external_id": "forum:42", "in_reply_to": "forum:41", "posted_at": datetime(2026, 11, 28, tzinfo=UTC)},
            {"external_id": "forum:41", "deleted": True, "text": ""},
        ],
        ["it has no text: say where it stands with text=path", "posted_at is no time: write it as 2026-11-29T10:00:00Z"],
    ),
}


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.iterdir()))
def test_each_call_is_read(name: str) -> None:
    mapping, posts, reasons = READ[name]
    batch = read_call((FIXTURES / name).read_bytes(), name="forum", mapping=mapping)
    assert [{field: getattr(post, field) for field in wanted} for post, wanted in zip(batch.posts, posts, strict=True)] == posts
    assert [entry.reason for entry in batch.unreadable] == reasons


@pytest.mark.django_db
def test_a_deletion_need_say_no_more_than_which_post() -> None:
    (post,) = read_call(b'{"id": 41, "deleted": true}', name="forum").posts
    assert (post.external_id, post.deleted) == ("forum:41", True)
    push(replace(post, text="My number is 0123", deleted=False))
    assert push(post).folded == 1
    assert Mention.objects.get().deleted_at is not None


@pytest.mark.parametrize("text", ["text", "=x", "text=", "text=a..b", "nothing=a", "text=" + ".".join("a" * 50), "text=.a"])
def test_a_mapping_that_is_none_is_said_to_be_none(text: str) -> None:
    with pytest.raises(BadMapping, match="FIELD=path"):
        read_mapping(text)


def test_more_than_a_call_may_hold_is_refused() -> None:
    with pytest.raises(HookRefused, match="at most 1,000"):
        read_call(json.dumps([{}] * (MOST + 1)).encode(), name="forum")


def test_a_list_that_should_be_there_and_is_not_is_said() -> None:
    with pytest.raises(HookRefused, match=r"no list at data\.items"):
        read_call(b'{"data": {"items": 5}}', name="forum", mapping=NESTED)


def finish(**values: str) -> Any:
    connecting = NETWORK.connecting
    assert connecting is not None
    given: Mapping[str, str] = {"name": "our-forum", "secret": "s" * 24, "mapping": "", **values}
    return connecting.finish(given, answer={}, verifier="", redirect_uri="")


@pytest.mark.parametrize(
    "values", [{"name": "Ä"}, {"name": "a"}, {"name": "a/b"}, {"secret": "short"}, {"secret": "s" * 24 + " x"}, {"mapping": "text"}]
)
def test_what_is_typed_wrongly_is_said(values: dict[str, str]) -> None:
    with pytest.raises(NetworkError):
        finish(**values)


def test_the_form_offers_a_fresh_secret_each_time() -> None:
    connecting = NETWORK.connecting
    assert connecting is not None
    first, second = (field.initial for _ in range(2) for field in connecting.fields if field.name == "secret")
    assert first != second
    [connected] = finish(secret=first)
    assert connected.credentials["secret"] == first
    assert connected.grant.external_id == "our-forum"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["id", "text", "author", "created_at", "url", "parent_id", "language", "deleted", "updated_at", "user", "items", *FIELDS]


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), anything, max_size=10) | anything, max_size=3))
def test_any_json_in_any_field_is_a_post_or_unreadable(entries: list[Any]) -> None:
    batch = read_call(json.dumps(entries).encode(), name="forum")
    assert len(batch.posts) + len(batch.unreadable) == len(entries)
    assert all(isinstance(post, PostData) and len(post.external_id) <= 200 and post.posted_at.tzinfo for post in batch.posts)
    assert all(isinstance(entry, Unreadable) and entry.reason for entry in batch.unreadable)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read_call(body, name="forum", mapping=NESTED)
    except HookRefused:
        return
