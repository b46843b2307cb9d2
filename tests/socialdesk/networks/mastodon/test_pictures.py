"""Pictures with answers on Mastodon: handed over, waited for together, and nothing posted where one of them is not ready."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from socialdesk.networks.base import Picture
from socialdesk.networks.mastodon import media as module
from tests.socialdesk.networks.harnesses import read_all
from tests.socialdesk.networks.mastodon.harness import MastodonHarness
from tests.socialdesk.networks.mastodon.test_publisher import refused, writes
from tests.socialdesk.networks.served import Answer, Call


def picture(alt: str = "A bent wheel") -> Picture:
    content = io.BytesIO()
    Image.new("RGB", (4, 4), "teal").save(content, "PNG")
    return Picture(content.getvalue(), "image/png", alt)


def uploads(there: MastodonHarness) -> list[Call]:
    return there.simulator.calls("POST", "/api/v2/media")


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
    monkeypatch.setattr(module, "sleep", slept.append)
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


def test_the_next_try_hands_over_only_what_the_server_did_not_get(there: MastodonHarness) -> None:
    there.simulator.routes.slow_media = 0
    post = there.customer_posts("ana", "it broke")
    pictures = [picture("first"), picture("second"), picture("third")]
    third = lambda call: call.path == "/api/v2/media" and len(uploads(there)) == 3  # noqa: E731
    with there.simulator.failing("lost_before_writing", only=third):
        assert refused(lambda: there.publisher.reply(in_reply_to=post, text="Look:", token="t1", pictures=pictures)).retryable
    sent = there.publisher.reply(in_reply_to=post, text="Look:", token="t1", pictures=pictures)
    assert len(uploads(there)) == 4
    assert [each["description"] for each in there.world.statuses[sent.external_id].media] == ["first", "second", "third"]


def test_what_was_handed_over_for_one_answer_goes_with_no_other(there: MastodonHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROCESSING", (0,))
    post = there.customer_posts("ana", "it broke")
    there.simulator.routes.slow_media = 9
    refused(lambda: there.publisher.reply(in_reply_to=post, text="Look:", token="t1", pictures=[picture("of the first")]))
    there.simulator.routes.slow_media = 0
    sent = there.publisher.reply(in_reply_to=post, text="Look here:", token="t2", pictures=[picture("of the second")])
    assert [each["description"] for each in there.world.statuses[sent.external_id].media] == ["of the second"]


def test_a_picture_of_which_the_server_can_make_nothing_is_refused_for_good(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    known, said = there.simulator.routes.answer, Answer(500, {"error": "Error processing thumbnail for uploaded media"})
    there.simulator.routes.answer = lambda call: said if call.path == "/api/v2/media" else known(call)  # type: ignore[method-assign]
    error = refused(lambda: there.publisher.reply(in_reply_to=post, text="Look:", token="t1", pictures=[picture()]))
    assert (error.permanent, error.code) == (True, "not_processed")
    assert writes(there) == []
