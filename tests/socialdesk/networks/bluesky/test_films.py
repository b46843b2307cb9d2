"""Films with answers: handed over to the account's server, named by a post, and refused in words that say why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from socialdesk.networks.base import Film, MediaData, NetworkError
from socialdesk.networks.bluesky.client import Client
from socialdesk.networks.bluesky.writing import FILM_BYTES
from tests import mp4
from tests.socialdesk.networks.bluesky.harness import BlueskyHarness
from tests.socialdesk.networks.bluesky.simulator import Call
from tests.socialdesk.networks.harnesses import PICTURE, read_all

UPLOAD, WRITE = "com.atproto.repo.uploadBlob", "com.atproto.repo.putRecord"
FILM = Film(mp4.film(width=360, height=640), "The bell rings", 360, 640, 2.0)


def is_upload(call: Call) -> bool:
    return call.nsid == UPLOAD


def answers(bluesky: BlueskyHarness) -> list[Mapping[str, Any]]:
    return [post.value for post in bluesky.world.posts() if post.did == bluesky.world.us.did]


def refused(bluesky: BlueskyHarness, film: Film) -> NetworkError:
    """What is said of it. Nothing may have been written."""
    post = bluesky.customer_posts("ana", "it broke")
    with pytest.raises(NetworkError) as caught:
        bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", film=film)
    assert answers(bluesky) == []
    return caught.value


def test_a_film_goes_with_its_words_and_its_shape_and_comes_back_as_one(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    sent = bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", film=FILM)
    (upload,) = bluesky.simulator.calls(UPLOAD)
    assert (upload.body, upload.headers["content-type"]) == (FILM.content, "video/mp4")
    embed = bluesky.world.records[sent.external_id].value["embed"]
    assert (embed["$type"], embed["alt"]) == ("app.bsky.embed.video", "The bell rings")
    assert embed["aspectRatio"] == {"width": 360, "height": 640}
    assert embed["video"] == upload.answer["blob"]
    (echo,) = [each for each in read_all(bluesky.reader).posts if each.external_id == sent.external_id]
    folder = f"https://video.bsky.app/watch/{bluesky.world.us.did.replace(':', '%3A')}/{embed['video']['ref']['$link']}"
    assert echo.media == (MediaData("video", f"{folder}/playlist.m3u8", "The bell rings", f"{folder}/thumbnail.jpg"),)


@pytest.mark.parametrize("mode", ["unavailable", "error_after_writing", "no_answer_after_writing", "lost_before_writing", "no_json"])
def test_a_film_that_did_not_arrive_may_be_sent_again(bluesky: BlueskyHarness, mode: str) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    with bluesky.simulator.failing(mode, only=is_upload), pytest.raises(NetworkError) as caught:
        bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", film=FILM)
    assert (caught.value.retryable, caught.value.outcome_unknown) == (True, False)
    assert len(bluesky.simulator.calls(UPLOAD)) == 1
    assert bluesky.simulator.calls(WRITE) == []
    bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", film=FILM)
    assert ["embed" in record for record in answers(bluesky)] == [True]


def test_an_answer_that_does_not_name_the_film_may_be_tried_again(bluesky: BlueskyHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "upload", lambda *args: {"blob": {"mimeType": "video/mp4"}})
    error = refused(bluesky, FILM)
    assert (error.retryable, error.code) == (True, "unreadable_answer")


def test_a_post_with_a_film_whose_outcome_nobody_knows_is_found_and_not_made_twice(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    with (
        bluesky.simulator.failing("no_answer_after_writing", only=lambda call: call.nsid == WRITE),
        pytest.raises(NetworkError) as caught,
    ):
        bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", film=FILM)
    assert caught.value.outcome_unknown
    bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", film=FILM)
    assert len(answers(bluesky)) == 1


def test_a_film_that_the_server_lost_before_the_post_is_handed_over_anew(bluesky: BlueskyHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = bluesky.world.keep
    with monkeypatch.context() as losing:
        losing.setattr(bluesky.world, "keep", lambda *given: bluesky.world.blobs.pop((given[0], keep(*given).cid)))
        error = refused(bluesky, FILM)
    assert (error.retryable, error.outcome_unknown, error.code) == (True, False, "file_is_gone")
    bluesky.publisher.reply(in_reply_to=bluesky.customer_posts("ben", "mine too"), text="So:", token="t1", film=FILM)
    assert len(bluesky.simulator.calls(UPLOAD)) == 2


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"seconds": 180.5}, "film_too_long", "more than 180 seconds"),
        ({"alt": "x" * 1001}, "too_long", "The description of the film has 1001 characters"),
        ({"alt": "🧑‍🧑‍🧒‍🧒" * 500}, "too_long", "The description of the film takes 12500 bytes"),
    ],
)
def test_what_bluesky_takes_of_nobody_is_refused_before_it_is_handed_over(
    bluesky: BlueskyHarness, change: dict[str, Any], code: str, words: str
) -> None:
    error = refused(bluesky, replace(FILM, **change))
    assert (error.permanent, error.code) == (True, code)
    assert words in str(error)
    assert bluesky.simulator.calls(UPLOAD) == []


def test_a_film_larger_than_bluesky_takes_is_refused_before_it_is_handed_over(bluesky: BlueskyHarness) -> None:
    error = refused(bluesky, replace(FILM, content=bytes(FILM_BYTES + 1)))
    assert (error.permanent, error.code) == (True, "film_too_large")
    assert "more than 100 MB" in str(error)
    assert bluesky.simulator.calls(UPLOAD) == []


def test_pictures_and_a_film_do_not_go_together(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    with pytest.raises(NetworkError) as caught:
        bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", pictures=[PICTURE], film=FILM)
    assert (caught.value.permanent, bluesky.simulator.calls(UPLOAD), answers(bluesky)) == (True, [], [])


def test_as_much_as_bluesky_takes_goes(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", film=replace(FILM, seconds=180.0, alt="ก็" * 1000))
    assert len(answers(bluesky)) == 1


def test_a_server_that_takes_less_refuses_it_for_good_and_says_so(bluesky: BlueskyHarness) -> None:
    bluesky.simulator.most_bytes = len(FILM.content) - 1
    error = refused(bluesky, FILM)
    assert (error.permanent, error.code) == (True, "file_too_large")
    assert str(error) == "The account's server takes no file of this size: request entity too large"


def test_what_stands_before_a_server_may_refuse_the_size_with_a_page_of_its_own(
    bluesky: BlueskyHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    bluesky.simulator.most_bytes = 10
    monkeypatch.setattr(
        bluesky.simulator, "encode", lambda answer, failure: b"<h1>413</h1>" if answer.status == 413 else _json(answer.body)
    )
    error = refused(bluesky, FILM)
    assert (error.permanent, error.code) == (True, "file_too_large")


@pytest.mark.parametrize(("brand", "kind"), [(b"M4V ", "video/x-m4v"), (b"qt  ", "video/quicktime"), (b"3gp5", "video/3gpp")])
def test_a_film_that_the_server_takes_for_another_kind_is_not_named_by_a_post(bluesky: BlueskyHarness, brand: bytes, kind: str) -> None:
    """Servers look into the file; a post with any other kind would be refused."""
    error = refused(bluesky, replace(FILM, content=FILM.content.replace(b"isom", brand, 1)))
    assert (error.permanent, error.code) == (True, "film_of_another_kind")
    assert kind in str(error)
    assert bluesky.simulator.calls(WRITE) == []


def test_the_simulated_server_refuses_records_as_the_network_does(bluesky: BlueskyHarness) -> None:
    """So that what passes here would pass there."""
    client = Client(bluesky.config)
    blob = dict(client.upload(FILM.content, "video/mp4")["blob"])
    other = dict(client.upload(mp4.film().replace(b"isom", b"M4V ", 1), "video/mp4")["blob"])
    embed = {"$type": "app.bsky.embed.video", "video": blob}
    for wrong, name in (
        ({"video": {**blob, "ref": {"$link": blob["ref"]["$link"][:-3] + "aaa"}}}, "file_is_gone"),
        ({"video": {**blob, "size": 1}}, "InvalidSize"),
        ({"video": other}, "InvalidRequest"),
        ({"video": {**other, "mimeType": "video/mp4"}}, "InvalidMimeType"),
        ({"video": {**blob, "size": 100_000_001}}, "InvalidRequest"),
        ({"alt": "x" * 1001}, "InvalidRequest"),
        ({"aspectRatio": {"width": 0, "height": 1}}, "InvalidRequest"),
    ):
        record = {"$type": "app.bsky.feed.post", "text": "So:", "createdAt": "2025-06-01T06:40:12.345Z", "embed": {**embed, **wrong}}
        asked = {"repo": client.our_did, "collection": "app.bsky.feed.post", "rkey": bluesky.world.new_tid(), "record": record}
        with pytest.raises(NetworkError) as caught:
            client.procedure(WRITE, asked)
        assert caught.value.code == name
    assert answers(bluesky) == []


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()
