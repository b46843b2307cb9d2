"""Erasing a person: counts stay, nobody is left. And the memory by which what they wrote until then is not stored anew."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import OperationalError, connection, transaction
from django.db.models import Model, QuerySet

from profiles.models import Agent, ErasedHandle, Erasure, Handle, Profile, ProfileEvent
from profiles.personal import DELETE, Holding, Subject, holdings, stops
from profiles.services.changes import note_change
from profiles.services.people import lock_person
from profiles.services.subjects import read_subject
from socialdesk.lib import bulk
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError, NotAllowed

logger = logging.getLogger(__name__)
WHY = {
    "asked_by_person": "They asked for it",
    "retention": "We need it no longer",
    "duplicate_import": "It was imported by mistake",
    "other": "Another reason",
}
AT_ONCE = 1000  # rows in one statement
LOG_WAIT = 200  # milliseconds for which SQLite's log is waited for: nobody can write meanwhile
_LOG_IS_LEFT = "erasure:log-is-left"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of one kind of row there is of a person, and whether the rows go or stay without them."""

    label: str
    count: int
    goes: bool


def plan_erasure(person: Profile) -> list[Share]:
    """What an erasure would touch, without touching it. One query and more for each kind."""
    subject = read_subject(person)
    found = [(holding, holding.rows(subject).count()) for holding in holdings().values()]
    return [Share(holding.label, count, holding.clear == DELETE) for holding, count in found if count]


def erase_person(*, profile_id: int, agent: Agent | None, why: str = "asked_by_person", at: datetime | None = None) -> Erasure:
    """Erase the whole person that `profile_id` stands for, with everybody who was merged into them.

    All or nothing. Raises NotFound, NotAllowed for who may not, DeskError for an unknown reason, and Conflict while something is on its
    way to them.
    """
    if agent is not None and not agent.may_approve:
        raise NotAllowed("Only leads and admins erase people. Ask one of them.")
    if why not in WHY:
        raise DeskError(f"The reason is one of {', '.join(WHY)}.")
    moment = at or current_time()
    with transaction.atomic():
        person = lock_person(profile_id)
        list(Profile.objects.select_for_update(no_key=True).filter(person=person.pk).order_by("pk").values_list("pk"))
        subject = read_subject(person)
        _remember_handles(subject, moment)
        for stop in reversed(list(stops().values())):
            stop(subject, moment)
        counts = _clear(subject)
        _mark_erased(subject, moment)
        note_change(profile=person, kind=ProfileEvent.Kind.ERASED, source="agent" if agent else "desk", at=moment)
        erasure = Erasure.objects.create(profile=person, agent=agent, why=why, at=moment, counts=counts)
        transaction.on_commit(leave_no_pages)
    return erasure


def _clear(subject: Subject) -> dict[str, int]:
    """Clear all kinds, from the last to the first. What is found by text or through other rows is found before anything is cleared."""
    order = list(holdings().items())[::-1]
    found = {name: list(holding.rows(subject).values_list("pk", flat=True)) for name, holding in order}
    counts = {}
    for name, holding in order:
        if found[name]:
            clear_rows(holding, found[name])
            counts[name] = len(found[name])
    return counts


def clear_rows(holding: Holding, ids: list[Any], *, how: str | Mapping[str, Any] | None = None) -> None:
    """Delete or blank these rows of a kind, some at once. Without versions: they would keep what goes."""
    clear = holding.clear if how is None else how
    rows: QuerySet[Model] = holding.model._base_manager.all()
    for start in range(0, len(ids), AT_ONCE):
        some = rows.filter(pk__in=ids[start : start + AT_ONCE])
        if isinstance(clear, str):
            some.delete()
            if hasattr(holding.model, "history"):  # the library writes down what was deleted
                holding.model.history.model.objects.filter(id__in=ids[start : start + AT_ONCE]).delete()
        else:
            some.update(**{name: value() if callable(value) else value for name, value in clear.items()})


def _mark_erased(subject: Subject, at: datetime) -> None:
    """The numbers stay, as people who were erased; who was merged with whom stays too, so that no figure changes."""
    Profile.objects.filter(pk__in=subject.profiles).update(erased_at=at, changed_at=at, terms_at=at)


def find_erased_profile(pk: int) -> Erasure | None:
    """The erasure of who this profile was, by any of the profiles that had become one."""
    profile = Profile.objects.filter(pk=pk, erased_at__isnull=False).first()
    return Erasure.objects.select_related("agent").filter(profile=profile.person).first() if profile else None


def read_erasures(*, after: str = "", limit: int = 50) -> tuple[list[Erasure], str]:
    """A page of the log, newest first, and where the next one goes on."""
    found = Erasure.objects.select_related("agent").order_by("-pk")
    if after.isascii() and after.isdecimal() and len(after) < 19:
        found = found.filter(pk__lt=int(after))
    page = list(found[: limit + 1])
    return page[:limit], str(page[limit - 1].pk) if len(page) > limit else ""


# --- What is seen again ---------------------------------------------------------------------------------------------------


def _digest(key: bytes, network: str, external_id: str) -> str:
    """Without the desk's secret nobody can try out ids against it."""
    return hmac.digest(key, f"{network}\0{external_id}".encode(), "sha256").hex()


def _key() -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), b"socialdesk erased handles", "sha256")


def _remember_handles(subject: Subject, at: datetime) -> None:
    key = _key()
    for network, external_id in Handle.objects.filter(pk__in=subject.handles).values_list("network", "external_id"):
        ErasedHandle.objects.update_or_create(network=network, digest=_digest(key, network, external_id), defaults={"erased_at": at})


def find_erased(keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], datetime]:
    """Until when these accounts (network, external id) were erased. One query for each network; one in all on a desk that erased nobody,
    for intake asks this of each batch."""
    if not ErasedHandle.objects.exists():
        return {}
    key = _key()
    wanted = {(network, _digest(key, network, external_id)): (network, external_id) for network, external_id in keys}
    found = {}
    for network in {network for network, _ in wanted}:
        digests = [digest for name, digest in wanted if name == network]
        for digest, erased_at in bulk.read_rows(ErasedHandle, ("digest", "erased_at"), among=("digest", digests), network=network):
            found[wanted[network, digest]] = erased_at
    return found


# --- What SQLite keeps beside its file --------------------------------------------------------------------------------------


def leave_no_pages() -> None:
    """SQLite keeps what was written in its log beside the database until it is taken over. Tried after each erasure and by night; where
    somebody reads all the while, as an export does, `leave_no_pages_yet` tries it again. Within a transaction nothing is done.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return
    # Forgotten before it is tried: what another erasure could not empty meanwhile is noted after this, and stays noted.
    was_noted = caches["kept"].delete(_LOG_IS_LEFT)
    if _empty_log():
        if was_noted:
            logger.info("SQLite's log beside the database is empty now")
        return
    caches["kept"].set(_LOG_IS_LEFT, True, timeout=None)
    if not was_noted:
        logger.warning("SQLite's log beside the database could not be emptied while somebody reads; it is tried again each minute")


def leave_no_pages_yet() -> None:
    """Try again what did not work, if anything did not."""
    if connection.vendor == "sqlite" and caches["kept"].get(_LOG_IS_LEFT):
        leave_no_pages()


def _empty_log() -> bool:
    """False where somebody else is at the database. SQLite lets nobody write while it waits for readers, so it waits for a moment only."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        usual = cursor.fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout={min(usual, LOG_WAIT)}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return not cursor.fetchone()[0]
        except OperationalError:
            return False
        finally:
            cursor.execute(f"PRAGMA busy_timeout={usual}")
