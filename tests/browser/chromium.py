"""Find the browser that the tests drive; install one where there is none.

``python -m tests.browser.chromium`` prints its path. Order: the environment
variable CHROMIUM, Chromium or Chrome on the PATH, Playwright's own, then an
install: the Debian package where apt and the rights for it are there, else
Playwright's download.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = ("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
       "/Applications/Chromium.app/Contents/MacOS/Chromium")  # fmt: skip
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find(playwright=None) -> str | None:
    """Path of an installed browser, or None; `playwright` is a started Playwright, if there is one."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    for path in (*MAC, _own(playwright)):
        if path and Path(path).exists():
            return path
    return None


def _own(playwright) -> str:
    """Where Playwright keeps its own browser."""
    from playwright.sync_api import sync_playwright

    if playwright is not None:
        return playwright.chromium.executable_path
    with sync_playwright() as started:
        return started.chromium.executable_path


def install() -> str | None:
    """Install a browser and return its path, or None where that fails."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if shutil.which("apt-get") and root:
        print("Installing Debian's chromium", flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            if subprocess.run(command, env=environment, check=False).returncode:
                break
    if not find():
        print("Installing Playwright's Chromium", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    return find()


def main() -> int:
    path = find() or install()
    if path is None:
        print("No Chromium or Chrome could be found or installed; set CHROMIUM=/path/to/one.", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    print(f"Browser tests use {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
