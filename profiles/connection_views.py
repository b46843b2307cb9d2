"""The pages on which admins connect other systems, see how they do, and send again what was not taken."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from profiles.connection_forms import FORMS, ConnectionForm
from profiles.models import Connection, EventDelivery
from profiles.services.connections import (
    change_connection,
    check_connection,
    count_waiting,
    list_connections,
    make_connection,
    read_deliveries,
    remove_connection,
    renew_secret,
    switch_connection,
)
from profiles.services.event_delivery import replay_delivery
from profiles.signed_in import agent_of
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view, done


@require_safe
@desk_view
def connections(request: HttpRequest) -> HttpResponseBase:
    """Every connection with its health. Three queries."""
    waiting = count_waiting()
    lines = [(connection, waiting.get(connection.pk, 0)) for connection in list_connections()]
    return render(request, "profiles/connections.html", {"lines": lines, "kinds": Connection.Kind.choices})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def connection_new(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Connect a system. The secret of what is sent to it is shown once, on the page that answers."""
    if kind not in FORMS:
        raise Http404("There is no such kind of connection.")
    form = FORMS[kind](request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = make_connection(
                system=form.cleaned_data["system"],
                name=form.cleaned_data["name"],
                kind=kind,
                url=form.cleaned_data["url"],
                settings=form.settings,
                rules=form.rules,
                agent=agent_of(request),
                from_start=form.cleaned_data["from_start"],
            )
        except DeskError as error:
            form.add_error(None, error.message)
        else:
            if made.kind == Connection.Kind.WEBHOOK:
                return _show_secret(request, made, made.credentials["secret"])
            messages.success(request, f"{made.name} is connected. Test it now.")
            return redirect("connection_edit", made.pk)
    return _show_form(request, form, kind)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@desk_view
def connection_edit(request: HttpRequest, pk: int) -> HttpResponseBase:
    """One connection: how it does, what is set, and what can be done with it."""
    connection = _find(pk)
    form = FORMS[connection.kind](request.POST or None, connection=connection)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            change_connection(connection_id=pk, name=data["name"], url=data["url"], settings=form.settings, rules=form.rules)
        except DeskError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, "Saved.")
            return redirect("connection_edit", pk)
    return _show_form(request, form, connection.kind, connection)


@require_safe
@desk_view
def connection_log(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What was told, newest first, a page at a time by key. A fixed number of queries."""
    connection = get_object_or_404(Connection.objects.defer("credentials"), pk=pk)
    page, following = read_deliveries(connection_id=pk, after=request.GET.get("after", ""))
    context = {"connection": connection, "deliveries": page, "next": following, "is_first": "after" not in request.GET}
    return render(request, "profiles/connection_log.html", context)


@require_POST
@desk_view
def connection_test(request: HttpRequest, pk: int) -> HttpResponseBase:
    return done(request, check_connection(connection_id=_find(pk).pk))


@require_POST
@desk_view
def connection_switch(request: HttpRequest, pk: int) -> HttpResponseBase:
    is_on = request.POST.get("to") == "on"
    switch_connection(connection_id=pk, is_on=is_on)
    return done(request, "Switched on. It goes on where it stopped." if is_on else "Switched off. Nothing is told and nothing is taken.")


@never_cache
@require_POST
@desk_view
def connection_secret(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A new secret, shown this once."""
    connection = get_object_or_404(Connection.objects.defer("credentials"), pk=pk, kind=Connection.Kind.WEBHOOK)
    return _show_secret(request, connection, renew_secret(connection_id=pk))


@require_POST
@desk_view
def connection_remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    remove_connection(connection_id=pk)
    messages.success(request, "Removed, with its log. The people stay, and so do their numbers there.")
    return redirect("connections")


@require_POST
@desk_view
def delivery_replay(request: HttpRequest, pk: int) -> HttpResponseBase:
    again = replay_delivery(delivery_id=pk)
    words = "It is sent again, with the same id."
    if EventDelivery.objects.filter(pk=again.pk, connection__state=Connection.State.OFF).exists():
        words = "It is sent again once the connection is switched on."
    return done(request, words)


def _find(pk: int) -> Connection:
    try:
        return get_object_or_404(Connection, pk=pk)
    except UnreadableCredentials:
        raise DeskError(
            "The secrets of this connection were encrypted under another secret key. Give the desk its old key back, or make it anew."
        ) from None


def _show_form(request: HttpRequest, form: ConnectionForm, kind: str, connection: Connection | None = None) -> HttpResponseBase:
    context = {
        "form": form,
        "connection": connection,
        "kind": Connection.Kind(kind),
        "hook_url": _hook_url(connection) if connection and kind == Connection.Kind.WEBHOOK else "",
        "rules_are_open": any(form.errors.get(field.name) for field in form.rule_fields),
    }
    return render(request, "profiles/connection_form.html", context, status=422 if form.errors else 200)


def _show_secret(request: HttpRequest, connection: Connection, secret: str) -> HttpResponseBase:
    context = {"connection": connection, "secret": secret, "hook_url": _hook_url(connection)}
    return render(request, "profiles/connection_secret.html", context)


def _hook_url(connection: Connection) -> str:
    return settings.PUBLIC_URL + reverse("people_hook", args=[connection.system])
