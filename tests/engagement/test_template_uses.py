"""What is sent from templates: whose role may send what, what is counted, and what came of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagement.models import Delivery, Draft, Message, Template, TemplateRight, TemplateUse, TemplateVariant, TemplateWord
from engagement.services.delivery import undo_delivery
from engagement.services.guarding import Guarded
from engagement.services.promises import acknowledge
from engagement.services.send import send_direct_message, send_reply
from engagement.services.template_outcomes import WATCHED, Figures, read_figures, settle_uses
from engagement.services.template_uses import TemplateNeeded, read_rights, set_right
from listening.models import Conversation, Mention
from listening.services.conversations import resolve_conversation
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from tests.engagement.desk import Desk, work
from tests.engagement.texts import make_template

pytestmark = pytest.mark.django_db

TEXT = "We are sorry, {name}. Tell us more about it here: {link}"
LINK = f"{settings.LINK_URL}/s/7k3p9d2xw4hq8"


@pytest.fixture
def variant(db: None) -> TemplateVariant:
    return make_template("Sorry", "answer", en=TEXT).variants.get()


def send(conversation: Conversation, agent: Agent, text: str, variant: TemplateVariant | None = None, *, answer_seen: int = 0) -> Message:
    pk = variant.pk if variant else None
    message = send_reply(conversation_id=conversation.pk, agent=agent, text=text, variant_id=pk, answer_seen=answer_seen, hold=0)
    work(now())
    return message


# --- Rights -------------------------------------------------------------------------------------------------------------


def test_everybody_writes_freely_until_somebody_says_otherwise(desk: Desk, sam: Agent) -> None:
    assert set(read_rights().values()) == {"free"}
    assert send(desk.conversation(), sam, "Anything at all")


def test_as_is_takes_the_filled_template_with_whatever_link_and_nothing_else(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    set_right(role="agent", right="as_is")
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    good = f"We are sorry, mara. Tell us more about it here: {LINK}"
    for text in (
        good + "!",
        good.replace("mara", "maria"),
        good.replace(LINK, "https://elsewhere.example/s/7k3p9d2xw4hq8"),
        "We are sorry.",
    ):
        with pytest.raises(TemplateNeeded):
            send(conversation, sam, text, variant)
    with pytest.raises(Guarded):  # the variable is still there
        send(conversation, sam, TEXT, variant)
    twice = f"{good}\n{good}"
    with pytest.raises(TemplateNeeded):
        send(conversation, sam, twice, variant)
    assert not Message.objects.exists()
    assert Draft.objects.get().text == twice
    assert send(conversation, sam, good)
    assert send_direct_message(conversation_id=conversation.pk, agent=sam, text="In private freely", hold=0)


def test_an_acknowledgement_by_one_key_is_as_it_is(desk: Desk, sam: Agent) -> None:
    make_template()
    set_right(role="agent", right="as_is")
    assert acknowledge(conversation_id=desk.conversation().pk, agent=sam).is_new


def test_editing_begins_with_a_template_and_leaves_half_of_it(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    set_right(role="agent", right="edit")
    conversation = desk.conversation(author="mara")
    with pytest.raises(TemplateNeeded, match="begins with a template"):
        send(conversation, sam, f"We are sorry, mara. Tell us more about it here: {LINK}")
    with pytest.raises(TemplateNeeded, match="Too little of “Sorry” is left"):
        send(conversation, sam, "Sorry for that. Nothing to be done.", variant)
    assert send(conversation, sam, "We are very sorry, mara. Tell us more about it, please.", variant)
    assert TemplateUse.objects.get().is_edited


def test_a_lead_is_held_to_the_right_of_leads(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    set_right(role="agent", right="as_is")
    Agent.objects.filter(pk=sam.pk).update(role="lead")
    sam.refresh_from_db()
    assert send(desk.conversation(), sam, "Freely")


@pytest.mark.parametrize(("role", "right"), [("manager", "free"), ("agent", "shout"), ("", "")])
def test_a_right_that_cannot_be_meant_is_refused(role: str, right: str) -> None:
    with pytest.raises(DeskError):
        set_right(role=role, right=right)
    assert not TemplateRight.objects.exists()


# --- Uses ---------------------------------------------------------------------------------------------------------------


def test_a_use_says_who_sent_what_from_which_text_and_whether_it_was_edited(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    first = send(desk.conversation(author="one"), sam, f"We are sorry, one. Tell us more about it here: {LINK}", variant)
    second = send(desk.conversation(author="two"), sam, "We are sorry.", variant)
    send(desk.conversation(author="three"), sam, "Freely")
    uses = {use.message_id: use for use in TemplateUse.objects.all()}
    assert set(uses) == {first.pk, second.pk}
    assert (uses[first.pk].is_edited, uses[second.pk].is_edited) == (False, True)
    assert {(use.template_id, use.variant, use.agent) for use in uses.values()} == {(variant.template_id, variant, sam)}


def test_a_text_that_is_gone_meanwhile_does_not_stop_the_answer(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    assert send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", variant_id=999_999, hold=0)
    assert not TemplateUse.objects.exists()


def test_what_was_taken_back_is_not_counted(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    conversation = desk.conversation()
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="We are sorry.", variant_id=variant.pk, hold=60)
    undo_delivery(message_id=message.pk, agent=sam)
    assert read_figures([variant.template]) == {}


def test_an_acknowledgement_from_the_composer_is_none_the_less_one(desk: Desk, sam: Agent) -> None:
    variant = make_template().variants.get()
    conversation = desk.conversation()
    message = send(conversation, sam, "Dear Mara, we have seen it and you hear from us within 4 hours.", variant)
    conversation.refresh_from_db()
    assert message.promise.minutes == 240
    assert conversation.first_answered_at is None
    assert conversation.promise_due_at is not None
    other = desk.conversation()
    send(other, sam, "We have seen this. It is on its way.", variant)
    other.refresh_from_db()
    assert other.first_answered_at is not None


def test_a_typed_acknowledgement_that_is_taken_back_is_a_draft_again(desk: Desk, sam: Agent) -> None:
    variant = make_template().variants.get()
    text = "We have seen this. You hear from us within 2 hours."
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text=text, variant_id=variant.pk, hold=60)
    undo_delivery(message_id=message.pk, agent=sam)
    assert Draft.objects.get().text == text


# --- Outcomes -----------------------------------------------------------------------------------------------------------


def say(desk: Desk, mention: Mention, text: str) -> None:
    desk.world.reply_as(mention.author.username, mention.external_id, text)
    desk.read()


def test_the_next_post_and_the_end_without_another_answer_are_its_outcome(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    happy, angry = desk.mention("@tidewheel my bike is late"), desk.mention("@tidewheel my brake is broken")
    for mention, text in ((happy, "Wonderful, thank you so much, great service!"), (angry, "This is terrible, awful service, I hate it")):
        assert mention.conversation is not None
        send(mention.conversation, sam, "We are sorry.", variant)
        assert settle_uses() == 0
        say(desk, mention, text)
    settle_uses()
    assert sorted(TemplateUse.objects.values_list("next_sentiment", flat=True)) == ["negative", "positive"]
    for mention in (happy, angry):
        assert mention.conversation_id is not None
        resolve_conversation(conversation_id=mention.conversation_id, agent=sam)
    assert settle_uses() == 2
    template = Template.objects.get()
    assert (template.went_well, template.went_badly) == (1, 1)
    assert read_figures([template]) == {
        template.pk: Figures(uses=2, edited=2, positive=1, neutral=0, negative=1, resolved_alone=2),
    }
    assert settle_uses() == 0
    template.refresh_from_db()
    assert (template.went_well, template.went_badly) == (1, 1)


def test_another_public_answer_means_that_it_did_not_do_alone(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    conversation = desk.conversation()
    send(conversation, sam, "We are sorry.", variant)
    send(conversation, sam, "One more thing.", answer_seen=1)
    Mention.objects.filter(is_own=True, text="One more thing.").update(posted_at=now() + timedelta(seconds=5))
    resolve_conversation(conversation_id=conversation.pk, agent=sam)
    assert settle_uses() == 1
    use = TemplateUse.objects.get()
    assert (use.resolved_alone, use.next_sentiment) == (False, "")
    template = Template.objects.get()
    assert (template.went_well, template.went_badly) == (0, 0)


def test_after_two_weeks_what_is_known_is_final(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    send(desk.conversation(), sam, "We are sorry.", variant)
    assert settle_uses(now=now() + WATCHED - timedelta(hours=1)) == 0
    assert settle_uses(now=now() + WATCHED + timedelta(hours=1)) == 1
    assert TemplateUse.objects.get().settled_at is not None


def test_the_words_of_the_post_are_learned_once_it_was_sent(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    conversation = desk.conversation("@tidewheel my battery is flat")
    send_reply(conversation_id=conversation.pk, agent=sam, text="We are sorry.", variant_id=variant.pk, hold=0)
    settle_uses()
    assert not TemplateWord.objects.exists()
    work(now())
    settle_uses()
    settle_uses()
    assert sorted(TemplateWord.objects.values_list("word", flat=True)) == ["battery", "flat"]


def test_the_sweep_takes_turns_and_costs_the_same_for_many(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    def count(limit: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            settle_uses(limit=limit)
        return len(queries)

    for number in range(4):
        send(desk.conversation(author=f"c{number}"), sam, "We are sorry.", variant)
    settle_uses(limit=2)
    settle_uses(limit=2)
    assert not TemplateUse.objects.filter(checked_at=None).exists()
    assert count(1) == count(4)


def test_figures_are_one_query(desk: Desk, sam: Agent, variant: TemplateVariant) -> None:
    for number in range(3):
        send(desk.conversation(author=f"c{number}"), sam, "We are sorry.", make_template(f"T{number}", "answer", en="a").variants.get())
    with CaptureQueriesContext(connection) as queries:
        figures = read_figures(Template.objects.all())
    assert len(queries) == 2  # the templates themselves, and their figures
    assert sorted(figure.uses for figure in figures.values()) == [1, 1, 1]
    assert Delivery.objects.filter(state="sent").count() == 3
