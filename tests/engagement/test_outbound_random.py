"""No call, e-mail or text message without a living consent and a coordinate that was given or verified: everything, at random."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, transaction

from engagement.models import CallAttempt, CallbackRequest, Notice, NumberView, Verification
from engagement.services import calls, notices, stop, verification
from engagement.services.outbound import PURPOSES, send_notice
from engagement.sms.base import IncomingText
from engagement.sms.console import ConsoleSender
from listening.models import Conversation
from profiles.models import Consent, ContactPoint, Medium, Profile
from profiles.services.contacts import mark_wrong, record_consent, record_contact_point, revoke_consent
from socialdesk.lib.errors import DeskError
from socialdesk.networks.base import NetworkError
from tests.engagement.calls import ask_for_call, open_day
from tests.engagement.desk import Desk
from tests.factories import at, make_agent, make_conversation

TYPED = {"phone": ["+44 117 496 0140", "+44 117 496 0141", "nonsense"], "email": ["mara@tidewheel.example", "jo@tidewheel.example", "no"]}
STEPS = 400

# What must never be found, each asked of the database itself. A try counts from when it was claimed; that is when its consent was held.
FORBIDDEN = {
    "a notice that went out without consent": """
        SELECT count(*) FROM engagement_notice n LEFT JOIN profiles_consent c ON c.id = n.consent_id
        WHERE c.id IS NULL OR c.medium <> n.medium OR c.contact_point_id <> n.contact_point_id OR c.profile_id <> n.profile_id""",
    "a notice whose consent was given for something else": """
        SELECT count(*) FROM engagement_notice n JOIN profiles_consent c ON c.id = n.consent_id
        WHERE n.purpose <> 'verification code' AND n.purpose <> c.scope""",
    "a call without consent": """
        SELECT count(*) FROM engagement_callattempt a JOIN engagement_callbackrequest r ON r.id = a.callback_id
        LEFT JOIN profiles_consent c ON c.id = r.consent_id
        WHERE c.id IS NULL OR c.medium <> 'phone' OR c.contact_point_id <> r.contact_point_id OR c.revoked_at < a.begun_at""",
    "a number that was shown when nobody called": """
        SELECT count(*) FROM engagement_numberview v WHERE NOT EXISTS (SELECT 1 FROM engagement_callattempt a
        WHERE a.callback_id = v.callback_id AND a.agent_id = v.agent_id AND a.begun_at <= v.at)""",
}


class Run:
    """Two customers who give, agree and take back; agents who call and write; a carrier and a mail server that fail."""

    def __init__(self, seed: int, patch: pytest.MonkeyPatch) -> None:
        self.random = Random(seed)
        self.seen: set[str] = set()  # what came up: refusals, states, and what was carried
        self.fault = ""
        self.moment = at("2026-05-04T10:00:00+00:00")
        open_day()
        self.desk = Desk()
        self.agents = [make_agent(), make_agent()]
        for author in ("mara", "tom"):
            self.desk.world.add_account(author)
            self.desk.world.follow(author, "tidewheel")
            self.desk.mention(author=author)
        patch.setattr(ConsoleSender, "send", lambda sender, *, to, text: self.carried("sms", to))
        patch.setattr(EmailBackend, "send_messages", lambda backend, messages: self.carried("email", messages[0].to[0]))

    def step(self) -> None:
        """One thing that may happen, as often as it is listed."""
        acts = [self.agree, self.agree, self.send_the_form, self.send_the_form, self.write, self.write, self.write, self.work, self.work]
        acts += [self.call, self.call, self.hang_up, self.hang_up, self.send_a_code, self.decide]
        acts += [self.random.choice([self.take_back, self.stop, self.find_it_wrong])]
        self.random.choice(acts)()

    def carried(self, medium: str, to: str) -> str:
        """Something leaves the desk now: whoever it goes to must have agreed, as of this moment."""
        alive = Consent.objects.filter(medium=medium, contact_point__value=to, revoked_at=None, contact_point__problem="")
        assert alive.filter(contact_point__state__in=["given", "verified"]).exists(), f"{medium} without a living consent"
        self.seen.add(f"{medium} sent")
        if self.fault:
            raise NetworkError("It failed.", retryable=self.fault == "retryable", permanent=self.fault == "permanent")
        return "receipt"

    def one_of(self, model: Any) -> Any:
        """Any row, rather one of the newest; None where there is none."""
        found = list(model.objects.order_by("-pk")[: self.random.choice([3, 1000])])
        return self.random.choice(found) if found else None

    def attempt(self, work: Any, **given: Any) -> None:
        try:
            with transaction.atomic():
                work(**given)
        except DeskError as refusal:
            self.seen.add(refusal.code)

    def tick(self, seconds: int) -> datetime:
        self.moment += timedelta(seconds=seconds)
        return self.moment

    def agree(self) -> None:
        medium = self.random.choice(list(Medium))
        kind = "email" if medium == "email" else "phone"
        point = record_contact_point(
            profile=self.one_of(Profile),
            kind=kind,
            typed=self.random.choice(TYPED[kind]),
            state=self.random.choice(["given", "given", "unverified"]),
            source="a test",
            region="GB",
            at=self.moment,
        )
        record_consent(
            contact_point=point,
            medium=medium,
            text="You may.",
            text_version="1",
            language="en",
            evidence={"link": 1},
            scope=self.random.choice(PURPOSES[:2]),
            at=self.tick(1),
        )

    def send_the_form(self) -> None:
        conversation, also_sms = self.one_of(Conversation), self.random.choice([True, False])
        self.attempt(ask_for_call, conversation=conversation, at=self.tick(1), also_sms=also_sms)

    def take_back(self) -> None:
        consent = self.one_of(Consent)
        if consent:
            revoke_consent(consent=consent, how="a test", at=self.tick(1))

    def stop(self) -> None:
        way, moment = self.random.choice(["sms", "message", "mail"]), self.tick(1)
        if way == "sms":
            stop.receive_sms(IncomingText(f"SM{moment}", self.random.choice(TYPED["phone"]), "STOP"), at=moment)
        elif way == "message":
            stop.stop_profile(self.one_of(Profile), how="STOP in a private message", at=moment)
        else:
            for notice in Notice.objects.filter(medium="email").order_by("-pk")[:1]:
                stop.stop_mail(notice, at=moment)

    def find_it_wrong(self) -> None:
        point = self.one_of(ContactPoint)
        if point:
            mark_wrong(contact_point=point, problem="wrong number", at=self.tick(1))

    def write(self) -> None:
        purpose = self.random.choice([*PURPOSES[:2], PURPOSES[-1]])
        medium = self.random.choice(list(Medium))
        self.attempt(send_notice, profile=self.one_of(Profile), medium=medium, purpose=purpose, text="Hello", now=self.tick(5))

    def send_a_code(self) -> None:
        point = self.one_of(ContactPoint)
        self.attempt(
            verification.send_verification_code,
            conversation_id=self.one_of(Conversation).pk,
            agent=self.agents[0],
            contact_point_id=self.random.choice([point.pk if point else None, None]),
            by=self.random.choice(["direct_message", "sms", "email", "reply"]),
            waiver="a test",
            now=self.tick(1),
        )

    def work(self) -> None:
        self.fault = self.random.choice(["", "", "", "retryable", "permanent", "unknown"])
        moment = self.tick(60 * self.random.choice([0, 1, 1, 30, 60 * 24 * 3]) + 1)
        if self.random.random() < 0.2:  # a worker dies in the middle
            Notice.objects.filter(state="queued").update(state="sending", claim="dead", claimed_until=moment - timedelta(seconds=1))
        notices.sweep_notices(now=moment)
        for pk in list(Notice.objects.filter(state="queued").values_list("pk", flat=True)):
            notices.deliver_notice(pk, now=moment)
        calls.release_lost_calls(now=moment)
        verification.sweep_verifications(now=moment)
        self.look()

    def decide(self) -> None:
        notice, decision = self.one_of(Notice), self.random.choice(["sent", "send_again", "give_up"])
        if notice:
            self.attempt(notices.decide_notice, notice_id=notice.pk, agent=self.agents[0], decision=decision, now=self.tick(1))

    def call(self) -> None:
        callback, agent = self.one_of(CallbackRequest), self.random.choice(self.agents)
        if callback:
            self.attempt(calls.begin_call, callback_id=callback.pk, agent=agent, now=self.tick(1))
            self.attempt(calls.show_number, callback_id=callback.pk, agent=agent, now=self.tick(1))

    def hang_up(self) -> None:
        call, outcome = self.one_of(CallAttempt), self.random.choice(["reached", "no_answer", "wrong_number", "declined"])
        if call:
            self.attempt(calls.end_call, callback_id=call.callback_id, agent=call.agent, outcome=outcome, now=self.tick(60))

    def look(self) -> None:
        """Where the run has come."""
        self.seen |= {f"notice {state}" for state in Notice.objects.values_list("state", flat=True)}
        self.seen |= {f"call {state}" for state in CallbackRequest.objects.values_list("state", flat=True)}


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [2])
def test_nothing_goes_out_without_consent(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(seed, monkeypatch)
    for _ in range(STEPS):
        run.step()
    run.look()
    with connection.cursor() as cursor:
        for what, query in FORBIDDEN.items():
            cursor.execute(query)
            assert cursor.fetchone() == (0,), what
    assert not Verification.objects.exclude(sent_by__in=["direct_message", "sms", "email"]).exists()
    wanted = {"sms sent", "email sent", "no_consent", "no_permission", "too_many"}
    wanted |= {f"notice {state}" for state in ("queued", "sent", "failed", "refused", "unconfirmed")}
    wanted |= {f"call {state}" for state in ("waiting", "calling", "failed", "cancelled")}
    assert sorted(wanted - run.seen) == [], "the run did not come everywhere"


def test_what_is_forbidden_would_be_found(db: None) -> None:
    """The queries see what they look for: rows made by hand, past every service."""
    open_day()
    callback = ask_for_call(make_conversation())
    moment = callback.created_at
    revoke_consent(consent=callback.consent, how="a test", at=moment)
    agent = make_agent()
    CallAttempt.objects.create(callback=callback, agent=agent, begun_at=moment + timedelta(seconds=1))
    NumberView.objects.create(callback=callback, agent=make_agent(), at=moment)
    Notice.objects.create(
        profile=callback.profile,
        contact_point=callback.contact_point,
        consent=callback.consent,
        medium="sms",
        purpose="offers",
        text="Hello",
        language="en",
        token="t",
        not_before=moment,
        created_at=moment,
    )
    with connection.cursor() as cursor:
        for what, query in FORBIDDEN.items():
            cursor.execute(query)
            assert cursor.fetchone() == (1,), what
