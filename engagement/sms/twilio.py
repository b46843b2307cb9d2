"""Twilio, by its own library: it lets us look for a message before it is sent a second time, and signs what it tells us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

import requests
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from engagement.sms.base import BadSignature, IncomingText
from socialdesk.networks.base import NetworkError

TIMEOUT = 20.0  # seconds
_LOOKED_THROUGH = 50  # of the newest messages to one number
_NOT_TAKEN = ("failed", "canceled")  # states of what will never arrive, so that it may be sent again

T = TypeVar("T")


class TwilioSender:
    """`account` and `token` are the account's SID and its auth token, `sender` our number or the SID of a messaging service."""

    longest = 1_600
    can_look = True
    opted_out = frozenset({"21610"})

    def __init__(self, *, account: str, token: str, sender: str, base_url: str) -> None:
        self._client = Client(account, token, http_client=TwilioHttpClient(timeout=TIMEOUT))
        self._client.api.base_url = base_url
        self._from = {"messaging_service_sid" if sender.startswith("MG") else "from_": sender}
        self._validator = RequestValidator(token)

    def send(self, *, to: str, text: str) -> str:
        return str(_call(lambda: self._client.messages.create(to=to, body=text, **self._from)).sid)

    def find(self, *, to: str, text: str, since: datetime) -> str | None:
        found = _call(lambda: self._client.messages.list(to=to, limit=_LOOKED_THROUGH))
        ours = (message for message in found if message.direction != "inbound" and message.body == text)
        taken = (message for message in ours if message.date_created >= since and message.status not in _NOT_TAKEN)
        return next((str(message.sid) for message in taken), None)

    def read_incoming(self, *, url: str, form: Mapping[str, str], signature: str) -> IncomingText | None:
        if not self._validator.validate(url, form, signature):
            raise BadSignature("The signature is not the provider's.")
        if not (form.get("MessageSid") and form.get("From")) or "Body" not in form:
            return None
        return IncomingText(form["MessageSid"][:100], form["From"], form["Body"])


def _call(work: Callable[[], T]) -> T:
    """Do one call; what fails says whether the message may have been taken. Its words never name the number or the text."""
    try:
        return work()
    except TwilioRestException as error:
        raise _refusal(error.status, error.code) from None
    except requests.ConnectTimeout:
        raise NetworkError("Twilio cannot be reached.", retryable=True, code="unreachable") from None
    except requests.ConnectionError as error:
        # Refused before anything was said, or broken off in the middle: only the first is sure.
        refused = "Connection refused" in str(error) or "NameResolution" in str(error)
        raise NetworkError("The connection to Twilio broke.", retryable=refused, code="connection") from None
    except (requests.RequestException, TwilioException, ValueError) as error:
        raise NetworkError(f"Twilio's answer could not be read: {type(error).__name__}.", code="unreadable") from None


def _refusal(status: int, code: int | None) -> NetworkError:
    words = f"Twilio refused it ({code or status})."
    if status == 429:
        return NetworkError("Twilio asks us to wait.", retryable=True, retry_after=30, code="429")
    if 400 <= status < 500:
        return NetworkError(words, permanent=True, code=str(code or status))
    return NetworkError(words, code=str(code or status))
