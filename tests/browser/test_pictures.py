"""Pictures in a real browser: put into an answer by hand, key and paste, described, sent; and what others' posts are made of."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from playwright.sync_api import FileChooser, Page, expect

from engagement.models import Attachment, Message
from listening.models import Conversation, Mention
from profiles.models import Agent
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.browser.looking import look
from tests.browser.test_answering import deliver_now, write
from tests.engagement.desk import Desk
from tests.engagement.drawn import draw
from tests.factories import make_mention
from tests.listening.services.test_parts import QUOTE
from tests.mp4 import film

CHOOSER = "[data-pictures-file]"


def choose(page: Page, *contents: bytes) -> None:
    files: list[Any] = [{"name": f"{at}.jpg", "mimeType": "image/jpeg", "buffer": content} for at, content in enumerate(contents)]
    page.locator(CHOOSER).set_input_files(files)


def open_composer(windows: Windows, sam: Agent, conversation: Conversation) -> Page:
    """A public answer that is begun, and all that the composer can do is there."""
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "r", "Public reply", "See")
    expect(page.locator("[data-without-script]")).to_have_count(0)
    return page


def hand_over(page: Page, kind: str, content: bytes) -> None:
    """As the browser does when somebody pastes or drops a file."""
    page.evaluate(
        """([kind, content]) => {
          const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes], "a.jpg", { type: "image/jpeg" }));
          const options = { bubbles: true, cancelable: true };
          const event = kind === "paste" ? new ClipboardEvent(kind, { ...options, clipboardData: dataTransfer })
            : new DragEvent(kind, { ...options, dataTransfer });
          document.querySelector("[data-writing=reply] textarea").dispatchEvent(event);
        }""",
        [kind, base64.b64encode(content).decode()],
    )


def test_a_picture_is_put_in_by_key_described_and_sent(windows: Windows, desk: Desk, sam: Agent) -> None:
    mention = desk.mention("@tidewheel which screw is it?")
    page = windows.open(sam, f"/conversations/{mention.conversation_id}/")
    wait_until_live(page)
    choosers: list[FileChooser] = []  # heard from the beginning: the browser is told so, and takes its time
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    write(page, "r", "Public reply", "This one.")
    while not page.evaluate("document.activeElement.matches('[data-pictures-file]')"):
        page.keyboard.press("Tab")
    expect(page.get_by_text("Up to 4 pictures: JPEG, PNG, WebP or still GIF, at most 20 MB each.")).to_be_visible()
    expect(page.get_by_text("Or one film: MP4 with H.264, at most 140 seconds and 20 MB.")).to_be_visible()
    look(page, "what can be chosen", within=".composer")
    page.keyboard.press("Enter")
    wait_until(lambda: page.evaluate("1") and choosers)
    choosers[0].set_files({"name": "screw.jpg", "mimeType": "image/jpeg", "buffer": draw(size=(400, 300))})
    described = page.get_by_label("What it shows, for those who cannot see it")
    expect(described).to_be_focused()
    expect(page.get_by_text("Nobody checks pictures and films for personal data")).to_be_visible()

    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Say in words what it shows, then send it.")).to_be_visible()
    assert not Message.objects.exists()
    page.keyboard.type("The screw below the saddle")
    look(page, "a picture in the composer", within=".composer")
    page.keyboard.press("Enter")  # goes back to the text and sends nothing
    expect(page.get_by_role("textbox", name="Public reply")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-delivery=queued]")).to_be_visible()
    expect(page.locator("[data-picture]")).to_have_count(0)
    deliver_now()
    expect(page.locator("[data-delivery=sent]")).to_be_visible()
    expect(page.locator(".bubble.ours").get_by_role("img", name="The screw below the saddle")).to_be_visible()
    assert [post.pictures for post in desk.answers(mention)] == [("The screw below the saddle",)]


def test_pictures_are_pasted_dropped_taken_out_and_no_more_than_are_taken(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = open_composer(windows, sam, desk.conversation())
    hand_over(page, "paste", draw())
    expect(page.locator("[data-picture]")).to_have_count(1)
    hand_over(page, "drop", draw())
    expect(page.locator("[data-picture]")).to_have_count(2)
    choose(page, draw(), draw(), draw())
    expect(page.locator("[data-picture]")).to_have_count(4)
    expect(page.get_by_text("At most 4 pictures go with an answer here.")).to_be_visible()
    look(page, "four pictures in the composer", within=".composer")
    page.get_by_role("button", name="Take this picture out").first.click()
    expect(page.locator("[data-picture]")).to_have_count(3)
    expect(page.locator(CHOOSER)).to_be_focused()
    wait_until(lambda: Attachment.objects.count() == 3)
    choose(page, b"<svg/>")
    expect(page.get_by_text("This is no picture that can be sent.")).to_be_visible()
    page.locator("[data-describe-url]").first.fill("A wheel")
    page.locator("[data-describe-url]").first.blur()
    wait_until(lambda: Attachment.objects.filter(alt="A wheel").exists())
    page.reload()
    expect(page.locator("[data-picture]")).to_have_count(3)
    expect(page.locator("[data-describe-url]").first).to_have_value("A wheel")


def test_a_film_is_chosen_goes_alone_and_is_sent(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation("@tidewheel how is it turned?")
    page = open_composer(windows, sam, conversation)
    file: Any = {"name": "turn.mp4", "mimeType": "video/mp4", "buffer": film(size=5_000_000)}
    page.locator(CHOOSER).set_input_files(file)
    described = page.get_by_label("What it shows, for those who cannot see it")
    expect(described).to_be_focused()
    expect(page.locator("[data-pictures-progress]")).to_be_hidden()
    page.keyboard.type("A hand turns the saddle")
    choose(page, draw())
    expect(page.get_by_text("A film goes alone. Take out what is there, then choose again.")).to_be_visible()
    expect(page.locator("[data-picture]")).to_have_count(1)
    look(page, "a film in the composer", within=".composer")
    page.get_by_role("button", name="Send publicly").click()
    expect(page.locator("[data-picture]")).to_have_count(0)
    deliver_now()
    expect(page.locator("[data-delivery=sent]")).to_be_visible()
    expect(page.locator(".bubble.ours video[aria-label='A hand turns the saddle']")).to_be_visible()
    look(page, "a film in an answer", within=".thread")
    assert [(post.film, post.pictures) for post in desk.answers(conversation)] == [(True, ("A hand turns the saddle",))]


def test_what_is_taken_back_has_its_pictures_again(windows: Windows, desk: Desk, sam: Agent, settings: Any) -> None:
    settings.UNDO_SECONDS = 60
    page = open_composer(windows, sam, desk.conversation())
    choose(page, draw())
    page.get_by_label("What it shows, for those who cannot see it").fill("A wheel")
    page.get_by_role("button", name="Send publicly").click()
    expect(page.locator("[data-picture]")).to_have_count(0)
    page.locator(".outgoing-bar button").click()
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("See")
    expect(page.locator("[data-picture]")).to_have_count(1)
    expect(page.get_by_label("What it shows, for those who cannot see it")).to_have_value("A wheel")


def test_a_warning_stands_before_what_a_post_is_made_of_and_opens_by_key(windows: Windows, desk: Desk, sam: Agent) -> None:
    parts: dict[str, Any] = {"warning": "blood", "quote": QUOTE, "poll": ("Rims", "Spokes")}
    warned = make_mention("a long story about it https://tidewheel.example/x", author="jo", **parts)
    page = windows.open(sam)
    card = page.locator(f"[data-card='{warned.conversation_id}']")
    expect(card.get_by_text("a long story")).to_be_hidden()
    card.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(card.get_by_text("a long story")).to_be_visible()
    look(page, "cards with parts", within=".feed")
    card.get_by_role("link").click()
    expect(page.locator("#thread-title")).to_be_focused()
    bubble = page.locator(".bubble").first
    expect(bubble.get_by_text("a long story")).to_be_hidden()
    bubble.locator(".post-warning > summary").focus()
    page.keyboard.press("Enter")
    for words in ("a long story", "Rims", "Spokes", "They never answered me", "@jonas"):
        expect(bubble.get_by_text(words)).to_be_visible()
    look(page, "a warned post", within=".thread")


def test_a_picture_of_a_post_comes_through_the_desk(windows: Windows, desk: Desk, sam: Agent, settings: Any, tmp_path: Path) -> None:
    settings.PICTURE_CACHE = tmp_path
    post = desk.world.publish("mara", "@tidewheel look at this", media=True)
    desk.read()
    page = windows.open(sam, f"/conversations/{Mention.objects.get(external_id=post.id).conversation_id}/")
    picture = page.get_by_role("img", name="A picture that nobody described")
    expect(picture).to_be_visible()
    wait_until(lambda: picture.evaluate("(image) => image.complete && image.naturalWidth") == 480)
    look(page, "a post with a picture", within=".thread")


def test_the_thread_above_comes_by_itself_when_a_conversation_is_opened(windows: Windows, desk: Desk, sam: Agent) -> None:
    root = desk.world.publish("ana", "Does anybody ride one of these?")
    desk.world.reply_as("cy", root.id, "@tidewheel mine squeaks")
    desk.read()
    mention = Mention.objects.get(text__contains="squeaks")
    Mention.objects.filter(pk=mention.pk).update(parent=None)
    Mention.objects.filter(external_id=root.id).delete()
    page = windows.open(sam, f"/conversations/{mention.conversation_id}/")
    expect(page.locator(".above").get_by_text("Does anybody ride one of these?")).to_be_visible()
    expect(page.get_by_text("Above it, from Sandbox, not kept here")).to_be_visible()
    look(page, "the thread above", within=".thread")
    page.goto(f"/conversations/{mention.conversation_id}/above/")  # as the link leads there without JavaScript
    expect(page.locator(".above").get_by_text("Does anybody ride one of these?")).to_be_visible()
    look(page, "the thread above, on a page")
