"""Runs a command with a real PostgreSQL and Redis of its own: `python -m tests.with_servers pytest ...`."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.servers import forget_at_a_crash, postgres, redis


def main() -> int:
    forget_at_a_crash()
    with postgres() as database, redis() as broker:
        print(f"on {database.split('@')[-1]} and {broker}", flush=True)
        return subprocess.call(sys.argv[1:], env={**os.environ, "DATABASE_URL": database, "REDIS_URL": broker})


if __name__ == "__main__":
    sys.exit(main())
