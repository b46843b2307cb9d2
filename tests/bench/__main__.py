"""`make bench`: every figure that the README names, as a table and as bench.json. Ratios are taken within one run."""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.servers import postgres

ROOT = Path(__file__).resolve().parent.parent.parent
POSTS = ROOT.parent / "shared" / "data" / "airline_dev.csv"


def in_process_of_its_own(code: str, **environment: str) -> dict[str, Any]:
    """Run `code`, which prints one JSON object last, under settings of its own."""
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        env = {**os.environ, "SOCIALDESK_DATA": folder, "DJANGO_SETTINGS_MODULE": "socialdesk.settings", **environment}
        program = f"import django, json, sys\ndjango.setup()\n{code}"
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr[-2000:]}
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def bench_query() -> dict[str, Any]:
    from tests.bench.query import bench

    return dict(bench())


def bench_sentiment() -> dict[str, Any]:
    return in_process_of_its_own("from tests.bench.sentiment import bench\nprint(json.dumps(bench()))")


def bench_guards() -> dict[str, Any]:
    return in_process_of_its_own("from tests.bench.guards import bench\nprint(json.dumps(bench()))")


def bench_intake() -> dict[str, Any]:
    posts = POSTS if POSTS.exists() else _made_up_posts()
    code = f"""
from pathlib import Path
from django.core.management import call_command
from tests.bench.intake import bench
call_command("migrate", verbosity=0)
print(json.dumps(bench(Path({str(posts)!r}))))
"""
    with postgres() as url:
        return {"posts": posts.name, **in_process_of_its_own(code, DATABASE_URL=url)}


def _made_up_posts() -> Path:
    """The demo's posts in the shape of the real file, many times over, where the real one is not at hand."""
    path = Path(tempfile.mkdtemp()) / "made_up.csv"
    lines = [json.loads(line) for line in (ROOT / "fixtures" / "demo" / "posts.jsonl").read_text().splitlines()]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["tweet_id", "name", "text"])
        for turn in range(20):
            writer.writerows([f"{turn}-{line['id']}", f"{line['author']}{turn}", line["text"]] for line in lines if line["text"])
    return path


def bench_feed() -> dict[str, Any]:
    return _on_two_databases("tests.bench.feed")


def _on_two_databases(module: str) -> dict[str, Any]:
    with postgres() as small, postgres() as large:
        names = [urlsplit(url).path.lstrip("/") for url in (small, large)]
        code = f"""
from django.conf import settings
from {module} import bench
settings.ALLOWED_HOSTS = ["*"]
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
print(json.dumps(bench({names[0]!r}, {names[1]!r})))
"""
        return in_process_of_its_own(code, DATABASE_URL=small)


def bench_timeline() -> dict[str, Any]:
    return _on_two_databases("tests.bench.timeline")


def bench_people() -> dict[str, Any]:
    return _on_two_databases("tests.bench.people")


def bench_deliveries() -> dict[str, Any]:
    return in_process_of_its_own(
        'from django.core.management import call_command\ncall_command("migrate", verbosity=0)\n'
        "from tests.bench.delivery import bench\nprint(json.dumps(bench()))"
    )


def bench_links() -> dict[str, Any]:
    code = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.bench.links import bench
print(json.dumps(bench()))
"""
    with postgres() as url:
        return in_process_of_its_own(code, DATABASE_URL=url)


def bench_live() -> dict[str, Any]:
    code = 'from tests.bench.live import deliveries, publishes\nprint(json.dumps({**deliveries(), "publish to Redis": publishes()}))'
    return in_process_of_its_own(code)


def bench_stream() -> dict[str, Any]:
    return in_process_of_its_own("from tests.bench.live import stream\nprint(json.dumps(stream()))")


def bench_pages() -> dict[str, Any]:
    from tests.bench import pages

    with pages.demo_desk() as (base, password):
        return {"first load": pages.first_load(base, password), "lighthouse": pages.lighthouse(base, password)}


BENCHES: dict[str, Callable[[], dict[str, Any]]] = {
    "topics": bench_query,
    "sentiment": bench_sentiment,
    "guards": bench_guards,
    "intake": bench_intake,
    "deliveries": bench_deliveries,
    "links": bench_links,
    "hub": bench_live,
    "stream": bench_stream,
    "pages": bench_pages,
    "feed": bench_feed,
    "timeline": bench_timeline,
    "people": bench_people,
}


def rows(result: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """A nested result as lines of a table."""
    lines: list[tuple[str, Any]] = []
    for name, value in result.items():
        if isinstance(value, dict) and all(not isinstance(inner, dict | list) for inner in value.values()):
            lines.append((before + name, "  ".join(f"{key} {inner}" for key, inner in value.items())))
        elif isinstance(value, dict):
            lines += rows(value, f"{before}{name} / ")
        else:
            lines.append((before + name, value))
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure. Without names, everything.")
    parser.add_argument("names", nargs="*", choices=[[], *BENCHES], help=", ".join(BENCHES))
    chosen = parser.parse_args().names or list(BENCHES)
    results: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "cores": os.cpu_count()}
    failed = False
    for name in chosen:
        started = time.monotonic()
        print(f"\n{name} ...", flush=True)
        results[name] = BENCHES[name]()
        failed |= "error" in results[name]
        for label, value in rows(results[name]):
            print(f"  {label:<34} {value}")
        print(f"  ({time.monotonic() - started:.0f} s)", flush=True)
    (ROOT / "bench.json").write_text(json.dumps(results, indent=2) + "\n")
    print("\nwritten to bench.json")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
