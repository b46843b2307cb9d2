"""`manage.py desk`: the whole desk in one process; with REDIS_URL its web server only."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import logging
import os
import signal
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connections

from profiles.models import Agent
from socialdesk import embedded, env
from socialdesk.demo import PASSWORD_FILE, SignIn, prepare
from socialdesk.embedded import CannotStart, FolderLock, Work

DEMO = env.text("DEMO", "", "1: set up the demo company, 0: leave the desk as it is; not given: a demo only on a desk without staff")

OTHER_PROCESSES = """REDIS_URL is given, so this process serves the web only. Run beside it, as often as you like:
  celery -A socialdesk worker -Q desk,delivery,intake
  manage.py listen
and exactly once:
  celery -A socialdesk beat
"""
UNUSED_STATIC_FILES = ["rest_framework", "redoc"]  # pages of other packages that the desk does not show
LARGEST_FRAME = 16 * 1024  # bytes that a browser may send over the websocket at once


class Command(BaseCommand):
    help = "Run the desk: web, live feed, and without REDIS_URL also its worker and clock, in one process. Ctrl-C stops it."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.HOST, help=f"address to listen on (HOST, {settings.HOST})")
        parser.add_argument("--port", default=settings.PORT, help=f"port to listen on, 0 for any that is free (PORT, {settings.PORT})")
        parser.add_argument("--no-demo", action="store_true", help="do not set up the demo company (DEMO=0)")

    def handle(self, *args: Any, host: str, port: str, no_demo: bool, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))  # until the server takes them over
        lock = FolderLock(settings.DATA_DIR)
        try:
            if settings.EMBEDDED:
                lock.take()
            listener = listen(host, port)
            sign_ins = self._prepare(demo=not no_demo and DEMO != "0")
            all_ended = self._run(listener, sign_ins)
        except CannotStart as error:
            self.stderr.write(str(error))
            sys.exit(1)
        finally:
            lock.release()
        if not all_ended:
            logging.shutdown()
            os._exit(0)  # a plain exit would wait for the thread of the task that did not end

    def _prepare(self, *, demo: bool) -> list[SignIn]:
        try:
            call_command("migrate", interactive=False, verbosity=0)
            if static_files_changed():
                self.stdout.write("Preparing static files ...")
                collect_static_files()
        except DatabaseError as error:
            raise CannotStart(f"The database cannot be used: {str(error).strip().splitlines()[0]}") from None
        except OSError as error:
            raise CannotStart(f"{error.filename or settings.DATA_DIR} cannot be written: {error.strerror}") from None
        is_demo = (settings.DATA_DIR / PASSWORD_FILE).exists()
        if demo and (DEMO == "1" or is_demo or not Agent.objects.exists()):
            return prepare()
        return []

    def _run(self, listener: socket.socket, sign_ins: list[SignIn]) -> bool:
        """Serve until told to stop. False if a task was still under way then."""
        application = import_module("socialdesk.asgi").application  # not earlier: it looks at the static files
        server = Server(application, lambda: self._announce(listener, sign_ins))
        work = None
        if settings.EMBEDDED:
            embedded.resume()
            work = embedded.running = Work()
            work.start()
        connections.close_all()  # this thread needs the database no more
        for number in (signal.SIGTERM, signal.SIGINT):
            # The server captures both, and raises them again when it has stopped: they must not end the process then.
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(server.serve([listener]))
        if work is None or work.stop():
            return True
        self.stderr.write("A task was still under way. What it was sending is looked for on the network at the next start.")
        return False

    def _announce(self, listener: socket.socket, sign_ins: list[SignIn]) -> None:
        host, port = listener.getsockname()[:2]
        if not settings.EMBEDDED:
            self.stdout.write(OTHER_PROCESSES)
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
        self.stdout.write(f"Social Desk is running on http://{shown}:{port}  (Ctrl-C stops it)")
        if not host.startswith("127.") and host != "::1":
            self.stdout.write(f"It answers to the names in SOCIALDESK_HOSTS: {', '.join(settings.ALLOWED_HOSTS)}")
        if sign_ins:
            self.stdout.write(f"\nSign in with the password  {sign_ins[0].password}  as")
            for one in sign_ins:
                self.stdout.write(f"  {one.username:<12} {one.role}")
        self.stdout.flush()


class Server(uvicorn.Server):
    """uvicorn as the desk needs it, on a socket that is already bound."""

    def __init__(self, application: Any, announce: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                loop="uvloop",
                http="httptools",
                ws="websockets-sansio",
                ws_per_message_deflate=False,  # four times the CPU for each frame
                ws_max_size=LARGEST_FRAME,
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is there now stays for good: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        self._announce()


def listen(host: str, port: str) -> socket.socket:
    """A socket that listens. Raises CannotStart if it cannot be had."""
    if not port.isdecimal() or int(port) > 65535:
        raise CannotStart(f"PORT={port!r} is not a port: give a number from 0 to 65535.")
    try:
        [(family, kind, protocol, _, address), *_] = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise CannotStart(f"HOST={host!r} is not an address of this machine.") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise CannotStart(
            f"Cannot listen on {host}:{port}: {error.strerror}. Stop what uses it, or choose another port with PORT."
        ) from None
    return listener


def _static_stamp() -> str:
    """Changes when any static file does."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            details = os.stat(storage.path(path))
            digest.update(f"{path} {details.st_mtime_ns} {details.st_size}\n".encode())
    return digest.hexdigest()


def _stamp_file() -> Path:
    return Path(settings.STATIC_ROOT) / ".stamp"


def static_files_changed() -> bool:
    with contextlib.suppress(OSError):
        return _stamp_file().read_text() != _static_stamp()
    return True


def collect_static_files() -> None:
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED_STATIC_FILES)
    _stamp_file().parent.mkdir(parents=True, exist_ok=True)
    _stamp_file().write_text(_static_stamp())
