"""The brake on heated threads: how often a brand may answer somebody who stays angry, and what ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from engagement.models import BrakeLift, Delivery, Message, Policy
from engagement.services.brake import CLOSING_LINES, Brake, Stage, find_brake, lift_brake
from engagement.services.delivery import deliver, retry_failed, sweep, undo_delivery
from engagement.services.facts import Turn, read_facts
from engagement.services.heat import HOT, MOST, is_calm, read_heat, suggest_private
from engagement.services.policy import ApprovalNeeded, BrakeOn, save_policy
from engagement.services.send import add_note, send_direct_message, send_reply
from engagement.services.thread import read_thread
from listening.models import Conversation
from listening.services.corrections import correct_sentiment
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotAllowed, NotFound
from tests.engagement.desk import Desk, work
from tests.engagement.heated import anger, angry_conversation, answer
from tests.factories import make_agent, make_conversation
from tests.listening.pages import make_topic

pytestmark = pytest.mark.django_db
LINE = CLOSING_LINES["en"]


@pytest.fixture
def lena(db: None) -> Agent:
    return make_agent(Role.LEAD, username="lena")


def brake_of(conversation: Conversation) -> Brake:
    lifted = BrakeLift.objects.filter(conversation=conversation).order_by("-at").first()
    policy = Policy.current()
    return find_brake(read_facts(conversation).turns, policy=policy, lifted_at=lifted.at if lifted else None, language="en")


def heated(desk: Desk, agent: Agent, answers: int) -> Conversation:
    """A thread with so many answers of ours, each followed by an angrier word."""
    conversation = angry_conversation(desk)
    for _ in range(answers):
        answer(conversation, agent, moment=now() + timedelta(hours=1))
        anger(desk)
    return conversation


def test_three_answers_go_out_at_once_and_the_fourth_cools_down(desk: Desk, sam: Agent) -> None:
    conversation = heated(desk, sam, 2)
    third = answer(conversation, sam)
    assert desk.state(third) == "sent"
    anger(desk)
    before = now()
    fourth = answer(conversation, sam)
    delivery = fourth.delivery
    assert before + timedelta(minutes=10) <= delivery.not_before <= now() + timedelta(minutes=10)
    assert delivery.hold_reason == "It cools down first: 3 public answers and they are still negative."
    said = read_thread(conversation)[-1].explanation
    assert said is not None
    assert (said.label, said.happened, said.actions) == ("Held back", delivery.hold_reason, ("undo",))
    assert said.advice.startswith("It goes out at ")


def test_undo_works_while_an_answer_cools_down(desk: Desk, sam: Agent) -> None:
    conversation = heated(desk, sam, 3)
    message = answer(conversation, sam, "Now listen")
    undo_delivery(message_id=message.pk, agent=sam, now=now() + timedelta(minutes=9))
    work(now() + timedelta(minutes=11))
    assert desk.state(message) == "aborted"
    assert brake_of(conversation).stage is Stage.COOLING  # what was taken back does not count


def test_after_the_cooled_answer_a_lead_has_to_read_the_next_one(desk: Desk, sam: Agent, lena: Agent) -> None:
    conversation = heated(desk, sam, 4)
    with pytest.raises(ApprovalNeeded, match="4 public answers and they are still negative"):
        answer(conversation, sam)
    assert answer(conversation, lena).agent == lena


def test_then_only_the_closing_line_goes_out_and_then_nothing(desk: Desk, sam: Agent, lena: Agent) -> None:
    conversation = heated(desk, lena, 5)
    for agent in (sam, lena):
        with pytest.raises(BrakeOn, match="only the closing line") as refusal:
            answer(conversation, agent)
        assert (refusal.value.code, refusal.value.extra["closing_line"]) == ("closing_line_only", LINE)
    line = answer(conversation, sam, LINE)
    assert (line.is_closing_line, desk.state(line)) == (True, "sent")
    for text in ("One more thing", LINE):
        for agent in (sam, lena):
            with pytest.raises(BrakeOn, match="nothing more goes out") as refusal:
                answer(conversation, agent, text)
            assert refusal.value.code == "brake_closed"
    anger(desk)
    with pytest.raises(BrakeOn):
        answer(conversation, lena)


def test_the_closing_line_may_be_said_as_soon_as_the_brake_is_on_and_is_an_ordinary_text_before(desk: Desk, sam: Agent) -> None:
    conversation = heated(desk, sam, 2)
    assert not answer(conversation, sam, LINE).is_closing_line
    anger(desk)
    line = answer(conversation, sam, CLOSING_LINES["de"])
    assert (line.is_closing_line, desk.state(line)) == (True, "sent")
    assert brake_of(conversation).stage is Stage.CLOSED


def test_a_closing_line_that_was_taken_back_closes_nothing(desk: Desk, sam: Agent) -> None:
    conversation = heated(desk, sam, 3)
    line = send_reply(conversation_id=conversation.pk, agent=sam, text=LINE, hold=60)
    assert brake_of(conversation).stage is Stage.CLOSED
    undo_delivery(message_id=line.pk, agent=sam)
    assert brake_of(conversation).stage is Stage.COOLING


def test_private_messages_and_notes_are_never_braked_nor_kept_waiting_by_what_cools_down(desk: Desk, sam: Agent) -> None:
    conversation = heated(desk, sam, 3)
    desk.world.follow("mara")
    cooling = answer(conversation, sam)
    private = send_direct_message(conversation_id=conversation.pk, agent=sam, text="Let us sort it out here", hold=0)
    later = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=0)
    Delivery.objects.filter(message=private).update(told_at=None)
    assert sweep(now=now() + timedelta(seconds=1)).told == 1
    deliver(private.delivery.pk)
    assert (desk.state(cooling), desk.state(private), desk.state(later)) == ("queued", "sent", "queued")
    assert add_note(conversation_id=conversation.pk, agent=sam, text="They are furious").kind == "note"


def test_a_customer_who_calms_down_can_be_answered_again(desk: Desk, sam: Agent) -> None:
    conversation = heated(desk, sam, 4)
    desk.mention("@tidewheel thank you, that helped, great service", author="mara")
    assert brake_of(conversation).stage is Stage.FREE
    assert desk.state(answer(conversation, sam, "Glad to hear it")) == "sent"
    anger(desk)
    assert brake_of(conversation) == Brake(Stage.FREE, 0, 10, LINE)  # it begins anew


def test_one_doubtful_word_does_not_end_it_but_two_calm_posts_do(desk: Desk, sam: Agent) -> None:
    conversation = heated(desk, sam, 4)
    assert desk.mention("@tidewheel order number is 12", author="mara").sentiment == "neutral"
    assert brake_of(conversation).stage is Stage.APPROVAL
    desk.mention("@tidewheel the blue one", author="mara")
    assert brake_of(conversation).stage is Stage.FREE


def test_an_agents_word_on_the_sentiment_counts(desk: Desk, sam: Agent) -> None:
    conversation = heated(desk, sam, 4)
    last = anger(desk)
    correct_sentiment(mention_id=last.pk, agent=sam, label="positive")
    assert brake_of(conversation).stage is Stage.FREE


def test_a_lead_lifts_the_brake_and_says_why(desk: Desk, sam: Agent, lena: Agent) -> None:
    conversation = heated(desk, sam, 4)
    with pytest.raises(NotAllowed):
        lift_brake(conversation_id=conversation.pk, agent=sam, reason="because")
    with pytest.raises(NotAllowed):
        lift_brake(conversation_id=conversation.pk, agent=make_agent(Role.MANAGER), reason="because")
    with pytest.raises(DeskError, match="Say why"):
        lift_brake(conversation_id=conversation.pk, agent=lena, reason=" \u202e ")
    with pytest.raises(NotFound):
        lift_brake(conversation_id=10**12, agent=lena, reason="because")
    lift_brake(conversation_id=conversation.pk, agent=lena, reason="We were wrong, and say so")
    kept = BrakeLift.objects.get()
    assert (kept.agent, kept.reason) == (lena, "We were wrong, and say so")
    assert desk.state(answer(conversation, sam)) == "sent"
    assert brake_of(conversation).answers == 1


def test_answers_given_outside_the_desk_count(desk: Desk, sam: Agent) -> None:
    conversation = angry_conversation(desk)
    for number in range(4):
        post = conversation.mentions.filter(is_own=False).latest("posted_at")
        desk.world.reply_as("tidewheel", post.external_id, f"by hand {number}")
        anger(desk)
    assert brake_of(conversation).stage is Stage.APPROVAL
    with pytest.raises(ApprovalNeeded):
        answer(conversation, sam)


def test_notes_do_not_push_answers_out_of_sight(desk: Desk, sam: Agent) -> None:
    conversation = heated(desk, sam, 4)
    moment = now()
    Message.objects.bulk_create(
        Message(conversation=conversation, kind="note", text=str(number), agent=sam, created_at=moment) for number in range(250)
    )
    with pytest.raises(ApprovalNeeded):
        answer(conversation, sam)


def test_a_failed_answer_that_is_tried_again_is_braked_like_a_new_one(desk: Desk, sam: Agent, lena: Agent) -> None:
    conversation = angry_conversation(desk)
    failed = answer(conversation, sam, moment=now() - timedelta(hours=1))
    Delivery.objects.filter(message=failed).update(state="failed")
    for _ in range(3):
        answer(conversation, sam)
        anger(desk)
    seen = Message.objects.filter(mention=failed.mention).latest("answer_number").answer_number or 0
    retried = retry_failed(message_id=failed.pk, agent=sam, answer_seen=seen)
    retried.refresh_from_db()
    assert retried.hold_reason
    assert retried.not_before - now() > timedelta(minutes=9)
    Delivery.objects.filter(message=failed).update(state="failed")
    answer(conversation, sam)
    with pytest.raises(ApprovalNeeded):
        retry_failed(message_id=failed.pk, agent=sam, answer_seen=seen)
    assert desk.state(failed) == "failed"
    assert retry_failed(message_id=failed.pk, agent=lena, answer_seen=seen).state == "queued"


def test_the_brakes_numbers_are_the_leads(desk: Desk, sam: Agent, lena: Agent) -> None:
    save_policy(agent=lena, brake_after=1, cooling_minutes=45, require_certificate=False)
    conversation = heated(desk, sam, 1)
    assert timedelta(minutes=44) < answer(conversation, sam).delivery.not_before - now() <= timedelta(minutes=45)
    with pytest.raises(NotAllowed):
        save_policy(agent=sam, brake_after=9, cooling_minutes=1, require_certificate=False)
    for after, minutes in ((0, 10), (21, 10), (3, 0), (3, 1441)):
        with pytest.raises(DeskError):
            save_policy(agent=lena, brake_after=after, cooling_minutes=minutes, require_certificate=False)


def test_a_calm_thread_is_never_braked(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation("@tidewheel how long does a battery last?", author="mara")
    for number in range(8):
        assert desk.state(answer(conversation, sam)) == "sent"
        desk.mention(f"@tidewheel and in winter, at {number} degrees?", author="mara")
        assert brake_of(conversation).stage is Stage.FREE


# --- Heat ---------------------------------------------------------------------------------------------------------------


def test_a_heated_thread_is_better_in_private_and_says_why(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation("@tidewheel where is my refund?", author="mara")
    for _ in range(4):
        answer(conversation, sam, moment=now() + timedelta(hours=1))
        anger(desk)
    suggestion = suggest_private(conversation)
    assert suggestion.is_better
    assert suggestion.why.startswith("They went back and forth 4 times in public")
    assert "are getting angrier" in suggestion.why
    assert HOT <= suggestion.heat.points <= MOST


def test_a_first_complaint_is_answered_in_public(desk: Desk) -> None:
    suggestion = suggest_private(desk.conversation("@tidewheel my bike is late again, not happy"))
    assert (suggestion.is_better, suggestion.why) == (False, "")


def test_whoever_shouts_and_is_not_answered_is_hot(desk: Desk) -> None:
    conversation = desk.conversation("@tidewheel THIS IS AN ABSOLUTE DISGRACE, I HATE YOU!!", author="mara")
    for _ in range(3):
        anger(desk)
    suggestion = suggest_private(conversation)
    assert suggestion.is_better
    assert "wrote 4 times without an answer" in suggestion.why
    assert "shout" in suggestion.heat.reasons


def test_a_tangled_thread_is_better_in_private_without_any_anger(desk: Desk, sam: Agent) -> None:
    for name, query in (("Battery", "battery"), ("Billing", "invoice"), ("Delivery", "delivery")):
        make_topic(name, query)
    conversation = desk.conversation("@tidewheel the battery question", author="mara")
    for text in ("the invoice says 12", "and the delivery is on Friday"):
        answer(conversation, sam)
        desk.mention(f"@tidewheel {text}", author="mara")
    answer(conversation, sam)
    suggestion = suggest_private(conversation)
    assert suggestion.heat.points == 0
    assert suggestion.why == "They bring up 3 matters (Battery, Billing, Delivery) and have been at it for 6 posts and answers."


def test_a_suggestion_costs_the_same_however_long_the_thread_is(desk: Desk, sam: Agent) -> None:
    conversation = angry_conversation(desk)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            suggest_private(conversation)
        return len(queries)

    few = count()
    for _ in range(12):
        anger(desk)
    assert count() == few == 3


def test_a_conversation_without_a_public_post_has_no_heat(desk: Desk) -> None:
    conversation = make_conversation()
    conversation.mentions.update(deleted_at=now())
    suggestion = suggest_private(conversation)
    assert (suggestion.is_better, suggestion.heat.points, suggestion.complexity.points) == (False, 0, 0)


# --- Whatever is said ---------------------------------------------------------------------------------------------------

turns = st.lists(
    st.one_of(
        st.sampled_from(["negative", "neutral", "positive", "unsure"]).map(lambda label: (False, label)),
        st.just((True, "")),
    ),
    max_size=40,
)


def build(said: list[tuple[bool, str]]) -> list[Turn]:
    start = datetime(2026, 5, 4, tzinfo=UTC)
    return [
        Turn(start + timedelta(minutes=place), ours, "A text!", sentiment=label, score=-0.8 if label == "negative" else 0.1, is_sure=True)
        for place, (ours, label) in enumerate(said)
    ]


@given(said=turns)
def test_heat_is_within_its_bounds_and_none_where_there_is_calm(said: list[tuple[bool, str]]) -> None:
    thread = build(said)
    heat = read_heat(thread)
    assert 0 <= heat.points <= MOST
    assert bool(heat.points) == (not is_calm([turn for turn in thread if not turn.is_ours])) == bool(heat.reasons)


@given(said=turns, after=st.integers(1, 5))
def test_to_somebody_who_stays_angry_a_brand_never_says_more_than_the_brake_allows(said: list[tuple[bool, str]], after: int) -> None:
    """Play any thread: each of our turns is taken only if the brake lets it through, a lead being generous."""
    policy = Policy(brake_after=after)
    thread: list[Turn] = []
    run = 0
    for turn in build(said):
        if not turn.is_ours:
            thread.append(turn)
            if is_calm([one for one in thread if not one.is_ours]):
                run = 0
            continue
        stage = find_brake(thread, policy=policy, lifted_at=None, language="en").stage
        if stage is not Stage.CLOSED:
            thread.append(Turn(turn.at, True, "", is_closing=stage is Stage.CLOSING))
            run += not is_calm([one for one in thread if not one.is_ours])
        assert run <= after + 3
