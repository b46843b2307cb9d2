"""How a notice leaves the desk: an e-mail by Django's mail backend, a text message by its carrier, each with the way to stop them."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from engagement.models import Company, Notice
from engagement.sms.choose import sms_sender
from profiles.models import Medium
from socialdesk.networks.base import NetworkError

LONGEST_EMAIL = 20_000  # characters
_ROOM_FOR_STOP = 100  # characters that the line about STOP may take
_CLOCK_SKEW = timedelta(minutes=5)  # the carrier's clock may be behind ours by that much


def longest_text(medium: str) -> int:
    """Characters of a notice's own text."""
    return LONGEST_EMAIL if medium == Medium.EMAIL else sms_sender().longest - _ROOM_FOR_STOP


def unsubscribe_url(notice: Notice) -> str:
    """Where its reader takes the consent back."""
    return settings.PUBLIC_URL + reverse("unsubscribe", args=[notice.token])


def can_look(notice: Notice) -> bool:
    """Whether it can be found out what became of a try whose outcome is not known."""
    return notice.medium == Medium.SMS and sms_sender().can_look


def carry(notice: Notice) -> str:
    """Send it once, and give the carrier's id. Its contact point should be loaded. Raises NetworkError."""
    if notice.medium == Medium.SMS:
        return sms_sender().send(to=notice.contact_point.value, text=_sms_text(notice))
    _mail(notice)
    return ""


def look_for(notice: Notice) -> str | None:
    """The carrier's id of an earlier try; None if it is not there. Raises NetworkError."""
    return sms_sender().find(to=notice.contact_point.value, text=_sms_text(notice), since=notice.created_at - _CLOCK_SKEW)


def means_stop(notice: Notice, error: NetworkError) -> bool:
    """Whether the carrier refused because this person told it that they want no more."""
    return notice.medium == Medium.SMS and error.code in sms_sender().opted_out


def _sms_text(notice: Notice) -> str:
    with translation.override(notice.language.partition("-")[0]):
        # Translators: the last line of a text message. STOP is not translated: the customer answers exactly that.
        return f"{notice.text}\n{gettext('Answer STOP to get no more of these.')}"


def _mail(notice: Notice) -> None:
    company = Company.current()
    with translation.override(notice.language.partition("-")[0]):
        subject = notice.subject or gettext("A message from %(company)s") % {"company": company.name}
        # Translators: the end of an e-mail, before the address of a page.
        footer = gettext("You get this because you agreed to it. To get no more of these:")
    url = unsubscribe_url(notice)
    message = EmailMessage(
        subject,
        f"{notice.text}\n\n--\n{company.name}\n{footer}\n{url}\n",
        to=[notice.contact_point.value],
        headers={
            "Message-ID": f"<{notice.token}@{urlsplit(settings.PUBLIC_URL).hostname}>",
            "List-Unsubscribe": f"<{url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
        },
    )
    connection = get_connection()
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as error:
        raise NetworkError(f"The mail server takes nothing now: {type(error).__name__}.", retryable=True, code="no_server") from None
    try:
        connection.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        raise _refusal(max(code for code, _ in error.recipients.values())) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code) from None
    except (OSError, smtplib.SMTPException) as error:
        raise NetworkError(f"The mail server broke off: {type(error).__name__}.", code="broke_off") from None
    finally:
        connection.close()


def _refusal(code: int) -> NetworkError:
    """By RFC 5321, 4xx is for now and 5xx for good; either way nothing was taken."""
    words = f"The mail server refused it ({code})."
    return NetworkError(words, permanent=code >= 500, retryable=code < 500, code=str(code))
