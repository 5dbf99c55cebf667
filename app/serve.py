"""``python -m tpapp.serve``: `panel serve app` on the first free port, and a browser where there is one."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
import time
import webbrowser
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

APP = Path(__file__).resolve().parent
TRIES = 50
MESSAGE_CAP = 12 * 2**20
SESSION_MS = 60_000


def free(port: int) -> bool:
    """Whether nothing listens on `port` of this machine."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(0.5)
                if probe.connect_ex((host, port)) == 0:
                    return False
        except OSError:
            continue
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def first_free(port: int) -> int:
    """`port`, or the next one that is free; says so."""
    for candidate in range(port, min(port + TRIES, 65536)):
        if free(candidate):
            if candidate != port:
                print(f"Port {port} is in use; taking {candidate}.", flush=True)
            return candidate
    raise SystemExit(f"No free port from {port} to {port + TRIES - 1}; choose one with PORT=.")


def _open_when_up(url: str) -> None:
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    for _ in range(240):
        try:
            urlopen(url, timeout=2).close()
        except (URLError, OSError):
            time.sleep(0.5)
        else:
            browser.open(url)
            return


def command(port: int, origins: list[str]) -> list[str]:
    """The arguments of `panel serve` that this project is served with."""
    hosts = origins or [f"localhost:{port}", f"127.0.0.1:{port}"]
    options = [f"--allow-websocket-origin={host}" for host in hosts]
    return [
        "serve",
        str(APP),
        f"--port={port}",
        "--warm",
        f"--websocket-max-message-size={MESSAGE_CAP}",
        f"--unused-session-lifetime={SESSION_MS}",
        "--log-level=warning",
        *options,
    ]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=5006)
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    hosts = "host:port that may connect (default: this machine)"
    parser.add_argument("--origin", action="append", default=[], help=hosts)
    arguments = parser.parse_args(argv)
    port = first_free(arguments.port)
    url = f"http://localhost:{port}/app"
    print(f"The explorer starts at {url}  (Ctrl-C ends it)", flush=True)
    headless = sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not (arguments.no_browser or headless):
        threading.Thread(target=_open_when_up, args=(url,), daemon=True).start()
    from panel.command import main as panel

    sys.argv = ["panel", *command(port, arguments.origin)]
    panel()


if __name__ == "__main__":
    main()
