"""Runs a command with a real PostgreSQL and Redis of its own: `python -m tests.with_servers pytest ...`."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.servers import postgres, prepare_for_tests, redis, slow_statements


def main() -> int:
    prepare_for_tests()
    with postgres() as database, redis() as broker:
        print(f"on {database.split('@')[-1]} and {broker}", flush=True)
        code = subprocess.call(sys.argv[1:], env={**os.environ, "DATABASE_URL": database, "REDIS_URL": broker})
        if code:
            print("What PostgreSQL took long for, or waited for:", *slow_statements(), sep="\n", flush=True)
        return code


if __name__ == "__main__":
    sys.exit(main())
