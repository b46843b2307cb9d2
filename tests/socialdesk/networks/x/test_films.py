"""Films with answers on X: they go in pieces, X works on them, and whatever fails on the way shows nothing and is not done over again."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import replace

import pytest
import requests
from django.core.cache import cache

from socialdesk.networks.base import Film, NetworkError, Picture
from socialdesk.networks.x import CAPABILITIES, uploads
from tests.mp4 import film as make_film
from tests.socialdesk.networks.harnesses import Failure, an_hour_ago
from tests.socialdesk.networks.x import uploads as simulated
from tests.socialdesk.networks.x.conftest import Stage
from tests.socialdesk.networks.x.test_simulator import ask

CONTENT = make_film(size=3000)
FILM = Film(CONTENT, "The button, held down", 640, 360, 2.0)
SIZE_OF_PIECES = uploads.PIECE
PIECE = 1000  # in these tests
PIECES = -(-len(CONTENT) // PIECE)
INITIALIZE, APPEND, FINALIZE, UPLOAD, METADATA = "/initialize", "/append", "/finalize", "/2/media/upload", "/2/media/metadata"


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Small pieces, and the pauses that would have been made."""
    pauses: list[float] = []
    monkeypatch.setattr(uploads, "sleep", pauses.append)
    monkeypatch.setattr(uploads, "PIECE", PIECE)
    return pauses


def send(x: Stage, post_id: str, film: Film = FILM, token: str = "t") -> str:
    return x.publisher.reply(in_reply_to=post_id, text="Like so:", token=token, film=film).external_id


def refused(x: Stage, post_id: str, film: Film = FILM) -> NetworkError:
    """What comes of a try of which nothing must be seen."""
    with pytest.raises(NetworkError) as caught:
        send(x, post_id, film)
    assert not caught.value.outcome_unknown
    assert ours(x) == []
    return caught.value


def ours(x: Stage) -> list[str]:
    return [post.id for post in x.world.posts.values() if post.author is x.us]


def taken(x: Stage, path: str) -> int:
    """How many such calls X did as asked."""
    return len([call for call in x.simulator.calls("POST", path) if call.status == 200])


# On the way


def test_a_film_goes_in_pieces_with_words_for_who_cannot_see_it(x: Stage) -> None:
    post = x.ana_posts()
    sent = x.publisher.reply(in_reply_to=post.id, text="Like so:", token="t", film=replace(FILM, alt="a" * 1200))
    (media_id,) = x.world.posts[sent.external_id].media
    assert x.world.media[media_id]["content"] == CONTENT
    (began,) = x.simulator.calls("POST", INITIALIZE)
    assert began.body == {"media_type": "video/mp4", "media_category": "tweet_video", "total_bytes": len(CONTENT)}
    pieces = x.simulator.calls("POST", f"{media_id}{APPEND}")
    assert [call.body["segment_index"] for call in pieces] == list(range(PIECES))
    assert PIECES > 3
    (echo,) = [one for one in x.reader.fetch("").posts if one.external_id == sent.external_id]
    assert [(medium.kind, medium.alt) for medium in echo.media] == [("video", "a" * 1000)]
    assert x.publisher.find(token="t", text="Like so:", in_reply_to=post.id, since=an_hour_ago()) == sent


def test_pieces_are_of_a_size_that_x_takes() -> None:
    assert 1_000_000 <= SIZE_OF_PIECES <= simulated.MOST_OF_PIECE * 3 // 4  # as base64 makes four bytes of three
    assert CAPABILITIES.max_film_bytes / SIZE_OF_PIECES <= 999  # the last number that a piece may have


def test_x_is_asked_as_often_as_it_says_until_it_has_finished(x: Stage, slept: list[float]) -> None:
    x.world.film_questions, x.world.film_pause = 3, 2
    send(x, x.ana_posts().id)
    assert slept == [2, 2, 2]
    assert [call.query["command"] for call in x.simulator.calls("GET", UPLOAD)] == ["STATUS"] * 3


def test_a_film_that_needs_no_work_is_not_waited_for(x: Stage, slept: list[float]) -> None:
    x.world.film_questions = 0
    send(x, x.ana_posts().id)
    assert slept == []
    assert x.simulator.calls("GET", UPLOAD) == []


def test_each_answer_has_an_upload_of_its_own(x: Stage) -> None:
    first, second = x.ana_posts(), x.ana_posts("@tidewheel and mine")
    send(x, first.id, token="t1")
    x.publisher.reply(in_reply_to=second.id, text="The same:", token="t2", film=FILM)
    assert taken(x, INITIALIZE) == 2


# Another try goes on


def test_a_film_on_which_x_still_works_is_not_uploaded_again(x: Stage, slept: list[float]) -> None:
    post = x.ana_posts()
    x.world.film_questions, x.world.film_pause = 6, 3
    error = refused(x, post.id)
    assert (error.retryable, error.code) == (True, "processing")
    assert 3 <= (error.retry_after or 0) <= 60
    assert sum(slept) <= uploads.PATIENCE
    sent = send(x, post.id)
    assert x.world.media[x.world.posts[sent].media[0]]["content"] == CONTENT
    assert (taken(x, INITIALIZE), taken(x, APPEND), taken(x, FINALIZE)) == (1, PIECES, 1)


def test_a_film_that_x_does_not_know_any_more_is_uploaded_anew(x: Stage) -> None:
    post = x.ana_posts()
    x.world.film_questions = 99
    refused(x, post.id)
    x.world.uploads.clear()
    x.world.film_questions = 1
    send(x, post.id)
    assert (taken(x, INITIALIZE), taken(x, APPEND), len(ours(x))) == (2, 2 * PIECES, 1)


def test_a_part_of_a_film_that_x_does_not_know_any_more_is_uploaded_anew(x: Stage) -> None:
    post = x.ana_posts()
    x.simulator.limits["append"] = 2
    refused(x, post.id)
    x.world.uploads.clear()
    x.simulator.limits["append"] = 1875
    cache.clear()
    send(x, post.id)
    assert (taken(x, INITIALIZE), len(ours(x))) == (2, 1)


def test_a_limit_that_is_used_up_is_waited_for_and_the_other_pieces_follow(x: Stage) -> None:
    post = x.ana_posts()
    x.simulator.limits["append"] = 2
    for _ in range(2):
        error = refused(x, post.id)
        assert (error.retryable, error.code) == (True, "budget")
        assert 890 < (error.retry_after or 0) <= 901
    assert len(x.simulator.calls("POST", APPEND)) == 2
    x.simulator.limits["append"] = 1875
    cache.clear()
    with x.simulator.failing("rate_limit", on=lambda method, path: path.endswith(APPEND)):
        error = refused(x, post.id)
    assert (error.retryable, error.code) == (True, "rate_limit")
    cache.clear()
    send(x, post.id)
    done = [call.body["segment_index"] for call in x.simulator.calls("POST", APPEND) if call.status == 200]
    assert done == list(range(PIECES))
    assert taken(x, INITIALIZE) == 1


def test_a_film_that_takes_longer_than_one_try_goes_on_in_the_next(x: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    post = x.ana_posts()
    monkeypatch.setattr(uploads, "monotonic", itertools.count(0.0, uploads.TIME / 3).__next__)
    errors: list[NetworkError] = []
    while not ours(x) and len(errors) < 9:
        try:
            send(x, post.id)
        except NetworkError as error:
            errors.append(error)
    assert [(error.retryable, error.retry_after, error.code) for error in errors] == [(True, 0, "uploading")] * 2
    assert (taken(x, INITIALIZE), taken(x, APPEND), taken(x, FINALIZE), len(ours(x))) == (1, PIECES, 1, 1)


def test_no_post_is_begun_when_the_time_of_a_try_is_over(x: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    x.world.film_questions = 0
    small = replace(FILM, content=make_film(size=0), alt="")
    monkeypatch.setattr(uploads, "PIECE", len(small.content))
    moments = iter([0.0, 1.0, 2.0, 3.0, uploads.TIME + 1])  # the beginning, three calls, the post
    monkeypatch.setattr(uploads, "monotonic", lambda: next(moments))
    post = x.ana_posts()
    assert refused(x, post.id, small).code == "uploading"
    monkeypatch.undo()
    send(x, post.id, small)
    assert taken(x, INITIALIZE) == 1


# What fails


@pytest.mark.parametrize("failure", ["lost_before_writing", "error_after_writing", "no_answer_after_writing"])
@pytest.mark.parametrize(
    ("method", "path", "begins_anew"),
    [("POST", INITIALIZE, True), ("POST", APPEND, True), ("POST", FINALIZE, True), ("GET", UPLOAD, False), ("POST", METADATA, False)],
)
def test_a_call_that_fails_shows_nothing_and_may_be_made_again(
    x: Stage, method: str, path: str, begins_anew: bool, failure: Failure
) -> None:
    post = x.ana_posts()
    with x.simulator.failing(failure, on=lambda how, asked: how == method and asked.endswith(path)):
        error = refused(x, post.id)
    assert error.retryable
    assert len(x.simulator.calls(method, path if method == "POST" else UPLOAD)) == 1
    x.simulator.log.clear()
    send(x, post.id)
    assert taken(x, INITIALIZE) == begins_anew
    assert len(ours(x)) == 1


@pytest.mark.parametrize(
    ("path", "garbage"),
    [
        *itertools.product([INITIALIZE, APPEND, FINALIZE, METADATA], [b"<html>Over capacity</html>", b"[]"]),
        *itertools.product([INITIALIZE, FINALIZE], [b"", b'{"data": null}', b'{"data": {"id": "12a"}}']),
    ],
)
def test_an_answer_that_cannot_be_read_shows_nothing_and_may_be_asked_for_again(x: Stage, path: str, garbage: bytes) -> None:
    post = x.ana_posts()
    x.simulator.garbles = garbage
    x.simulator.fails_on = lambda method, asked: asked.endswith(path)
    assert refused(x, post.id).retryable
    x.simulator.garbles = None
    send(x, post.id)
    assert len(ours(x)) == 1


def test_pieces_that_x_takes_without_a_word_are_taken(x: Stage) -> None:
    x.simulator.garbles = b""
    x.simulator.fails_on = lambda method, path: path.endswith(APPEND)
    send(x, x.ana_posts().id)


def test_an_upload_that_x_loses_on_the_way_is_begun_anew_at_the_next_try(x: Stage) -> None:
    post = x.ana_posts()
    x.simulator.answers_with = (404, json.dumps({"title": "Not Found", "status": 404}).encode(), {})
    x.simulator.fails_on = lambda method, path: path.endswith(APPEND)
    assert refused(x, post.id).retryable
    x.simulator.answers_with = None
    send(x, post.id)
    assert taken(x, INITIALIZE) == 2


@pytest.mark.parametrize("status", [400, 404])
def test_a_film_that_x_does_not_know_although_it_was_just_sent_is_sent_anew_at_the_next_try(x: Stage, status: int) -> None:
    post = x.ana_posts()
    x.simulator.answers_with = (status, json.dumps({"errors": [{"message": "BadRequest: Not found"}], "status": status}).encode(), {})
    x.simulator.fails_on = lambda method, path: method == "GET" and path == UPLOAD
    assert refused(x, post.id).retryable
    x.simulator.answers_with = None
    send(x, post.id)
    assert taken(x, INITIALIZE) == 2


@pytest.mark.parametrize("questions", [0, 2])
def test_a_film_that_x_cannot_work_on_is_refused_for_good_in_its_words(x: Stage, questions: int) -> None:
    post = x.ana_posts()
    x.world.film_questions, x.world.film_fault = questions, "Unsupported video format " + "!" * 1000
    error = refused(x, post.id)
    assert (error.permanent, error.account_revoked, error.code) == (True, False, "film_failed")
    assert "Unsupported video format" in str(error)
    assert len(str(error)) <= 400
    x.world.film_fault = ""
    send(x, post.id)  # as a person asks for once more
    assert taken(x, INITIALIZE) == 2


def test_what_failed_while_nobody_asked_is_refused_for_good_and_not_uploaded_again(x: Stage) -> None:
    post = x.ana_posts()
    x.world.film_questions = 99
    assert refused(x, post.id).retryable
    for upload in x.world.uploads.values():
        upload.questions, upload.fault = 0, "file is invalid"
    assert refused(x, post.id).permanent
    assert taken(x, INITIALIZE) == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"data": {"id": "1", "processing_info": {"state": "failed", "error": {"code": 1, "name": "InvalidMedia"}}}}, "InvalidMedia"),
        ({"data": {"id": "1", "processing_info": {"state": "failed", "error": {"name": "A", "message": "no film"}}}}, "no film"),
        ({"data": {"id": "1", "processing_info": {"state": "failed"}}, "errors": [7, {"title": "No film"}]}, "No film"),
        ({"data": {"id": "1", "processing_info": {"state": "failed", "error": "?"}}, "errors": {}}, "gives no reason"),
    ],
)
def test_why_x_failed_is_found_wherever_x_says_it(x: Stage, said: object, reason: str) -> None:
    x.simulator.answers_with = (200, json.dumps(said).encode(), {})
    x.simulator.fails_on = lambda method, path: method == "GET" and path == UPLOAD
    error = refused(x, x.ana_posts().id)
    assert error.permanent
    assert reason in str(error)


@pytest.mark.parametrize(
    "info", [{"state": "pending"}, {"state": "pending", "check_after_secs": -5}, {"state": ["?"], "check_after_secs": 10**40}]
)
def test_odd_answers_about_its_work_are_waited_for_and_never_for_long(x: Stage, slept: list[float], info: object) -> None:
    x.simulator.answers_with = (200, json.dumps({"data": {"id": "1", "processing_info": info}}).encode(), {})
    x.simulator.fails_on = lambda method, path: method == "GET" and path == UPLOAD
    error = refused(x, x.ana_posts().id)
    assert (error.retryable, error.code) == (True, "processing")
    assert sum(slept) <= uploads.PATIENCE
    assert len(slept) <= 50


@pytest.mark.parametrize(
    "film",
    [
        replace(FILM, content=make_film(seconds=141)),
        replace(FILM, content=b"<html>" + CONTENT),
        replace(FILM, content=b""),
        replace(FILM, media_type="video/webm"),
    ],
)
def test_a_film_that_x_refuses_refuses_the_answer_for_good(x: Stage, film: Film) -> None:
    error = refused(x, x.ana_posts().id, film)
    assert (error.permanent, error.account_revoked) == (True, False)


def test_a_film_that_is_too_large_is_refused_before_any_of_it_is_sent(x: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated, "MOST_OF_FILM", len(CONTENT) - 1)
    assert refused(x, x.ana_posts().id).permanent
    assert x.simulator.calls("POST", APPEND) == []


def test_a_film_beside_a_picture_is_refused_for_good_before_anything_is_sent(x: Stage) -> None:
    picture = Picture(b"\x89PNG\r\n\x1a\n" + b"0" * 100, "image/png", "")
    with pytest.raises(NetworkError) as caught:
        x.publisher.reply(in_reply_to=x.ana_posts().id, text="Like so:", token="t", pictures=[picture], film=FILM)
    assert caught.value.permanent
    assert x.simulator.log == []


def test_words_that_x_does_not_take_for_a_film_do_not_keep_the_answer_back(x: Stage) -> None:
    x.world.describes_films = False
    post = x.ana_posts()
    sent = send(x, post.id)
    assert len(x.world.posts[sent].media) == 1


def test_a_sign_in_that_may_upload_nothing_is_refused_for_good(x: Stage) -> None:
    x.with_config(credentials={"access_token": x.simulator.sign_in(x.us, "tweet.read users.read tweet.write")})
    error = refused(x, x.ana_posts().id)
    assert (error.permanent, error.account_revoked, error.code) == (True, False, "not_permitted")


def test_a_post_whose_outcome_is_unknown_stays_so_and_its_film_is_not_uploaded_again(x: Stage) -> None:
    post = x.ana_posts()
    with x.simulator.failing("lost_before_writing", on=lambda method, path: path == "/2/tweets"), pytest.raises(NetworkError) as caught:
        send(x, post.id)
    assert caught.value.outcome_unknown
    assert x.publisher.find(token="t", text="Like so:", in_reply_to=post.id, since=an_hour_ago()) is None
    send(x, post.id)
    assert (taken(x, INITIALIZE), len(ours(x))) == (1, 1)


# The simulated X


def begin(x: Stage, **changes: object) -> requests.Response:
    asked = {"media_type": "video/mp4", "media_category": "tweet_video", "total_bytes": 12} | changes
    return ask(x, "POST", f"{UPLOAD}{INITIALIZE}", json=asked)


def test_the_simulated_x_takes_pieces_in_their_order_and_no_more_than_was_said(x: Stage) -> None:
    there = f"{UPLOAD}/{begin(x).json()['data']['id']}"
    piece: dict[str, object] = {"segment_index": 0, "media": "AAAADGZ0"}  # six bytes of twelve
    wrong: list[dict[str, object]] = [
        {"segment_index": 1},
        {"segment_index": "0"},
        {"media": ""},
        {"media": "###"},
        {"media": "A" * 20},
        {"command": "APPEND"},
    ]
    for changes in wrong:
        assert ask(x, "POST", f"{there}{APPEND}", json=piece | changes).status_code == 400
    assert ask(x, "POST", f"{there}{APPEND}", json=piece).status_code == 200
    assert ask(x, "POST", f"{there}{APPEND}", json=piece).status_code == 400  # twice
    short = ask(x, "POST", f"{there}{FINALIZE}", json={})
    assert (short.status_code, "do not add up" in short.text) == (400, True)
    assert ask(x, "GET", f"{UPLOAD}?command=STATUS&media_id={there.rpartition('/')[2]}").status_code == 400
    assert ask(x, "POST", f"{there}{APPEND}", json=piece | {"segment_index": 1, "media": "eXBpc29t"}).status_code == 200
    assert "JSON object" in ask(x, "POST", f"{there}{FINALIZE}").text
    assert ask(x, "POST", f"{there}{FINALIZE}", json={}).status_code == 200
    assert ask(x, "POST", f"{there}{FINALIZE}", json={}).status_code == 400


def test_the_simulated_x_knows_its_own_uploads_only(x: Stage) -> None:
    assert ask(x, "POST", f"{UPLOAD}/12{APPEND}", json={"segment_index": 0, "media": "AAAA"}).status_code == 400
    assert ask(x, "POST", f"{UPLOAD}/12{FINALIZE}", json={}).status_code == 400
    assert ask(x, "GET", f"{UPLOAD}?command=STATUS&media_id=12").status_code == 400
    assert ask(x, "GET", f"{UPLOAD}?command=FINALIZE&media_id=12").status_code == 400
    assert ask(x, "GET", f"{UPLOAD}?command=STATUS").status_code == 400
    for changes in ({"media_type": "video/webm"}, {"media_category": "dm_video"}, {"total_bytes": 0}, {"total_bytes": 512_000_001}):
        assert begin(x, **changes).status_code == 400


def test_the_simulated_x_takes_one_film_alone_and_only_when_it_has_finished(x: Stage) -> None:
    def post(*media_ids: str) -> int:
        return ask(x, "POST", "/2/tweets", json={"text": "Look", "media": {"media_ids": list(media_ids)}}).status_code

    def bring() -> str:
        media_id: str = begin(x, total_bytes=len(CONTENT)).json()["data"]["id"]
        piece = base64.b64encode(CONTENT).decode()
        assert ask(x, "POST", f"{UPLOAD}/{media_id}{APPEND}", json={"segment_index": 0, "media": piece}).status_code == 200
        assert post(media_id) == 400
        assert ask(x, "POST", f"{UPLOAD}/{media_id}{FINALIZE}", json={}).json()["data"]["processing_info"]["state"] == "pending"
        assert post(media_id) == 400
        assert ask(x, "GET", f"{UPLOAD}?command=STATUS&media_id={media_id}").json()["data"]["processing_info"]["state"] == "succeeded"
        return media_id

    first, second = bring(), bring()
    picture = ask(x, "POST", UPLOAD, json={"media": "iVBORw0K", "media_category": "tweet_image"}).json()["data"]["id"]
    assert post(first, second) == 400
    assert post(first, picture) == 400
    assert post(first) == 201
