"""Pictures in public answers: encoded anew, described, sent once with their reply, given back with it, forgotten where nobody does."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rest_framework.test import APIClient

from engagement.models import Approval, Attachment, Delivery, Message
from engagement.services.approvals import approve_reply, decline_reply, submit_reply, withdraw_reply
from engagement.services.attachments import (
    MOST_UNSENT,
    NotDescribed,
    add_attachment,
    describe_attachment,
    drop_unsent,
    find_attachment,
    read_unsent,
    remove_attachment,
    say_taken,
)
from engagement.services.delivery import decide_unconfirmed, undo_delivery
from engagement.services.send import RequestKeyReused, send_reply
from listening.models import Conversation
from profiles.models import Agent, Role
from profiles.services.erasure import erase_person
from socialdesk.lib import pictures
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.lib.pictures import BadPicture, encode_anew
from socialdesk.networks.base import Capabilities
from socialdesk.networks.sandbox.pictures import media_of, picture_at
from tests.engagement.desk import Desk, work, work_off
from tests.engagement.drawn import draw, noise, photograph
from tests.engagement.heated import make_rule
from tests.factories import make_agent, make_conversation

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def conversation(desk: Desk) -> Conversation:
    return desk.conversation()


def add(agent: Agent, conversation: Conversation | None = None, *, alt: str = "A wheel", content: bytes | None = None) -> Attachment:
    return add_attachment(agent=agent, content=content or draw(), alt=alt, conversation_id=conversation.pk if conversation else None)


def reply(conversation: Conversation, agent: Agent, *added: Attachment, text: str = "Look at this", **more: Any) -> Message:
    given: dict[str, Any] = {"hold": 0, **more}
    return send_reply(conversation_id=conversation.pk, agent=agent, text=text, pictures=[one.pk for one in added], **given)


# --- Made safe ------------------------------------------------------------------------------------------------------------


def test_nothing_of_place_time_and_camera_is_left() -> None:
    content = photograph()
    assert b"zyxq" in content.lower()
    encoded = encode_anew(content)
    assert b"zyxq" not in encoded.content.lower()
    assert b"Exif" not in encoded.content
    with Image.open(io.BytesIO(encoded.content)) as image:
        assert not image.getexif()
        assert not {"exif", "comment", "xmp", "icc_profile"} & set(image.info)
    assert (encoded.width, encoded.height) == (30, 40)  # upright


def test_texts_in_a_png_go_too() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "zyxq place")
    info.add_text("Comment", "zyxq")
    content = draw("PNG", pnginfo=info)
    assert b"zyxq" in content
    assert b"zyxq" not in encode_anew(content).content


@pytest.mark.parametrize(("kind", "becomes"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/jpeg"), ("GIF", "image/png")])
def test_what_is_taken_and_what_it_becomes(kind: str, becomes: str) -> None:
    assert encode_anew(draw(kind)).media_type == becomes


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "L", "I;16", "CMYK"])
def test_every_way_to_keep_pixels_is_read(mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    content = (
        draw("JPEG", mode="CMYK", colour=(1, 2, 3, 4)) if kind == "TIFF" else draw("PNG", mode=mode, colour=1 if mode != "RGBA" else "teal")
    )
    assert encode_anew(content, most_bytes=500_000).content


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        draw("TIFF"),
        draw("BMP"),
        draw()[:200],
        noise((300, 300), "JPEG")[:9000],
    ],
    ids=["nothing", "words", "SVG", "TIFF", "BMP", "cut off", "cut off late"],
)
def test_what_is_no_whole_picture_is_refused(content: bytes) -> None:
    with pytest.raises(BadPicture):
        encode_anew(content)


def test_moving_pictures_are_refused() -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(BadPicture, match="Moving"):
        encode_anew(out.getvalue())


def test_a_photograph_that_has_a_second_picture_behind_it_is_sent() -> None:
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    frames[0].save(out, "MPO", save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(encode_anew(out.getvalue()).content)) as image:
        pixel: Any = image.getpixel((5, 5))
        assert (pixel[0] > 200, pixel[2] < 50) == (True, True)


def test_greys_of_sixteen_bits_stay_grey() -> None:
    with Image.open(io.BytesIO(encode_anew(draw("PNG", mode="I;16", colour=128 * 256)).content)) as image:
        grey: Any = image.convert("L").getpixel((5, 5))
        assert abs(grey - 128) <= 1


def _two_frames() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "blue")]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


@pytest.mark.parametrize("length", range(20, len(_two_frames()), 3))
def test_a_gif_that_ends_in_the_middle_is_no_fault_of_the_desk(length: int) -> None:
    with suppress(BadPicture):  # and nothing else
        encode_anew(_two_frames()[:length])


@pytest.mark.parametrize("side", [7_000, 30_000])
def test_a_bomb_is_refused_before_it_is_unpacked(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = io.BytesIO()
    Image.new("1", (side, side)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 1_000_000
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("its pixels were unpacked"))
    with pytest.raises(BadPicture, match="million pixels"):
        encode_anew(bomb.getvalue())


def test_a_file_of_fifty_megabytes_is_refused() -> None:
    with pytest.raises(BadPicture, match="50 MB"):
        encode_anew(b"\xff\xd8\xff" + b"x" * 50_000_000)


@pytest.mark.parametrize("most", [300_000, 60_000, 6_000])
def test_it_becomes_as_small_as_the_network_wants_it(most: int) -> None:
    encoded = encode_anew(noise(), most_bytes=most)
    assert len(encoded.content) <= most
    with Image.open(io.BytesIO(encoded.content)) as image:
        assert image.size == (encoded.width, encoded.height)


def test_a_large_one_is_scaled_down() -> None:
    encoded = encode_anew(draw(size=(6000, 3000)))
    assert (encoded.width, encoded.height) == (pictures.LONGEST_SIDE, pictures.LONGEST_SIDE // 2)


@given(
    st.binary(max_size=200)
    | st.binary(max_size=60).map(lambda tail: draw()[:80] + tail)
    | st.binary(max_size=60).map(lambda tail: draw("PNG")[:50] + tail)
)
def test_any_bytes_are_a_picture_or_refused_in_words(content: bytes) -> None:
    with suppress(BadPicture):  # and nothing else
        assert encode_anew(content).media_type in ("image/jpeg", "image/png")


# --- In a draft -----------------------------------------------------------------------------------------------------------


def test_a_picture_stands_in_its_agents_draft_alone(sam: Agent, ana: Agent, conversation: Conversation) -> None:
    added = add(sam, conversation)
    assert read_unsent(agent=sam, conversation_id=conversation.pk) == [added]
    assert read_unsent(agent=ana, conversation_id=conversation.pk) == []
    assert find_attachment(attachment_id=added.pk, agent=sam) == added
    for act in (
        lambda: find_attachment(attachment_id=added.pk, agent=ana),
        lambda: describe_attachment(attachment_id=added.pk, agent=ana, alt="x"),
        lambda: reply(conversation, ana, added),
    ):
        with pytest.raises(NotFound):
            act()
    remove_attachment(attachment_id=added.pk, agent=ana)
    assert Attachment.objects.exists()
    remove_attachment(attachment_id=added.pk, agent=sam)
    assert not Attachment.objects.exists()


def test_who_does_not_answer_adds_none(conversation: Conversation) -> None:
    with pytest.raises(NotAllowed):
        add(make_agent(Role.MARKETING), conversation)


def test_a_network_that_takes_none_says_so(sam: Agent) -> None:
    with pytest.raises(DeskError, match="takes no pictures"):
        add(sam, make_conversation(network="web"))


def test_no_more_than_the_network_takes(sam: Agent, conversation: Conversation) -> None:
    added = [add(sam, conversation) for _ in range(5)]
    with pytest.raises(DeskError, match="at most 4 pictures"):
        reply(conversation, sam, *added)
    assert reply(conversation, sam, *added[:4]).picture_count == 4


@pytest.mark.parametrize(
    ("able", "words"),
    [
        ({"max_pictures": 0}, ""),
        ({"max_pictures": 1}, "One picture: JPEG, PNG, WebP or still GIF, at most 20 MB."),
        (
            {"max_pictures": 4, "max_picture_bytes": 976_560},
            "Up to 4 pictures: JPEG, PNG, WebP or still GIF, at most 20 MB each."
            " Elsewhere takes 0.977 MB; what is larger is made smaller here.",
        ),
    ],
)
def test_what_can_be_chosen_is_said_before_it_is(able: dict[str, Any], words: str) -> None:
    assert say_taken(Capabilities(reply=True, **able), "Elsewhere") == words


def test_nobody_fills_the_desk_with_pictures(sam: Agent, conversation: Conversation) -> None:
    one = add(sam, conversation)
    Attachment.objects.bulk_create(
        Attachment(agent=sam, content=b"x", media_type="image/png", width=1, height=1, created_at=now()) for _ in range(MOST_UNSENT - 1)
    )
    with pytest.raises(DeskError, match="wait to be sent"):
        add(sam, conversation)
    remove_attachment(attachment_id=one.pk, agent=sam)
    assert add(sam, conversation).pk


def test_what_nobody_sends_is_forgotten_after_a_day(sam: Agent, ana: Agent, desk: Desk, conversation: Conversation) -> None:
    sent, _, waiting = add(sam, conversation), add(sam, conversation), add(ana)
    reply(conversation, sam, sent)
    make_rule("approval", "Refunds", lead=make_agent(Role.LEAD), query="refund")
    submit_reply(conversation_id=desk.conversation("@tidewheel refund?").pk, agent=ana, text="Hello", pictures=[waiting.pk])
    assert drop_unsent() == 0
    assert drop_unsent(now=now() + timedelta(hours=25)) == 1
    assert set(Attachment.objects.all()) == {sent, waiting}


# --- Sent -----------------------------------------------------------------------------------------------------------------


def test_pictures_go_out_with_their_reply(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    one, other = add(sam, conversation, alt="A wheel"), add(sam, conversation, alt="A chain", content=draw("PNG"))
    reply(conversation, sam, one, other)
    work_off()
    (post,) = desk.answers(conversation)
    assert post.pictures == ("A wheel", "A chain")
    assert [picture_at(desk.world, medium.url) for medium in media_of(post)] == [bytes(one.content), bytes(other.content)]


def test_a_description_that_comes_after_its_picture_went_out_changes_and_refuses_nothing(
    client: Client, sam: Agent, conversation: Conversation
) -> None:
    added = add(sam, conversation)
    reply(conversation, sam, added)
    answer = client.post(f"/pictures/{added.pk}/describe/", {"alt": "Too late"}, headers=FRAGMENT)
    assert answer.status_code == 204
    assert Attachment.objects.get().alt == added.alt != "Too late"


def test_a_picture_that_nobody_described_stays(sam: Agent, conversation: Conversation) -> None:
    added = add(sam, conversation, alt="  \n")
    with pytest.raises(NotDescribed, match="cannot see"):
        reply(conversation, sam, added)
    assert not Message.objects.exists()
    describe_attachment(attachment_id=added.pk, agent=sam, alt="A\x00 wheel\n of ours")
    assert reply(conversation, sam, added).attachments.get().alt == "A wheel of ours"


def test_the_database_sends_none_without_a_description(sam: Agent, conversation: Conversation) -> None:
    message, added = reply(conversation, sam), add(sam, conversation, alt="")
    with pytest.raises(IntegrityError), transaction.atomic():
        Attachment.objects.filter(pk=added.pk).update(message=message)


def test_a_program_may_hand_it_in_before_it_says_where_it_goes(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    added = add(sam, content=noise((1600, 1600)))
    assert len(added.content) > 1_000_000
    reply(conversation, sam, added)
    added.refresh_from_db()
    assert (len(added.content) <= 1_000_000, added.conversation) == (True, conversation)
    work_off()
    assert len(desk.answers(conversation)[0].pictures) == 1


def test_a_picture_goes_out_once(sam: Agent, ana: Agent, desk: Desk, conversation: Conversation) -> None:
    added = add(sam, conversation)
    reply(conversation, sam, added)
    with pytest.raises(Conflict, match="another one"):
        reply(desk.conversation(), sam, added)
    assert Message.objects.count() == 1


def test_the_same_press_of_send_takes_its_pictures_once(sam: Agent, conversation: Conversation) -> None:
    one, other = add(sam, conversation), add(sam, conversation)
    first = reply(conversation, sam, one, request_key="k")
    assert reply(conversation, sam, one, request_key="k") == first
    for pressed in ([], [other], [one, other]):
        with pytest.raises(RequestKeyReused, match="other pictures"):
            reply(conversation, sam, *pressed, request_key="k")
    assert list(first.attachments.all()) == [one]


@pytest.mark.parametrize("fault", ["timeout_after_accept", "dropped", "server_error", "rate_limit"])
def test_every_try_sends_the_same_pictures_and_one_stands(desk: Desk, sam: Agent, conversation: Conversation, fault: Any) -> None:
    reply(conversation, sam, add(sam, conversation))
    desk.world.faults.set(fault, 1.0)
    work(now())
    desk.world.faults.set(fault, 0)
    work_off()
    assert [post.pictures for post in desk.answers(conversation)] == [("A wheel",)]


def test_an_answer_that_is_taken_back_gives_its_pictures_back(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    added = add(sam, conversation)
    message = reply(conversation, sam, added, hold=60)
    assert read_unsent(agent=sam, conversation_id=conversation.pk) == []
    undo_delivery(message_id=message.pk, agent=sam)
    assert read_unsent(agent=sam, conversation_id=conversation.pk) == [added]
    reply(conversation, sam, added)
    work_off()
    assert len(desk.answers(conversation)) == 1


def test_what_is_given_up_gives_them_to_who_gave_it_up(sam: Agent, ana: Agent, conversation: Conversation) -> None:
    added = add(sam, conversation)
    message = reply(conversation, sam, added)
    Delivery.objects.update(state="failed")
    decide_unconfirmed(message_id=message.pk, agent=ana, decision="abandon")
    assert read_unsent(agent=ana, conversation_id=conversation.pk) == [added]


def test_a_reply_without_pictures_costs_no_query_more(sam: Agent, desk: Desk) -> None:
    with CaptureQueriesContext(connection) as queries:
        reply(desk.conversation(), sam)
        work(now())
    assert not [query for query in queries if "attachment" in query["sql"]]


# --- Read by a lead first -------------------------------------------------------------------------------------------------


@pytest.fixture
def lena(db: None) -> Agent:
    return make_agent(Role.LEAD, username="lena")


@pytest.fixture
def waiting(desk: Desk, sam: Agent, lena: Agent) -> Approval:
    make_rule("approval", "Refunds", lead=lena, query="refund")
    conversation = desk.conversation("@tidewheel where is my refund?")
    submitted = submit_reply(conversation_id=conversation.pk, agent=sam, text="Look", pictures=[add(sam, conversation).pk])
    assert isinstance(submitted, Approval)
    return submitted


def test_a_lead_sees_the_pictures_and_sends_them(desk: Desk, lena: Agent, waiting: Approval) -> None:
    picture = waiting.attachments.get()
    assert find_attachment(attachment_id=picture.pk, agent=lena) == picture
    client = Client()
    client.force_login(lena)
    page = client.get(f"/approvals/?open={waiting.pk}").content.decode()
    assert f'src="/pictures/{picture.pk}/"' in page
    assert 'alt="A wheel"' in page
    message = approve_reply(approval_id=waiting.pk, agent=lena).message
    assert message is not None
    work_off()
    assert desk.answers(waiting.conversation)[0].pictures == ("A wheel",)


@pytest.mark.parametrize("back", [withdraw_reply, decline_reply])
def test_what_is_not_approved_stands_in_the_authors_draft_again(sam: Agent, lena: Agent, waiting: Approval, back: Any) -> None:
    back(approval_id=waiting.pk, agent=sam if back is withdraw_reply else lena)
    assert len(read_unsent(agent=sam, conversation_id=waiting.conversation_id)) == 1


# --- On the page ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(sam: Agent) -> Client:
    found = Client()
    found.force_login(sam)
    return found


def file(content: bytes | None = None, name: str = "wheel.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, draw() if content is None else content, "image/jpeg")


def test_the_composer_takes_shows_describes_and_drops_a_picture(client: Client, sam: Agent, conversation: Conversation) -> None:
    line = client.post(f"/conversations/{conversation.pk}/pictures/", {"picture": file()}, headers=FRAGMENT)
    added = Attachment.objects.get()
    assert f'src="/pictures/{added.pk}/"' in line.content.decode()
    pane = client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT).content.decode()
    assert f'name="alt-{added.pk}"' in pane
    assert "Nobody checks pictures and films for personal data" in pane
    shown = client.get(f"/pictures/{added.pk}/")
    assert (shown.content, shown["Content-Type"], shown["X-Content-Type-Options"]) == (bytes(added.content), "image/jpeg", "nosniff")
    assert shown["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert client.post(f"/pictures/{added.pk}/describe/", {"alt": "A wheel"}, headers=FRAGMENT).status_code == 204
    added.refresh_from_db()
    assert added.alt == "A wheel"
    assert client.post(f"/pictures/{added.pk}/remove/", headers=FRAGMENT).status_code == 204
    assert not Attachment.objects.exists()


def test_a_bad_file_is_refused_in_words(client: Client, conversation: Conversation) -> None:
    refused = client.post(f"/conversations/{conversation.pk}/pictures/", {"picture": file(b"<svg/>")}, headers=FRAGMENT)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_picture")


def test_a_picture_is_sent_with_the_form_and_shown_in_the_thread(desk: Desk, client: Client, conversation: Conversation) -> None:
    client.post(f"/conversations/{conversation.pk}/pictures/", {"picture": file()}, headers=FRAGMENT)
    added = Attachment.objects.get()
    form = {"kind": "reply", "text": "Look", "pictures": added.pk, f"alt-{added.pk}": "A wheel of ours"}
    assert client.post(f"/conversations/{conversation.pk}/send/", form, headers=FRAGMENT).status_code == 204
    pane = client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT).content.decode()
    assert 'alt="A wheel of ours"' in pane
    assert f'name="alt-{added.pk}"' not in pane
    work_off()
    desk.read()
    assert client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT).content.decode().count('alt="A wheel of ours"') == 1


def test_without_javascript_the_file_comes_with_the_form(desk: Desk, client: Client, sam: Agent, conversation: Conversation) -> None:
    path = f"/conversations/{conversation.pk}/send/"
    refused = client.post(path, {"kind": "reply", "text": "Look", "picture": file(), "picture_alt": ""})
    assert refused.status_code == 409
    added = Attachment.objects.get()
    page = refused.content.decode()
    assert "Say in words what each picture or film shows" in page
    assert f'name="alt-{added.pk}"' in page
    assert (
        client.post(path, {"kind": "reply", "text": "Look", "pictures": added.pk, f"alt-{added.pk}": "A wheel", "picture": ""}).status_code
        == 302
    )
    work_off()
    assert desk.answers(conversation)[0].pictures == ("A wheel",)


def test_without_javascript_a_picture_is_taken_out_and_the_text_stays(client: Client, sam: Agent, conversation: Conversation) -> None:
    added = add(sam, conversation)
    back = client.post(f"/pictures/{added.pk}/remove/", {"conversation": conversation.pk, "text": "As I said", "kind": "reply"})
    assert back.status_code == 302
    assert not Attachment.objects.exists()
    assert "As I said" in client.get(f"/conversations/{conversation.pk}/").content.decode()


# --- By programs ----------------------------------------------------------------------------------------------------------


def test_a_program_hands_in_a_picture_and_sends_it(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    api = APIClient()
    api.force_authenticate(sam)
    made = api.post("/api/attachments/", {"file": file(), "alt": "A wheel"}, format="multipart")
    assert made.status_code == 201
    assert {name: made.json()[name] for name in ("alt", "media_type", "width", "height")} == {
        "alt": "A wheel",
        "media_type": "image/jpeg",
        "width": 40,
        "height": 30,
    }
    said = api.post(f"/api/conversations/{conversation.pk}/reply/", {"text": "Look", "pictures": [made.json()["id"]]}, format="json")
    assert (said.status_code, said.json()["pictures"][0]["alt"]) == (201, "A wheel")
    work_off()
    assert desk.answers(conversation)[0].pictures == ("A wheel",)
    listed = api.get(f"/api/conversations/{conversation.pk}/messages/").json()["results"]
    assert [len(message["pictures"]) for message in listed] == [1]


def test_a_program_is_told_what_is_wrong(sam: Agent, conversation: Conversation) -> None:
    api = APIClient()
    api.force_authenticate(sam)
    assert api.post("/api/attachments/", {"file": file(b"no"), "alt": "x"}, format="multipart").json()["code"] == "bad_picture"
    assert api.post("/api/attachments/", {"file": file()}, format="multipart").status_code == 400
    path = f"/api/conversations/{conversation.pk}/reply/"
    for wrong in ([0], [10**30], ["x"], "x", [5]):
        assert api.post(path, {"text": "Look", "pictures": wrong}, format="json").status_code in (400, 404)
    made = api.post("/api/attachments/", {"file": file(), "alt": "x"}, format="multipart").json()
    assert api.delete(f"/api/attachments/{made['id']}/").status_code == 204
    assert not Attachment.objects.exists()


# --- Erased ---------------------------------------------------------------------------------------------------------------


def test_pictures_go_with_the_person_whom_they_answered(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    reply(conversation, sam, add(sam, conversation))
    add(sam, conversation)
    work_off()
    erase_person(profile_id=conversation.author.profile_id, agent=make_agent(Role.ADMIN))
    assert not Attachment.objects.exists()
