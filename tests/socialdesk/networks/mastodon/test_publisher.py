"""Writing on Mastodon: whom an answer names, who sees it, how long it may be, and that nothing is ever written twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from socialdesk.networks.base import NetworkError
from socialdesk.networks.mastodon import publisher as module
from socialdesk.networks.mastodon.publisher import MastodonPublisher
from socialdesk.networks.mastodon.server import FOR_MENTION
from tests.socialdesk.networks.mastodon.harness import MastodonHarness
from tests.socialdesk.networks.served import Answer, Call

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def writes(there: MastodonHarness) -> list[Call]:
    return there.simulator.calls("POST", "/api/v1/statuses")


def ours(there: MastodonHarness) -> list[str]:
    return [status.text for status in there.world.statuses.values() if status.author is there.world.us]


def refused(call: Callable[[], object]) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        call()
    return caught.value


# Whom it names and who sees it


@pytest.mark.parametrize(
    ("author", "text", "written"),
    [
        ("ana", "We are sorry.", "@ana We are sorry."),
        ("marlowbikes@hub.example", "We are sorry.", "@marlowbikes@hub.example We are sorry."),
        ("ana", "Sorry, @ana!", "Sorry, @ana!"),
        ("ana", "Sorry, @ANA!", "Sorry, @ANA!"),
        ("marlowbikes@hub.example", "@marlowbikes@hub.example sorry", "@marlowbikes@hub.example sorry"),
        ("ana", "Sorry, @anabel!", "@ana Sorry, @anabel!"),
        # Their name without the server is somebody else's, on ours.
        ("marlowbikes@hub.example", "@marlowbikes sorry", "@marlowbikes@hub.example @marlowbikes sorry"),
    ],
)
def test_an_answer_names_whom_it_answers_once(there: MastodonHarness, author: str, text: str, written: str) -> None:
    post = there.customer_posts(author, "it broke")
    there.publisher.reply(in_reply_to=post, text=text, token="t1")
    assert ours(there) == [written]


def test_what_we_answer_ourselves_is_not_named(there: MastodonHarness) -> None:
    first = there.publisher.post(text="The hub in Leeds is open.", token="t1")
    there.publisher.reply(in_reply_to=first.external_id, text="Until nine.", token="t2")
    assert ours(there)[1] == "Until nine."


@pytest.mark.parametrize(
    ("visibility", "ours"), [("public", "public"), ("unlisted", "unlisted"), ("private", "private"), ("local", "private"), ("", "private")]
)
def test_an_answer_is_seen_as_widely_as_what_it_answers(there: MastodonHarness, visibility: str, ours: str) -> None:
    post = there.world.publish(there.world.person("ana"), "@tidewheel it broke", visibility=visibility)
    sent = there.publisher.reply(in_reply_to=post.id, text="Sorry.", token="t1")
    assert there.world.statuses[sent.external_id].visibility == ours


@pytest.mark.parametrize("body", [{}, {"id": "1", "visibility": "public"}, {"visibility": "public"}])
def test_nothing_is_answered_that_the_server_does_not_show(there: MastodonHarness, body: dict[str, str]) -> None:
    post = there.customer_posts("ana", "it broke")
    known = there.simulator.routes.answer
    there.simulator.routes.answer = lambda call: Answer(200, body) if call.path.endswith(post) else known(call)  # type: ignore[method-assign]
    assert refused(lambda: there.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")).retryable
    assert writes(there) == []


def test_what_was_said_privately_is_never_answered_in_public(there: MastodonHarness) -> None:
    message = there.customer_messages("ana", "my number is 0123")
    error = refused(lambda: there.publisher.reply(in_reply_to=message, text="Thank you.", token="t1"))
    assert error.permanent
    assert writes(there) == []


def test_a_private_message_reaches_whom_it_names_and_nobody_else(there: MastodonHarness) -> None:
    about = there.customer_posts("ana", "it broke")
    sent = there.publisher.direct_message(to=there.customer_id("ana"), text="Your number?", token="t1", about=about)
    status = there.world.statuses[sent.external_id]
    assert (status.visibility, status.text, status.in_reply_to) == ("direct", "@ana Your number?", about)
    assert [person.username for person in status.mentions] == ["ana"]


def test_a_private_message_to_an_account_that_was_shut_is_refused(there: MastodonHarness) -> None:
    there.world.person("ana").is_shut = True
    assert refused(lambda: there.publisher.direct_message(to=there.customer_id("ana"), text="Your number?", token="t1")).permanent
    assert writes(there) == []


def test_a_private_message_that_reached_nobody_is_taken_back_and_not_called_sent(there: MastodonHarness) -> None:
    there.world.person("ana@hub.example").is_unnameable = True
    error = refused(lambda: there.publisher.direct_message(to=there.customer_id("ana@hub.example"), text="Your number?", token="t1"))
    assert (error.permanent, error.code) == (True, "not_told")
    assert ours(there) == []


@pytest.mark.parametrize("text", ["Ask @support@hub.example.", "cc @ben", "@ben @ana your code", "(@ben)"])
def test_a_private_message_that_names_somebody_else_is_not_sent(there: MastodonHarness, text: str) -> None:
    error = refused(lambda: there.publisher.direct_message(to=there.customer_id("ana"), text=text, token="t1"))
    assert error.permanent
    assert "everybody whom it names" in str(error)
    assert writes(there) == []


def test_a_mail_address_in_a_private_message_names_nobody(there: MastodonHarness) -> None:
    there.publisher.direct_message(to=there.customer_id("ana"), text="Write to hello@tidewheel.example.", token="t1")
    assert len(writes(there)) == 1


def test_a_private_message_is_sent_though_the_post_that_it_is_about_is_gone(there: MastodonHarness) -> None:
    about = there.customer_posts("ana", "it broke")
    there.customer_deletes(about)
    sent = there.publisher.direct_message(to=there.customer_id("ana"), text="Your number?", token="t1", about=about)
    assert there.world.statuses[sent.external_id].in_reply_to == ""


# How long it may be


def test_a_link_counts_as_23_and_a_grapheme_as_one(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    room = 500 - FOR_MENTION - 24
    text = "👩‍🔧" * room + " https://tidewheel.example/" + "a" * 300
    there.publisher.reply(in_reply_to=post, text=text, token="t1")
    assert refused(lambda: there.publisher.reply(in_reply_to=post, text=text + " a", token="t2")).permanent
    assert len(writes(there)) == 1


def test_a_text_that_names_its_author_itself_may_use_all_the_length(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    there.publisher.reply(in_reply_to=post, text="@ana " + "x" * 495, token="t1")
    assert refused(lambda: there.publisher.reply(in_reply_to=post, text="@ana " + "x" * 496, token="t2")).permanent


def test_the_name_of_a_server_is_not_counted(there: MastodonHarness) -> None:
    post = there.customer_posts("marlowbikes@a-very-long-name-of-a-server.example", "it broke")
    there.publisher.reply(in_reply_to=post, text="x" * (500 - FOR_MENTION), token="t1")


def test_a_server_with_another_limit_is_honoured(there: MastodonHarness) -> None:
    there.simulator.max_characters = 5000
    post = there.customer_posts("ana", "it broke")
    there.publisher.reply(in_reply_to=post, text="x" * (5000 - FOR_MENTION), token="t1")
    assert refused(lambda: there.publisher.reply(in_reply_to=post, text="x" * 5001, token="t2")).permanent


def test_a_server_that_does_not_describe_itself_judges_the_length_itself(there: MastodonHarness) -> None:
    there.simulator.has_old_api = True
    post = there.customer_posts("ana", "it broke")
    error = refused(lambda: there.publisher.reply(in_reply_to=post, text="x" * 501, token="t1"))
    assert error.permanent
    assert "character limit of 500 exceeded" in str(error)


# Never twice


@pytest.mark.parametrize(
    "failure", ["revoked", "rate_limit", "unavailable", "lost_before_writing", "error_after_writing", "no_answer_after_writing", "no_json"]
)
def test_one_call_is_one_request_however_it_fails(there: MastodonHarness, failure: str) -> None:
    post = there.customer_posts("ana", "it broke")
    ana = there.customer_id("ana")
    sends: list[Callable[[], object]] = [
        lambda: there.publisher.reply(in_reply_to=post, text="Sorry.", token="t1"),
        lambda: there.publisher.direct_message(to=ana, text="Your number?", token="t2"),
        lambda: there.publisher.post(text="Good morning.", token="t3"),
        lambda: there.publisher.repost(external_id=post, token="t4"),
        lambda: there.publisher.like(external_id=post, token="t5"),
        lambda: there.publisher.unlike(external_id=post),
        lambda: there.publisher.delete(external_id=there.world.publish(there.world.us, "Gone soon.").id),
    ]
    for send in sends:
        there.simulator.log.clear()
        there.simulator.remaining = 300
        with there.simulator.failing(failure, only=lambda call: call.method != "GET"):
            error = refused(send)
        assert len([call for call in there.simulator.log if call.method != "GET"]) <= 1
        assert error.retryable == (failure == "rate_limit")
        assert error.permanent == (failure == "revoked")


def test_the_same_token_gives_the_first_status_for_an_hour(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    first, second = (there.publisher.reply(in_reply_to=post, text="Sorry.", token="t1") for _ in range(2))
    assert first == second
    assert len(ours(there)) == 1
    assert {call.headers["idempotency-key"] for call in writes(there)} == {"t1"}


def test_after_the_hour_what_was_sent_is_found_by_its_text(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    text = "Sorry, that was us.\n\n\nSee https://tidewheel.example/help?a=1&b=2 #help  — Mara"
    only_write = lambda call: call.method == "POST"  # noqa: E731
    with there.simulator.failing("no_answer_after_writing", only=only_write):
        refused(lambda: there.publisher.reply(in_reply_to=post, text=text, token="t1"))
    there.simulator.routes.keys.clear()
    found = there.publisher.find(token="t1", text=text, in_reply_to=post, since=LONG_AGO)
    assert found is not None
    assert [found.external_id] == [status.id for status in there.world.statuses.values() if status.author is there.world.us]


@pytest.mark.parametrize(
    "text",
    [
        "@ana @ben We look into it.",
        "@ANA, @ben: sorry",
        "@ana @marlowbikes@hub.example",
        "@ben",
        "Sorry, @ben",
        "@ben @ana\n\n\nSorry  both",
    ],
)
def test_an_answer_is_found_whomever_it_names_besides(there: MastodonHarness, text: str) -> None:
    there.world.domain = "harbour.example"
    publisher = MastodonPublisher(there.config_with())
    post = there.customer_posts("ana", "it broke")
    sent = publisher.reply(in_reply_to=post, text=text, token="t1")
    cache.clear()
    assert publisher.find(token="t1", text=text, in_reply_to=post, since=LONG_AGO) == sent
    assert publisher.find(token="t2", text=f"{text} Really.", in_reply_to=post, since=LONG_AGO) is None


def test_the_same_words_sent_twice_on_purpose_are_told_apart(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    first = there.publisher.reply(in_reply_to=post, text="Still on it.", token="t1")
    second = there.publisher.reply(in_reply_to=post, text="Still on it.", token="t2")
    assert first != second
    for token, sent in (("t1", first), ("t2", second), ("t3", None)):
        assert there.publisher.find(token=token, text="Still on it.", in_reply_to=post, since=LONG_AGO) == sent


@pytest.mark.parametrize("skew", [timedelta(minutes=-30), timedelta(minutes=30)])
def test_what_was_sent_is_found_though_the_servers_clock_is_wrong(there: MastodonHarness, skew: timedelta) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)
    post = there.customer_posts("ana", "it broke")
    sent = there.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
    there.simulator.clock_skew = skew
    there.world.statuses[sent.external_id].created_at += skew
    found = there.publisher.find(token="t1", text="Sorry.", in_reply_to=post, since=since)
    assert found is not None
    assert found.external_id == sent.external_id
    assert there.publisher.find(token="t1", text="Sorry.", in_reply_to=post, since=since + timedelta(minutes=10)) is None


def test_looking_goes_back_as_far_as_asked_and_says_when_it_cannot(there: MastodonHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    post = there.customer_posts("ana", "it broke")
    there.world.publish(there.world.us, "@ana The first.", in_reply_to=post)
    for i in range(85):
        there.world.publish(there.world.us, f"number {i}")
    assert there.publisher.find(token="t1", text="The first.", in_reply_to=post, since=LONG_AGO) is not None
    assert there.publisher.find(token="t1", text="Never.", in_reply_to=post, since=LONG_AGO) is None
    monkeypatch.setattr(module, "PAGES", 2)
    assert refused(lambda: there.publisher.find(token="t1", text="Never.", in_reply_to=post, since=LONG_AGO)).outcome_unknown


@pytest.mark.parametrize("failure", ["unavailable", "lost_before_writing", "no_json", "rate_limit", "revoked"])
def test_a_failed_look_is_never_taken_for_not_there(there: MastodonHarness, failure: str) -> None:
    post = there.customer_posts("ana", "it broke")
    with there.simulator.failing(failure):
        refused(lambda: there.publisher.find(token="t1", text="Sorry.", in_reply_to=post, since=LONG_AGO))


def test_two_hundred_sends_under_faults_are_each_there_once(there: MastodonHarness) -> None:
    """As the outbox does it: sent, and where nobody knows what became of it, looked for before it is sent again."""
    chance = random.Random(5)
    there.simulator.limit = there.simulator.remaining = 10**6
    posts = [there.customer_posts(f"person{i % 9}", f"post {i}") for i in range(50)]
    failures = ["", "", "unavailable", "lost_before_writing", "error_after_writing", "no_answer_after_writing"]
    for number in range(200):
        post, text, token = posts[number % 50], f"answer {number}", f"token {number}"
        began, sent = datetime.now(UTC) - timedelta(seconds=1), None
        while sent is None:
            failure = chance.choice(failures)
            if chance.random() < 0.2:
                there.simulator.routes.keys.clear()  # as if an hour had gone by
            try:
                if not failure:
                    sent = there.publisher.reply(in_reply_to=post, text=text, token=token)
                    continue
                with there.simulator.failing(failure, only=lambda call: call.method == "POST"):
                    there.publisher.reply(in_reply_to=post, text=text, token=token)
            except NetworkError as error:
                assert error.outcome_unknown  # noqa: PT017  the loop goes on with it
                sent = there.publisher.find(token=token, text=text, in_reply_to=post, since=began)
    texts = [text.partition(" ")[2] for text in ours(there)]
    assert sorted(texts) == sorted(f"answer {number}" for number in range(200))


# What else


def test_what_a_stranger_wrote_is_not_deleted_and_what_is_gone_is_no_error(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    assert refused(lambda: there.publisher.delete(external_id=post)).permanent
    there.customer_deletes(post)
    there.publisher.delete(external_id=post)


def test_nothing_is_hidden_here(there: MastodonHarness) -> None:
    for call in (there.publisher.hide, there.publisher.unhide):
        assert refused(lambda call=call: call(external_id="1")).permanent  # type: ignore[misc]


def test_a_like_of_ours_is_taken_back_and_no_other(there: MastodonHarness) -> None:
    post, other = there.customer_posts("ana", "I love it"), there.customer_posts("ana", "I love it too")
    us, ben = there.world.us.id, there.customer_id("ben")
    there.world.liked |= {(us, post), (ben, post), (us, other)}
    for _ in range(2):
        there.publisher.unlike(external_id=post)
        assert there.world.liked == {(ben, post), (us, other)}


def test_a_like_of_what_we_are_not_shown_any_more_is_taken_back(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "I love it")
    there.publisher.like(external_id=post, token="t1")
    there.world.statuses[post].visibility = "private"
    for _ in range(2):  # the second time the server says that there is no such post
        there.publisher.unlike(external_id=post)
    assert there.likes(post) == 0
    assert [call.status for call in there.simulator.calls("POST", f"/api/v1/statuses/{post}/unfavourite")] == [200, 404]


def test_a_like_stays_where_the_sign_in_may_not_take_it_back(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "I love it")
    there.publisher.like(external_id=post, token="t1")
    publisher = MastodonPublisher(there.config_with(scopes="read write:statuses"))
    error = refused(lambda: publisher.unlike(external_id=post))
    assert (error.permanent, error.account_revoked) == (True, False)
    assert there.likes(post) == 1


@pytest.mark.parametrize("strange", ["1/reblog", "../accounts/1", "1?x=1", "", "a b", "١", "1\n"])
def test_an_id_that_is_none_is_never_asked_for(there: MastodonHarness, strange: str) -> None:
    there.simulator.log.clear()
    for call in (
        lambda: there.publisher.reply(in_reply_to=strange, text="Sorry.", token="t1"),
        lambda: there.publisher.direct_message(to=strange, text="Sorry.", token="t1"),
        lambda: there.publisher.repost(external_id=strange, token="t1"),
        lambda: there.publisher.like(external_id=strange, token="t1"),
        lambda: there.publisher.unlike(external_id=strange),
        lambda: there.publisher.delete(external_id=strange),
    ):
        assert refused(call).permanent
    assert there.simulator.log == []


def test_no_error_and_no_log_tells_the_token_or_an_address(there: MastodonHarness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = there.config.credentials["access_token"]
    said = []
    for failure in ("revoked", "rate_limit", "unavailable", "lost_before_writing", "error_after_writing", "no_json"):
        there.simulator.remaining = 300
        with there.simulator.failing(failure):
            said.append(refused(lambda: there.publisher.post(text="Hello", token="t1")))
    gone = MastodonPublisher(there.config)
    there.close()
    said.append(refused(lambda: gone.post(text="Hello", token="t2")))
    assert said[-1].retryable  # nobody was there: nothing was sent
    for error in said:
        assert secret not in f"{error} {error!r}"
        assert "/api/" not in str(error)
    assert secret not in caplog.text
    assert secret not in repr(there.config)
