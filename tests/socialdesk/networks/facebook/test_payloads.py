"""What is read from each payload in fixtures/networks/facebook and fixtures/networks/instagram, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, Batch, HookRefused, MessageData, PostData
from socialdesk.networks.facebook import media, messages, posts
from socialdesk.networks.facebook.timeline import Found
from socialdesk.networks.facebook.values import attempt
from tests.socialdesk.networks.facebook.graph import INSTAGRAM, PAGE
from tests.socialdesk.networks.facebook.harness import FacebookHarness, InstagramHarness, MetaHarness
from tests.socialdesk.networks.facebook.simulator import APP_SECRET, sign

FOLDER = Path(__file__).resolve().parents[4] / "fixtures" / "networks"
CASES = sorted([*FOLDER.glob("facebook/*.json"), *FOLDER.glob("instagram/*.json")])
FROM_THE_START = '{"since":0,"seen":{},"bad":[]}'


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_payload_is_read(path: Path, tmp_path: Path, settings: Settings) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    harness = (FacebookHarness if path.parent.name == "facebook" else InstagramHarness)(tmp_path, settings)
    try:
        if case["read_as"] == "webhook":
            batch, place = read_hooks(harness, case["payload"]), ""
        else:
            batch, place = read_list(harness, case["read_as"], case["payload"])
    finally:
        harness.close()
    expected = case["expected"]
    assert [shown(post, want, place) for post, want in pairs(batch.posts, expected.get("posts", []))] == expected.get("posts", [])
    assert [shown(m, want, place) for m, want in pairs(batch.messages, expected.get("messages", []))] == expected.get("messages", [])
    assert len(batch.unreadable) == expected.get("unreadable", 0), batch.unreadable
    assert all(one.reason for one in batch.unreadable)


def read_list(harness: MetaHarness, kind: str, payload: Any) -> tuple[Batch, str]:
    """What the reader makes of a list that the network answers so; everything else there is empty but one post of ours."""
    world = harness.world
    ours = world.post(world.page, "ours").id if harness.NETWORK == "facebook" else harness.stands_below
    if harness.NETWORK == "instagram":
        world.ig_comment(world.person("instagram", "x"), ours, "so that there is something to look for")
    there = set(world.things)
    with harness.simulator.failing(lambda: (200, payload, {}), only=lambda method, path: path.endswith(f"/{kind}")):
        batch = harness.reader.fetch(FROM_THE_START)
    kept = tuple(post for post in batch.posts if post.external_id not in there)
    return Batch(kept, batch.messages, unreadable=batch.unreadable), ours


def read_hooks(harness: MetaHarness, payload: Any) -> Batch:
    webhook = registry.get(harness.NETWORK).webhook
    assert webhook is not None
    body = json.dumps(payload).encode()
    hooks = webhook.read(headers=sign(body), body=body)
    assert {hook.account_id for hook in hooks} <= {harness.ACCOUNT}
    return Batch(
        tuple(post for hook in hooks for post in hook.batch.posts),
        tuple(message for hook in hooks for message in hook.batch.messages),
        unreadable=tuple(one for hook in hooks for one in hook.batch.unreadable),
    )


def pairs(found: Sequence[Any], expected: Sequence[dict[str, Any]]) -> list[tuple[Any, dict[str, Any]]]:
    assert [one.external_id for one in found] == [want["external_id"] for want in expected]
    return list(zip(found, expected, strict=True))


def shown(item: PostData | MessageData, want: dict[str, Any], place: str) -> dict[str, Any]:
    """What was read, as far as the file speaks of it."""
    ready: dict[str, Any] = {}
    for name in want:
        value = getattr(item, name)
        if name == "author":
            value = [value.external_id, value.username]
        elif name == "media":
            value = [[one.kind, one.url, one.alt, *filter(None, [one.preview])] for one in value]
        elif name.endswith("_at"):
            value = value.isoformat() if value else None
        elif name == "in_reply_to" and value == place and place:
            value = "MEDIA" if want[name] == "MEDIA" else "POST"
        ready[name] = value
    return ready


# --- Whatever comes -------------------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_NAMES = "id message story text caption from created_time timestamp parent parent_id permalink_url permalink attachments".split()  # noqa: SIM905
_NAMES += ["attachment", "media_url", "media_type", "children", "username", "to", "sticker", "mid", "sender", "recipient", "data"]
_ID = st.just("5001_1") | _JSON
_RAW = st.dictionaries(st.sampled_from(_NAMES), _JSON).flatmap(
    lambda raw: st.fixed_dictionaries(
        {"id": _ID, "created_time": st.just("2026-10-04T07:41:12+0000") | _JSON, "timestamp": st.just("2026-10-04T07:41:12+0000") | _JSON}
    ).map(lambda more: {**raw, **more})
)
_OURS = AccountConfig("instagram", "tidewheel", INSTAGRAM, {"page_id": PAGE})


@given(raw=_RAW | _JSON)
def test_any_json_is_a_post_or_unreadable_and_never_a_crash(raw: Any) -> None:
    readers = (
        lambda raw: posts.read_post(raw, page_id=PAGE, username="tidewheel"),
        lambda raw: posts.read_comment(raw, post_id="1_2", page_id=PAGE, username="tidewheel"),
        lambda raw: media.read_media(raw, config=_OURS),
        lambda raw: media.read_comment(raw, media_id="1", url="", config=_OURS),
        lambda raw: messages.read_message(raw, config=_OURS, them=None),
    )
    for read in readers:
        found = Found()
        entry = attempt(found, raw, read)
        assert (entry is None) == (len(found.bad) == 1)
        if entry is not None:
            item = entry.item
            assert item.external_id
            assert item.author.external_id
            assert entry.at.tzinfo is not None
            assert isinstance(item.text, str)
            assert len(item.author.external_id) <= 200


@given(changes=st.lists(_RAW | _JSON, max_size=3), field=st.sampled_from(["feed", "mention", "comments", "mentions", "messages"]))
def test_any_signed_call_is_read_without_a_crash(changes: list[Any], field: str) -> None:
    from django.test import override_settings

    with override_settings(FACEBOOK_APP_SECRET=APP_SECRET):
        for network, about in (("facebook", "page"), ("instagram", "instagram")):
            webhook = registry.get(network).webhook
            assert webhook is not None
            values = [{"field": field, "value": change} for change in changes]
            told = [{"item": "comment", "verb": "add", **change} for change in changes if isinstance(change, dict)]
            values += [{"field": field, "value": value} for value in told]
            payload = {"object": about, "entry": [{"id": "1", "time": 5, "changes": values, "messaging": changes}]}
            body = json.dumps(payload).encode()
            for hook in webhook.read(headers=sign(body), body=body):
                assert hook.account_id == "1"


def test_a_call_that_is_signed_by_somebody_else_is_refused(facebook: FacebookHarness) -> None:
    webhook = registry.get("facebook").webhook
    assert webhook is not None
    body = b'{"object":"page","entry":[]}'
    assert webhook.read(headers=sign(body), body=body) == []
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"x-hub-signature-256": ""},
        sign(body, "another secret"),
        sign(body + b" "),
        {"x-hub-signature": sign(body)["x-hub-signature-256"]},
        {"x-hub-signature-256": sign(body)["x-hub-signature-256"].removeprefix("sha256=")},
        {"x-hub-signature-256": "sha256=\udcff"},
    )
    for headers in wrong:
        with pytest.raises(HookRefused):
            webhook.read(headers=headers, body=body)
    for nonsense in (b"", b"{", b"[" * 100_000):
        with pytest.raises(HookRefused):
            webhook.read(headers=sign(nonsense), body=nonsense)


def test_without_an_app_secret_nobody_can_call(facebook: FacebookHarness, settings: Settings) -> None:
    settings.FACEBOOK_APP_SECRET = ""
    webhook = registry.get("facebook").webhook
    assert webhook is not None
    with pytest.raises(HookRefused):
        webhook.read(headers=sign(b"{}", ""), body=b"{}")


def test_the_question_whether_this_address_is_ours_is_answered_to_who_knows_the_word(facebook: FacebookHarness, settings: Settings) -> None:
    webhook = registry.get("facebook").webhook
    assert webhook is not None
    query = {"hub.mode": "subscribe", "hub.verify_token": "open sesame", "hub.challenge": "1158201444"}
    assert webhook.challenge(query) == "1158201444"
    for wrong in ({**query, "hub.verify_token": "open"}, {**query, "hub.mode": "unsubscribe"}, {**query, "hub.challenge": "<b>"}, {}):
        with pytest.raises(HookRefused):
            webhook.challenge(wrong)
    settings.FACEBOOK_VERIFY_TOKEN = ""
    with pytest.raises(HookRefused):
        webhook.challenge({**query, "hub.verify_token": ""})


def test_what_is_told_is_told_of_the_account_that_it_is_about(facebook: FacebookHarness) -> None:
    """A call names several pages, each with its own; one about another kind of account is none of these."""
    webhook = registry.get("facebook").webhook
    assert webhook is not None
    entries = [{"id": one, "time": 1759564800, "messaging": [_letter(one, number)]} for number, one in enumerate(("1", "2", "1"))]
    body = json.dumps({"object": "page", "entry": entries}).encode()
    hooks = webhook.read(headers=sign(body), body=body)
    told = [(hook.account_id, [message.external_id for message in hook.batch.messages]) for hook in hooks]
    assert told == [("1", ["m0"]), ("2", ["m1"]), ("1", ["m2"])]
    other = json.dumps({"object": "instagram", "entry": entries}).encode()
    assert webhook.read(headers=sign(other), body=other) == []


def _letter(account: str, number: int) -> dict[str, Any]:
    return {"sender": {"id": "9"}, "recipient": {"id": account}, "timestamp": 1759564800000, "message": {"mid": f"m{number}", "text": "Hi"}}
