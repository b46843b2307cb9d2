"""A film with an answer on Mastodon: handed over once however long the server works on it, and nothing posted before it is ready."""

from __future__ import annotations

from dataclasses import replace

import pytest

from socialdesk.networks.base import Film
from socialdesk.networks.mastodon import media as module
from socialdesk.networks.mastodon.client import Client
from tests.mp4 import film, track
from tests.socialdesk.networks.harnesses import read_all
from tests.socialdesk.networks.mastodon.harness import MastodonHarness
from tests.socialdesk.networks.mastodon.test_pictures import picture, uploads
from tests.socialdesk.networks.mastodon.test_publisher import refused, writes

SOUND = track(handler=b"soun", codec=b"mp4a")
FILM = Film(film(seconds=2.5, width=640, height=360, tracks=SOUND), "The chain runs again", width=640, height=360, seconds=2.5)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROCESSING", (0, 0, 0))


def reply(there: MastodonHarness, post: str, sent: Film = FILM) -> str:
    return there.publisher.reply(in_reply_to=post, text="Like so:", token="t1", film=sent).external_id


def test_a_film_is_handed_over_waited_for_and_attached(there: MastodonHarness) -> None:
    there.simulator.routes.slow_media = 2
    post = there.customer_posts("ana", "it broke")
    sent = reply(there, post)
    (call,) = uploads(there)
    assert b'filename="film.mp4"' in call.body
    assert b"Content-Type: video/mp4" in call.body
    assert FILM.content in call.body
    (media,) = there.world.statuses[sent].media
    assert (media["type"], media["description"]) == ("video", "The chain runs again")
    assert {name: media["meta"]["original"][name] for name in ("width", "height", "duration")} == {
        "width": 640,
        "height": 360,
        "duration": 2.5,
    }
    (echo,) = [each for each in read_all(there.reader).posts if each.external_id == sent]
    assert [(each.kind, each.url, each.alt, each.preview) for each in echo.media] == [
        ("video", media["url"], "The chain runs again", media["preview_url"])
    ]


def test_a_film_without_sound_is_a_film_all_the_same(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    sent = reply(there, post, replace(FILM, content=film()))
    assert [each["type"] for each in there.world.statuses[sent].media] == ["gifv"]
    (echo,) = [each for each in read_all(there.reader).posts if each.external_id == sent]
    assert [each.kind for each in echo.media] == ["video"]


def test_the_next_try_goes_on_from_the_film_that_is_being_worked_on(there: MastodonHarness) -> None:
    there.simulator.routes.slow_media = 9
    post = there.customer_posts("ana", "it broke")
    for _ in range(2):
        error = refused(lambda: reply(there, post))
        assert (error.retryable, error.code) == (True, "processing")
        assert writes(there) == []
    reply(there, post)
    assert len(uploads(there)) == 1
    assert len(writes(there)) == 1


def test_a_film_that_the_server_forgot_is_handed_over_anew(there: MastodonHarness) -> None:
    there.simulator.routes.slow_media = 9
    post = there.customer_posts("ana", "it broke")
    refused(lambda: reply(there, post))
    there.world.media.clear()
    there.simulator.routes.slow_media = 1
    sent = reply(there, post)
    assert len(uploads(there)) == 2
    assert [each["type"] for each in there.world.statuses[sent].media] == ["video"]


def test_a_film_that_the_server_forgets_while_it_is_waited_for_may_be_tried_again(
    there: MastodonHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socialdesk.networks.mastodon.media.sleep", lambda seconds: there.world.media.clear())
    post = there.customer_posts("ana", "it broke")
    assert refused(lambda: reply(there, post)).retryable
    monkeypatch.setattr("socialdesk.networks.mastodon.media.sleep", lambda seconds: None)
    reply(there, post)
    assert len(uploads(there)) == 2


@pytest.mark.parametrize("failure", ["lost_before_writing", "unavailable", "error_after_writing", "no_answer_after_writing", "no_json"])
def test_a_film_that_could_not_be_handed_over_may_be_tried_again(there: MastodonHarness, failure: str) -> None:
    post = there.customer_posts("ana", "it broke")
    with there.simulator.failing(failure, only=lambda call: call.path == "/api/v2/media"):
        assert refused(lambda: reply(there, post)).retryable
    assert len(uploads(there)) == 1
    assert writes(there) == []
    reply(there, post)


@pytest.mark.parametrize("failure", ["lost_before_writing", "unavailable", "no_json", "rate_limit"])
def test_a_question_that_fails_does_not_have_the_film_handed_over_again(there: MastodonHarness, failure: str) -> None:
    post = there.customer_posts("ana", "it broke")
    with there.simulator.failing(failure, only=lambda call: call.path.startswith("/api/v1/media/")):
        assert refused(lambda: reply(there, post)).retryable
    there.heal()
    reply(there, post)
    assert len(uploads(there)) == 1


def test_a_film_that_is_too_large_for_the_server_is_refused_for_good(there: MastodonHarness) -> None:
    there.simulator.routes.film_bytes = len(FILM.content) - 1
    post = there.customer_posts("ana", "it broke")
    error = refused(lambda: reply(there, post))
    assert error.permanent
    assert "must be less than" in str(error)
    assert writes(there) == []


def test_a_server_that_takes_no_films_refuses_one_for_good(there: MastodonHarness) -> None:
    there.simulator.routes.kinds.remove("video/mp4")
    post = there.customer_posts("ana", "it broke")
    assert refused(lambda: reply(there, post)).permanent
    assert writes(there) == []


def test_a_film_that_cannot_be_processed_is_refused_for_good_and_another_try_begins_anew(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    broken = replace(FILM, content=b"\x00\x00\x00\x14ftypisom" + bytes(500))
    for _ in range(2):
        error = refused(lambda: reply(there, post, broken))
        assert error.permanent
        assert "Error processing" in str(error)
    assert len(uploads(there)) == 2
    assert writes(there) == []


def test_a_film_and_pictures_are_refused_before_anything_is_handed_over(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    error = refused(lambda: there.publisher.reply(in_reply_to=post, text="Look:", token="t1", pictures=[picture()], film=FILM))
    assert error.permanent
    assert uploads(there) == []


@pytest.mark.parametrize(
    ("loosened", "said"), [(False, "not found or already attached"), (True, "Cannot attach a video to a post that already contains images")]
)
def test_the_simulator_refuses_what_the_server_does(there: MastodonHarness, loosened: bool, said: str) -> None:
    client = Client(there.config)
    ids = module.hand_over(client, [picture(), FILM], "t1")
    if not loosened:
        client.write(lambda api: api.status_post("Only the film:", media_ids=ids[1:]))
    error = refused(lambda: client.write(lambda api: api.status_post("Both:", media_ids=ids)))
    assert error.permanent
    assert said in str(error)
