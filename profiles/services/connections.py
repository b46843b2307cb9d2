"""The systems that people are kept in step with: made, changed, switched, asked for changes (brief D13)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q

from profiles.models import Agent, Connection, EventDelivery, Profile, ProfileEvent
from profiles.services.changes import number_events
from profiles.services.conflicts import check_rules, source_of
from profiles.services.event_delivery import note_health, note_trouble, spread_events
from profiles.services.people import find_person
from profiles.services.record_lists import LISTS
from profiles.services.records import PersonRecord, apply_record
from profiles.services.remotes import RemoteError, remote_of
from profiles.services.signing import check_secret, make_secret
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from socialdesk.lib.outbound import check_url
from socialdesk.lib.text import clean

logger = logging.getLogger(__name__)
Kind, State = Connection.Kind, Connection.State

EVERY = timedelta(seconds=30)  # between two looks into a system that does not tell by itself
PAGES = 20  # that are read in one look
SHORT_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# What each kind keeps, encrypted. What is named here twice is never shown again.
SETTINGS = {
    Kind.WEBHOOK: ("secret", "their_secret"),
    Kind.SALESFORCE: ("client_id", "client_secret", "external_field", "mapping"),
}
SECRETS = ("secret", "their_secret", "client_secret", "token")


def make_connection(
    *,
    system: str,
    name: str,
    kind: str,
    url: str,
    settings: Mapping[str, str],
    rules: Mapping[str, str],
    agent: Agent,
    from_start: bool = False,
    at: datetime | None = None,
) -> Connection:
    """Connect a system. It is told what changes from now on, with `from_start` also what has changed so far.

    Raises DeskError for what cannot be, Conflict if there is one of that short name.
    """
    if kind not in Kind.values:
        raise DeskError(f"A connection is one of {', '.join(Kind.values)}.")
    if not SHORT_NAME.fullmatch(system) or len(system) > 40:
        raise DeskError("The short name has small letters, digits and hyphens, as in crm or shop-2.")
    connection = Connection(system=system, kind=kind, made_by=agent, made_at=at or current_time())
    _fill(connection, name=name, url=url, settings=settings, rules=rules)
    if kind == Kind.WEBHOOK:
        connection.credentials["secret"] = make_secret()
    if not from_start:
        number_events()
        connection.told_to = ProfileEvent.objects.aggregate(last=Max("number"))["last"] or 0
    try:
        with transaction.atomic():
            connection.save()
    except IntegrityError:
        raise Conflict("There is a connection with this short name. Choose another one.") from None
    return connection


def change_connection(*, connection_id: int, name: str, url: str, settings: Mapping[str, str], rules: Mapping[str, str]) -> Connection:
    """Change what may change; a secret that is left empty stays as it is."""
    with transaction.atomic():
        connection = Connection.objects.select_for_update().get(pk=connection_id)
        _fill(connection, name=name, url=url, settings=settings, rules=rules)
        connection.credentials.pop("token", None)
        connection.save(update_fields=["name", "url", "credentials", "rules"])
    return connection


def _fill(connection: Connection, *, name: str, url: str, settings: Mapping[str, str], rules: Mapping[str, str]) -> None:
    connection.name = " ".join(clean(name).split())[:80]
    if not connection.name:
        raise DeskError("Give the connection a name.")
    connection.url = check_url(url.strip())
    if len(connection.url) > 1000:
        raise DeskError("The address is too long.")
    connection.rules = check_rules(rules)
    kept = dict(connection.credentials)
    for key in SETTINGS[Kind(connection.kind)]:
        given = settings.get(key, "").strip()
        if given and key == "their_secret":
            given = check_secret(given)
        if given and key == "mapping":
            given = _check_mapping(given)
        if given or key not in SECRETS:
            kept[key] = given
    if connection.kind == Kind.SALESFORCE and not (kept.get("client_id") and kept.get("client_secret")):
        raise DeskError("Salesforce needs the consumer key and secret of its connected app.")
    connection.credentials = {key: value for key, value in kept.items() if value}


def _check_mapping(text: str) -> str:
    """Lines of `field = Field`, as JSON. Raises DeskError for a line that is none."""
    from profiles.services.salesforce_fields import check_mapping

    if text.startswith("{"):
        return json.dumps(check_mapping(json.loads(text)))
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        ours, sign, theirs = line.partition("=")
        if not sign:
            raise DeskError(f"Write each line of the mapping as company = Company__c; this is none: {line[:60]}")
        pairs[ours.strip()] = theirs.strip()
    return json.dumps(check_mapping(pairs))


def switch_connection(*, connection_id: int, is_on: bool) -> None:
    """Switch it off, or on: then it goes on where it stopped."""
    rows = Connection.objects.filter(pk=connection_id)
    if is_on:
        rows.filter(state=State.OFF).update(state=State.OK, last_error="")
    else:
        rows.update(state=State.OFF)


def remove_connection(*, connection_id: int) -> None:
    """Forget it, with its log. Whom it calls what stays: the same system connected anew knows the same people."""
    EventDelivery.objects.filter(connection=connection_id).delete()
    Connection.objects.defer("credentials").filter(pk=connection_id).delete()


def renew_secret(*, connection_id: int) -> str:
    """A new secret for what we send; it is shown this once. The old one counts no more."""
    with transaction.atomic():
        connection = Connection.objects.select_for_update().get(pk=connection_id, kind=Kind.WEBHOOK)
        connection.credentials["secret"] = make_secret()
        connection.save(update_fields=["credentials"])
    return connection.credentials["secret"]


def check_connection(*, connection_id: int, now: datetime | None = None) -> str:
    """Ask the system for a sign of life; what it said. Raises DeskError with what went wrong, which the connection shows from then on."""
    moment = now or current_time()
    try:
        said = remote_of(Connection.objects.get(pk=connection_id)).check(now=moment)
    except UnreadableCredentials as error:
        failure = RemoteError(f"Its {error}. Enter them again.")
    except RemoteError as error:
        failure = error
    else:
        note_health(connection_id, moment=moment)
        return said
    note_trouble(connection_id, failure)
    raise DeskError(failure.message)


def list_connections() -> list[Connection]:
    """All of them, without their secrets. One query."""
    return list(Connection.objects.defer("credentials").order_by("name", "pk"))


def count_waiting() -> dict[int, int]:
    """{connection: how many events are still to be told}. Those that are spread; two short walks along indexes."""
    waiting: dict[int, int] = {}
    for state in (EventDelivery.State.QUEUED, EventDelivery.State.INFLIGHT):
        counted = EventDelivery.objects.filter(state=state).values_list("connection").annotate(Count("pk")).order_by()
        for pk, count in counted:
            waiting[pk] = waiting.get(pk, 0) + count
    return waiting


def read_deliveries(*, connection_id: int, after: str, limit: int = 50) -> tuple[list[EventDelivery], str]:
    """A page of a connection's log, newest first, and the key of the next one ("" at the end). One query."""
    if after and not (after.isascii() and after.isdecimal() and len(after) < 18):
        raise DeskError("This page key is not one of ours. Start again from the first page.")
    rows = EventDelivery.objects.filter(connection=connection_id).select_related("event")
    if after:
        rows = rows.filter(pk__lt=int(after))
    found = list(rows.order_by("-pk")[: limit + 1])
    return found[:limit], str(found[limit - 1].pk) if len(found) > limit else ""


# --- What changed there -------------------------------------------------------------------------------------------------


def pull_due(*, now: datetime | None = None) -> list[int]:
    """The connections that are to be looked into now, taken so that nobody else looks."""
    moment = now or current_time()
    pulling = Connection.objects.exclude(state=State.OFF).filter(kind=Kind.SALESFORCE)
    due = pulling.filter(Q(polled_at=None) | Q(polled_at__lt=moment - EVERY))
    return [pk for pk in due.values_list("pk", flat=True) if due.filter(pk=pk).update(polled_at=moment)]


def pull_connection(connection_id: int, *, now: datetime | None = None) -> int:
    """Take over what changed in a system since the last look; how many people changed here."""
    moment = now or current_time()
    spread_events(now=moment)  # what is still to be told there is known before anything from there is judged
    changed = 0
    try:
        connection = Connection.objects.get(pk=connection_id)
        remote = remote_of(connection)
        for _ in range(PAGES):
            pulled = remote.pull(connection.cursor, now=moment)
            for record in pulled.records:
                changed += _take(connection, record, pulled.own_ids.get(record.external_id), moment)
            Connection.objects.filter(pk=connection_id, cursor=connection.cursor).update(cursor=pulled.cursor)
            connection.cursor = pulled.cursor
            if not pulled.has_more:
                break
    except RemoteError as error:
        note_trouble(connection_id, error)
    except UnreadableCredentials as error:
        note_trouble(connection_id, RemoteError(f"Its {error}. Enter them again."))
    else:
        note_health(connection_id, moment=moment)
    return changed


def _take(connection: Connection, record: PersonRecord, own_id: int | None, moment: datetime) -> bool:
    """One record of theirs. A system that says when a row changed, but not which field, would win with what it has not heard of yet: so
    fields of ours that are still on their way there are not judged. Lists grow together, whoever comes first."""
    try:
        person = find_person(own_id) if own_id else None
        waiting = _fields_on_their_way(connection, record, person)
        values = {name: value for name, value in record.values.items() if name in LISTS or name not in waiting}
        applied = apply_record(
            record=PersonRecord(values, record.system, record.external_id, record.changed_at),
            source=source_of(connection),
            profile=person,
            rules=connection.rules,
            at=moment,
        )
    except NotFound:
        return False  # who was erased here stays so
    except DeskError as error:
        logger.warning("connection %s: a record was refused: %s", connection.system, error.code)
        return False
    return bool(applied.changed)


def _fields_on_their_way(connection: Connection, record: PersonRecord, person: Profile | None) -> set[str]:
    waiting = EventDelivery.objects.filter(connection=connection, state__in=(EventDelivery.State.QUEUED, EventDelivery.State.INFLIGHT))
    known = (
        Q(event__profile__person=person.pk)
        if person
        else Q(event__profile__external_refs__system=record.system, event__profile__external_refs__external_id=record.external_id)
    )
    fields: set[str] = set()
    for names in waiting.filter(known).values_list("event__fields", flat=True):
        fields.update(names)
    return fields


def write_settings(connection: Connection) -> dict[str, Any]:
    """What a form shows of its settings: never a secret."""
    shown = {key: value for key, value in connection.credentials.items() if key not in SECRETS}
    if shown.get("mapping"):
        shown["mapping"] = "\n".join(f"{ours} = {theirs}" for ours, theirs in json.loads(shown["mapping"]).items())
    return shown
