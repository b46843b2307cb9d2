"""Finds the machine's Chromium for the browser tests, and installs Debian's where that can be done: `python -m tests.chromium`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

HOW = "Browser tests need Chromium: as root, apt-get install chromium (or have `chromium` or `google-chrome` on the PATH)."


def find_chromium() -> str | None:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    return None


def main() -> int:
    if find_chromium():
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Debian's chromium for the browser tests ...", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium", "fonts-noto-core"]):
            subprocess.call(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    if find_chromium():
        return 0
    print(HOW, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
