"""The page of a network says all that its connector says: how to connect it, what it costs, what it can and cannot do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from socialdesk import env
from socialdesk.network_pages import write_pages
from socialdesk.networks.base import Capabilities, Field, Network
from socialdesk.networks.describing import READING, UNITS, WRITING, list_abilities, list_bounds


class _Signing:
    steps = ("Make an app there.", "Copy its key.")
    fields = (Field("server", "Server", help="As in practice.example."), Field("list", "List", is_required=False))
    by_redirect = True


ALL = Capabilities(
    reads=("mentions", "comments"),
    reply=True,
    direct_message=True,
    follow_first=True,
    message_window_hours=24,
    private_reply_days=1,
    max_length=500,
    max_message_length=10_000,
    length_unit="graphemes",
    max_bytes=3000,
    max_message_bytes=9000,
    max_pictures=4,
    max_picture_bytes=976_560,
    idempotency="record_key",
    cost="Nothing.",
    limits="300 calls in 5 minutes.",
    cannot=("Closed accounts are not heard.",),
)


def practice(**fields: Any) -> Network:
    given = {"capabilities": ALL, "connecting": _Signing(), "reader": lambda config: None}
    return Network("practice", "Practice", **{**given, **fields})


def test_a_page_says_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "SOCIALDESK_PRACTICE_ID"
    monkeypatch.setitem(env.SETTINGS, name, env.Setting(name, "", "id of your app"))
    page = write_pages([practice(webhook=cast(Any, object()))])
    for words in (
        "## Practice",
        "- **Costs:** Nothing.",
        "- **Limits:** 300 calls in 5 minutes.",
        "- **Reads:** mentions, comments",
        "1. Make an app there.\n2. Copy its key.\n",
        "- *Server*: As in practice.example.",
        "- *List* (may stay empty)",
        "`/accounts/callback/practice/`",
        "`/hooks/practice/`",
        "| `SOCIALDESK_PRACTICE_ID` | none | id of your app |",
        "| Public replies | yes |",
        "| Hides what others wrote below our posts | no |",
        "A public reply has at most 500 characters as people see them.",
        "A public reply has at most 3,000 bytes of UTF-8, of which letters with accents take two and emoji four or more.",
        "A private message has at most 9,000 bytes of UTF-8",
        "Private messages are taken for 24 hours",
        "One private answer to a public post of theirs is taken for a day.",
        "up to 4 pictures, each of at most 0.977 MB.",
        "a second try would be the same post",
        "- Closed accounts are not heard.",
    ):
        assert words in page, words


def test_what_a_network_does_not_have_is_not_spoken_of() -> None:
    page = write_pages([Network("quiet", "Quiet", Capabilities(), reader=cast(Any, lambda config: None))])
    assert "Connecting" not in page
    assert "at most" not in page
    assert "twice" not in page
    assert "### What cannot" not in page


def test_networks_without_a_connector_share_a_line() -> None:
    names = [Network(key, key.title()) for key in ("one", "two", "three")]
    assert "Posts of One, Two and Three can be imported" in write_pages(names)
    assert "## One" not in write_pages(names)


def test_every_ability_has_words_and_every_unit_too() -> None:
    bools = {name for name, kind in Capabilities.__annotations__.items() if kind == "bool"}
    conditions = {"follow_first", "finds_deleted"}  # of writing privately, and of looking for what was sent
    assert bools - conditions == set(READING) | set(WRITING)
    for unit in UNITS:
        assert list_bounds(replace(ALL, length_unit=unit))


def test_an_account_s_reason_stands_only_where_its_network_could() -> None:
    cannot = {"direct_message": "No right.", "repost": "No right.", "nonsense": "?"}
    able = {ability.name: ability for ability in list_abilities(ALL, cannot=cannot)}
    assert (able["direct_message"].is_able, able["direct_message"].why) == (False, "No right.")
    assert (able["repost"].is_able, able["repost"].why) == (False, "")
    assert able["reply"].is_able
