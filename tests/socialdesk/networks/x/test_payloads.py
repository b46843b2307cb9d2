"""What is read from each payload in fixtures/networks/x, and that nothing whatever in one is more than an entry that cannot be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialdesk.lib import text as texts
from socialdesk.networks.base import AuthorData, MediaData, MessageData, PostData, QuoteData, Unreadable
from socialdesk.networks.x import payloads

FOLDER = Path(__file__).resolve().parents[4] / "fixtures" / "networks" / "x"
US, SIOBHAN, MARLOW, LENE = (f"150100000000000000{number}" for number in (1, 2, 3, 4))
MENTION, OURS = "2123691573244854272", "2123692739261366272"


def load(case: str) -> Any:
    return json.loads((FOLDER / f"{case}.json").read_text(encoding="utf-8"))


def read(case: str) -> tuple[list[PostData], list[Unreadable]]:
    found, odd = payloads.read_found(load(case), us=US)
    return [one.post for one in found], odd


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-20T{clock}").replace(tzinfo=UTC)


# What the one post of a case says, where that is not plain.
EXPECTED: dict[str, dict[str, Any]] = {
    "mention": {
        "external_id": MENTION,
        "text": "@tidewheel the unlock button spins forever & I'm late for my shift. Third time this week <sigh>",
        "author": AuthorData(
            *(SIOBHAN, "siobhan_ql", "Siobhán Quilligan", 412, "https://x.com/siobhan_ql", False),
            "Respiratory nurse. Opinions are the night shift's.",
        ),
        "posted_at": at("08:15:02"),
        "url": f"https://x.com/siobhan_ql/status/{MENTION}",
        "language": "en",
    },
    "our_answer_with_hidden_mentions": {
        "text": "Sorry, that is no way to start a shift. Hold the button for five seconds: https://help.tidewheel.example/unlock?from=x&lang=en",
        "in_reply_to": MENTION,
        "url": f"https://x.com/tidewheel/status/{OURS}",
    },
    "quote": {
        "text": "All of it? Mine sings like a kettle",
        "quote": QuoteData(
            *("2123476397061046272", "tidewheel", "We fixed the squeak. All of it."), "https://x.com/tidewheel/status/2123476397061046272"
        ),
    },
    "quote_of_what_is_gone": {
        "text": "All of it? Mine sings like a kettle",
        "quote": QuoteData("2123476397061046272", url="https://x.com/i/status/2123476397061046272"),
    },
    "repost": {"repost_of": "2123705406059446272", "in_reply_to": "", "quote": None},
    "long_post": {"language": "en", "media": ()},
    "pictures_with_words_for_them": {
        "text": "@tidewheel delivered like this?!",
        "media": (
            MediaData("image", "https://pbs.twimg.example/media/one.jpg", "A bicycle box torn open on a wet doorstep"),
            MediaData("image", "https://pbs.twimg.example/media/two.jpg"),
        ),
    },
    "films": {
        "text": "Hört euch das an @tidewheel",
        "language": "de",
        "media": (
            MediaData("video", "https://video.twimg.example/large.mp4", preview="https://pbs.twimg.example/thumb.jpg"),
            MediaData("video", "", preview="https://pbs.twimg.example/gif.jpg"),
        ),
    },
    "poll": {"poll": ("Never & proud", "Once", "I stopped counting")},
    "edited": {"external_id": "2123740638213046272", "posted_at": at("11:30:00"), "edited_at": at("11:42:10")},
    "old_names": {
        "text": "@tidewheel Thanks! That worked. And it goes on for much longer than a post may be.",
        "in_reply_to": MENTION,
    },
    "links_and_signs": {
        "text": "R&D at @tidewheel: see https://blog.example/post?a=1&b=2 and https://t.co/bbbbbbbbbb"
        " and https://blog.example/post?a=1&b=2 1 < 2"
    },
    "author_is_gone": {
        "author": AuthorData("1501000000000000099", "1501000000000000099", url="https://x.com/i/user/1501000000000000099"),
    },
    "author_is_private": {"text": "@tidewheel only you can see this", "in_reply_to": OURS},
    "emoji_at_the_limit": {"text": "👩🏽‍🔧" * 140, "language": ""},
    "withheld": {"text": "This post from @somebody has been withheld in your country."},
    "unknown_fields": {"text": "@tidewheel still waiting"},
    "stream_post": {"external_id": MENTION, "posted_at": at("08:15:02")},
}
ELSEWHERE = {"malformed", "messages", "messages_odd"}


@pytest.mark.parametrize("case", sorted(path.stem for path in FOLDER.glob("*.json") if not path.stem.startswith("refused_")))
def test_what_a_payload_says_is_read(case: str) -> None:
    if case in ELSEWHERE:
        return
    (post,), odd = read(case)
    assert not odd
    assert post.network == "x"
    assert {name: getattr(post, name) for name in EXPECTED[case]} == EXPECTED[case]


def test_an_id_tells_when_it_was_given() -> None:
    # X's own documentation gives this post with this time.
    assert payloads.moment_of("1212092628029698048") == datetime(2019, 12, 31, 19, 26, 16, tzinfo=UTC)
    assert payloads.moment_of(payloads.first_id_at(at("08:15:02"))) == at("08:15:02")


def test_every_expectation_has_its_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.json") if not path.stem.startswith("refused_")} == {*EXPECTED, *ELSEWHERE}


def test_a_long_post_is_read_whole_with_the_links_of_its_whole_text() -> None:
    (post,), _ = read("long_post")
    assert post.text.startswith("Dear @tidewheel, a short history of my week.\n\nMonday")
    assert post.text.endswith("The form is at https://tidewheel.example/complaints and it does not load.")


def test_as_many_emoji_as_x_takes_are_as_long_as_x_says() -> None:
    (post,), _ = read("emoji_at_the_limit")
    assert texts.length(post.text, "weighted") == 280


def test_one_bad_entry_costs_no_other() -> None:
    posts, odd = read("malformed")
    assert [post.text for post in posts] == ["@tidewheel still waiting"] * 2
    assert {post.author.username for post in posts} == {"siobhan_ql"}
    assert posts[0].posted_at == at("12:30:03")  # of its id, as it does not say itself
    assert [one.reason for one in odd] == [
        *["it is no object"] * 2,
        *["it has no id"] * 2,
        "it does not say who wrote it",
        "it has neither text nor pictures",
    ]


def test_messages_are_read_with_the_customer_as_their_author() -> None:
    messages, odd = payloads.read_messages(load("messages"), us=US)
    assert not odd
    assert [(message.text, message.outgoing, message.author.username) for message in messages] == [
        ("Thanks & here it is: https://desk.tidewheel.example/s/k3v9", True, "siobhan_ql"),
        ("(an attachment, to be seen on X)", False, "siobhan_ql"),
        ("My number is 0117 496 0999", False, "siobhan_ql"),
    ]
    assert messages[2].sent_at == at("13:03:00")


def test_unknown_kinds_of_message_and_messages_to_groups_are_counted_and_lose_nothing() -> None:
    messages, odd = payloads.read_messages(load("messages_odd"), us=US)
    assert [message.author.external_id for message in messages] == [SIOBHAN]
    assert messages[0].sent_at == at("13:03:00")
    assert [one.reason for one in odd] == [
        "it is of an unknown kind: Reaction",
        "it has no id",
        "it does not say who wrote it",
        "it was written to several people, and the desk speaks to one at a time",
        "it is no object",
    ]


def test_no_author_but_us_loses_the_names_before_an_answer() -> None:
    body = load("our_answer_with_hidden_mentions")
    found, _ = payloads.read_found(body, us=SIOBHAN)
    assert found[0].post.text.startswith("@siobhan_ql @marlowbikes Sorry")


@pytest.mark.parametrize(
    ("said", "wanted", "is_same"),
    [
        ("We are sorry.", "We are sorry.", True),
        ("@ana @ben We are sorry.", "We are sorry.", True),
        ("@ana We are sorry.", "@ana We are sorry.", True),
        ("We are sorry!", "We are sorry.", False),
        ("Line one\nand  two", "Line one and two ", True),
        ("See https://help.example/a.", "See help.example/a.", True),
        ("See https://help.example/a/", "See http://help.example/a", True),
        ("See https://help.example/a", "See https://help.example/b", False),
        ("Cafe\u0301", "Café", True),
    ],
)
def test_a_text_of_ours_is_known_again(said: str, wanted: str, is_same: bool) -> None:
    post = PostData("x", "1", said, AuthorData(US, "tidewheel"), at("08:00:00"))
    assert payloads.is_text(payloads.Found("1", post), wanted) is is_same


# Anything at all

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from([MENTION, US, "2026-11-20T08:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
REAL = [load(case) for case in sorted(EXPECTED)]


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(place for key, entry in inner for place in places(entry, (*way, key)))]


def put(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    if not way:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[way[0]] = put(value[way[0]], way[1:], new)
    return copied


@given(data=st.data(), new=ANYTHING)
def test_any_value_in_any_place_gives_posts_or_what_could_not_be_read(data: st.DataObject, new: Any) -> None:
    body = data.draw(st.sampled_from(REAL))
    body = put(body, data.draw(st.sampled_from(places(body)[1:])), new)
    found, odd = payloads.read_found(body, us=US)
    for one in found:
        assert isinstance(one.post, PostData)
        assert one.post.external_id.isdigit()
        assert one.post.posted_at.tzinfo is not None
        assert isinstance(one.post.text, str)
        assert isinstance(one.post.author.followers, int)
        assert all((picture.url or picture.preview).startswith("http") for picture in one.post.media)
    assert all(isinstance(one, Unreadable) for one in odd)


@given(data=st.data(), new=ANYTHING)
def test_any_value_in_any_place_of_messages_gives_messages_or_what_could_not_be_read(data: st.DataObject, new: Any) -> None:
    body = data.draw(st.sampled_from([load("messages"), load("messages_odd")]))
    body = put(body, data.draw(st.sampled_from(places(body)[1:])), new)
    messages, odd = payloads.read_messages(body, us=US)
    assert all(isinstance(one, MessageData) and one.sent_at.tzinfo for one in messages)
    assert all(isinstance(one, Unreadable) for one in odd)
