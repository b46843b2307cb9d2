"""Finds the machine's Chromium for the browser tests, and installs Debian's where that can be done: `python -m tests.chromium`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

HOW = "Browser tests need Chromium: as root, apt-get install chromium-headless-shell (or have `chromium` or `google-chrome` on the PATH)."
# The shell first: the same browser without a window around each page, which costs more than most of our pages do.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def main() -> int:
    if find_chromium():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _install("chromium-headless-shell") or _install("chromium")
    if find_chromium():
        return 0
    print(HOW, file=sys.stderr)
    return 1


def _install(package: str) -> bool:
    print(f"Installing Debian's {package} for the browser tests ...", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", package, "fonts-noto-core"]):
        subprocess.call(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    return find_chromium() is not None


if __name__ == "__main__":
    sys.exit(main())
