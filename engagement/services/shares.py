"""Reposts and quotes of praise: each rests on one permission, goes out once by the outbox, and is taken down when the permission ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F

from engagement.models import Compliment, Delivery, Message, Permission, TakeDown
from engagement.services import checks, delivery, wordings
from engagement.services.delivery import TooLate
from engagement.services.lines import leave_line
from engagement.services.outcomes import LEASE, back_off
from engagement.services.praise_replies import take_back_reply
from engagement.services.praise_state import Kind, add_event, check_may_work, lock_compliment, permission_of
from engagement.services.send import send_share
from listening.services.accounts import mark_revoked
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, NotFound
from socialdesk.networks.base import NetworkError

_UNSETTLED = timedelta(seconds=15)  # until it is asked again whether what must go was sent at all


class NoPermission(Conflict):
    """The author has not agreed, or does not agree any more."""

    code = "no_permission"


def share_compliment(*, compliment_id: int, agent: Agent, hold: float | None = None) -> Message:
    """Repost or quote the post, as its author agreed to. Pressed twice it goes out once; what failed or was taken back is tried again.

    Raises NoPermission, MovedOn for praise that is put away, AccountUnusable, and what `delivery.retry_failed` raises.
    """
    seconds = settings.UNDO_SECONDS if hold is None else hold
    with transaction.atomic():
        compliment = lock_compliment(compliment_id)
        check_may_work(agent, compliment)
        permission = _permission_for(compliment)
        share = Message.objects.filter(permission=permission).select_related("delivery").first()
        if share is None:
            text = wordings.share_text(compliment.mention, permission.purpose, checks.abilities_in(compliment.conversation))
            return send_share(permission=permission, agent=agent, text=text, hold=seconds)
        if share.delivery.state == Delivery.State.ABORTED:
            delivery.resume_aborted(message_id=share.pk, hold=seconds)
        elif share.delivery.state == Delivery.State.FAILED:
            delivery.retry_failed(message_id=share.pk, agent=agent)
        return share


def _permission_for(compliment: Compliment) -> Permission:
    """The permission that the compliment's repost may rest on at this moment. On the locked row."""
    permission = permission_of(compliment)
    if permission is None:
        raise NoPermission("The author has not agreed to that. Ask for permission, and record the answer first.")
    if compliment.mention.deleted_at is not None:
        raise NoPermission("The author deleted the post, and the permission went with it.")
    permission.compliment = compliment
    return permission


def take_back(*, compliment_id: int, agent: Agent) -> Compliment:
    """Take back what was pressed last while it is held: a repost or quote, else a thank-you or a question.

    Raises TooLate once it is on its way, or where there is nothing.
    """
    with transaction.atomic():
        compliment = lock_compliment(compliment_id)
        check_may_work(agent, compliment)
        share = Message.objects.filter(permission__compliment=compliment, permission__ended_at=None).select_related("delivery").first()
        if share is not None and share.delivery.state == Delivery.State.QUEUED:
            delivery.undo_delivery(message_id=share.pk, agent=agent)
            add_event(compliment, Kind.TAKEN_BACK, agent=agent, at=current_time(), message=share)
        elif not take_back_reply(compliment, agent):
            raise (
                TooLate("There is nothing to take back: nothing waits to be sent.") if share else Conflict("There is nothing to take back.")
            )
    return compliment


# --- Taking down --------------------------------------------------------------------------------------------------------


def take_down_due(*, now: datetime | None = None, limit: int = 50) -> int:
    """Remove from the networks what must go. Deleting twice is no error there, so that what is interrupted is simply tried again.

    Returns how many are done.
    """
    moment = now or current_time()
    due = TakeDown.objects.filter(done_at=None, by_hand=False, not_before__lte=moment).order_by("not_before")
    return sum(_take_down(pk, moment) for pk in list(due.values_list("pk", flat=True)[:limit]))


def _take_down(takedown_id: int, moment: datetime) -> bool:
    mine = TakeDown.objects.filter(pk=takedown_id, done_at=None, by_hand=False, not_before__lte=moment)
    if mine.update(not_before=moment + timedelta(seconds=LEASE), attempts=F("attempts") + 1) != 1:
        return False
    takedown = TakeDown.objects.select_related("message").get(pk=takedown_id)
    try:
        is_done = delivery.remove_sent(message_id=takedown.message_id)
    except NetworkError as error:
        _note_failure(takedown, error, moment)
        return False
    if is_done:
        finish_take_down(takedown_id=takedown_id, agent=None)
    else:
        TakeDown.objects.filter(pk=takedown_id).update(not_before=moment + _UNSETTLED, attempts=F("attempts") - 1)
    return is_done


def _note_failure(takedown: TakeDown, error: NetworkError, moment: datetime) -> None:
    account_id = takedown.message.account_id
    if error.account_revoked and account_id is not None:
        mark_revoked(account_id=account_id, reason=str(error))
    # An account can be connected again; anything else that is permanent stays so.
    by_hand = error.permanent and error.code not in ("revoked", "account_revoked")
    wait = back_off(takedown.attempts, error.retry_after)
    TakeDown.objects.filter(pk=takedown.pk, done_at=None).update(
        error=str(error)[:500], by_hand=by_hand, not_before=moment + timedelta(seconds=wait)
    )
    live.publish(live.MessageChanged(takedown.message.conversation_id, takedown.message_id, Delivery.State.SENT))


def finish_take_down(*, takedown_id: int, agent: Agent | None) -> None:
    """It is gone: the network has nothing of it any more, or `agent` removed it there. Once only."""
    moment = current_time()
    with transaction.atomic():
        takedown = TakeDown.objects.select_related("message").filter(pk=takedown_id).first()
        if takedown is None:
            raise NotFound("There is nothing of this praise that had to be removed.")
        compliment_id = Permission.objects.values_list("compliment_id", flat=True).get(share=takedown.message_id)
        compliment = lock_compliment(compliment_id)
        if TakeDown.objects.filter(pk=takedown_id, done_at=None).update(done_at=moment, by_hand=False, error="") == 1:
            add_event(compliment, Kind.TAKEN_DOWN, agent=agent, at=moment, message=takedown.message)
            leave_line(conversation_id=compliment.conversation_id, agent=agent, words="Praise: our repost or quote of the post is gone.")


def confirm_removed(*, compliment_id: int, agent: Agent) -> Compliment:
    """A person removed our repost or quote on the network itself, where the desk could not."""
    with transaction.atomic():
        compliment = lock_compliment(compliment_id)
        check_may_work(agent, compliment)
        waiting = TakeDown.objects.filter(message__permission__compliment=compliment, done_at=None, by_hand=True)
        ids = list(waiting.values_list("pk", flat=True))
        if not ids:
            raise Conflict("Nothing of this praise waits to be removed by hand.")
        for pk in ids:
            finish_take_down(takedown_id=pk, agent=agent)
    return compliment
