"""Likes, hidden comments and answers taken down: asked for by a person, done on the network by a worker, said in the thread; the first two
can be taken back.

Doing any of them again is no error at a network (see Publisher), so that what is interrupted or unknown is simply tried again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from engagement.models import OPEN, STANDING, Delivery, Message, NetworkAct
from engagement.services import checks, delivery
from engagement.services.act_words import is_below_others, why_cannot
from engagement.services.left_alone import check_may_answer_there
from engagement.services.lines import leave_line
from engagement.services.outcomes import LEASE, MAX_ATTEMPTS, NOT_TRIED, back_off
from engagement.services.policy import check_never
from engagement.services.queue import tell_act_worker
from engagement.services.speaking import as_network_error, publisher_of, speak
from listening.models import Mention, NetworkAccount
from listening.services.accounts import mark_revoked
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import Conflict, NotAllowed, NotFound, Unavailable
from socialdesk.networks.base import NetworkError, Publisher

Kind, State = NetworkAct.Kind, NetworkAct.State
_LONGEST_SWEEP = 10.0  # seconds, until the next sweep
_UNSETTLED = 15.0  # seconds until it is asked again whether what must go was sent at all


class CannotAct(Conflict):
    """The network, or our account there, does not do that; or not to this post."""

    code = "cannot_act"


# --- Asked for ----------------------------------------------------------------------------------------------------------


def like_mention(*, mention_id: int, agent: Agent) -> NetworkAct:
    """Like a customer's post as the account that answers there. Pressed again it gives what was asked for before.

    Raises CannotAct, AccountUnusable, LeftAlone, NeverAnswer, NotAllowed, NotFound.
    """
    checks.check_may_answer(agent)
    mention, account = _find_post(mention_id, Kind.LIKE)
    assert mention.conversation is not None
    check_may_answer_there(mention.conversation)
    check_never(mention.conversation)
    return _ask(Kind.LIKE, agent=agent, account=account, mention=mention)


def hide_mention(*, mention_id: int, agent: Agent) -> NetworkAct:
    """Hide what somebody wrote below a post of ours. Raises CannotAct, AccountUnusable, NotAllowed, NotFound."""
    if not agent.may_approve:
        raise NotAllowed("Hiding what others wrote is for leads and admins. Ask one of them.")
    mention, account = _find_post(mention_id, Kind.HIDE)
    if not mention.in_reply_to:
        raise CannotAct("Only what answers a post of ours can be hidden; this one stands by itself.")
    if Mention.objects.filter(is_below_others(), pk=mention.pk).exists():
        raise CannotAct("Only what answers a post of ours can be hidden; this one answers somebody else's.")
    return _ask(Kind.HIDE, agent=agent, account=account, mention=mention)


def take_down_answer(*, message_id: int, agent: Agent) -> NetworkAct:
    """Delete a public answer of ours on its network. The desk keeps what it said, and no clock changes: the customer may have read it.

    Raises CannotAct, AccountUnusable, NotAllowed, NotFound.
    """
    found = Message.objects.select_related("account", "delivery").filter(pk=_id(message_id), kind=Message.Kind.REPLY).first()
    if found is None or found.is_incoming:
        raise NotFound("There is no such public answer of ours.")
    if found.agent_id != agent.pk and not agent.may_approve:
        raise NotAllowed("Only the person who wrote it, or a lead, can take it down.")
    if found.delivery.state != Delivery.State.SENT:
        raise CannotAct("It is not on the network, as far as the desk knows. What waits to be sent can be taken back.")
    account = _check_able(found.account, found.network, Kind.DELETE)
    return _ask(Kind.DELETE, agent=agent, account=account, message=found)


def take_back_act(*, act_id: int, agent: Agent) -> NetworkAct:
    """Like a post no more, or show again what was hidden. Pressed again it says what became of it.

    Raises CannotAct, AccountUnusable, NotAllowed, NotFound.
    """
    act = (
        NetworkAct.objects.select_related("mention", "account", "agent", "undone_by")
        .filter(pk=_id(act_id), kind__in=(Kind.LIKE, Kind.HIDE))
        .first()
    )
    if act is None or act.mention is None:
        raise NotFound("There is no such like or hidden comment.")
    if act.kind == Kind.HIDE and not agent.may_approve:
        raise NotAllowed("Showing again what was hidden is for leads and admins. Ask one of them.")
    checks.check_may_answer(agent)
    if act.state in (State.UNDOING, State.UNDONE):
        return act
    _check_able(act.account, act.mention.network, Kind(act.kind))
    with transaction.atomic():
        changes = {"state": State.UNDOING, "undone_by": agent, "not_before": current_time(), "attempts": 0, "error": "", "error_code": ""}
        if NetworkAct.objects.filter(pk=act.pk, state=State.DONE).update(**changes) != 1:
            raise CannotAct("It is not done yet, or somebody else changed it just now. Look at the post again.")
        act.refresh_from_db(fields=["state", "error", "undone_by"])
        tell_act_worker(act.pk)
        _publish(act)
    return act


def _find_post(mention_id: int, kind: NetworkAct.Kind) -> tuple[Mention, NetworkAccount]:
    mention = Mention.objects.select_related("conversation__account").filter(pk=_id(mention_id), is_own=False).first()
    if mention is None or mention.conversation is None:
        raise NotFound("There is no such post of somebody else.")
    if mention.deleted_at is not None:
        raise CannotAct("Its author deleted the post; there is nothing to do on the network any more.")
    return mention, _check_able(checks.account_for(mention.conversation), mention.network, kind)


def _check_able(account: NetworkAccount | None, network: str, kind: NetworkAct.Kind) -> NetworkAccount:
    reason = why_cannot(account, network, kind)
    if not reason and account is not None:
        return account
    unusable = account is None or not account.is_usable
    able = getattr(checks.capabilities_of(network) if account is None else account.capabilities, kind)
    raise checks.AccountUnusable(reason) if able and unusable else CannotAct(reason)


def _ask(
    kind: NetworkAct.Kind, *, agent: Agent, account: NetworkAccount, mention: Mention | None = None, message: Message | None = None
) -> NetworkAct:
    standing = NetworkAct.objects.filter(kind=kind, mention=mention, message=message, state__in=STANDING).select_related(
        "agent", "mention", "message"
    )
    moment = current_time()
    for _ in range(2):
        earlier = standing.first()
        if earlier is not None:
            return earlier
        try:
            with transaction.atomic():
                act = NetworkAct.objects.create(
                    kind=kind,
                    mention=mention,
                    message=message,
                    account=account,
                    agent=agent,
                    token=uuid.uuid4().hex,
                    not_before=moment,
                    created_at=moment,
                )
                tell_act_worker(act.pk)
                _publish(act)
        except IntegrityError:  # pressed by two at the same moment
            continue
        return act
    raise Unavailable("Somebody else does the same just now. Reload to see what became of it.")


# --- Done ---------------------------------------------------------------------------------------------------------------


def perform_act(act_id: int, *, now: datetime | None = None) -> None:
    """Do it on the network, if it is due and in no other hands. Never raises for what a network does."""
    moment = now or current_time()
    claim = uuid.uuid4().hex
    due = NetworkAct.objects.filter(any_of("state", OPEN), pk=act_id, not_before__lte=moment)
    if due.update(claim=claim, not_before=moment + timedelta(seconds=LEASE), attempts=F("attempts") + 1) != 1:
        return
    act = NetworkAct.objects.select_related("mention", "message", "account", "agent").get(pk=act_id)
    try:
        is_done = _carry_out(act)
    except Exception as error:
        _note_failure(act, claim, as_network_error(error), moment)
        return
    if is_done:
        _note_done(act)
    else:
        wait = timedelta(seconds=_UNSETTLED)
        NetworkAct.objects.filter(pk=act_id, state=State.QUEUED, claim=claim).update(not_before=moment + wait, attempts=F("attempts") - 1)


def sweep_acts(*, now: datetime | None = None, limit: int = 50) -> int:
    """What waits for its next try, what a dead worker held and what no worker was told of. Returns how many were tried.

    Where a network answers slowly, what is left waits for the next sweep: whatever else this worker does must not wait for likes.
    """
    moment, began = now or current_time(), time.monotonic()
    due = NetworkAct.objects.filter(any_of("state", OPEN), not_before__lte=moment).order_by("not_before")
    tried = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        if time.monotonic() - began > _LONGEST_SWEEP:
            break
        perform_act(pk, now=now)
        tried += 1
    return tried


def _carry_out(act: NetworkAct) -> bool:
    """False while it cannot be done yet. Raises NetworkError."""
    if act.message is not None:
        return delivery.remove_sent(message_id=act.message.pk)
    assert act.mention is not None
    publisher, external_id = publisher_of(act.account), act.mention.external_id
    calls: dict[tuple[str, str], Callable[[Publisher], None]] = {
        (Kind.LIKE, State.QUEUED): lambda speaker: speaker.like(external_id=external_id, token=act.token),
        (Kind.LIKE, State.UNDOING): lambda speaker: speaker.unlike(external_id=external_id),
        (Kind.HIDE, State.QUEUED): lambda speaker: speaker.hide(external_id=external_id),
        (Kind.HIDE, State.UNDOING): lambda speaker: speaker.unhide(external_id=external_id),
    }
    assert act.account is not None
    speak(act.account, calls[act.kind, act.state], publisher=publisher)
    return True


def _note_done(act: NetworkAct) -> None:
    """It is so on the network, whoever's call it was that did it. Once only."""
    moment = current_time()
    with transaction.atomic():
        mine = NetworkAct.objects.filter(pk=act.pk, state=act.state)
        act.state = State.DONE if act.state == State.QUEUED else State.UNDONE
        if mine.update(state=act.state, finished_at=moment, claim="", error="", error_code="") != 1:
            return
        if act.message is not None:
            where = checks.label_of(act.message.network)
            words = f"A public answer of ours was taken down on {where}. Its text stays here; who read it there has read it."
            leave_line(conversation_id=act.message.conversation_id, agent=act.agent, words=words)
        _publish(act)


def _note_failure(act: NetworkAct, claim: str, error: NetworkError, moment: datetime) -> None:
    attempts = act.attempts - (error.code in NOT_TRIED)
    is_final = error.permanent or error.account_revoked or attempts >= MAX_ATTEMPTS
    tried = State(act.state)
    if is_final:
        act.state = State.FAILED if tried == State.QUEUED else State.DONE  # what could not be taken back stands
    with transaction.atomic():
        mine = NetworkAct.objects.filter(pk=act.pk, state=tried, claim=claim)
        if mine.update(
            state=act.state,
            attempts=attempts,
            claim="",
            error=str(error)[:500],
            error_code=error.code[:60],
            not_before=moment if is_final else moment + timedelta(seconds=back_off(attempts, error.retry_after)),
            finished_at=moment if is_final and tried == State.QUEUED else act.finished_at,
        ):
            _publish(act)
    if error.account_revoked and act.account is not None:
        mark_revoked(account_id=act.account.pk, reason=str(error), seen=act.account)


def _publish(act: NetworkAct) -> None:
    if act.conversation_id is not None:
        live.publish(live.ActChanged(act.conversation_id, act.pk, act.kind, act.state, act.agent_id))


def _id(given: int) -> int:
    return given if given < 2**63 else 0  # no database has a greater id
