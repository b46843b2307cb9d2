"""What posts carry beside their text: what may come in, what is shown of whatever is stored, and what edits, deletions and erasure do."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from listening.models import Mention
from listening.services.acceptance import Refused, accept_post
from listening.services.parts import MOST_MEDIA, NOTHING, find_medium, has_media, picture_name, read_parts, read_picture_name
from listening.templatetags.parts import linked
from profiles.services.erasure import erase_person
from socialdesk.lib.clock import now
from socialdesk.networks.base import MediaData, PostData, QuoteData
from socialdesk.posts import read_post
from tests.factories import make_agent, make_mention, make_post, push, raw_post

PICTURE = MediaData("image", "https://pictures.example/bike.jpg", "A bike without its back wheel")
QUOTE = QuoteData("77", "@jonas", "They never answered me", "https://sandbox.example/@jonas/77")


def accept(**fields: Any) -> PostData:
    return accept_post(make_post(**fields), received_at=now())


@pytest.mark.parametrize("parts", [{"media": (PICTURE,)}, {"poll": ("yes", "no")}, {"quote": QUOTE}])
def test_a_post_of_a_part_alone_is_accepted(parts: dict[str, Any]) -> None:
    assert accept(text="", **parts).text == ""


def test_a_warning_alone_is_no_post() -> None:
    with pytest.raises(Refused, match="text is empty"):
        accept(text="", warning="blood")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:image/svg+xml,<svg>", "ftp://a.example/b", "//a.example/b", "https://a/" + "x" * 2000]
)
def test_an_address_that_is_no_web_address_is_not_stored(url: str) -> None:
    post = accept(media=(MediaData("image", url, "a wheel"), MediaData("image", url)), quote=QuoteData("1", "a", "b", url))
    assert post.media == (MediaData("image", "", "a wheel"),)
    assert post.quote is not None
    assert post.quote.url == ""


def test_a_post_whose_only_picture_cannot_be_stored_is_empty() -> None:
    with pytest.raises(Refused, match="text is empty"):
        accept(text="", media=(MediaData("image", "javascript:alert(1)"),))


def test_texts_of_parts_are_cleaned_and_end_somewhere() -> None:
    post = accept(
        media=(MediaData("picture", PICTURE.url, "a\x00b\u202e" + "c" * 9000),) * 50,
        poll=("\x00", "  ", "yes\x07", *("o" * 900 for _ in range(90))),
        quote=QuoteData("1\x00", "@jonas", "t" * 90_000, ""),
        warning="w" * 9000,
    )
    assert (len(post.media), len(post.media[0].alt), post.media[0].kind) == (MOST_MEDIA, 2000, "file")
    assert post.media[0].alt.startswith("abc")
    assert post.poll[0] == "yes"
    assert max(map(len, post.poll)) == 200
    assert post.quote is not None
    assert (post.quote.external_id, post.quote.author, len(post.quote.text)) == ("", "jonas", 5000)
    assert len(post.warning) == 500


def test_a_post_without_parts_is_not_copied() -> None:
    post = make_post()
    assert accept_post(post, received_at=now()) is post


def test_the_api_reads_and_refuses_parts() -> None:
    post = read_post(raw_post(media=[{"url": PICTURE.url}], poll=["a", "b"], quote={"author": "jonas", "text": "no"}, warning="blood"))
    assert (post.media[0].kind, post.poll, post.warning) == ("image", ("a", "b"), "blood")
    assert post.quote == QuoteData("", "jonas", "no", "")
    given: list[tuple[str, Any]] = [("media", "x"), ("media", [1]), ("poll", "x"), ("poll", [1]), ("quote", {"text": []}), ("warning", {})]
    for name, wrong in given:
        with pytest.raises(Refused):
            read_post(raw_post(**{name: wrong}))


@pytest.mark.django_db
def test_parts_go_in_and_come_out_of_the_api(client: Client) -> None:
    client.force_login(make_agent())
    raw = raw_post(
        media=[{"url": PICTURE.url, "alt": PICTURE.alt}], poll=["a", "b"], quote={"author": "jonas", "text": "no"}, warning="blood"
    )
    assert client.post("/api/mentions/", raw, content_type="application/json").json()["stored"] == 1
    (shown,) = client.get("/api/mentions/").json()["results"]
    assert [part["kind"] for part in shown["media"]] == ["warning", "image", "poll", "quote"]


def test_pictures_are_media_and_polls_are_not() -> None:
    assert has_media([{"kind": "warning", "text": "x"}, {"kind": "video", "url": PICTURE.url}])
    assert not has_media([{"kind": "warning"}, {"kind": "poll"}, {"kind": "quote"}])
    assert not has_media("nonsense")


def test_a_card_says_what_there_is() -> None:
    media = [{"kind": "image", "url": PICTURE.url}] * 2 + [{"kind": "video", "url": PICTURE.url}, {"kind": "poll", "options": ["a"]}]
    assert read_parts(media).marks == ["2 pictures", "film", "poll"]


# --- Whatever is stored ---------------------------------------------------------------------------------------------------

STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))  # no database takes the others
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | STORABLE
    | st.sampled_from(["image", "poll", "https://a.example/b", "https://[x"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["kind", "url", "alt", "text", "options", "author"]), inner)
    ),
    max_leaves=20,
)


@given(ANYTHING, st.integers(-3, 30))
def test_whatever_is_stored_can_be_read(media: Any, place: int) -> None:
    parts = read_parts(media, mention_id=1)
    assert all(parts.marks)
    for medium in parts.media:
        assert medium.url == "" or medium.url.startswith("http")
        assert medium.word
        assert isinstance(medium.host, str)
    assert isinstance(has_media(media), bool)
    assert find_medium(media, place=place, digest="0") == ("", "file")


@pytest.mark.django_db
def test_whatever_is_stored_is_shown(client: Client) -> None:
    client.force_login(make_agent())
    mention = make_mention()

    @settings(max_examples=25)
    @given(ANYTHING)
    def show(media: Any) -> None:
        if media is None:  # the column holds something always
            return
        Mention.objects.filter(pk=mention.pk).update(media=media)
        assert client.get(f"/conversations/{mention.conversation_id}/").status_code == 200
        assert client.get("/").status_code == 200

    show()


@given(st.lists(st.sampled_from([*"<>\"'&;:/.()ahtps \n", "https://", "javascript:", "é", "😀"])).map("".join))
def test_links_in_texts_never_leave_their_quotes(text: str) -> None:
    class Reading(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.said = ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            assert tag == "a"
            assert set(given) == {"href", "rel", "target"}
            assert (given["href"] or "").lower().startswith(("http://", "https://"))

        def handle_data(self, data: str) -> None:
            self.said += data

    reading = Reading()
    reading.feed(linked(text))
    reading.close()
    assert reading.said == text


def test_a_link_ends_where_its_sentence_goes_on() -> None:
    shown = linked("See https://tidewheel.example/help). Or (https://a.example/Gear_(bicycle))!")
    assert 'href="https://tidewheel.example/help"' in shown
    assert 'href="https://a.example/Gear_(bicycle)"' in shown
    assert 'rel="noopener noreferrer nofollow"' in shown


# --- Shown ----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_thread_shows_what_a_post_is_made_of(client: Client) -> None:
    client.force_login(make_agent())
    film = MediaData("video", "https://films.example/fall.mp4")
    mention = make_mention(
        "look https://tidewheel.example/x", media=(PICTURE, film), quote=QUOTE, poll=("Red", "Blue"), warning="blood & <b>"
    )
    page = client.get(f"/conversations/{mention.conversation_id}/", headers={"HX-Request": "true"}).content.decode()
    assert "<details" in page
    assert "blood &amp; &lt;b&gt;" in page
    assert f'src="/media/{picture_name(mention.pk, 1, PICTURE.url)}"' in page
    assert f'alt="{PICTURE.alt}"' in page
    assert "Film at films.example" in page
    for words in ("Red", "Blue", "@jonas", "They never answered me", QUOTE.url, 'href="https://tidewheel.example/x"'):
        assert words in page
    assert f'src="{PICTURE.url}' not in page
    card = client.get("/").content.decode()
    assert "Warning: <bdi>blood &amp; &lt;b&gt;</bdi>" in card
    assert "picture" in card


@pytest.mark.django_db
def test_a_persons_history_says_the_warning_and_not_the_words(client: Client) -> None:
    client.force_login(make_agent())
    mention = make_mention("a long story", warning="blood")
    page = client.get(f"/profiles/{mention.author.profile_id}/").content.decode()
    assert "Warning by its author: blood" in page
    assert "its author warns of this post: blood" in page
    assert "a long story" not in page


@pytest.mark.django_db
def test_a_card_does_not_warn_of_a_private_message(client: Client) -> None:
    client.force_login(make_agent())
    mention = make_mention("a public word", warning="blood")
    assert mention.conversation is not None
    mention.conversation.excerpt = "something private"
    mention.conversation.save()
    assert "Warning:" not in client.get("/").content.decode()


# --- Later states ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_edit_replaces_the_parts() -> None:
    post = make_post(media=(PICTURE,), poll=("a",))
    push(post)
    push(replace(post, text="I meant this", media=(), poll=(), quote=QUOTE, edited_at=now()))
    mention = Mention.objects.get()
    assert [part["kind"] for part in mention.media] == ["quote"]


@pytest.mark.django_db
def test_only_what_says_that_it_was_edited_changes_parts_alone() -> None:
    post = make_post(media=(PICTURE,))
    push(post)
    other = MediaData("image", f"{PICTURE.url}?signed=anew", "A wheel")
    assert push(replace(post, media=(other,))).duplicate == 1
    assert push(replace(post, media=(other,), edited_at=now())).folded == 1
    mention = Mention.objects.get()
    assert mention.media[0]["alt"] == "A wheel"
    assert mention.edited_at is not None


@pytest.mark.django_db
def test_a_deletion_empties_the_parts() -> None:
    post = make_post(media=(PICTURE,), quote=QUOTE, warning="x")
    push(post)
    push(replace(post, text="", media=(), quote=None, warning="", deleted=True))
    assert Mention.objects.get().media == []


@pytest.mark.django_db
def test_who_is_erased_goes_out_of_what_others_quoted() -> None:
    theirs = make_mention("I fell", author="jonas", external_id="77")
    by_number = make_mention(author="a", quote=QuoteData("77", "", "I fell"), media=(PICTURE,))
    by_name = make_mention(author="b", quote=QuoteData("", "JONAS", "I fell twice"))
    elsewhere = make_mention(author="c", network="mastodon", quote=QuoteData("77", "jonas", "another jonas"))
    erase_person(profile_id=theirs.author.profile_id, agent=make_agent("admin"))
    for mention in (by_number, by_name):
        mention.refresh_from_db()
        assert "fell" not in str(mention.media)
        assert "jonas" not in str(mention.media).casefold()
        assert read_parts(mention.media) != NOTHING or mention is by_name
    assert by_number.media[0]["kind"] == "image"
    elsewhere.refresh_from_db()
    assert "another jonas" in str(elsewhere.media)


# --- Names of pictures ----------------------------------------------------------------------------------------------------


def test_a_name_leads_to_one_picture_of_one_post() -> None:
    named = read_picture_name(picture_name(5, 0, PICTURE.url))
    assert named is not None
    film = "https://films.example/bike.mp4"
    media = [
        {"kind": "image", "url": PICTURE.url},
        {"kind": "video", "url": film, "preview": PICTURE.url},
        {"kind": "file", "url": PICTURE.url},
    ]
    assert named[:2] == (5, 0)
    assert find_medium(media, place=0, digest=named[2]) == (PICTURE.url, "image")
    assert find_medium(media, place=1, digest=named[2]) == (PICTURE.url, "image")  # what the film looks like
    assert find_medium(media, place=2, digest=named[2]) == ("", "file")
    assert find_medium([{"kind": "image", "url": "https://other.example"}], place=0, digest=named[2]) == ("", "file")
    named = read_picture_name(picture_name(5, 1, film))
    assert named is not None
    assert find_medium(media, place=1, digest=named[2]) == (film, "video")


@pytest.mark.parametrize(
    "url", ["https://films.example/list.m3u8", "https://films.example/LIST.M3U8?x=1", "https://films.example/list.mpd"]
)
def test_a_list_of_pieces_of_a_film_is_no_file_to_play(url: str) -> None:
    stored = [{"kind": "video", "url": url, "preview": PICTURE.url}]
    (film,) = read_parts(stored, mention_id=5).media
    assert (film.name, bool(film.still)) == ("", True)
    named = read_picture_name(picture_name(5, 0, url))
    assert named is not None
    assert find_medium(stored, place=0, digest=named[2]) == ("", "file")


@given(st.text())
def test_what_the_desk_did_not_sign_names_nothing(name: str) -> None:
    assert read_picture_name(name) is None
