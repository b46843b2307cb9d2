"""Mail about a ticket: what an address may get before anybody confirmed it, and a confirmation that did not arrive."""

from __future__ import annotations

import pytest
from django.core import mail
from rest_framework.test import APIClient

from engagement.models import Company, Notice, Ticket, TicketSubscription
from engagement.services.consent_texts import consent_text
from engagement.services.notices import deliver_notice
from engagement.services.outbound import CONFIRMATION, VERIFICATION, NoConsent, send_notice
from engagement.services.reach import read_reach
from engagement.services.ticket_mail import confirm, subscribe
from engagement.services.tickets import add_update, open_ticket
from engagement.services.verification import send_verification_code
from listening.models import Conversation
from profiles.models import SCOPES, STATUS_UPDATES, UNCONFIRMED, Agent, Consent, Medium
from profiles.services.contacts import find_permission
from tests.engagement.calls import give_consent, open_day
from tests.factories import make_conversation

pytestmark = pytest.mark.django_db
STRANGER = "stranger@example.com"


@pytest.fixture(autouse=True)
def company(db: None) -> Company:
    return open_day()


@pytest.fixture
def conversation() -> Conversation:
    return make_conversation(author="mara_k")


@pytest.fixture
def ticket(conversation: Conversation, sam: Agent) -> Ticket:
    return open_ticket(conversation_id=conversation.pk, agent=sam)


def ask(ticket: Ticket, address: str = STRANGER) -> TicketSubscription:
    given = subscribe(ticket=ticket, address=address, consent=consent_text(Medium.EMAIL, language="en", company="Tidewheel"))
    assert given is not None
    return given


def test_an_address_that_nobody_confirmed_gets_the_question_and_nothing_else(
    conversation: Conversation, ticket: Ticket, sam: Agent
) -> None:
    subscription = ask(ticket)
    asked = Notice.objects.get()
    assert asked.purpose == CONFIRMATION
    profile = conversation.author.profile
    point = subscription.consent.contact_point
    for purpose in (*SCOPES, VERIFICATION):
        for narrowed in (None, point.pk):
            with pytest.raises(NoConsent):
                send_notice(profile=profile, medium=Medium.EMAIL, purpose=purpose, text="Your bike is ready.", contact_point_id=narrowed)
    with pytest.raises(NoConsent):
        send_verification_code(conversation_id=conversation.pk, agent=sam, contact_point_id=point.pk, by="email")
    assert find_permission(profile=profile, medium=Medium.EMAIL) is None
    assert read_reach(conversation).media == set()
    deliver_notice(asked.pk)
    assert [sent.to for sent in mail.outbox] == [[STRANGER]]
    assert list(Notice.objects.all()) == [asked]


def test_programs_cannot_have_the_customers_mail_sent_to_a_strangers_address(
    conversation: Conversation, ticket: Ticket, sam: Agent
) -> None:
    ask(ticket)
    api = APIClient()
    api.force_authenticate(sam)
    for purpose in SCOPES:
        order = {"medium": "email", "purpose": purpose, "text": "Your bike is ready."}
        refused = api.post(f"/api/profiles/{conversation.author.profile_id}/notices/", order, format="json")
        assert (refused.status_code, refused.data["code"]) == (409, "no_consent")
    assert Notice.objects.get().purpose == CONFIRMATION


def test_the_customers_own_address_goes_on_beside_a_strangers(conversation: Conversation, ticket: Ticket) -> None:
    give_consent(conversation.author.profile, Medium.EMAIL, scope=STATUS_UPDATES)
    ask(ticket)
    sent = send_notice(profile=conversation.author.profile, medium=Medium.EMAIL, purpose=STATUS_UPDATES, text="Your bike is ready.")
    assert sent.contact_point.value == "mara@tidewheel.example"


def test_confirmation_is_what_allows_the_news(ticket: Ticket, sam: Agent) -> None:
    subscription = ask(ticket)
    assert confirm(ticket=ticket, token=subscription.token)
    consent = Consent.objects.get()
    assert (consent.scope, consent.contact_point.state) == (STATUS_UPDATES, "verified")
    add_update(ticket_id=ticket.pk, agent=sam, text="News")
    for notice in Notice.objects.order_by("pk"):  # the question was still on its way
        deliver_notice(notice.pk)
    assert [notice.state for notice in Notice.objects.order_by("pk")] == ["sent", "sent"]


def test_a_notice_is_held_to_its_purpose_again_when_it_is_sent(conversation: Conversation) -> None:
    consent = give_consent(conversation.author.profile, Medium.EMAIL, scope=STATUS_UPDATES)
    notice = send_notice(profile=conversation.author.profile, medium=Medium.EMAIL, purpose=STATUS_UPDATES, text="Your bike is ready.")
    Consent.objects.filter(pk=consent.pk).update(scope=UNCONFIRMED)
    deliver_notice(notice.pk)
    notice.refresh_from_db()
    assert (notice.state, mail.outbox) == ("refused", [])


@pytest.mark.parametrize("state", ["failed", "refused", "unconfirmed"])
def test_a_confirmation_that_did_not_arrive_is_sent_again_when_they_ask_again(ticket: Ticket, state: str) -> None:
    ask(ticket)
    for sent in (1, 2, 3):
        Notice.objects.update(state=state)
        for _ in range(2):  # a double press
            ask(ticket)
        assert Notice.objects.count() == sent + 1
    assert Notice.objects.filter(state="queued").count() == 1
    assert TicketSubscription.objects.count() == 1


@pytest.mark.parametrize("state", ["queued", "sending", "sent"])
def test_a_second_press_makes_no_second_mail(ticket: Ticket, state: str) -> None:
    ask(ticket)
    Notice.objects.update(state=state, claim="somebody", claimed_until=Notice.objects.get().created_at)
    ask(ticket)
    assert Notice.objects.count() == 1
