"""Answers that waited for our account: once it is connected again they go out by themselves, unless somebody has to look first."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from engagement.models import TROUBLED, Delivery, Message
from engagement.services.answers import GONE
from engagement.services.delivery import decide_unconfirmed, retry_failed
from engagement.services.outcomes import REVOKED
from listening.models import NetworkAccount
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.errors import DeskError

logger = logging.getLogger(__name__)
State = Delivery.State

LATELY = timedelta(minutes=10)  # an account that came back longer ago has been seen to
FRESH = timedelta(days=1)  # what is older waits for a person: the customer may have been helped, or have given up
_KINDS = (Message.Kind.REPLY, Message.Kind.DIRECT_MESSAGE)


def resume_waiting(*, now: datetime | None = None, limit: int = 500) -> int:
    """Try anew what failed because its account was revoked, as its writer would by a press of the button. Returns how many go on.

    What meets an obstacle stays for a person: another answer that was given meanwhile, a rule, a window that closed. One query where no
    account came back lately.
    """
    moment = now or current_time()
    usable = NetworkAccount.objects.filter(state=NetworkAccount.State.OK, removed_at=None)
    back = dict(usable.filter(state_changed_at__gt=moment - LATELY).values_list("pk", "state_changed_at"))
    if not back:
        return 0
    failed = Delivery.objects.filter(any_of("state", TROUBLED), state__in=[State.FAILED, State.UNCONFIRMED], error_code=REVOKED)
    waiting = failed.filter(created_at__gt=moment - FRESH, message__account__in=back, kind__in=_KINDS, message__agent__isnull=False)
    gone_on = 0
    # In the order in which they were written, as the outbox sends what belongs to one conversation.
    for delivery in waiting.select_related("message__agent").order_by("message_id")[:limit]:
        came_back = back[delivery.message.account_id or 0]
        if delivery.finished_at is not None and came_back is not None and delivery.finished_at <= came_back:
            gone_on += _go_on(delivery, moment)
    return gone_on


def _go_on(delivery: Delivery, moment: datetime) -> bool:
    message = delivery.message
    assert message.agent is not None
    try:
        if delivery.state == State.UNCONFIRMED:
            decide_unconfirmed(message_id=message.pk, agent=message.agent, decision="look_again", now=moment)
        elif _was_written_anew(message):
            return False
        else:
            retry_failed(message_id=message.pk, agent=message.agent, now=moment)
    except (DeskError, UnreadableCredentials) as error:
        logger.info("message %s stays for a person: %s", message.pk, getattr(error, "code", "unreadable"))
        return False
    return True


def _was_written_anew(message: Message) -> bool:
    """Whether something was said in private after it; in public, `retry_failed` asks."""
    if message.kind != Message.Kind.DIRECT_MESSAGE:
        return False
    later = Message.objects.filter(conversation=message.conversation_id, kind=message.kind, is_incoming=False, pk__gt=message.pk)
    return later.exclude(delivery__state__in=GONE).exists()
