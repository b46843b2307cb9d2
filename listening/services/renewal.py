"""Credentials renewed before they end, or when a network says that they have: each refresh token is used by one worker only."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.db.models import Q

from listening.models import NetworkAccount
from listening.services.accounts import mark_connected, mark_revoked
from socialdesk.lib.clock import now
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.errors import without_words
from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, NetworkError

logger = logging.getLogger(__name__)
SOON = timedelta(minutes=10)  # so long before their end credentials are renewed
LEASE = timedelta(seconds=90)  # a renewal takes two calls of 20 s at most; after this it is taken for dead
AGAIN = 3.0  # seconds until whoever met another's renewal tries again


def read_expiry(credentials: Mapping[str, str]) -> datetime | None:
    """When credentials end, as their connector wrote it; None where they do not, or it is no time."""
    try:
        moment = datetime.fromisoformat(str(credentials.get("expires_at") or ""))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def due_accounts(*, at: datetime | None = None) -> list[int]:
    """Accounts whose credentials end soon, and that nobody renews now."""
    moment = at or now()
    free = Q(renewing_until=None) | Q(renewing_until__lt=moment)
    usable = Q(state=NetworkAccount.State.OK, removed_at=None)
    due = NetworkAccount.objects.filter(free, usable, expires_at__lte=moment + SOON)
    return list(due.order_by("expires_at").values_list("pk", flat=True)[:100])


def renew_if_due(account_id: int) -> bool:
    """Renew credentials that end soon. False if they could not be: the next minute tries again, or a person was asked to."""
    if account_id not in due_accounts():
        return True
    try:
        renew_account(account_id)
    except NetworkError as error:
        logger.warning("the credentials of account %s were not renewed: %s", account_id, error.code or "no reason given")
        return False
    return True


def renew_account(account_id: int, *, used: Mapping[str, str] | None = None) -> NetworkAccount:
    """The account with fresh credentials. `used` are those that the network called expired: if others are stored by now, somebody else
    has renewed them, and they are given as they are.

    One worker renews at a time, by a lease on the row and outside any transaction. Raises NetworkError: retryable while another worker
    does it or the network is away; else permanent, and then the account is marked as revoked.
    """
    account = _load(account_id)
    if used is not None and account.credentials != dict(used):
        return account
    lease = now() + LEASE
    free = Q(renewing_until=None) | Q(renewing_until__lt=now())
    usable = NetworkAccount.objects.filter(free, pk=account_id, state=NetworkAccount.State.OK, removed_at=None)
    if not usable.update(renewing_until=lease):
        raise _busy(account_id)
    # Whoever connects the account anew meanwhile, or removes it, takes the lease away: then what happens here counts no more.
    mine = NetworkAccount.objects.filter(pk=account_id, renewing_until=lease)
    try:
        before = account.credentials
        account = _load(account_id)
        if account.credentials != before:  # renewed between the two looks
            mine.update(renewing_until=None)
            return account
        fresh = _ask(account)
    except NetworkError as error:
        if not mine.update(renewing_until=None):
            return _newer(account_id)
        if error.account_revoked or error.permanent:
            mark_revoked(account_id=account_id, reason=str(error))
        raise
    if fresh is None:
        return _keep(account, lease, has_ended=used is not None)
    credentials = {**account.credentials, **fresh}
    if not mine.update(credentials=credentials, expires_at=read_expiry(credentials), renewing_until=None):
        return _newer(account_id)
    # A call with the old ones may have been refused while the network made these: that says nothing of these.
    mark_connected(account_id=account_id)
    return _load(account_id)


def _ask(account: NetworkAccount) -> Mapping[str, str] | None:
    """What the network gives in place of the credentials. Raises NetworkError only."""
    connecting = registry.get(account.network).connecting if account.network in registry.NETWORKS else None
    if connecting is None:
        raise NetworkError("Its network renews nothing. Connect the account again.", permanent=True, account_revoked=True, code=EXPIRED)
    try:
        return connecting.renew(account.config)
    except NetworkError:
        raise
    except Exception as error:
        logger.error("a connector failed to renew credentials with %s", without_words(error))
        reason = f"The connector failed: {type(error).__name__}."
        raise NetworkError(reason, retryable=True, retry_after=60, code="connector_fault") from error


def _keep(account: NetworkAccount, lease: datetime, *, has_ended: bool) -> NetworkAccount:
    """The network says that there is nothing to renew: these do not end, or they have and there are no others."""
    if not NetworkAccount.objects.filter(pk=account.pk, renewing_until=lease).update(expires_at=None, renewing_until=None):
        return _newer(account.pk)
    if not has_ended:
        return account
    reason = "The network says that our sign-in has ended, and it cannot be renewed. Connect the account again."
    mark_revoked(account_id=account.pk, reason=reason)
    raise NetworkError(reason, permanent=True, account_revoked=True, code=EXPIRED)


def _newer(account_id: int) -> NetworkAccount:
    """The account as a person connected it while a worker renewed what it had before. Raises NetworkError where they removed it."""
    account = _load(account_id)
    if not account.is_usable:
        raise _busy(account_id)
    return account


def _busy(account_id: int) -> NetworkError:
    account = NetworkAccount.objects.only("state", "removed_at", "state_reason").get(pk=account_id)
    if account.is_usable:
        return NetworkError("The desk renews its sign-in just now.", retryable=True, retry_after=AGAIN, code="renewing")
    reason = account.state_reason or "The account was removed."
    return NetworkError(reason, permanent=True, account_revoked=True, code="revoked")


def _load(account_id: int) -> NetworkAccount:
    try:
        return NetworkAccount.objects.get(pk=account_id)
    except NetworkAccount.DoesNotExist:
        raise NetworkError("Our account was removed from the desk.", permanent=True, code="account_removed") from None
    except UnreadableCredentials as error:
        raise NetworkError(f"The account has to be connected again: its {error}.", permanent=True, code="account_revoked") from error
