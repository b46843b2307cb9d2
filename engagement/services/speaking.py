"""Speaking to a network as one of our accounts: where its sign-in has ended, it is renewed, and the call made again at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from listening.models import NetworkAccount
from listening.services.renewal import renew_account
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.errors import without_words
from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, NetworkError, Publisher

T = TypeVar("T")

logger = logging.getLogger(__name__)


def publisher_of(account: NetworkAccount | None) -> Publisher:
    """Raises NetworkError if nothing can be said as that account."""
    if account is None or account.removed_at is not None:
        raise NetworkError("Our account was removed from the desk.", permanent=True, code="account_removed")
    if not account.is_usable:
        reason = f"{account} has to be connected again. {account.state_reason}".strip()
        raise NetworkError(reason, permanent=True, code="account_revoked")
    try:
        return registry.publisher_for(account.config)
    except (registry.NoConnector, registry.UnknownNetwork) as error:
        raise NetworkError(str(error), permanent=True, code="no_connector") from error
    except UnreadableCredentials as error:
        raise NetworkError(f"{account} has to be connected again: its {error}.", permanent=True, code="account_revoked") from error


def as_network_error(error: Exception) -> NetworkError:
    """What a connector raised. Anything but a NetworkError is a fault of the connector: nobody knows what it had done by then."""
    if isinstance(error, NetworkError):
        return error
    logger.error("a connector failed with %s", without_words(error))
    return NetworkError(f"The connector failed: {type(error).__name__}.", code="connector_fault")


def speak(
    account: NetworkAccount,
    call: Callable[[Publisher], T],
    *,
    publisher: Publisher | None = None,
    has_time: Callable[[], bool] = lambda: True,
) -> T:
    """What `call` answers. Calls the network, so never inside a transaction.

    EXPIRED says that nothing was written, so that the second call is the only one that may be; it is left for later where `has_time` says
    that a worker's hold would end before it. Raises what the connector, `renew_account` and `registry.publisher_for` raise.
    """
    try:
        return call(publisher or registry.publisher_for(account.config))
    except NetworkError as error:
        if error.code != EXPIRED or not error.retryable:
            raise
    fresh = renew_account(account.pk, used=account.credentials)
    if not has_time():
        raise NetworkError("The sign-in was renewed; the desk goes on at once.", retryable=True, retry_after=0, code="renewing")
    return call(registry.publisher_for(fresh.config))
