"""Looking through Meta's lists: pages with holes, posts elsewhere, looks that take long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from socialdesk.lib.clock import now
from socialdesk.networks.base import AuthorData, MessageData, NetworkError
from socialdesk.networks.facebook import reader as page_reader
from socialdesk.networks.facebook import writing
from socialdesk.networks.facebook.timeline import Cursor, Entry, Found, cut
from tests.socialdesk.networks.facebook.graph import PAGE
from tests.socialdesk.networks.facebook.harness import FacebookHarness
from tests.socialdesk.networks.facebook.nodes import Shown
from tests.socialdesk.networks.harnesses import an_hour_ago, read_all


@pytest.fixture
def holes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facebook takes what we may not see out of a page of a list: one may be empty though the list goes on."""
    as_it_is = Shown.page_of

    def page_of(self: Shown, *args: Any, after: str, **options: Any) -> dict[str, Any]:
        answer = as_it_is(self, *args, after=after, **options)
        return answer if after or not answer.get("paging", {}).get("next") else {**answer, "data": []}

    monkeypatch.setattr(Shown, "page_of", page_of)


def test_an_empty_page_is_not_the_end_of_a_list(facebook: FacebookHarness, holes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_reader, "PAGE", 2)
    monkeypatch.setattr(page_reader, "NEW", 2)
    post = facebook.world.post(facebook.world.page, "Autumn rides", at=facebook.world.now() - 90 * 86400)
    sent = facebook.publisher.reply(in_reply_to=post.id, text="Sorry.", token="t")
    other = [facebook.customer_posts("ana", f"{n}", in_reply_to=post.id) for n in range(3)]
    assert facebook.publisher.find(token="t", text="Sorry.", in_reply_to=post.id, since=an_hour_ago()) == sent
    assert other[0] in [p.external_id for p in read_all(facebook.reader).posts]


def test_an_empty_page_of_a_conversation_is_not_its_end(facebook: FacebookHarness, holes: None) -> None:
    facebook.customer_follows("ana")
    ana = facebook.customer_id("ana")
    sent = facebook.publisher.direct_message(to=ana, text="Sorry.", token="t")
    for n in range(130):
        facebook.customer_messages("ana", f"{n}")
    assert facebook.publisher.find(token="t", text="Sorry.", to=ana, since=an_hour_ago()) == sent


def test_an_answer_below_a_post_elsewhere_is_found(facebook: FacebookHarness) -> None:
    praise = facebook.world.post(facebook.world.person("facebook", "ravi"), "swapped in a day", tagged=PAGE)
    sent = facebook.publisher.reply(in_reply_to=praise.id, text="Thank you.", token="t")
    assert facebook.publisher.find(token="t", text="Thank you.", in_reply_to=praise.id, since=an_hour_ago()) == sent


@pytest.mark.parametrize("network", ["facebook", "instagram"])
def test_a_slow_look_before_a_private_message_ends_before_it_is_written(
    network: str, request: pytest.FixtureRequest, monkeypatch: Any
) -> None:
    harness = request.getfixturevalue(network)
    monkeypatch.setattr(writing, "LOOKING", -1.0)
    harness.customer_follows("ana")
    calls = [lambda: harness.publisher.direct_message(to=harness.customer_id("ana"), text="x", token="t", about="1")]
    if network == "instagram":
        comment = harness.customer_posts("ana", "it broke")
        calls.append(lambda: harness.publisher.reply(in_reply_to=comment, text="x", token="t"))
    for call in calls:
        with pytest.raises(NetworkError) as caught:
            call()
        assert caught.value.retryable
    assert harness.simulator.writes() == []


def test_what_is_written_during_a_long_look_is_not_behind_the_cursor(facebook: FacebookHarness) -> None:
    began = now() - timedelta(minutes=10)
    message = MessageData("facebook", "m_1", "x", AuthorData("1", ""), now())
    batch = cut(Found([Entry(message.sent_at, message)], began=began), Cursor.parse(""), limit=10)
    assert Cursor.parse(batch.cursor).since <= began - timedelta(minutes=2)
