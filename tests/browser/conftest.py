"""A served app and a browser that may only talk to it; whatever the console or the page complains of fails the test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlparse
from urllib.request import urlopen

import pytest

from tests.browser import chromium

ROOT = Path(__file__).resolve().parent.parent.parent
LOCAL = ("127.0.0.1", "localhost", "::1", None)
SECONDS = 90


def missing(what: str) -> None:
    """Something the browser tests need is not there: a failure under CI, else a skip."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@contextmanager
def served(folder: Path):
    """``panel serve folder`` on a free port; yields the app's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "panel", "serve", str(folder), f"--port={port}", "--warm", "--log-level=warning"]
    command.append(f"--allow-websocket-origin=127.0.0.1:{port}")
    url = f"http://127.0.0.1:{port}/{folder.name}"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    server = subprocess.Popen(command, env=environment, cwd=ROOT, **pipes)
    try:
        _wait(url, server)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait(url: str, server: subprocess.Popen) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail("the server ended:\n" + server.stdout.read()[-3000:])
        try:
            urlopen(url, timeout=30).close()
            return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"nothing answers at {url} after {SECONDS} s")


@pytest.fixture(scope="session")
def app_url():
    """The address of the real app."""
    with served(ROOT / "app") as url:
        yield url


@pytest.fixture(scope="session")
def frame_url():
    """The address of the two example labs of tests/app/example.py."""
    with served(ROOT / "tests" / "browser" / "frame_app") as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    """An installed Chromium or Chrome."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # chromium.find starts a Playwright of its own for the last place it looks in; ask the running one instead.
        path = next(filter(None, (os.environ.get("CHROMIUM"), *map(chromium.shutil.which, chromium.NAMES))), None)
        own = playwright.chromium.executable_path
        path = path or next((p for p in (*chromium.MAC, own) if Path(p).exists()), None)
        if path is None:
            missing("no Chromium or Chrome is installed; python -m tests.browser.chromium installs one")
        launched = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        yield launched
        launched.close()


class Visit:
    """A page of the browser, gated to this machine; `complaints` collects what must stay empty."""

    def __init__(self, browser, **options):
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        options = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"} | options
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.route("**/*", self._gate)

    def _gate(self, route) -> None:
        if urlparse(route.request.url).hostname in LOCAL:
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def open(self, url: str) -> None:
        """Go there and wait until the lab is drawn and its wire to Python is up."""
        self.page.goto(url)
        self.page.wait_for_selector("canvas", timeout=60_000)
        self.page.wait_for_function("Bokeh.documents.length > 0 && Bokeh.documents[0].is_idle", timeout=60_000)
        self.page.wait_for_function("document.documentElement.dataset.wired === '1'", timeout=60_000)

    def see(self, selector: str):
        """The first visible element (labs seen before stay in the document, hidden)."""
        return self.page.locator(f"{selector} >> visible=true").first

    def button(self, name: str):
        """The visible button of that name."""
        return self.page.get_by_role("button", name=name, exact=True).first

    def until(self, expression: str, argument=None, timeout: int = 20_000) -> None:
        """Wait until a JavaScript expression holds."""
        self.page.wait_for_function(expression, arg=argument, timeout=timeout)

    def address(self, part: str) -> None:
        """Wait until the address bar holds `part`."""
        self.until("part => decodeURIComponent(location.search).includes(part)", part)

    def width(self, text: str) -> None:
        """Wait until the visible dial shows the width `text`."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if self.see(".tp-value input").input_value() == text:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"the dial shows {self.see('.tp-value input').input_value()!r}, not {text!r}")

    def shot(self, name: str) -> None:
        """A picture in tests/browser/shots (ignored by git), to look at."""
        folder = ROOT / "tests" / "browser" / "shots"
        folder.mkdir(exist_ok=True)
        self.page.screenshot(path=str(folder / f"{name}.png"))

    def end(self) -> None:
        self.context.close()
        assert not self.foreign, f"requests that leave this machine: {self.foreign}"
        assert not self.complaints, f"complaints of the page: {self.complaints}"


@pytest.fixture
def visit(browser):
    """``visit(url, **context options) -> Visit``; at the end no complaint may have come."""
    visits: list[Visit] = []

    def start(url: str, **options) -> Visit:
        made = Visit(browser, **options)
        visits.append(made)
        made.open(url)
        return made

    yield start
    for made in visits:
        made.end()


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """The source of axe-core, fetched by npm into a temporary folder."""
    import shutil
    import tarfile

    folder = tmp_path_factory.mktemp("axe")
    if shutil.which("npm") is None:
        missing("npm is not installed, axe-core cannot be fetched")
    command = ["npm", "pack", "axe-core@4", "--silent"]
    fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    archive = next(folder.glob("axe-core-*.tgz"), None)
    if archive is None:
        missing(f"axe-core could not be fetched by npm: {fetched.stderr.strip()[-300:]}")
    with tarfile.open(archive) as tar:
        return tar.extractfile("package/axe.min.js").read().decode()


def findings(visit: Visit, axe: str) -> list[str]:
    """What axe-core calls serious or critical on the page as it stands, shadow roots included."""
    visit.page.evaluate(axe)
    result = visit.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{rule['id']}: {node['target']} {node['failureSummary'][:300]}"
            for rule in result["violations"] if rule["impact"] in ("serious", "critical") for node in rule["nodes"]]
