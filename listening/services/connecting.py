"""Our accounts connected by a person: what they type or allow is asked of the network and kept encrypted; checked, replaced, removed."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.core import signing
from django.core.cache import cache

from listening.models import NetworkAccount
from listening.services import connected_accounts
from listening.services.accounts import mark_revoked
from listening.services.renewal import renew_account
from profiles.models import Agent
from socialdesk.lib import throttle
from socialdesk.lib.encrypted import UnreadableCredentials, Unsealed, seal, unseal
from socialdesk.lib.errors import DeskError, NotAllowed, NotFound
from socialdesk.lib.text import clean
from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, AccountConfig, Connected, Connecting, Grant, Network, NetworkError

T = TypeVar("T")

logger = logging.getLogger(__name__)
PATIENCE = 900  # seconds in which a person signs in at the network and comes back
USAGE_KEPT = 900  # seconds
MOST_CHOICES = 100  # accounts that one sign-in may bring
_SALT = "accounts.connect"
_LONGEST = 4000  # characters of one value of a network's answer
_SHORTEST_SECRET = 6  # what is shorter is found in any text
_SERVER = re.compile(r"(?:https?://)?(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?/?")


class ForeignReturn(DeskError):
    """Somebody came back from a network who was not sent there from here, by this person, just now."""

    code = "foreign_return"


class NotConnected(DeskError):
    """No account was connected. The text says why, in the network's words or in those of the connector, which asked nobody."""

    code = "not_connected"


@dataclass(frozen=True, slots=True)
class Away:
    """A person is sent to a network. `nonce` names the trip, `kept` is what their session holds until they are back."""

    url: str
    nonce: str
    kept: str


def list_connectable() -> list[Network]:
    """The networks on which an account can be connected from here."""
    return [network for network in registry.NETWORKS.values() if network.connecting is not None]


def find_connecting(key: str) -> tuple[Network, Connecting]:
    """How accounts of that network are connected. Raises NotFound."""
    network = registry.NETWORKS.get(key)
    if network is None or network.connecting is None:
        raise NotFound("No account can be connected on that network from here. Choose one of the list.")
    return network, network.connecting


# --- What a person types, or allows at the network ------------------------------------------------------------------------


def send_away(*, network: str, values: Mapping[str, str], agent: Agent, redirect_uri: str) -> Away:
    """Begin a sign-in at the network. Raises NotConnected, and NotAllowed for whoever is no admin."""
    label, connecting = _ready(network, agent)
    nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(64)
    state = signing.dumps([nonce, agent.pk, network], salt=_SALT)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    secret = _secrets_of(values, connecting)
    begun = _ask(lambda: connecting.begin(values, redirect_uri=redirect_uri, state=state, challenge=challenge), label, secret)
    where = urlsplit(begun.url)
    if where.scheme not in ("http", "https") or not where.hostname:
        raise NotConnected(f"{label} gave no web address to sign in at. Look at what was typed, or ask who runs that server.")
    kept = {"nonce": nonce, "agent": agent.pk, "network": network, "verifier": verifier, "values": {**values, **begun.keep}}
    return Away(begun.url, nonce, seal(kept, purpose=_SALT))


def read_nonce(state: str) -> str:
    """The trip that a returning state names, or "": what a session holds under it must still be asked."""
    try:
        nonce, _, _ = signing.loads(state, salt=_SALT, max_age=PATIENCE)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(nonce)


def come_back(*, network: str, state: str, kept: str, answer: Mapping[str, str], agent: Agent, redirect_uri: str) -> list[Connected]:
    """The accounts that were allowed at the network. `kept` is what this person's session held for the trip.

    A state counts once, for the person and the network that it was made for, within some minutes. Raises ForeignReturn, NotConnected.
    """
    label, connecting = _ready(network, agent)
    try:
        trip = unseal(kept, purpose=_SALT, seconds=PATIENCE)
        signed = signing.loads(state, salt=_SALT, max_age=PATIENCE)
    except (Unsealed, signing.BadSignature):
        trip, signed = {}, None
    if not trip or signed != [trip["nonce"], agent.pk, network] or (trip["agent"], trip["network"]) != (agent.pk, network):
        raise ForeignReturn(
            f"This return from {label} belongs to no sign-in that you began here in the last {PATIENCE // 60} minutes. Nothing was"
            " connected. Begin again."
        )
    if throttle.count(f"{_SALT}:{trip['nonce']}", seconds=PATIENCE) > 1:
        raise ForeignReturn(f"This return from {label} was used already. See whether the account is connected, or begin again.")
    given = {name[:200]: value[:_LONGEST] for name, value in answer.items() if name != "state"}
    values, verifier = trip["values"], trip["verifier"]
    secret = {**_secrets_of(values, connecting), **given, "verifier": verifier}
    found = _ask(lambda: connecting.finish(values, answer=given, verifier=verifier, redirect_uri=redirect_uri), label, secret)
    return _tidy(found, label)


def sign_in(*, network: str, values: Mapping[str, str], agent: Agent, redirect_uri: str) -> list[Connected]:
    """The accounts that what was typed opens. Raises NotConnected, and NotAllowed for whoever is no admin."""
    label, connecting = _ready(network, agent)
    secret = _secrets_of(values, connecting)
    return _tidy(_ask(lambda: connecting.finish(values, answer={}, verifier="", redirect_uri=redirect_uri), label, secret), label)


def keep_choice(found: Sequence[Connected], *, network: str, agent: Agent) -> str:
    """Several accounts, sealed for the session until the person has chosen."""
    entries = [{"credentials": dict(one.credentials), "grant": _written(one.grant)} for one in found]
    return seal({"agent": agent.pk, "network": network, "found": entries}, purpose=f"{_SALT}.choice")


def read_choice(kept: str, *, agent: Agent) -> tuple[str, list[Connected]]:
    """The network and the accounts that were kept. Raises ForeignReturn when they are too old or somebody else's."""
    try:
        choice = unseal(kept, purpose=f"{_SALT}.choice", seconds=PATIENCE)
    except Unsealed:
        choice = {"agent": None}
    if choice["agent"] != agent.pk:
        raise ForeignReturn("There is nothing left to choose from: it was too long ago. Begin again.")
    return choice["network"], [Connected(entry["credentials"], _read(entry["grant"])) for entry in choice["found"]]


def _written(grant: Grant) -> dict[str, Any]:
    """As JSON takes it."""
    until = grant.sign_in_until
    return {**asdict(grant), "sign_in_until": until.isoformat() if until else None}


def _read(written: dict[str, Any]) -> Grant:
    until = written["sign_in_until"]
    return Grant(**{**written, "sign_in_until": datetime.fromisoformat(until) if until else None})


# --- What is kept -------------------------------------------------------------------------------------------------------


def connect_account(*, network: str, connected: Connected, agent: Agent) -> NetworkAccount:
    """Keep an account, new or known: see connected_accounts.store_account. Raises NotConnected too."""
    _check_may_connect(agent)
    known, chosen = find_connecting(network)[0], connected
    if known.chosen is not None:
        finish = known.chosen
        (chosen,) = _tidy([_ask(lambda: finish(connected), known.label, connected.credentials)], known.label)
    return connected_accounts.store_account(network=known, connected=chosen, agent=agent)


def check_account(*, account_id: int, agent: Agent) -> NetworkAccount:
    """Ask the network again what our credentials are good for. Raises NotConnected; a lasting reason stands at the account from then on."""
    _check_may_connect(agent)
    account = find_account(account_id)
    network, connecting = find_connecting(account.network)
    try:
        grant = _probe(connecting, account)
    except NetworkError as error:
        reason = without_secrets(str(error), account.credentials)
        if error.account_revoked:
            mark_revoked(account_id=account.pk, reason=reason)
        raise NotConnected(f"{network.label} could not be asked about @{account.username}: {reason}") from None
    grants = _tidy([Connected(account.credentials, grant)], network.label)
    if account.external_id and grants[0].grant.external_id != account.external_id:
        raise NotConnected(f"{network.label} says that these credentials are those of @{grants[0].grant.username}. Connect it anew.")
    return connected_accounts.store_grant(network=network, account_id=account.pk, grant=grants[0].grant)


def read_usage(*, account_id: int) -> str:
    """What the network has counted of what is paid for, in words; "" where it counts nothing. Asked at most every USAGE_KEPT seconds."""
    account = find_account(account_id)
    network = registry.NETWORKS.get(account.network)
    usage = network.usage if network is not None else None
    if usage is None:
        return ""
    key = f"accounts.usage:{account.pk}"
    known: str | None = cache.get(key)
    if known is None:
        try:
            known = usage(account.config)
        except NetworkError as error:
            known = f"The network did not say: {without_secrets(str(error), account.credentials)}"
        cache.set(key, known, timeout=USAGE_KEPT)
    return known


def remove_account(*, account_id: int, agent: Agent) -> tuple[NetworkAccount, str]:
    """Give back at the network what the account was allowed, then see connected_accounts.retire_account. The account goes whatever the
    network says; second comes what a person has to do there, "" for nothing."""
    _check_may_connect(agent)
    account = find_account(account_id, is_readable=False)
    left = _give_back(account)
    return connected_accounts.retire_account(account_id=account.pk, agent=agent), left


def _give_back(account: NetworkAccount) -> str:
    network = registry.NETWORKS.get(account.network)
    if network is None or network.connecting is None or account.state == NetworkAccount.State.REVOKED:
        return ""
    by_hand = f"Take back there what @{account.username} allowed the desk."
    try:
        credentials = account.credentials
    except UnreadableCredentials:
        return f"Its credentials cannot be read, so {network.label} was not told. {by_hand}"
    if not credentials:
        return ""
    try:
        return network.connecting.give_back(replace(account.config, others=_others(account)))
    except NetworkError as error:
        logger.warning("%s was not told that account %s is removed: %s", network.key, account.pk, without_secrets(str(error), credentials))
        return f"{network.label} could not be told: {without_secrets(str(error), credentials)} {by_hand}"


def _others(account: NetworkAccount) -> tuple[AccountConfig, ...] | None:
    """Our other accounts, which may share something with it at a network. None where not all of them can be read."""
    try:
        return tuple(other.config for other in NetworkAccount.objects.filter(removed_at=None).exclude(pk=account.pk))
    except UnreadableCredentials:
        return None


def find_account(account_id: int, *, is_readable: bool = True) -> NetworkAccount:
    """Our account. Raises NotFound; DeskError where its credentials cannot be read, unless that does not matter."""
    accounts = NetworkAccount.objects.filter(pk=account_id, removed_at=None)
    try:
        account = (accounts if is_readable else accounts.defer("credentials")).first()
    except UnreadableCredentials:
        raise DeskError(
            "Its credentials were encrypted under another secret key. Give the desk its old key back, or connect it anew."
        ) from None
    if account is None:
        raise NotFound("There is no such account; it may have been removed.")
    return account


def without_secrets(text: str, values: Mapping[str, str]) -> str:
    """A network's words for people, without what may be a secret among `values`, whatever the connector let through. Names of servers are
    none."""
    secret = [value for value in values.values() if len(value) >= _SHORTEST_SECRET and not _SERVER.fullmatch(value)]
    for value in sorted(secret, key=len, reverse=True):
        text = text.replace(value, "…")
    return clean(text, limit=400)


def _secrets_of(values: Mapping[str, str], connecting: Connecting) -> dict[str, str]:
    """Without what a person typed openly: that names what went wrong."""
    openly = {field.name for field in connecting.fields if not field.is_secret}
    return {name: value for name, value in values.items() if name not in openly}


def _ready(network: str, agent: Agent) -> tuple[str, Connecting]:
    _check_may_connect(agent)
    known, connecting = find_connecting(network)
    missing = connecting.missing()
    if missing:
        raise NotConnected(f"{known.label} cannot be connected yet: {missing}")
    return known.label, connecting


def _check_may_connect(agent: Agent) -> None:
    if not agent.may_connect:
        raise NotAllowed("Accounts are connected, checked and removed by admins. Ask one of them.")


def _ask(call: Callable[[], T], label: str, values: Mapping[str, str]) -> T:
    """What a connector answers. What it raises is said to the person, without secrets."""
    try:
        return call()
    except NetworkError as error:
        raise NotConnected(f"{label} could not be connected. {without_secrets(str(error), values)}") from None
    except Exception as error:
        # Not the error itself: what a library says may hold what was typed.
        logger.error("connecting on %s failed with %s, which is no NetworkError", label, type(error).__name__)
        raise NotConnected(f"Connecting on {label} failed ({type(error).__name__}). Nothing was kept; try again.") from None


def _probe(connecting: Connecting, account: NetworkAccount) -> Grant:
    config: AccountConfig = account.config
    try:
        try:
            return connecting.probe(config)
        except NetworkError as error:
            if error.code != EXPIRED:
                raise
            return connecting.probe(renew_account(account.pk, used=account.credentials).config)
    except NetworkError:
        raise
    except Exception as error:
        logger.error("asking about account %s failed with %s, which is no NetworkError", account.pk, type(error).__name__)
        raise NetworkError(f"The connector failed ({type(error).__name__}).", retryable=True) from None


def _tidy(found: Sequence[Connected], label: str) -> list[Connected]:
    """What a network said of accounts, made safe to store and to show. Raises NotConnected where there is none."""
    tidied = [_tidy_one(one) for one in list(found)[:MOST_CHOICES]]
    kept = [one for one in tidied if one.grant.external_id and one.grant.username]
    if not kept:
        raise NotConnected(f"{label} named no account that the desk may use. Allow at least one, then try again.")
    return kept


def _tidy_one(one: Connected) -> Connected:
    grant = one.grant
    refused: dict[str, Any] = dict(grant.cannot)
    return Connected(
        credentials={str(name): str(value) for name, value in one.credentials.items() if value is not None},
        grant=Grant(
            external_id=clean(str(grant.external_id or ""), limit=200).strip(),
            username=clean(str(grant.username or ""), limit=200).strip().removeprefix("@"),
            display_name=clean(str(grant.display_name or ""), limit=200).strip(),
            cannot={str(name): clean(str(why), limit=300) for name, why in refused.items()},
            limits={str(name): number for name, number in grant.limits.items() if type(number) is int and number >= 0},
            sign_in_until=grant.sign_in_until,
        ),
    )
