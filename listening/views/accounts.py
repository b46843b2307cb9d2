"""Our accounts on the networks: what each can do and cannot, and how an admin connects, checks and removes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from listening.account_forms import ConnectForm
from listening.models import AccountEvent, NetworkAccount, Source
from listening.services import connecting
from listening.views.sources import Health, account_health
from profiles.signed_in import agent_of
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view
from socialdesk.networks import registry
from socialdesk.networks.base import Capabilities, Connected, Network
from socialdesk.networks.describing import Ability, list_abilities, list_bounds

_AWAY, _CHOICE = "accounts_away", "accounts_choice"  # what a session holds while somebody connects
MOST_EVENTS = 300  # of all accounts together, the newest
MOST_TRIPS = 5  # sign-ins that one person may have begun at once


@dataclass(frozen=True, slots=True)
class AccountLine:
    account: NetworkAccount
    health: Health
    abilities: Sequence[Ability]
    able: Capabilities
    bounds: Sequence[str]
    sources: Sequence[Source]
    may_reconnect: bool
    is_counted: bool  # the network counts what is paid for
    events: Sequence[AccountEvent]  # the newest first

    @property
    def refused(self) -> list[Ability]:
        """What its network lets others do."""
        return [ability for ability in self.abilities if ability.why]


@require_safe
@desk_view
def accounts(request: HttpRequest) -> HttpResponseBase:
    """Every account with what it may do, as it was found out last. A fixed number of queries."""
    known = NetworkAccount.objects.filter(removed_at=None).defer("credentials").select_related("connected_by")
    sources: dict[int | None, list[Source]] = {}
    for source in Source.objects.filter(removed_at=None, account__isnull=False).order_by("kind", "name"):
        sources.setdefault(source.account_id, []).append(source)
    events: dict[int, list[AccountEvent]] = {}
    related = AccountEvent.objects.select_related("account", "agent").defer("account__credentials")
    for event in related.order_by("-pk")[:MOST_EVENTS]:
        events.setdefault(event.account_id, []).append(event)
    ordered = known.order_by("-state", "network", "username")
    lines = [_line(account, sources.get(account.pk, []), events.get(account.pk, [])) for account in ordered]
    removed = [newest for newest, *_ in events.values() if newest.kind == AccountEvent.Kind.REMOVED]
    context = {"lines": lines, "removed": removed, "may_connect": agent_of(request).may_connect}
    return render(request, "listening/accounts.html", context)


@require_safe
@desk_view
def account_usage(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What its network has counted of what is paid for: a part of the page, asked for after it came."""
    return render(request, "listening/_account_usage.html", {"usage": connecting.read_usage(account_id=pk)})


@require_safe
@desk_view
def account_networks(request: HttpRequest) -> HttpResponseBase:
    """The networks on which an account can be connected, with what each costs and lets one do."""
    networks = [(network, _missing(network), list_abilities(network.capabilities)) for network in connecting.list_connectable()]
    return render(request, "listening/accounts_networks.html", {"networks": networks})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def account_connect(request: HttpRequest, network: str) -> HttpResponseBase:
    """What to do first and what to type; then the account is there, or the way to the network is shown."""
    known, how = connecting.find_connecting(network)
    form = ConnectForm(request.POST if request.method == "POST" else None, connecting=how)
    if request.method == "POST" and form.is_valid():
        agent, redirect_uri = agent_of(request), _callback(network)
        try:
            if how.by_redirect:
                away = connecting.send_away(network=network, values=form.values, agent=agent, redirect_uri=redirect_uri)
                request.session[_AWAY] = dict([*request.session.get(_AWAY, {}).items(), (away.nonce, away.kept)][-MOST_TRIPS:])
                return render(
                    request, "listening/accounts_away.html", {"network": known, "url": away.url, "host": urlsplit(away.url).netloc}
                )
            found = connecting.sign_in(network=network, values=form.values, agent=agent, redirect_uri=redirect_uri)
            return _keep(request, network, found)
        except DeskError as error:
            form.add_error(None, error.message)
    context = {
        "network": known,
        "connecting": how,
        "form": form,
        "missing": _missing(known),
        "callback": _callback(network) if how.by_redirect else "",
        # The way back ends where the session is not known.
        "is_elsewhere": how.by_redirect and urlsplit(settings.PUBLIC_URL).netloc != request.get_host(),
        "address": settings.PUBLIC_URL,
        "abilities": list_abilities(known.capabilities),
        "bounds": list_bounds(known.capabilities),
    }
    return render(request, "listening/accounts_connect.html", context, status=422 if form.errors else 200)


@never_cache
@require_safe
@desk_view
def account_callback(request: HttpRequest, network: str) -> HttpResponseBase:
    """Back from the network. What its address carries is used and left behind: every way out of here is a redirect of our own."""
    connecting.find_connecting(network)
    state = request.GET.get("state", "")
    trips = dict(request.session.get(_AWAY, {}))
    kept = trips.pop(connecting.read_nonce(state), "")
    request.session[_AWAY] = trips
    try:
        found = connecting.come_back(
            network=network,
            state=state,
            kept=kept,
            answer=request.GET.dict(),
            agent=agent_of(request),
            redirect_uri=_callback(network),
        )
        return _keep(request, network, found)
    except DeskError as error:
        messages.error(request, error.message)
        return redirect("account_connect", network)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def account_choose(request: HttpRequest) -> HttpResponseBase:
    """Several accounts were allowed: which of them the desk should use."""
    agent = agent_of(request)
    try:
        network, found = connecting.read_choice(request.session.get(_CHOICE, ""), agent=agent)
    except DeskError as error:
        messages.error(request, error.message)
        return redirect("account_networks")
    known = connecting.find_connecting(network)[0]
    if request.method == "POST":
        chosen = [one for one in found if one.grant.external_id in request.POST.getlist("account")]
        if chosen:
            del request.session[_CHOICE]
            return _connect(request, network, chosen)
        messages.error(request, "Choose at least one account.")
        return redirect("account_choose")
    offers = [(one.grant, list_abilities(known.capabilities, cannot=one.grant.cannot)) for one in found]
    return render(request, "listening/accounts_choose.html", {"network": known, "offers": offers})


@require_POST
@desk_view
def account_check(request: HttpRequest, pk: int) -> HttpResponseBase:
    account = connecting.check_account(account_id=pk, agent=agent_of(request))
    messages.success(request, f"@{account.username} was checked just now. Below stands what it may do.")
    return redirect("accounts")


@require_POST
@desk_view
def account_remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    account, left = connecting.remove_account(account_id=pk, agent=agent_of(request))
    messages.success(request, f"@{account.username} is removed, with its credentials. What it said stays readable.")
    if left:
        messages.warning(request, left)
    return redirect("accounts")


def _keep(request: HttpRequest, network: str, found: list[Connected]) -> HttpResponseBase:
    if len(found) == 1:
        return _connect(request, network, found)
    request.session[_CHOICE] = connecting.keep_choice(found, network=network, agent=agent_of(request))
    return redirect("account_choose")


def _connect(request: HttpRequest, network: str, chosen: Sequence[Connected]) -> HttpResponseBase:
    label = registry.get(network).label
    for one in chosen:
        try:
            account = connecting.connect_account(network=network, connected=one, agent=agent_of(request))
        except DeskError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"@{account.username} on {label} is connected. Below stands what it may do.")
    return redirect("accounts")


def _callback(network: str) -> str:
    return settings.PUBLIC_URL + reverse("account_callback", args=[network])


def _missing(network: Network) -> str:
    return network.connecting.missing() if network.connecting else ""


def _line(account: NetworkAccount, sources: Sequence[Source], events: Sequence[AccountEvent]) -> AccountLine:
    network: Any = registry.NETWORKS.get(account.network)
    able = account.capabilities
    return AccountLine(
        account=account,
        health=account_health(account),
        abilities=list_abilities(network.capabilities if network else Capabilities(), cannot=account.cannot),
        able=able,
        bounds=list_bounds(able),
        sources=sources,
        may_reconnect=network is not None and network.connecting is not None,
        is_counted=network is not None and network.usage is not None,
        events=events,
    )
