"""A customer who asks for a call: what the tests of calls, notices and verifications begin with."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.test import Client

from engagement.models import CallbackRequest, Company, Hop, ShortLink
from engagement.services.callbacks import request_callback
from engagement.services.consent_texts import consent_text
from engagement.services.hours import Window
from engagement.services.offers import offer_link
from listening.models import Conversation
from profiles.models import THIS_MATTER, Consent, ContactPoint, Medium, Profile
from profiles.services.contacts import record_consent, record_contact_point
from socialdesk.lib.clock import now

NUMBER = "+44 117 496 0140"
STORED = "+441174960140"


def open_day() -> Company:
    """A company without quiet hours, so that the hour at which a test runs decides nothing."""
    company, _ = Company.objects.update_or_create(
        pk=1, defaults={"name": "Tidewheel", "quiet_from": "00:00", "quiet_until": "00:00", "time_zone": "UTC", "outbound_per_week": 3}
    )
    return company


def callback_link(conversation: Conversation, kind: str = "callback") -> ShortLink:
    return offer_link(conversation_id=conversation.pk, kind=kind, agent=None, reason=Hop.Reason.COMPLEX)


def ask_for_call(
    conversation: Conversation, *, at: datetime | None = None, window: Window | None = None, also_sms: bool = False, **given: Any
) -> CallbackRequest:
    """A request as the form makes it: for now and two hours unless `window` says otherwise."""
    from engagement.services.hours import SOON, SOON_LASTS

    moment = at or now()
    media = [Medium.PHONE, Medium.SMS] if also_sms else [Medium.PHONE]
    values: dict[str, Any] = {
        "link": callback_link(conversation),
        "form_key": "0" * 32,
        "typed": NUMBER,
        "region": "GB",
        "window": window or Window(SOON, moment, moment + SOON_LASTS, "Europe/London"),
        "reason": "The battery",
        "language": "en",
        "consents": [consent_text(medium, language="en", company="Tidewheel") for medium in media],
        "at": moment,
    }
    return request_callback(**{**values, **given})


def give_consent(profile: Profile, medium: str, *, typed: str = "", scope: str = THIS_MATTER, language: str = "en") -> Consent:
    """The customer gave a coordinate and agreed to be reached there."""
    kind = ContactPoint.Kind.EMAIL if medium == Medium.EMAIL else ContactPoint.Kind.PHONE
    typed = typed or ("mara@tidewheel.example" if medium == Medium.EMAIL else NUMBER)
    point = record_contact_point(profile=profile, kind=kind, typed=typed, state=ContactPoint.State.GIVEN, source="a test", region="GB")
    return record_consent(
        contact_point=point, medium=medium, text="You may.", text_version="test-1", language=language, evidence={"link": 1}, scope=scope
    )


def hidden_fields(page: str) -> dict[str, str]:
    """The hidden inputs of a page, as a browser without JavaScript sends them back."""
    tags = re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", page)
    return {_attribute(tag, "name"): _attribute(tag, "value") for tag in tags}


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', tag)
    return found.group(1).replace("&amp;", "&") if found else ""


class Visitor:
    """A customer's phone without JavaScript: opens a link, fills the form in, presses."""

    def __init__(self, path: str, **headers: str) -> None:
        self.path = path
        self.client = Client(headers={"User-Agent": "Mozilla/5.0 (a phone)", **headers})

    def open(self) -> Any:
        return self.client.get(self.path)

    def send(self, step: str, **fields: str) -> Any:
        return self.client.post(self.path, {"step": step, **fields})

    def fill(self, **changes: str) -> dict[str, str]:
        """What stands in the form once it is filled in well."""
        page = self.open().content.decode()
        fields = {
            **hidden_fields(page),
            "number": NUMBER,
            "region": "GB",
            "window": "soon",
            "zone": "Europe/London",
            "reason": "The battery",
            "agree": "on",
        }
        return {**fields, **changes}
