"""A system that is told by signed requests, and tells us by signed requests itself."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

import requests

from profiles.models import Connection
from profiles.services.remotes import News, Pulled, Received, RemoteError
from profiles.services.signing import sign
from socialdesk.lib.outbound import GuardedSession, NotPublic


class WebhookRemote:
    """Posts JSON to the connection's address, with the headers of Standard Webhooks."""

    pulls = False

    def __init__(self, connection: Connection) -> None:
        self._url = connection.url
        self._secret = connection.credentials.get("secret", "")

    def push(self, news: News, *, now: datetime) -> Received:
        answer = self._post(news.event_id, {**news.payload, "external_id": news.external_id}, now)
        return Received(answer.status_code)

    def pull(self, cursor: str, *, now: datetime) -> Pulled:
        raise RemoteError("This system tells us by itself.", permanent=True)

    def check(self, *, now: datetime) -> str:
        answer = self._post(str(uuid.uuid4()), {"type": "test", "timestamp": now.isoformat()}, now)
        return f"It took a test message (HTTP {answer.status_code})."

    def _post(self, message_id: str, content: dict[str, Any], now: datetime) -> requests.Response:
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str).encode()
        timestamp = int(now.timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "SocialDesk",
            "Webhook-Id": message_id,
            "Webhook-Timestamp": str(timestamp),
            "Webhook-Signature": sign(secret=self._secret, message_id=message_id, timestamp=timestamp, body=body),
        }
        with GuardedSession() as session:
            answer = ask(lambda: session.post(self._url, data=body, headers=headers))
        if 200 <= answer.status_code < 300:
            return answer
        raise _refusal(answer)


def ask(call: Any) -> requests.Response:
    """Do one request; what fails is said without its address, which may hold a secret of its own."""
    try:
        return call()  # type: ignore[no-any-return]
    except NotPublic as error:
        raise RemoteError(error.message) from None
    except requests.exceptions.SSLError:
        raise RemoteError("Its certificate cannot be trusted.") from None
    except requests.Timeout:
        raise RemoteError("It did not answer in time.") from None
    except (requests.RequestException, OSError) as error:
        raise RemoteError(f"It cannot be reached ({type(error).__name__}).") from None


def _refusal(answer: requests.Response) -> RemoteError:
    status = answer.status_code
    if status == 410:
        return RemoteError(
            "It said that nothing more is wanted (HTTP 410). Switch it on again if that was a mistake.", status=410, gone=True
        )
    if 300 <= status < 400:
        return RemoteError(f"It sent us on to another address (HTTP {status}). Enter that address instead.", status=status)
    reasons = {401: "it does not know our signature", 403: "it does not let us in", 404: "nothing is there", 429: "it asks us to slow down"}
    reason = reasons.get(status, "it failed" if status >= 500 else "it refused")
    return RemoteError(f"It answered HTTP {status}: {reason}.", status=status, retry_after=_seconds(answer.headers.get("Retry-After", "")))


def _seconds(given: str) -> float | None:
    return float(given) if given.isascii() and given.isdecimal() and len(given) < 7 else None
