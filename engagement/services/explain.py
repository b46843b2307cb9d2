"""What a delivery's state means, in words for the bubble and the outbox: what happened, and the one thing to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from engagement.models import Delivery
from socialdesk.lib.clock import now as current_time

State = Delivery.State
_PATIENCE = timedelta(minutes=1)

_ADVICE = {
    "account_revoked": "Once the account is connected again, it goes out by itself if it is less than a day old. Else try again then.",
    "account_removed": "Connect an account of ours on this network, then try again.",
    "no_connector": "Answer on the network itself, then give this up.",
    "not_following": "Ask the customer publicly to follow us, then try again.",
    "too_long": "Give it up, shorten the text and send it again.",
    "deleted": "Their post is gone: give this up, or write a private message.",
    "not_found": "Their post is gone: give this up, or write a private message.",
    "rate_limit": "The network wants a pause: try again later.",
    "not_permitted": "Let an admin check what the account may do, then try again, or answer on the network itself.",
    "window_closed": "Ask the customer in public to write to us, then try again.",
    "answered": "Give it up and write it once they have written back.",
    "already_there": "Give it up, change the words a little and send it again.",
    "duplicate": "Give it up, change the words a little and send it again.",
    "used_up": "Wait until your plan there begins anew, or pay for more, then try again.",
    "names_others": "Give it up, leave out the other names and send it again.",
    "uninvited": "Give it up: like their post, answer where they name us, or answer it on the network itself.",
    "private": "Give it up and write it in private.",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """`label` for the bubble, `happened` and `advice` a sentence each or "", `actions` what a person can do: undo, retry, sent,
    send_again, look_again, abandon. `next_at` is when the desk goes on by itself."""

    label: str
    happened: str = ""
    advice: str = ""
    actions: tuple[str, ...] = ()
    next_at: datetime | None = None


def explain(delivery: Delivery, *, now: datetime | None = None) -> Explanation:
    """Where a message stands, and what to do about it."""
    moment = now or current_time()
    match delivery.state:
        case State.QUEUED if delivery.not_before > moment and delivery.attempts == 0:
            advice = f"It goes out at {timezone.localtime(delivery.not_before):%H:%M}; until then it can be taken back."
            return Explanation("Held back", delivery.hold_reason, advice if delivery.hold_reason else "", ("undo",), delivery.not_before)
        case State.QUEUED if delivery.not_before < moment - _PATIENCE:
            happened = "It waits for an earlier message of this conversation, or for a free worker."
            return Explanation("Waiting to be sent", happened, "If this lasts, check that the desk's workers run.")
        case State.QUEUED | State.INFLIGHT:
            return Explanation("Sending")
        case State.AWAITING_RETRY if delivery.must_look:
            happened = f"{_sentence(delivery.error)} It may be there already."
            advice = "Nothing to do: the desk looks for it on the network before it sends anything again."
            return Explanation("Checking whether it was sent", happened, advice, next_at=delivery.not_before)
        case State.AWAITING_RETRY:
            advice = "Nothing to do: the desk tries again by itself."
            return Explanation("Will be tried again", _sentence(delivery.error), advice, next_at=delivery.not_before)
        case State.FAILED:
            advice = _ADVICE.get(delivery.error_code, "Try again, or give it up and keep the text as a draft.")
            # The same text stays too long however often it is tried.
            actions = ("abandon",) if delivery.error_code == "too_long" else ("retry", "abandon")
            return Explanation("Not sent", _sentence(delivery.error), advice, actions)
        case State.UNCONFIRMED:
            happened = f"{_sentence(delivery.error)} It may be there or not, and the desk could not find out."
            advice = "Look at their post on the network, then say whether the answer is there."
            return Explanation("Not known whether it was sent", happened, advice, ("sent", "send_again", "look_again", "abandon"))
        case State.ABORTED:
            return Explanation("Not sent", "It was taken back.")
        case _:
            return Explanation("Sent")


def _sentence(error: str) -> str:
    return f"{error.rstrip('. ')}." if error.strip() else "Something went wrong."
