"""Sources: the health of everything that is read, and the ledger of what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from listening.models import Backfill, IntakeBatch, NetworkAccount, Source
from listening.services.accounts import WAITING, is_late, limited_until, needs_sign_in
from listening.services.backfills import can_fetch_past, newest_backfills
from listening.services.hearing import found_late_lately
from listening.services.sources import pause_source, resume_source
from listening.services.words import find_words
from listening.views.backfills import DAYS, Walk
from profiles.signed_in import agent_of
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.pages import desk_view, is_fragment

BATCHES = 30  # on one page of the ledger
SIGN_IN_ENDS = "Its network wants a person to sign in anew from time to time. Connect it again soon: until then all goes on."
FAILED_FOR_GOOD = 3  # failures in a row after which a person should look


@dataclass(frozen=True, slots=True)
class Health:
    """A state in words, the class of its shape and colour (good, warn, bad, off), and what to do about it."""

    words: str
    kind: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """`walk` is its newest back-fill; `may_walk` says that another may be begun."""

    source: Source
    health: Health
    walk: Walk | None = None
    may_walk: bool = False


@dataclass(frozen=True, slots=True)
class AccountLine:
    account: NetworkAccount
    health: Health


@require_safe
@desk_view
def sources(request: HttpRequest) -> HttpResponseBase:
    """Accounts, sources and the newest batches: a fixed number of queries."""
    moment = now()
    chosen = request.GET.get("source", "")
    known = list(Source.objects.filter(removed_at=None).select_related("account").order_by("network", "kind", "name"))
    source = next((source for source in known if str(source.pk) == chosen), None)
    if chosen and source is None:
        raise DeskError(f"There is no source “{chosen[:40]}”; it may have been removed.")
    batches, older = _read_batches(source, request.GET.get("before", ""))
    accounts = NetworkAccount.objects.filter(removed_at=None).order_by("network", "username")
    walks = newest_backfills([source.pk for source in known])
    missed = found_late_lately(source.pk for source in known if source.found_late)
    context = {
        "accounts": sorted((AccountLine(account, account_health(account)) for account in accounts), key=_urgency),
        "sources": sorted((_source_line(source, moment, walks.get(source.pk), source.pk in missed) for source in known), key=_urgency),
        "days": DAYS,
        "unasked": find_words().without,
        "chosen": source,
        "batches": batches,
        "older": older,
        "is_first": "before" not in request.GET,
        "may_change": agent_of(request).may_configure,
    }
    return render(request, "listening/sources.html", context)


@require_safe
@desk_view
def batch_rejections(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What of one batch was refused and filtered, and why."""
    batch = IntakeBatch.objects.select_related("source").filter(pk=pk).first()
    if batch is None:
        raise Http404("There is no such batch.")
    template = "listening/_batch.html" if is_fragment(request) else "listening/batch.html"
    return render(request, template, {"batch": batch, "unnamed": batch.rejected - len(batch.rejections)})


@require_POST
@desk_view
def source_pause(request: HttpRequest, pk: int) -> HttpResponseBase:
    source = pause_source(source_id=pk, agent=agent_of(request))
    messages.success(request, f"{source.name} is paused. What it missed is read when it is resumed.")
    return redirect("sources")


@require_POST
@desk_view
def source_resume(request: HttpRequest, pk: int) -> HttpResponseBase:
    source = resume_source(source_id=pk, agent=agent_of(request))
    messages.success(request, f"{source.name} is read again, from where it stopped.")
    return redirect("sources")


def _read_batches(source: Source | None, before: str) -> tuple[list[IntakeBatch], int | None]:
    """One page of the ledger, newest first, and the key of the older one."""
    batches = IntakeBatch.objects.select_related("source").defer("rejections").order_by("-id")
    if source is not None:
        batches = batches.filter(source=source)
    if before:
        if not (before.isascii() and before.isdecimal() and len(before) < 19):
            raise DeskError("This page of the ledger does not exist. Go back to its beginning.")
        batches = batches.filter(pk__lt=int(before))
    found = list(batches[: BATCHES + 1])
    return found[:BATCHES], found[BATCHES - 1].pk if len(found) > BATCHES else None


def _urgency(line: SourceLine | AccountLine) -> int:
    """What needs a person stands first."""
    return ("bad", "warn", "off", "good").index(line.health.kind)


def account_health(account: NetworkAccount) -> Health:
    moment = timezone.now()
    if account.state == NetworkAccount.State.OK:
        if account.expires_at is not None and account.expires_at < moment:
            return Health("Its sign-in could not be renewed yet", "warn", "Nothing to do: the desk tries again each minute.")
        if needs_sign_in(account.sign_in_until, moment):
            return Health("Should be connected again", "warn", SIGN_IN_ENDS)
        return Health("Connected", "good")
    return Health(
        account.get_state_display(),
        "bad",
        "An admin connects it again with fresh credentials. Until then nothing is read or sent with it; texts are kept.",
    )


def _source_line(source: Source, moment: datetime, backfill: Backfill | None, misses: bool) -> SourceLine:
    health = _source_health(source, moment)
    if misses and health.kind == "good":
        health = Health(
            "Misses posts", "warn", "The network does not push everything: what is missing is read again. If it goes on, connect it anew."
        )
    walk = Walk.of(backfill, moment) if backfill else None
    return SourceLine(source, health, walk, may_walk=(walk is None or not walk.is_open) and can_fetch_past(source))


def _source_health(source: Source, moment: datetime) -> Health:
    if not source.is_active:
        return Health("Paused", "off", "Resume it to go on from where it stopped.")
    if source.account is not None and source.account.state != NetworkAccount.State.OK:
        return Health("Stopped", "bad", f"Its account @{source.account.username} needs to be connected again.")
    limited = limited_until(failures=source.failures, last_error=source.last_error, next_poll_at=source.next_poll_at)
    if limited is not None and limited > moment:
        return Health(f"{WAITING.rstrip('.')}, goes on at {timezone.localtime(limited):%H:%M}", "warn", "Nothing to do: answers still go.")
    if source.failures >= FAILED_FOR_GOOD:
        return Health(
            f"Failed {source.failures} times", "bad", "The desk goes on trying. If the error does not say why, check the network's status."
        )
    if source.failures:
        return Health("Failed just now", "warn", "Nothing to do yet: it is tried again by itself.")
    if source.kind == Source.Kind.STREAM:
        if source.connected_at is not None:
            return Health("Connected", "good")
        return Health("Waits for the network", "off", "What it pushes comes at once; until it does, the account is read instead.")
    if source.kind != Source.Kind.POLL:
        return Health("Ready", "good")
    if source.last_read_at is None:
        return Health("Not read yet", "warn", "It should be read within a minute. If not, check that the desk's workers run.")
    if is_late(kind=source.kind, last_read_at=source.last_read_at, interval=source.interval, moment=moment, limited=limited):
        return Health("Late", "warn", "It should have been read again by now. Check that the desk's workers run.")
    return Health("Listening", "good")
