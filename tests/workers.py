"""What each process of pytest-xdist has for itself: `pytest -p tests.workers -n 2`. Named like this, it comes before the settings are read.

- A data folder. What one test keeps in files, no other empties, reads or takes away.
- A Redis, where the tests run on one. A database of its own, as each process has on the one PostgreSQL, would not do: what is published is
  heard in all databases of a Redis.
"""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from pathlib import Path

from tests.servers import redis

_stack = ExitStack()
_worker = os.environ.get("PYTEST_XDIST_WORKER")

if _worker and "SOCIALDESK_DATA" in os.environ:
    os.environ["SOCIALDESK_DATA"] = str(Path(os.environ["SOCIALDESK_DATA"]) / _worker)
if _worker and os.environ.pop("REDIS_URL", ""):
    os.environ["REDIS_URL"] = _stack.enter_context(redis())


def pytest_unconfigure() -> None:
    logging.disable(logging.CRITICAL)  # whoever still listens to it would say again and again that it is gone
    _stack.close()
