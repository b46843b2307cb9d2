"""Pictures with answers on Mastodon: handed over, waited for together, and nothing posted where one of them is not ready."""

from __future__ import annotations

import io
import time

import pytest
from PIL import Image

from socialdesk.networks.base import Picture
from socialdesk.networks.mastodon import publisher as module
from tests.socialdesk.networks.contract import read_all
from tests.socialdesk.networks.mastodon.harness import MastodonHarness
from tests.socialdesk.networks.mastodon.test_publisher import refused, writes
from tests.socialdesk.networks.served import Answer


def picture(alt: str = "A bent wheel") -> Picture:
    content = io.BytesIO()
    Image.new("RGB", (4, 4), "teal").save(content, "PNG")
    return Picture(content.getvalue(), "image/png", alt)


def test_pictures_are_handed_over_waited_for_and_attached(there: MastodonHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROCESSING", (0, 0, 0))
    post = there.customer_posts("ana", "it broke")
    sent = there.publisher.reply(in_reply_to=post, text="Look:", token="t1", pictures=[picture(), picture("The same, mended")])
    media = there.world.statuses[sent.external_id].media
    assert [(each["description"], bool(each["url"])) for each in media] == [("A bent wheel", True), ("The same, mended", True)]
    echo = next(p for p in read_all(there.reader).posts if p.external_id == sent.external_id)
    assert [(part.kind, part.alt) for part in echo.media] == [("image", "A bent wheel"), ("image", "The same, mended")]


def test_pictures_are_waited_for_together(there: MastodonHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    there.simulator.routes.slow_media = 2
    post = there.customer_posts("ana", "it broke")
    there.publisher.reply(in_reply_to=post, text="Look:", token="t1", pictures=[picture()] * 4)
    assert slept == list(module.PROCESSING[:3])


def test_a_picture_of_which_the_server_says_nothing_may_be_tried_again(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    known = there.simulator.routes.answer
    there.simulator.routes.answer = lambda call: Answer(200, {}) if call.path == "/api/v2/media" else known(call)  # type: ignore[method-assign]
    assert refused(lambda: there.publisher.reply(in_reply_to=post, text="Look:", token="t1", pictures=[picture()])).retryable
    assert writes(there) == []


def test_a_picture_that_is_never_finished_may_be_tried_again_and_nothing_was_posted(
    there: MastodonHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PROCESSING", (0, 0))
    there.simulator.routes.slow_media = 99
    post = there.customer_posts("ana", "it broke")
    assert refused(lambda: there.publisher.reply(in_reply_to=post, text="Look:", token="t1", pictures=[picture()])).retryable
    assert writes(there) == []


@pytest.mark.parametrize("failure", ["lost_before_writing", "error_after_writing", "no_answer_after_writing"])
def test_a_picture_that_could_not_be_handed_over_may_be_tried_again(there: MastodonHarness, failure: str) -> None:
    post = there.customer_posts("ana", "it broke")
    with there.simulator.failing(failure, only=lambda call: call.path == "/api/v2/media"):
        assert refused(lambda: there.publisher.reply(in_reply_to=post, text="Look:", token="t1", pictures=[picture()])).retryable
    assert writes(there) == []
