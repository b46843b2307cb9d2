"""Drafts that a lead reads first: who needs one, that nothing goes out meanwhile, and what each decision does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from engagement.models import Approval, Delivery, Message
from engagement.services.answers import AlreadyAnswered
from engagement.services.approvals import (
    Decided,
    DraftWaits,
    approve_reply,
    count_pending,
    decline_reply,
    find_approval,
    read_approvals,
    read_news,
    submit_reply,
    withdraw_reply,
)
from engagement.services.certificates import set_certificate
from engagement.services.checks import AccountUnusable
from engagement.services.delivery import retry_failed, undo_delivery
from engagement.services.drafts import read_drafts, save_draft
from engagement.services.outlook import read_outlook
from engagement.services.policy import ApprovalNeeded, NeverAnswer, save_policy
from engagement.services.send import RequestKeyReused, send_reply
from engagement.services.thread import read_thread
from listening.models import Conversation, Mention
from listening.services.accounts import mark_revoked
from listening.services.conversations import claim_conversation, release_claim
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from tests.engagement.desk import Desk, by_hand, work_off
from tests.engagement.heated import anger, angry_conversation, answer, make_rule
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def lena(db: None) -> Agent:
    return make_agent(Role.LEAD, username="lena")


@pytest.fixture
def conversation(desk: Desk, lena: Agent) -> Conversation:
    """A post about which an agent's answer needs a lead."""
    make_rule("approval", "Refunds", lead=lena, query="refund")
    return desk.conversation("@tidewheel where is my refund?", author="mara")


def submit(conversation: Conversation, agent: Agent, text: str = "It is on its way", **more: object) -> Approval:
    submitted = submit_reply(conversation_id=conversation.pk, agent=agent, text=text, **more)  # type: ignore[arg-type]
    assert isinstance(submitted, Approval)
    return submitted


# --- Submitting ---------------------------------------------------------------------------------------------------------


def test_nothing_goes_out_while_a_draft_waits(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    save_draft(agent=sam, conversation_id=conversation.pk, kind="reply", text="It is on its way")
    approval = submit(conversation, sam, " It is on its way ")
    assert (approval.state, approval.text, approval.agent) == ("pending", "It is on its way", sam)
    assert approval.reasons == ["rule “Refunds”"]
    assert (approval.mention, approval.answer_seen) == (conversation.mentions.get(), 0)
    assert not Message.objects.exists()
    work_off()
    assert desk.answers(conversation) == []
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {}
    conversation.refresh_from_db()
    assert (conversation.claimed_by, conversation.assignee) == (sam, sam)


def test_leads_and_admins_answer_at_once(desk: Desk, lena: Agent, conversation: Conversation) -> None:
    for agent in (lena, make_agent(Role.ADMIN)):
        sent = submit_reply(conversation_id=desk.conversation("@tidewheel refund").pk, agent=agent, text="Hello")
        assert isinstance(sent, Message)


def test_send_reply_by_itself_refuses_what_needs_a_lead(sam: Agent, conversation: Conversation) -> None:
    with pytest.raises(ApprovalNeeded) as refusal:
        send_reply(conversation_id=conversation.pk, agent=sam, text="Hello")
    assert refusal.value.extra == {"reasons": ["rule “Refunds”"]}
    assert not Approval.objects.exists()
    assert not Message.objects.exists()


def test_whatever_refuses_a_reply_refuses_a_draft(desk: Desk, sam: Agent, ana: Agent, lena: Agent, conversation: Conversation) -> None:
    with pytest.raises(DeskError, match="too long"):
        submit(conversation, sam, "x" * 501)
    with pytest.raises(NotAllowed):
        submit(conversation, make_agent(Role.MARKETING))
    claim_conversation(conversation_id=conversation.pk, agent=ana)
    with pytest.raises(Conflict, match="is working on this"):
        submit(conversation, sam)
    release_claim(conversation_id=conversation.pk, agent=ana)
    first = submit_reply(conversation_id=conversation.pk, agent=lena, text="From a lead")
    assert isinstance(first, Message)
    release_claim(conversation_id=conversation.pk, agent=lena)
    with pytest.raises(AlreadyAnswered):
        submit(conversation, sam)
    make_rule("never", "Silence", query="refund")
    with pytest.raises(NeverAnswer):
        submit(conversation, sam, answer_seen=1)
    assert not Approval.objects.exists()


def test_one_press_gives_one_draft_and_its_key_nothing_else(sam: Agent, conversation: Conversation) -> None:
    first = submit(conversation, sam, request_key="k")
    assert submit(conversation, sam, request_key="k") == first
    with pytest.raises(RequestKeyReused):
        submit(conversation, sam, "Something else", request_key="k")
    withdraw_reply(approval_id=first.pk, agent=sam)
    assert submit(conversation, sam, request_key="k").state == "withdrawn"  # the press that arrives late submits nothing again


def test_an_agent_has_one_draft_waiting_in_a_conversation(sam: Agent, ana: Agent, conversation: Conversation) -> None:
    submit(conversation, sam)
    with pytest.raises(DraftWaits) as refusal:
        submit(conversation, sam, "Another")
    assert refusal.value.code == "approval_pending"
    release_claim(conversation_id=conversation.pk, agent=sam)
    assert submit(conversation, ana, "From Ana").agent == ana
    assert count_pending() == 2


# --- Certificates -------------------------------------------------------------------------------------------------------


def test_without_the_companys_wish_everybody_may_answer(desk: Desk, sam: Agent) -> None:
    assert sam.public_send_until is None
    sam.public_send_until = now() - timedelta(days=1)
    sam.save()
    assert isinstance(submit_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello"), Message)


def test_an_agent_without_a_current_certificate_drafts_only(desk: Desk, sam: Agent, lena: Agent) -> None:
    save_policy(agent=lena, brake_after=3, cooling_minutes=10, require_certificate=True)
    assert submit(desk.conversation(), sam).reasons == ["Sam has no certificate for public answers yet"]
    set_certificate(agent_id=sam.pk, by=lena, until=now() + timedelta(days=1))
    sam.refresh_from_db()
    assert isinstance(submit_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello"), Message)
    sam.public_send_until = now() - timedelta(seconds=1)
    sam.save()
    [reason] = submit(desk.conversation(), sam).reasons
    assert reason.startswith("Sam's certificate for public answers ended on ")
    assert isinstance(submit_reply(conversation_id=desk.conversation().pk, agent=lena, text="Hello"), Message)


def test_certificates_are_given_by_leaders_to_care_agents_for_a_sensible_time(sam: Agent, ana: Agent, lena: Agent) -> None:
    tomorrow = now() + timedelta(days=1)
    with pytest.raises(NotAllowed):
        set_certificate(agent_id=sam.pk, by=ana, until=tomorrow)
    for until in (now() - timedelta(days=1), now() + timedelta(days=2000)):
        with pytest.raises(DeskError, match="A certificate ends between"):
            set_certificate(agent_id=sam.pk, by=lena, until=until)
    for other in (lena.pk, 10**9):
        with pytest.raises(NotFound):
            set_certificate(agent_id=other, by=lena, until=tomorrow)
    assert set_certificate(agent_id=sam.pk, by=lena, until=tomorrow).public_send_until == tomorrow
    assert set_certificate(agent_id=sam.pk, by=make_agent(Role.MANAGER), until=None).public_send_until is None


# --- Deciding -----------------------------------------------------------------------------------------------------------


def test_an_approved_draft_goes_out_as_its_authors_reply(desk: Desk, sam: Agent, lena: Agent, conversation: Conversation) -> None:
    submitted, began = submit(conversation, sam), now()
    approval = approve_reply(approval_id=submitted.pk, agent=lena, note=" Well said ")
    message = approval.message
    assert message is not None
    assert (message.agent, message.text, message.answer_number) == (sam, "It is on its way", 1)
    assert (approval.state, approval.decided_by, approval.final_text, approval.note) == ("approved", lena, "It is on its way", "Well said")
    assert began <= message.delivery.not_before - timedelta(seconds=8) <= now()  # Undo is there as ever
    work_off()
    assert [post.text for post in desk.answers(conversation)] == ["It is on its way"]


def test_an_approver_may_change_the_text(desk: Desk, sam: Agent, lena: Agent, conversation: Conversation) -> None:
    approval = approve_reply(approval_id=submit(conversation, sam).pk, agent=lena, text="It left today ")
    approval.refresh_from_db()
    assert (approval.text, approval.final_text) == ("It is on its way", "It left today")
    work_off()
    assert [post.text for post in desk.answers(conversation)] == ["It left today"]


def test_an_approved_reply_can_be_taken_back_by_its_author(sam: Agent, lena: Agent, conversation: Conversation) -> None:
    message = approve_reply(approval_id=submit(conversation, sam).pk, agent=lena).message
    assert message is not None
    undo_delivery(message_id=message.pk, agent=sam)
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {"reply": "It is on its way"}


@pytest.mark.parametrize("role", [Role.AGENT, Role.MARKETING, Role.MANAGER])
def test_only_leads_and_admins_decide(sam: Agent, conversation: Conversation, role: str) -> None:
    approval, other = submit(conversation, sam), make_agent(role)
    for decide in (approve_reply, decline_reply):
        with pytest.raises(NotAllowed):
            decide(approval_id=approval.pk, agent=other)
    with pytest.raises(NotAllowed):
        approve_reply(approval_id=approval.pk, agent=sam)
    with pytest.raises(NotAllowed, match="Only its author"):
        withdraw_reply(approval_id=approval.pk, agent=other)
    assert Approval.objects.get().state == "pending"


def test_declined_text_is_its_authors_draft_again_before_what_they_typed_since(sam: Agent, lena: Agent, conversation: Conversation) -> None:
    approval = submit(conversation, sam)
    save_draft(agent=sam, conversation_id=conversation.pk, kind="reply", text="And another thing")
    declined = decline_reply(approval_id=approval.pk, agent=lena, note="Say when")
    assert (declined.state, declined.note, declined.message) == ("declined", "Say when", None)
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {"reply": "It is on its way\n\nAnd another thing"}
    outlook = read_outlook(conversation, agent=sam, thread=None)
    assert (outlook.waiting, outlook.declined) == ([], declined)
    again = submit(conversation, sam, "It comes on Friday")
    outlook = read_outlook(conversation, agent=sam, thread=None)
    assert (outlook.waiting, outlook.declined) == ([again], None)


def test_withdrawn_text_is_its_authors_draft_again(sam: Agent, conversation: Conversation) -> None:
    withdraw_reply(approval_id=submit(conversation, sam).pk, agent=sam)
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {"reply": "It is on its way"}
    assert count_pending() == 0


def test_whatever_was_decided_stays_decided(desk: Desk, sam: Agent, lena: Agent, conversation: Conversation) -> None:
    other_lead = make_agent(Role.LEAD, username="otto")
    approval = submit(conversation, sam)
    approved = approve_reply(approval_id=approval.pk, agent=lena)
    assert approve_reply(approval_id=approval.pk, agent=lena, text="Changed").message == approved.message  # a double click
    for again in (
        lambda: approve_reply(approval_id=approval.pk, agent=other_lead),
        lambda: decline_reply(approval_id=approval.pk, agent=lena),
        lambda: withdraw_reply(approval_id=approval.pk, agent=sam),
    ):
        with pytest.raises(Decided, match="Lena approved it already") as refusal:
            again()
        assert refusal.value.extra["state"] == "approved"
    work_off()
    assert len(desk.answers(conversation)) == 1


def test_unknown_draft_is_not_found(lena: Agent) -> None:
    for pk in (10**9, 10**30):
        for decide in (approve_reply, decline_reply):
            with pytest.raises(NotFound):
                decide(approval_id=pk, agent=lena)
        with pytest.raises(NotFound):
            find_approval(pk, agent=lena)


def test_a_note_that_is_too_long_is_refused_and_nothing_is_decided(sam: Agent, lena: Agent, conversation: Conversation) -> None:
    approval = submit(conversation, sam)
    for decide in (approve_reply, decline_reply):
        with pytest.raises(DeskError, match="at most 1000"):
            decide(approval_id=approval.pk, agent=lena, note="x" * 1001)
    assert Approval.objects.get().state == "pending"
    assert not Message.objects.exists()


# --- What changed meanwhile ---------------------------------------------------------------------------------------------


def test_a_post_that_was_answered_meanwhile_is_answered_again_only_by_who_saw_that(
    desk: Desk, sam: Agent, lena: Agent, conversation: Conversation
) -> None:
    approval = submit(conversation, sam)
    release_claim(conversation_id=conversation.pk, agent=sam)
    send_reply(conversation_id=conversation.pk, agent=lena, text="I am on it", hold=60)
    with pytest.raises(AlreadyAnswered, match="Lena answered this already") as refusal:
        approve_reply(approval_id=approval.pk, agent=lena)
    assert refusal.value.extra["answer_seen"] == 1
    assert Approval.objects.get().state == "pending"
    news = read_news(approval, read_thread(conversation))
    assert (news.said, news.answer_seen, news.is_answered) == (("Lena answered this post meanwhile.",), 1, True)
    message = approve_reply(approval_id=approval.pk, agent=lena, answer_seen=news.answer_seen).message
    assert message is not None
    assert message.answer_number == 2


def test_an_answer_written_outside_after_the_draft_is_told_and_can_be_accepted(
    desk: Desk, sam: Agent, lena: Agent, conversation: Conversation
) -> None:
    approval = submit(conversation, sam)
    by_hand(desk, approval.mention, "It comes today")
    with pytest.raises(AlreadyAnswered, match="outside the desk"):
        approve_reply(approval_id=approval.pk, agent=lena)
    news = read_news(approval, read_thread(conversation))
    assert (news.said, news.is_answered) == (("Tidewheel answered this post meanwhile.",), True)
    message = approve_reply(approval_id=approval.pk, agent=lena, answer_seen=news.answer_seen).message
    assert message is not None
    assert news.answer_seen > approval.answer_seen
    assert message.text == approval.text


def test_a_draft_whose_author_saw_the_answer_from_outside_waits_for_a_lead_all_the_same(
    desk: Desk, sam: Agent, lena: Agent, conversation: Conversation
) -> None:
    by_hand(desk, conversation.mentions.get(), "It comes today")
    with pytest.raises(AlreadyAnswered) as refused:
        submit(conversation, sam)
    approval = submit(conversation, sam, answer_seen=refused.value.extra["answer_seen"])
    approval.refresh_from_db()
    assert approval.answer_seen == refused.value.extra["answer_seen"]
    assert read_news(approval, read_thread(conversation)).said == ()
    assert approve_reply(approval_id=approval.pk, agent=lena).state == "approved"


def test_news_tell_of_further_posts_edits_and_deletions(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    approval = submit(conversation, sam)
    assert read_news(approval, read_thread(conversation)).said == ()
    Approval.objects.update(created_at=now() - timedelta(hours=1))
    approval = Approval.objects.select_related("mention").get()
    desk.world.edit(approval.mention.external_id, "@tidewheel where is my refund, please?")
    desk.mention("@tidewheel hello?", author="mara")
    approval.mention.refresh_from_db()
    said = read_news(approval, read_thread(conversation)).said
    assert said == ("The customer wrote 2 more times meanwhile.", "The post that it answers was edited meanwhile.")
    Mention.objects.filter(pk=approval.mention_id).update(deleted_at=now())
    approval.mention.refresh_from_db()
    assert "deleted by its author" in read_news(approval, read_thread(conversation)).said[-1]


def test_every_check_is_made_again_and_the_draft_waits_on(desk: Desk, sam: Agent, lena: Agent, conversation: Conversation) -> None:
    approval = submit(conversation, sam)
    with pytest.raises(DeskError, match="too long"):
        approve_reply(approval_id=approval.pk, agent=lena, text="x" * 501)
    with pytest.raises(DeskError, match="nothing to send"):
        approve_reply(approval_id=approval.pk, agent=lena, text="  ")
    rule = make_rule("never", "Silence", query="refund")
    with pytest.raises(NeverAnswer, match="Silence"):
        approve_reply(approval_id=approval.pk, agent=lena)
    rule.delete()
    Mention.objects.update(deleted_at=now())
    with pytest.raises(Conflict, match="deleted by its author"):
        approve_reply(approval_id=approval.pk, agent=lena)
    Mention.objects.update(deleted_at=None)
    mark_revoked(account_id=desk.account.pk, reason="401")
    with pytest.raises(AccountUnusable):
        approve_reply(approval_id=approval.pk, agent=lena)
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {}  # it still waits, it is nobody's draft
    assert Approval.objects.get().state == "pending"
    assert not Message.objects.exists()


def test_a_claim_of_the_approver_is_no_obstacle_and_anothers_is(sam: Agent, ana: Agent, lena: Agent, conversation: Conversation) -> None:
    approval = submit(conversation, sam)
    release_claim(conversation_id=conversation.pk, agent=sam)
    claim_conversation(conversation_id=conversation.pk, agent=ana)
    with pytest.raises(Conflict, match="Ana is working on this"):
        approve_reply(approval_id=approval.pk, agent=lena)
    release_claim(conversation_id=conversation.pk, agent=ana)
    claim_conversation(conversation_id=conversation.pk, agent=lena)
    assert approve_reply(approval_id=approval.pk, agent=lena).state == "approved"
    conversation.refresh_from_db()
    assert conversation.claimed_by == sam


def test_a_draft_whose_author_left_cannot_be_approved(sam: Agent, lena: Agent, conversation: Conversation) -> None:
    approval = submit(conversation, sam)
    sam.is_active = False
    sam.save()
    with pytest.raises(DeskError, match="does not work here any more"):
        approve_reply(approval_id=approval.pk, agent=lena)
    assert decline_reply(approval_id=approval.pk, agent=lena).state == "declined"


def test_the_brake_asks_for_a_lead_and_an_approved_answer_counts(desk: Desk, sam: Agent, lena: Agent) -> None:
    heated = angry_conversation(desk)
    for _ in range(4):
        answer(heated, sam, moment=now() + timedelta(hours=1))
        anger(desk)
    approval = submit(heated, sam)
    assert approval.reasons == ["4 public answers and they are still negative"]
    message = approve_reply(approval_id=approval.pk, agent=lena).message
    assert message is not None
    assert not message.delivery.hold_reason
    work_off()
    anger(desk)
    with pytest.raises(DeskError, match="only the closing line"):
        submit(heated, sam)


def test_a_failed_reply_that_a_lead_had_read_is_tried_again_by_its_author(
    desk: Desk, sam: Agent, lena: Agent, conversation: Conversation
) -> None:
    message = approve_reply(approval_id=submit(conversation, sam).pk, agent=lena).message
    assert message is not None
    Delivery.objects.filter(message=message).update(state="failed")
    assert retry_failed(message_id=message.pk, agent=sam).state == "queued"


# --- The rows and the lists ---------------------------------------------------------------------------------------------


def test_the_database_itself_refuses_an_approval_without_its_message_and_a_second_draft(sam: Agent, conversation: Conversation) -> None:
    approval = submit(conversation, sam)
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.update(state="approved")
    approval.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        approval.save(force_insert=True)


def test_lists_are_read_by_key_with_one_query_a_page(desk: Desk, sam: Agent, lena: Agent) -> None:
    make_rule("approval", lead=lena, query="refund")
    for number in range(7):
        submit(desk.conversation(f"@tidewheel refund {number}"), sam, str(number))
    Approval.objects.update(created_at=now())  # all at one moment
    for state, expected in (("pending", "0123456"), ("declined", "6543210")):
        if state == "declined":
            for pk in Approval.objects.values_list("pk", flat=True):
                decline_reply(approval_id=pk, agent=lena)
        seen, after = "", ""
        while True:
            with CaptureQueriesContext(connection) as queries:
                page = read_approvals(agent=lena, state=state, after=after, limit=3)
                for entry in page.entries:
                    assert entry.agent == sam
                    seen += entry.text if entry.conversation.author.username and entry.mention.author.username else "?"
            assert len(queries) == 1
            after = page.next
            if not after:
                break
        assert seen == expected
    with pytest.raises(DeskError, match="no state"):
        read_approvals(agent=lena, state="lost")
    with pytest.raises(DeskError):
        read_approvals(agent=lena, after="nonsense")


def test_agents_see_their_own_drafts_and_leaders_all(sam: Agent, ana: Agent, lena: Agent, conversation: Conversation) -> None:
    approval = submit(conversation, sam)
    assert read_approvals(agent=ana).entries == []
    for agent in (sam, lena, make_agent(Role.MANAGER)):
        assert read_approvals(agent=agent).entries == [approval]
        assert find_approval(approval.pk, agent=agent) == approval
    with pytest.raises(NotFound):
        find_approval(approval.pk, agent=ana)
