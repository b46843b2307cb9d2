"""Which carrier the settings name."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from engagement.sms.base import SmsSender
from engagement.sms.console import ConsoleSender


def sms_sender() -> SmsSender:
    """The carrier of this desk."""
    if settings.SMS_CARRIER == "console":
        return ConsoleSender()
    return _twilio(settings.TWILIO_ACCOUNT, settings.TWILIO_TOKEN, settings.TWILIO_FROM, settings.TWILIO_URL)


@lru_cache(maxsize=1)
def _twilio(account: str, token: str, sender: str, base_url: str) -> SmsSender:
    from engagement.sms.twilio import TwilioSender  # a large library, loaded only where it is used

    return TwilioSender(account=account, token=token, sender=sender, base_url=base_url)
