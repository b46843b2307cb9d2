"""The outbox of notices at work: claimed by a conditional UPDATE, carried outside any transaction, its outcome recorded on the claim.

Before each try the consent is looked at again, and held while the notice is claimed: what was taken back by then does not go out.
Where the outcome of a try is not known the carrier is asked; who cannot be asked leaves it to a person.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from engagement.models import Company, Notice
from engagement.services.checks import check_may_answer
from engagement.services.hours import customer_zones, next_loud
from engagement.services.outbound import AT_ONCE, covers
from engagement.services.queue import tell_notice_worker
from engagement.services.wire import can_look, carry, look_for, means_stop
from profiles.models import Agent
from profiles.services.contacts import lock_permission, revoke_consent
from profiles.services.do_not_contact import left_alone_since
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from socialdesk.lib.paging import page_of
from socialdesk.networks.base import NetworkError

logger = logging.getLogger(__name__)
State = Notice.State
LEASE = timedelta(minutes=2)  # a try takes at most half of that
MAX_ATTEMPTS = 6
LOOKS = 2  # how often it must be absent before it is sent again: what was accepted may be shown late
_FIRST_PAUSE = 30.0  # seconds, doubled for each further try
_TOLD_AGAIN_AFTER = timedelta(seconds=15)
_TROUBLED = (State.FAILED, State.REFUSED, State.UNCONFIRMED)


def deliver_notice(notice_id: int, *, now: datetime | None = None) -> None:
    """Carry one notice one step on. Does nothing if it is not due or in other hands. Never raises for what a carrier does."""
    moment = now or current_time()
    notice = _claim(notice_id, moment)
    if notice is None:
        return
    try:
        if notice.must_look:
            found = look_for(notice)
            if found is not None:
                _record(notice, State.SENT, external_id=found, finished_at=moment, error="")
                return
            if notice.looks + 1 < LOOKS:
                _again(notice, moment + timedelta(seconds=_FIRST_PAUSE), looks=notice.looks + 1)
                return
        external_id = carry(notice)
    except NetworkError as error:
        _record_failure(notice, error, moment)
    except Exception as error:  # a fault of ours in the middle of a try: nobody knows how far it came
        logger.error("a notice could not be carried", exc_info=error)
        _record_failure(notice, NetworkError(f"The desk failed: {type(error).__name__}.", code="fault"), moment)
    else:
        _record(notice, State.SENT, external_id=external_id, finished_at=moment, error="")


def _claim(notice_id: int, moment: datetime) -> Notice | None:
    with transaction.atomic():
        notice = Notice.objects.select_related("contact_point").filter(pk=notice_id, state=State.QUEUED, not_before__lte=moment).first()
        if notice is None:
            return None
        waiting = Notice.objects.filter(pk=notice.pk, state=State.QUEUED, not_before=notice.not_before, attempts=notice.attempts)
        permission = lock_permission(notice.consent_id)
        if permission is None or not covers(permission.consent, notice.purpose):
            waiting.update(state=State.REFUSED, finished_at=moment, error="The consent was taken back, or the contact is wrong.")
            return None
        since = left_alone_since(notice.profile_id)
        if since is not None and permission.consent.given_at <= since:
            waiting.update(state=State.REFUSED, finished_at=moment, error="They asked us not to contact them.")
            return None
        if notice.purpose not in AT_ONCE:
            company = Company.current()
            later = next_loud(moment, customer_zones(notice.contact_point, company), company)
            if later > moment:
                waiting.update(not_before=later, told_at=None)
                return None
        notice.claim = uuid.uuid4().hex
        taken = waiting.update(state=State.SENDING, claim=notice.claim, claimed_until=moment + LEASE)
        return notice if taken == 1 else None


def _record_failure(notice: Notice, error: NetworkError, moment: datetime) -> None:
    """A try did not succeed, or nobody knows."""
    attempts = notice.attempts + 1
    pause = timedelta(seconds=error.retry_after or _FIRST_PAUSE * 2**notice.attempts)
    said = {"error": str(error)[:500], "attempts": attempts}
    if error.permanent:
        if means_stop(notice, error):
            revoke_consent(consent=notice.consent, how="told the carrier to stop", at=moment)
        _record(notice, State.FAILED, finished_at=moment, **said)
    elif error.retryable and attempts < MAX_ATTEMPTS:
        _again(notice, moment + pause, **said)
    elif error.retryable:
        # Nothing of this try went out; an earlier one of unknown outcome may have.
        _record(notice, State.UNCONFIRMED if notice.must_look else State.FAILED, finished_at=moment, **said)
    elif can_look(notice) and attempts < MAX_ATTEMPTS:
        _again(notice, moment + pause, must_look=True, looks=0, **said)
    else:
        _record(notice, State.UNCONFIRMED, finished_at=moment, **said)


def _again(notice: Notice, at: datetime, **changes: Any) -> None:
    _record(notice, State.QUEUED, not_before=at, told_at=None, **changes)


def _record(notice: Notice, state: Notice.State, **changes: Any) -> None:
    """Move on, if it is still in our hands."""
    ours = Notice.objects.filter(pk=notice.pk, claim=notice.claim, state=State.SENDING)
    ours.update(state=state, claim="", claimed_until=None, **changes)


def sweep_notices(*, now: datetime | None = None, limit: int = 500) -> int:
    """Find tries whose worker died, and notices whose task never came. Returns how many a worker was told of."""
    moment = now or current_time()
    for notice in Notice.objects.filter(state=State.SENDING, claimed_until__lt=moment)[:limit]:
        _record_failure(notice, NetworkError("The desk stopped while it was sending this.", code="worker_died"), moment)
    due = Notice.objects.filter(Q(told_at=None) | Q(told_at__lt=moment - _TOLD_AGAIN_AFTER), state=State.QUEUED, not_before__lte=moment)
    ids = list(due.order_by("not_before", "pk").values_list("pk", flat=True)[:limit])
    Notice.objects.filter(pk__in=ids).update(told_at=moment)
    for pk in ids:
        tell_notice_worker(pk)
    return len(ids)


# --- What people decide and read ----------------------------------------------------------------------------------------


def decide_notice(*, notice_id: int, agent: Agent, decision: str, now: datetime | None = None) -> Notice:
    """Somebody found out what became of an unconfirmed notice: `sent` (it arrived), `send_again` (it did not) or `give_up`.

    Raises Conflict if it does not wait for a decision, NotFound, NotAllowed, DeskError.
    """
    check_may_answer(agent)
    moment = now or current_time()
    anew = {"not_before": moment, "told_at": None, "attempts": 0, "must_look": False}
    changes: dict[str, dict[str, Any]] = {
        "sent": {"state": State.SENT, "finished_at": moment},
        "send_again": {"state": State.QUEUED, "finished_at": None, **anew},
        "give_up": {"state": State.FAILED, "finished_at": moment},
    }
    if decision not in changes:
        raise DeskError("Decide sent, send_again or give_up.")
    notice = Notice.objects.filter(pk=notice_id).first()
    if notice is None:
        raise NotFound("There is no such notice.")
    if not Notice.objects.filter(pk=notice_id, state=State.UNCONFIRMED).update(**changes[decision]):
        raise Conflict("It does not wait for a decision any more.", state=notice.state)
    notice.refresh_from_db()
    return notice


def read_notices(*, after: str = "", troubled: bool = False, limit: int = 50) -> tuple[list[Notice], str]:
    """Notices, newest first, and the key of what follows ("" at the end); one query. Raises DeskError for a key that is none."""
    rows = Notice.objects.select_related("contact_point", "profile", "agent")
    if troubled:
        rows = rows.filter(state__in=_TROUBLED)
    return page_of(rows, field="created_at", after=after, limit=limit)
