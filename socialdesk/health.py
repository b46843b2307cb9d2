"""Whether the desk lives, whether it is ready for work, and its figures for Prometheus."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from redis import Redis
from redis.exceptions import RedisError
from rest_framework.exceptions import AuthenticationFailed

from listening.models import NetworkAccount, Source
from profiles.models import Agent, Role
from profiles.tokens import TokenAuthentication
from socialdesk import embedded
from socialdesk.lib import live
from socialdesk.lib.clock import now

logger = logging.getLogger(__name__)
LEAST_FREE = 50 * 1024 * 1024  # bytes; below this the next import or log could fill the disk
REMEMBERED = 1.0  # seconds that an answer is kept, so that asking often costs nothing
PATIENCE = 2.0  # seconds that another server gets to answer


@dataclass(frozen=True, slots=True)
class Check:
    ok: bool
    detail: str


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: this process answers."""
    return HttpResponse("alive\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """`{ready, checks: {name: {ok, detail}}}`, with 503 if anything that the work needs is not there. Tells no secrets: it is public."""
    checks = _checks_of_this_second()
    ready = all(check.ok for check in checks.values())
    body = {"ready": ready, "checks": {name: {"ok": check.ok, "detail": check.detail} for name, check in checks.items()}}
    return JsonResponse(body, status=200 if ready else 503)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus figures, for programs on this machine and for admins."""
    if not (_comes_from_this_machine(request) or _is_admin(request)):
        return HttpResponseForbidden(
            "Figures are for this machine and for admins: sign in as one, or send an admin's token.\n", content_type="text/plain"
        )
    answer: HttpResponse = ExportToDjangoView(request)
    return answer


def _comes_from_this_machine(request: HttpRequest) -> bool:
    # What a proxy on this machine passes on comes from elsewhere.
    forwarded = any(f"HTTP_{name}" in request.META for name in ("X_FORWARDED_FOR", "FORWARDED", "X_REAL_IP", "VIA"))
    return request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1") and not forwarded


def _is_admin(request: HttpRequest) -> bool:
    user: Any = request.user
    if not user.is_authenticated:
        try:
            found = TokenAuthentication().authenticate(request)
        except AuthenticationFailed:
            return False
        if found is None:
            return False
        user = found[0]
    return isinstance(user, Agent) and user.role == Role.ADMIN


# --- Checks -------------------------------------------------------------------------------------------------------------

_lock = threading.Lock()
_last: tuple[float, dict[str, Check]] | None = None


def _checks_of_this_second() -> dict[str, Check]:
    global _last
    with _lock:
        if _last is None or time.monotonic() - _last[0] > REMEMBERED:
            _last = (time.monotonic(), run_checks())
        return _last[1]


def run_checks() -> dict[str, Check]:
    """All checks, each of a fixed small cost, whatever the desk holds."""
    parts: dict[str, Callable[[], Check]] = {
        "database": _check_database,
        "disk": _check_disk,
        "broker": _check_broker,
        "layer": _check_layer,
        "sources": _check_sources,
    }
    return {name: _run(part) for name, part in parts.items()}


def _run(part: Callable[[], Check]) -> Check:
    try:
        return part()
    except Exception:  # a check that breaks is a check that failed; what it says may hold an address, so only the log has it
        logger.exception("a readiness check broke")
        return Check(False, "the check itself failed; see the log")


def _check_database() -> Check:
    try:
        # One row that is always the same: written for good, since a full disk shows only then.
        Session.objects.update_or_create(
            session_key="readyz", defaults={"session_data": os.urandom(8).hex(), "expire_date": now() + timedelta(days=1)}
        )
    except DatabaseError as error:
        connection.close()  # one that broke would go on failing after the database is back
        return Check(False, _describe(error))
    return Check(True, "reads and writes")


def _check_disk() -> Check:
    try:
        with tempfile.TemporaryFile(dir=settings.DATA_DIR) as probe:
            probe.write(b"\0" * 4096)
            probe.flush()
        free = shutil.disk_usage(settings.DATA_DIR).free
    except OSError as error:
        return Check(False, f"the data folder cannot be written: {error.strerror}")
    return Check(free >= LEAST_FREE, f"{free // (1024 * 1024)} MB free")


def _check_broker() -> Check:
    if settings.EMBEDDED:
        if embedded.running is None:
            return Check(False, "no worker in this process: it was not started by `manage.py desk`")
        return Check(True, "worker and clock run") if embedded.running.is_alive else Check(False, "the worker has ended: restart the desk")
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE) as client:
            waiting = sum(client.llen(queue) for queue in embedded.QUEUES.split(","))
    except RedisError as error:
        return Check(False, f"Redis cannot be reached: {type(error).__name__}")
    return Check(True, f"{waiting} tasks wait")


def _check_layer() -> Check:
    try:
        live.run(_send_round(), PATIENCE)
    except TimeoutError:
        return Check(False, f"a message did not come back within {PATIENCE:g} s")
    except (RedisError, OSError) as error:
        return Check(False, f"cannot be reached: {type(error).__name__}")
    return Check(True, "messages come back")


_probe: tuple[Any, str] | None = None  # the layer, and the channel of this process on it


async def _send_round() -> None:
    """Send a message to ourselves and wait for it. On the loop that publishes: the way that every event takes."""
    global _probe
    layer: Any = get_channel_layer()
    if _probe is None or _probe[0] is not layer:
        _probe = (layer, await layer.new_channel("probe."))
    sent = secrets.token_hex(4)
    await layer.send(_probe[1], {"type": "probe", "sent": sent})
    while (await layer.receive(_probe[1]))["sent"] != sent:
        pass  # one that came too late for an earlier check


def _check_sources() -> Check:
    """Failing networks do not make the desk unready, unless nothing at all comes in any more."""
    try:
        sources = Source.objects.filter(kind=Source.Kind.POLL, is_active=True, removed_at=None)
        troubled = Q(failures__gte=3) | Q(account__state=NetworkAccount.State.REVOKED)
        found = sources.aggregate(all=Count("pk"), bad=Count("pk", filter=troubled))
    except DatabaseError as error:
        return Check(False, _describe(error))
    if not found["bad"]:
        return Check(True, f"{found['all']} read")
    return Check(found["bad"] < found["all"], f"{found['bad']} of {found['all']} cannot be read: see Sources on the desk")


def _describe(error: DatabaseError) -> str:
    logger.warning("the database fails: %s", error)
    # SQLite's own words help and are harmless; PostgreSQL's name hosts and users.
    return str(error) if connection.vendor == "sqlite" else f"cannot be reached or written ({type(error).__name__})"
