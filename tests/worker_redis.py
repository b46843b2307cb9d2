"""A Redis for each process of pytest-xdist: `pytest -p tests.worker_redis -n 2`. Named like this, it comes before the settings are read.

A database of its own, as each process has on the one PostgreSQL, would not do: what is published is heard in all databases of a Redis.
"""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack

from tests.servers import redis

_stack = ExitStack()

if os.environ.get("PYTEST_XDIST_WORKER") and os.environ.pop("REDIS_URL", ""):
    os.environ["REDIS_URL"] = _stack.enter_context(redis())


def pytest_unconfigure() -> None:
    logging.disable(logging.CRITICAL)  # whoever still listens to it would say again and again that it is gone
    _stack.close()
