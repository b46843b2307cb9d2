"""`manage.py listen`: holds the open connections to networks that push, where the desk runs as several processes."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from socialdesk.listeners import Listeners

STOP_SECONDS = 3.0


class Command(BaseCommand):
    help = "Hold the connections over which networks push posts. Several share them, and take over from one that died. Ctrl-C stops it."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.EMBEDDED:
            raise CommandError("Without REDIS_URL `manage.py desk` listens by itself; this command is for a desk of several processes.")
        listeners = Listeners()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: listeners.leave())
        self.stdout.write("Listening to networks that push (Ctrl-C stops it)")
        self.stdout.flush()
        listeners.run()
        if not listeners.stop(STOP_SECONDS):
            self.stderr.write("A connection did not close; another process opens it anew in half a minute.")
            logging.shutdown()
            os._exit(0)  # a plain exit could meet its thread in the middle of a write
