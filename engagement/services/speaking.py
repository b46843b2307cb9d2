"""Speaking to a network as one of our accounts: where its sign-in has ended, it is renewed, and the call made again at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from listening.models import NetworkAccount
from listening.services.renewal import renew_account
from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, NetworkError, Publisher

T = TypeVar("T")


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
