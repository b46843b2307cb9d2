"""What the desk's first load costs over the wire, and what Lighthouse says of three pages on a phone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

from tests.chromium import find_chromium
from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
LIGHTHOUSE = ROOT / ".venv" / "lighthouse"


@contextmanager
def demo_desk() -> Iterator[tuple[str, str]]:
    """A demo desk of its own as a process: its address, and the password of the demo."""
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as folder:
        port = free_port()
        env = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
        env |= {"SOCIALDESK_DATA": folder, "DEMO": "1"}
        command = [sys.executable, "manage.py", "desk", "--port", str(port)]
        with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as desk:
            try:
                base = f"http://127.0.0.1:{port}"
                _wait(base)
                time.sleep(5)  # the opening backlog comes in
                yield base, (Path(folder) / "demo_password").read_text().strip()
            finally:
                desk.terminate()


def _wait(base: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{base}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise RuntimeError("the desk did not start")


def sign_in(page: Page, base: str, password: str, *, user: str = "agent") -> None:
    page.goto(f"{base}/sign-in/")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", password)
    page.click("main button[type=submit]")
    page.wait_for_url(f"{base}/")


def first_load(base: str, password: str) -> dict[str, Any]:
    """Bytes over the wire and requests of the desk's first load with an empty cache, the websocket counted as one request."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        sign_in(page, base, password)
        cookies = page.context.cookies()
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_cookies(cookies)  # type: ignore[arg-type]  # what one call gives, the other takes
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        loaded: dict[str, dict[str, Any]] = {}
        sockets: list[str] = []

        def note_request(event: dict[str, Any]) -> None:
            loaded.setdefault(event["requestId"], {"url": event["request"]["url"], "bytes": 0})

        def note_end(event: dict[str, Any]) -> None:
            loaded[event["requestId"]]["bytes"] = event["encodedDataLength"]

        def note_socket(event: dict[str, Any]) -> None:
            sockets.append(event["url"])

        session.on("Network.requestWillBeSent", note_request)
        session.on("Network.loadingFinished", note_end)
        session.on("Network.webSocketCreated", note_socket)
        page.goto(f"{base}/")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1500)
        browser.close()
    requests = [entry for entry in loaded.values() if not entry["url"].startswith("data:")]
    rows = sorted(((entry["url"].removeprefix(base), int(entry["bytes"])) for entry in requests), key=lambda row: -row[1])
    return {
        "bytes": sum(size for _, size in rows),
        "requests": len(rows) + len(sockets),
        "goal_bytes": 150_000,
        "goal_requests": 12,
        "each": rows,
    }


def lighthouse(base: str, password: str) -> dict[str, Any]:
    """Lighthouse's categories, phone preset, for the sign-in page, the desk and a profile."""
    program = _lighthouse()
    if program is None:
        return {"error": "Lighthouse could not be had: npm is missing or its registry was not reached"}
    with httpx.Client(base_url=base) as client:
        client.get("/sign-in/")
        answer = client.post(
            "/sign-in/",
            data={"username": "agent", "password": password, "csrfmiddlewaretoken": client.cookies["csrftoken"]},
            headers={"Referer": f"{base}/sign-in/"},
        )
        assert answer.status_code == 302, answer.status_code
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        desk = client.get("/api/profiles/").json()["results"]
    pages = {"sign-in": "/sign-in/", "desk": "/", "profile": f"/profiles/{desk[0]['id']}/"}
    return {name: _audit(program, base + path, cookie if name != "sign-in" else "") for name, path in pages.items()}


def _lighthouse() -> str | None:
    program = LIGHTHOUSE / "node_modules" / ".bin" / "lighthouse"
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            return None
        LIGHTHOUSE.mkdir(parents=True, exist_ok=True)
        subprocess.run([npm, "install", "--silent", "--prefix", str(LIGHTHOUSE), "lighthouse"], check=False, capture_output=True)
    return str(program) if program.exists() else None


def _audit(program: str, url: str, cookie: str) -> dict[str, Any]:
    command = [program, url, "--output=json", "--quiet", f"--chrome-flags=--headless=new {' '.join(FLAGS)}"]
    command.append("--only-categories=performance,accessibility,best-practices")
    if cookie:
        command.append(f"--extra-headers={json.dumps({'Cookie': cookie})}")
    done = subprocess.run(command, env={**os.environ, "CHROME_PATH": find_chromium() or ""}, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr[-500:]}
    report = json.loads(done.stdout)
    scores = {name: round(category["score"] * 100) for name, category in report["categories"].items()}
    failed = [
        audit["id"]
        for name in ("accessibility", "best-practices")
        for reference in report["categories"][name]["auditRefs"]
        if reference["weight"] and (audit := report["audits"][reference["id"]])["score"] not in (None, 1)
    ]
    measured = {
        key: round(report["audits"][key]["numericValue"], 3)
        for key in ("largest-contentful-paint", "total-blocking-time", "cumulative-layout-shift")
    }
    return {**scores, "failed": failed, **measured}
