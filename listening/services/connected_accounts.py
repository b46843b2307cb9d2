"""Rows of our accounts as they are connected, asked about and removed: credentials replaced, history kept, sources begun and ended."""

from __future__ import annotations

import hashlib

from django.db import IntegrityError, transaction
from django.db.models import Q

from listening.models import AccountEvent, Backfill, NetworkAccount, Source
from listening.services.accounts import mark_connected, tell_changed
from listening.services.renewal import read_expiry
from profiles.models import Agent
from profiles.services.handles import keep_as_ours
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, NotFound
from socialdesk.networks.base import AuthorData, Connected, Grant, Network

READ_EVERY = 30  # seconds between two reads of an account
READ_WHERE_TOLD = 60  # where the network tells by itself, and reading only proves that nothing is missing

State = NetworkAccount.State


class NameTaken(Conflict):
    """Another account of ours bears that name on the network."""

    code = "name_taken"


def store_account(*, network: Network, connected: Connected, agent: Agent) -> NetworkAccount:
    """Keep an account that a person connected. One that is known, by its id on the network, gets the new credentials and keeps all its
    history; its sources go on where they stopped. One that was removed comes back, and is read from now on. Raises NameTaken."""
    try:
        with transaction.atomic():
            return _store(network, connected, agent)
    except IntegrityError:
        # Somebody connected the same one at the same time: now it can be seen.
        with transaction.atomic():
            return _store(network, connected, agent)


def _store(network: Network, connected: Connected, agent: Agent) -> NetworkAccount:
    grant, moment = connected.grant, now()
    account = _find_known(network.key, grant) or NetworkAccount(network=network.key)
    account.username, account.external_id = _free_name(network, account, grant), grant.external_id
    account.display_name = grant.display_name or account.display_name
    account.credentials = dict(connected.credentials)
    account.expires_at, account.renewing_until = read_expiry(connected.credentials), None
    kind = AccountEvent.Kind.CONNECTED_AGAIN if account.connected_at else AccountEvent.Kind.CONNECTED
    account.connected_at, account.connected_by = moment, agent
    account.cannot, account.limits, account.probed_at = dict(grant.cannot), dict(grant.limits), moment
    account.sign_in_until = grant.sign_in_until
    account.state, account.state_reason, account.state_changed_at = State.OK, "", moment
    account.removed_at = None
    account.save()
    AccountEvent.objects.create(account=account, kind=kind, at=moment, agent=agent)
    keep_as_ours(network=network.key, author=AuthorData(grant.external_id, grant.username, grant.display_name), now=moment)
    _resume_sources(account)
    _begin_sources(network, account)
    tell_changed(account_id=account.pk)
    return account


def _free_name(network: Network, account: NetworkAccount, grant: Grant) -> str:
    """Raises NameTaken, but where nobody is addressed by it, as with feeds: of two that are called the same, one gets a number."""
    twins = NetworkAccount.objects.filter(network=network.key, username=grant.username, removed_at=None).exclude(pk=account.pk)
    if not twins.exists():
        return grant.username
    if network.capabilities.reply:
        raise NameTaken(f"Another account of ours is called @{grant.username} on {network.label}. Remove that one first.")
    return f"{grant.username[:180]} #{hashlib.sha256(grant.external_id.encode()).hexdigest()[:6]}"


def _find_known(network: str, grant: Grant) -> NetworkAccount | None:
    """The row of that account, locked: by its id there, a removed one too; or one of its name that never had an id."""
    same = Q(external_id=grant.external_id) | Q(external_id="", username=grant.username, removed_at=None)
    rows = NetworkAccount.objects.select_for_update(of=("self",)).filter(same, network=network)
    # Its credentials may be unreadable, and are replaced all the same.
    found = list(rows.defer("credentials").order_by("pk"))
    return next((row for row in found if row.removed_at is None), found[-1] if found else None)


def _begin_sources(network: Network, account: NetworkAccount) -> None:
    """Begin what the account lacks: reading, and being told where it may be."""
    kinds = set(Source.objects.filter(account=account, removed_at=None).values_list("kind", flat=True))
    may_stream = network.stream is not None and "streams" not in account.cannot
    is_told = may_stream or (network.webhook is not None and "webhooks" not in account.cannot)
    if network.reader is not None and Source.Kind.POLL not in kinds:
        every = network.capabilities.read_every or (READ_WHERE_TOLD if is_told else READ_EVERY)
        _begin_source(account, Source.Kind.POLL, interval=every)
    if is_told and Source.Kind.STREAM not in kinds:
        _begin_source(account, Source.Kind.STREAM, interval=READ_WHERE_TOLD)


def _resume_sources(account: NetworkAccount) -> None:
    """What it has goes on with a clean slate, unless a person paused it."""
    theirs = Source.objects.filter(account=account, removed_at=None, is_active=True)
    theirs.update(failures=0, last_error="", next_poll_at=now())


def _begin_source(account: NetworkAccount, kind: Source.Kind, *, interval: int) -> None:
    name = f"@{account.username}"[:200]
    if Source.objects.filter(network=account.network, kind=kind, name=name, removed_at=None).exists():
        name = f"{name[:150]} ({account.external_id[:40]})"
    Source.objects.create(account=account, network=account.network, kind=kind, name=name, interval=interval)


def store_grant(*, network: Network, account_id: int, grant: Grant) -> NetworkAccount:
    """Keep what the network said about an account's credentials. It answered, so the account works, and is read again at once, in all
    the ways that it may be."""
    with transaction.atomic():
        account = _lock(account_id)
        was_revoked = account.state != State.OK
        account.cannot, account.limits, account.probed_at = dict(grant.cannot), dict(grant.limits), now()
        account.sign_in_until = grant.sign_in_until
        account.external_id = account.external_id or grant.external_id
        account.display_name = grant.display_name or account.display_name
        account.save(update_fields=["cannot", "limits", "probed_at", "sign_in_until", "external_id", "display_name"])
        _begin_sources(network, account)
        if was_revoked:
            _resume_sources(account)
        mark_connected(account_id=account_id)
        tell_changed(account_id=account_id)
    return account


def retire_account(*, account_id: int, agent: Agent) -> NetworkAccount:
    """Remove an account: its credentials go and nothing is read or sent as it any more. What it said stays readable (invariant 8), and
    what was not sent yet keeps its text, to be sent as another account or given up."""
    moment = now()
    with transaction.atomic():
        account = _lock(account_id)
        account.credentials, account.cannot, account.limits = {}, {}, {}
        account.expires_at = account.sign_in_until = account.renewing_until = None
        account.removed_at = moment
        account.save(update_fields=["credentials", "cannot", "limits", "expires_at", "sign_in_until", "renewing_until", "removed_at"])
        AccountEvent.objects.create(account=account, kind=AccountEvent.Kind.REMOVED, at=moment, agent=agent)
        sources = Source.objects.filter(account=account, removed_at=None)
        running = Backfill.objects.filter(source__in=sources, state__in=[Backfill.State.RUNNING, Backfill.State.PAUSED])
        running.update(state=Backfill.State.FAILED, error="The account was removed.", finished_at=moment)
        sources.update(removed_at=moment, is_active=False)
        tell_changed(account_id=account_id)
    return account


def _lock(account_id: int) -> NetworkAccount:
    rows = NetworkAccount.objects.select_for_update(of=("self",)).defer("credentials")
    account = rows.filter(pk=account_id, removed_at=None).first()
    if account is None:
        raise NotFound("There is no such account; it may have been removed.")
    return account
