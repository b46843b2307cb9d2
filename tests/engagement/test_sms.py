"""Text messages through Twilio's own library and wire format: once, looked for before they are sent again, and what comes in signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from twilio.request_validator import RequestValidator

from engagement.models import Message, Notice
from engagement.services.notices import MAX_ATTEMPTS, decide_notice, deliver_notice, sweep_notices
from engagement.services.outbound import send_notice
from engagement.sms.choose import sms_sender
from engagement.sms.console import ConsoleSender
from listening.models import Conversation
from profiles.models import THIS_MATTER, Agent, Consent, Medium, Profile
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict
from socialdesk.networks.base import NetworkError
from tests.engagement.calls import NUMBER, STORED, give_consent, open_day
from tests.engagement.carrier import ACCOUNT, SENDER, TOKEN, Carrier
from tests.factories import make_conversation

pytestmark = pytest.mark.django_db
URL = "https://desk.example.com/hooks/sms/"


@pytest.fixture
def carrier(settings: Any) -> Iterator[Carrier]:
    running = Carrier()
    settings.SMS_CARRIER = "twilio"
    settings.TWILIO_ACCOUNT, settings.TWILIO_TOKEN, settings.TWILIO_FROM, settings.TWILIO_URL = ACCOUNT, TOKEN, SENDER, running.url
    settings.PUBLIC_URL = "https://desk.example.com"
    yield running
    running.close()


@pytest.fixture
def conversation(db: None) -> Conversation:
    open_day()
    return make_conversation(author="mara_k")


@pytest.fixture
def mara(conversation: Conversation) -> Profile:
    profile = conversation.author.profile
    give_consent(profile, Medium.SMS)
    return profile


def text(profile: Profile, words: str = "Your bike is ready.") -> Notice:
    return send_notice(profile=profile, medium=Medium.SMS, purpose=THIS_MATTER, text=words)


def work_off(notice: Notice, *, most: int = 20) -> Notice:
    """What the workers do with a notice until it is at rest."""
    moment = now()
    for _ in range(most):
        deliver_notice(notice.pk, now=moment)
        notice.refresh_from_db()
        if notice.state != "queued":
            return notice
        moment = notice.not_before
    raise AssertionError("it never came to rest")


def test_message_goes_out_as_documented_and_keeps_its_receipt(carrier: Carrier, mara: Profile) -> None:
    notice = work_off(text(mara))
    assert (notice.state, notice.external_id) == ("sent", carrier.messages[0]["sid"])
    assert carrier.messages[0]["to"] == STORED
    assert carrier.messages[0]["from"] == SENDER
    assert carrier.messages[0]["body"] == "Your bike is ready.\nAnswer STOP to get no more of these."
    deliver_notice(notice.pk)
    assert len(carrier.messages) == 1


def test_message_that_was_taken_without_an_answer_is_found_and_not_sent_again(carrier: Carrier, mara: Profile) -> None:
    carrier.faults = ["drop_after"]
    notice = work_off(text(mara))
    assert (notice.state, len(carrier.messages)) == ("sent", 1)
    assert notice.external_id == carrier.messages[0]["sid"]


def test_message_that_the_list_shows_late_is_not_sent_again(carrier: Carrier, mara: Profile) -> None:
    carrier.faults, carrier.hidden = ["drop_after"], 1
    assert work_off(text(mara)).state == "sent"
    assert len(carrier.messages) == 1


def test_message_that_was_not_taken_is_sent_after_two_looks(carrier: Carrier, mara: Profile) -> None:
    carrier.faults = ["drop"]
    assert work_off(text(mara)).state == "sent"
    assert [method for method, _ in carrier.calls] == ["POST", "GET", "GET", "POST"]
    assert len(carrier.messages) == 1


@pytest.mark.parametrize("fault", ["garbage", "refuse 503 20503"])
def test_unreadable_answer_is_looked_after(carrier: Carrier, mara: Profile, fault: str) -> None:
    carrier.faults = [fault]
    assert work_off(text(mara)).state == "sent"
    assert len(carrier.messages) == 1


def test_rate_limit_is_waited_out_without_looking(carrier: Carrier, mara: Profile) -> None:
    carrier.faults = ["refuse 429 20429", "refuse 429 20429"]
    assert work_off(text(mara)).state == "sent"
    assert {method for method, _ in carrier.calls} == {"POST"}


def test_refusal_for_good_is_not_tried_again(carrier: Carrier, mara: Profile) -> None:
    carrier.faults = ["refuse 400 21211"]
    notice = work_off(text(mara))
    assert (notice.state, notice.error) == ("failed", "Twilio refused it (21211).")
    assert len(carrier.calls) == 1
    assert Consent.objects.get().revoked_at is None


def test_person_who_told_the_provider_to_stop_is_not_written_to_again(carrier: Carrier, mara: Profile) -> None:
    carrier.faults = ["refuse 400 21610"]
    assert work_off(text(mara)).state == "failed"
    assert Consent.objects.get().revoked_how == "told the carrier to stop"


def test_outcome_that_cannot_be_found_out_waits_for_a_person(carrier: Carrier, mara: Profile, sam: Agent) -> None:
    carrier.faults = ["drop_after"] + ["garbage"] * (MAX_ATTEMPTS - 1)
    notice = work_off(text(mara))
    assert (notice.state, len(carrier.messages)) == ("unconfirmed", 1)
    assert decide_notice(notice_id=notice.pk, agent=sam, decision="sent").state == "sent"
    with pytest.raises(Conflict):
        decide_notice(notice_id=notice.pk, agent=sam, decision="send_again")


def test_try_whose_worker_died_is_looked_for(carrier: Carrier, mara: Profile) -> None:
    notice = text(mara)
    sender = sms_sender()
    Notice.objects.filter(pk=notice.pk).update(state="sending", claim="dead", claimed_until=now() - timedelta(minutes=1))
    sender.send(to=STORED, text=f"{notice.text}\nAnswer STOP to get no more of these.")
    sweep_notices()
    assert work_off(notice).state == "sent"
    assert len(carrier.messages) == 1


def test_without_a_list_to_look_at_a_lost_try_is_left_to_a_person(mara: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(self: ConsoleSender, *, to: str, text: str) -> str:
        raise NetworkError("It broke off.")

    monkeypatch.setattr(ConsoleSender, "send", lose)
    assert work_off(text(mara)).state == "unconfirmed"


def test_no_error_names_the_number_or_the_text(carrier: Carrier, mara: Profile, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    carrier.faults = ["garbage", "drop", "refuse 429 1", "drop"]
    notice = work_off(text(mara, "Your bike is ready"))
    said = notice.error + "".join(record.getMessage() for record in caplog.records if record.name.startswith(("engagement", "socialdesk")))
    assert STORED[1:] not in said
    assert "bike" not in said


# --- What comes in ------------------------------------------------------------------------------------------------------


def tell(body: str, *, sender: str = STORED, sid: str = "SM1", signature: str | None = None, **more: str) -> Any:
    form = {"MessageSid": sid, "From": sender, "To": SENDER, "Body": body, "AccountSid": ACCOUNT, "NumMedia": "0", **more}
    right = RequestValidator(TOKEN).compute_signature(URL, form)
    headers = {"X-Twilio-Signature": right if signature is None else signature}
    return Client(headers=headers).post("/hooks/sms/", form)


@pytest.mark.parametrize("word", ["STOP", "stop.", " Baja ", "ARRÊT", "Arret", "abmelden", "«توقف»", "إلغاء"])
def test_stop_in_five_languages_ends_text_messages(carrier: Carrier, mara: Profile, word: str) -> None:
    give_consent(mara, Medium.PHONE)
    waiting = text(mara)
    answer = tell(word)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml")
    assert answer.content == b"<Response></Response>"
    assert Consent.objects.get(medium="sms").revoked_how == "STOP by text message"
    assert Consent.objects.get(medium="phone").revoked_at is None
    assert work_off(waiting).state == "refused"
    assert carrier.messages == []


def test_other_words_are_shown_to_the_team_once(carrier: Carrier, mara: Profile, conversation: Conversation) -> None:
    for _ in range(3):
        assert tell("Stop by at noon?").status_code == 200
    note = Message.objects.get()
    assert (note.text, note.kind, note.is_incoming, note.conversation) == ("By text message: Stop by at noon?", "note", True, conversation)
    conversation.refresh_from_db()
    assert conversation.private_waiting
    assert Consent.objects.get().revoked_at is None


def test_forged_or_unsigned_news_changes_nothing(carrier: Carrier, mara: Profile) -> None:
    for signature in ("", "AAAA", RequestValidator("other").compute_signature(URL, {})):
        assert tell("STOP", signature=signature).status_code == 403
    assert Client().get("/hooks/sms/").status_code == 405
    assert Consent.objects.get().revoked_at is None
    assert not Message.objects.exists()


def test_console_takes_nothing_in(mara: Profile) -> None:
    assert tell("STOP").status_code == 403


def test_unknown_number_and_news_that_is_no_message_are_answered_and_not_kept(carrier: Carrier, mara: Profile) -> None:
    assert tell("Hello?", sender="+4930123456").status_code == 200
    assert tell("x", sender="").status_code == 200
    assert tell("\x00" * 10 + "x" * 2_000, sender="nonsense").status_code == 200
    assert not Message.objects.exists()


def test_number_of_the_tests_is_the_one_that_is_stored() -> None:
    assert NUMBER.replace(" ", "") == STORED
