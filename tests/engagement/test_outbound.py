"""E-mails and text messages that the desk begins: permission, hours, how often, how they end, and what the database itself refuses."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagement.models import Company, Notice
from engagement.services.notices import decide_notice, deliver_notice, read_notices, sweep_notices
from engagement.services.outbound import VERIFICATION, NoConsent, TooMany, send_notice
from engagement.services.stop import is_stop, stop_coordinate
from listening.models import Conversation
from profiles.models import OFFERS, STATUS_UPDATES, THIS_MATTER, Agent, Consent, ContactPoint, Medium, Profile
from profiles.services.contacts import mark_wrong, revoke_consent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotAllowed
from tests.chance import without_chance
from tests.engagement.calls import ask_for_call, give_consent, open_day
from tests.engagement.desk import Desk
from tests.engagement.threads import at_once
from tests.factories import make_agent, make_conversation

pytestmark = pytest.mark.django_db
EMAIL, SMS = Medium.EMAIL, Medium.SMS


@pytest.fixture(autouse=True)
def company(db: None) -> Company:
    return open_day()


@pytest.fixture
def conversation() -> Conversation:
    return make_conversation(author="mara_k")


@pytest.fixture
def mara(conversation: Conversation) -> Profile:
    return conversation.author.profile


def order(profile: Profile, medium: str = EMAIL, **given: Any) -> Notice:
    return send_notice(**{"profile": profile, "medium": medium, "purpose": THIS_MATTER, "text": "Your bike is ready.", **given})


def test_email_goes_out_once_with_the_way_to_stop_it(mara: Profile) -> None:
    give_consent(mara, EMAIL)
    notice = order(mara, subject="Your bike\nBcc: all@example.com")
    deliver_notice(notice.pk)
    deliver_notice(notice.pk)
    notice.refresh_from_db()
    assert notice.state == "sent"
    (sent,) = mail.outbox
    assert sent.to == ["mara@tidewheel.example"]
    assert sent.subject == "Your bike Bcc: all@example.com"
    url = f"http://127.0.0.1:8000/unsubscribe/{notice.token}"
    assert sent.extra_headers["List-Unsubscribe"] == f"<{url}>"
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert notice.token in sent.extra_headers["Message-ID"]
    assert url in sent.body
    assert "Tidewheel" in sent.body


def test_nothing_goes_out_without_a_living_consent_to_that_medium_and_purpose(mara: Profile) -> None:
    consent = give_consent(mara, EMAIL)
    for given in ({"medium": SMS}, {"purpose": STATUS_UPDATES}, {"purpose": OFFERS}):
        with pytest.raises(NoConsent):
            order(mara, **given)
    revoke_consent(consent=consent, how="a test")
    with pytest.raises(NoConsent):
        order(mara)
    assert not Notice.objects.exists()


@pytest.mark.parametrize("changes", [{"state": "unverified"}, {"state": "revoked"}, {"problem": "no possible address"}])
def test_nothing_goes_to_a_coordinate_that_is_only_guessed(mara: Profile, changes: dict[str, str]) -> None:
    give_consent(mara, EMAIL)
    ContactPoint.objects.update(**changes)
    with pytest.raises(NoConsent):
        order(mara)


def test_consent_that_is_taken_back_while_it_waits_stops_it(mara: Profile) -> None:
    first, second = give_consent(mara, EMAIL), give_consent(mara, SMS)
    notices = [order(mara), order(mara, SMS)]
    revoke_consent(consent=first, how="a test")
    mark_wrong(contact_point=second.contact_point, problem="wrong number")
    for notice in notices:
        deliver_notice(notice.pk)
        notice.refresh_from_db()
        assert notice.state == "refused"
    assert mail.outbox == []


def test_database_itself_keeps_an_outbound_row_without_consent_out(mara: Profile) -> None:
    give_consent(mara, EMAIL)
    notice = order(mara)
    for column in ("consent", "contact_point"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Notice.objects.filter(pk=notice.pk).update(**{column: None})
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.filter(pk=notice.pk).update(medium="phone")


def test_quiet_hours_are_the_customers_own_and_hold_it_until_their_morning(conversation: Conversation, mara: Profile) -> None:
    Company.objects.update(quiet_from="21:00", quiet_until="08:30", time_zone="UTC")
    give_consent(mara, SMS, typed="+1 212 555 0123")
    night = datetime(2026, 5, 4, 4, 0, tzinfo=UTC)  # midnight in New York
    notice = order(mara, SMS, now=night)
    assert notice.not_before == datetime(2026, 5, 4, 8, 30, tzinfo=ZoneInfo("America/New_York"))
    deliver_notice(notice.pk, now=night + timedelta(hours=1))
    notice.refresh_from_db()
    assert notice.state == "queued"
    noon = datetime(2026, 5, 4, 17, 0, tzinfo=UTC)
    assert order(mara, SMS, now=noon, text="Two").not_before == noon
    # What the customer says of where they are wins over what the number says.
    open_day()
    ask_for_call(conversation, at=noon, window=None)
    Company.objects.update(quiet_from="21:00", quiet_until="08:30")
    assert order(mara, SMS, now=night, text="Three").not_before == datetime(2026, 5, 4, 8, 30, tzinfo=ZoneInfo("Europe/London"))


def test_what_became_late_on_its_way_waits_for_the_morning_too(mara: Profile) -> None:
    Company.objects.update(quiet_from="21:00", quiet_until="08:30", time_zone="UTC")
    give_consent(mara, EMAIL)
    evening = datetime(2026, 5, 4, 20, 59, tzinfo=UTC)
    notice = order(mara, now=evening)
    deliver_notice(notice.pk, now=evening + timedelta(minutes=5))
    notice.refresh_from_db()
    assert (notice.state, notice.not_before) == ("queued", datetime(2026, 5, 5, 8, 30, tzinfo=UTC))
    assert mail.outbox == []


def test_number_that_could_be_anywhere_follows_the_companys_day(mara: Profile) -> None:
    Company.objects.update(quiet_from="21:00", quiet_until="08:30", time_zone="Europe/London")
    give_consent(mara, SMS, typed="+1 800 555 0199")
    night = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
    assert order(mara, SMS, now=night).not_before.astimezone(ZoneInfo("Europe/London")).hour >= 8


def test_nobody_gets_more_in_a_week_than_the_company_allows(mara: Profile) -> None:
    give_consent(mara, EMAIL)
    give_consent(mara, SMS)
    start = now()
    Company.objects.update(outbound_per_week=2)
    order(mara, now=start)
    order(mara, SMS, now=start + timedelta(days=3))
    with pytest.raises(TooMany):
        order(mara, now=start + timedelta(days=6))
    assert order(mara, purpose=VERIFICATION, now=start + timedelta(days=6))  # the customer waits for it
    assert order(mara, now=start + timedelta(days=7, seconds=1))


def test_same_order_gives_the_same_notice(mara: Profile) -> None:
    give_consent(mara, EMAIL)
    assert order(mara, request_key="ship 7") == order(mara, request_key="ship 7", text="Other words")
    assert Notice.objects.count() == 1


@pytest.mark.parametrize(
    "given", [{"text": " \n"}, {"text": "x" * 100_000}, {"medium": "phone"}, {"purpose": "spam"}, {"request_key": "x" * 65}]
)
def test_what_cannot_be_sent_is_refused_with_words(mara: Profile, given: dict[str, str]) -> None:
    give_consent(mara, EMAIL)
    with pytest.raises(DeskError):
        order(mara, **given)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (smtplib.SMTPRecipientsRefused({"m": (550, b"no such user")}), "failed"),
        (smtplib.SMTPRecipientsRefused({"m": (450, b"later")}), "queued"),
        (smtplib.SMTPDataError(451, b"later"), "queued"),
        (smtplib.SMTPDataError(554, b"spam"), "failed"),
        (smtplib.SMTPServerDisconnected("gone"), "unconfirmed"),
        (TimeoutError(), "unconfirmed"),
        (ValueError("a fault of ours"), "unconfirmed"),
    ],
)
def test_what_the_mail_server_says_decides_whether_it_is_tried_again(
    mara: Profile, monkeypatch: pytest.MonkeyPatch, error: Exception, state: str
) -> None:
    def fail(self: EmailBackend, messages: Any) -> int:
        raise error

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    give_consent(mara, EMAIL)
    notice = order(mara)
    deliver_notice(notice.pk)
    notice.refresh_from_db()
    assert notice.state == state
    assert "mara@" not in notice.error


def test_mail_server_that_is_away_is_waited_for(mara: Profile, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    give_consent(mara, EMAIL)
    notice = order(mara)
    deliver_notice(notice.pk)
    notice.refresh_from_db()
    assert (notice.state, notice.attempts) == ("queued", 1)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    deliver_notice(notice.pk, now=notice.not_before)
    assert len(mail.outbox) == 1


def test_mail_of_a_worker_that_died_is_left_to_a_person(mara: Profile, sam: Agent) -> None:
    give_consent(mara, EMAIL)
    notice = order(mara)
    Notice.objects.update(state="sending", claim="dead", claimed_until=now() - timedelta(minutes=1))
    sweep_notices()
    notice.refresh_from_db()
    assert notice.state == "unconfirmed"
    with pytest.raises(NotAllowed):
        decide_notice(notice_id=notice.pk, agent=make_agent("manager"), decision="send_again")
    decide_notice(notice_id=notice.pk, agent=sam, decision="send_again")
    deliver_notice(notice.pk)
    assert len(mail.outbox) == 1


def test_sweep_tells_again_of_what_no_task_came_for(mara: Profile) -> None:
    give_consent(mara, EMAIL)
    order(mara)
    assert sweep_notices() == 0
    assert sweep_notices(now=now() + timedelta(seconds=16)) == 1
    assert sweep_notices(now=now() + timedelta(seconds=17)) == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_it_once(mara: Profile) -> None:
    give_consent(mara, EMAIL)
    notice = order(mara)
    at_once([lambda: deliver_notice(notice.pk) for _ in range(4)])
    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_cap_holds_under_orders_at_once(mara: Profile) -> None:
    give_consent(mara, EMAIL)
    Company.objects.update(outbound_per_week=2)
    results = at_once([partial(order, mara, text=f"Offer {number}") for number in range(5)])
    assert sum(isinstance(result, Notice) for result in results) == Notice.objects.count() == 2


def test_list_is_read_page_by_page_with_one_query_each(mara: Profile) -> None:
    give_consent(mara, EMAIL)
    Company.objects.update(outbound_per_week=100)
    for number in range(7):
        order(mara, text=str(number))
    Notice.objects.update(created_at=now())
    seen: list[str] = []
    after = ""
    while True:
        with CaptureQueriesContext(connection) as queries:
            page, after = read_notices(after=after, limit=3)
            seen += [f"{notice.text}{notice.contact_point.masked[:1]}{notice.profile.name[:1]}" for notice in page]
        assert len(queries) == 1
        if not after:
            break
    assert [text[0] for text in seen] == list("6543210")
    assert read_notices(troubled=True)[0] == []


# --- STOP ---------------------------------------------------------------------------------------------------------------


def test_link_in_an_email_ends_that_consent_only_when_it_is_pressed(mara: Profile) -> None:
    give_consent(mara, EMAIL)
    give_consent(mara, SMS)
    path = f"/unsubscribe/{order(mara).token}"
    page = Client().get(path)
    assert page.status_code == 200
    assert "mara" not in without_chance(page.content.decode()).casefold()
    assert Consent.objects.get(medium="email").revoked_at is None  # programs open the links of e-mails
    assert Client().post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Client().post(path).status_code == 200
    assert Consent.objects.get(medium="email").revoked_how == "link in the e-mail"
    assert Consent.objects.get(medium="sms").revoked_at is None


@pytest.mark.parametrize("token", ["0" * 32, "x", "x" * 500])
def test_unknown_link_of_an_email_says_so_kindly(token: str) -> None:
    assert Client().get(f"/unsubscribe/{token}").status_code == 404
    assert Client().post(f"/unsubscribe/{token}").status_code == 404


def test_stop_in_a_private_message_ends_every_consent_of_that_person(desk: Desk) -> None:
    conversation, other = desk.conversation(author="mara"), desk.conversation(author="jo")
    for profile in (conversation.author.profile, other.author.profile):
        for medium in Medium:
            give_consent(profile, medium)
    desk.world.message_as("mara", "Stop!")
    desk.read()
    assert Consent.objects.filter(revoked_how="STOP in a private message").count() == 3
    assert not Consent.objects.filter(profile=other.author.profile).exclude(revoked_at=None).exists()


def test_stop_by_email_ends_emails_to_that_address(mara: Profile) -> None:
    give_consent(mara, EMAIL)
    give_consent(mara, SMS)
    assert stop_coordinate(medium=EMAIL, typed="Mara@Tidewheel.example", how="STOP by e-mail") == 1
    assert stop_coordinate(medium=EMAIL, typed="Mara@Tidewheel.example", how="STOP by e-mail") == 0
    assert Consent.objects.get(medium="sms").revoked_at is None


@pytest.mark.parametrize(
    "text", ["stop", "STOP!", "  Stop all ", "BAJA", "cancelar", "Arrêter", "désabonner", "stopp", "Abbestellen", "إيقاف", "الغاء"]
)
def test_stop_is_understood(text: str) -> None:
    assert is_stop(text)


@pytest.mark.parametrize(
    "text", ["", "please do not stop", "the bike does not stop", "bajar", "stop it now or else", "Endlich!", "x" * 100_000]
)
def test_other_words_are_no_stop(text: str) -> None:
    assert not is_stop(text)
