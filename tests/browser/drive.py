"""Drive the app in a browser: a server of it, a page that may only talk to this machine, what axe-core finds there.

Limits of time are long, for computers that do other things too; a wait ends when what it waits for is there.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlparse
from urllib.request import urlopen

from tests.browser import chromium

ROOT = Path(__file__).resolve().parent.parent.parent
LOCAL = ("127.0.0.1", "localhost", "::1", None)
SECONDS = 90
PATIENCE = 60_000  # ms that a page may take for anything
# No name but this machine's is found, whatever asks for it; unlike a route, this leaves the browser its cache.
FLAGS = [*chromium.FLAGS, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"]
VIEW = {"width": 1440, "height": 900}


@dataclass(frozen=True)
class Server:
    """A running ``panel serve``: its app's address, its process, and the file it writes its words to."""

    url: str
    process: subprocess.Popen
    log: Path

    def peak_bytes(self) -> int:
        """The largest resident memory that the process has had (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@contextmanager
def served(folder: Path):
    """``panel serve folder`` on a free port; yields its `Server`.

    Fails at the end if the server told of an exception in the project's own code.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "panel", "serve", str(folder), f"--port={port}", "--warm", "--log-level=warning"]
    command.append(f"--allow-websocket-origin=127.0.0.1:{port}")
    url = f"http://127.0.0.1:{port}/{folder.name}"
    with tempfile.TemporaryDirectory() as scratch, open(log := Path(scratch) / "log", "w") as words:
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=words, stderr=subprocess.STDOUT)
        try:
            _wait(url, server, log)
            yield Server(url, server, log)
        finally:
            said = log.read_text(errors="replace")  # before it ends: what runs then may complain
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
    ours = [line for line in said.splitlines() if f'File "{ROOT}' in line and "site-packages" not in line]
    assert not ours, f"the server at {url} told of an exception:\n{said[-6000:]}"


def _wait(url: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError("the server ended:\n" + log.read_text(errors="replace")[-3000:])
        try:
            urlopen(url, timeout=30).close()
            return
        except (URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError(f"nothing answers at {url} after {SECONDS} s")


@contextmanager
def playing():
    """Playwright and the path of an installed Chromium or Chrome; None where there is none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = chromium.find(playwright)
        yield None if path is None else (playwright, path)


@contextmanager
def launched():
    """An installed Chromium or Chrome, headless, in which every visit is a new visitor's; None where there is none."""
    with playing() as found:
        if found is None:
            yield None
            return
        playwright, path = found
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def profile():
    """The same with a profile that all visits share: scripts stay in its cache, compiled; what pages store does not."""
    with playing() as found, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if found is None:
            yield None
            return
        playwright, path = found
        context = playwright.chromium.launch_persistent_context(folder, executable_path=path, args=FLAGS, viewport=VIEW)
        yield context
        context.close()


class Visit:
    """A page of a browser (`launched`, `profile`), gated to this machine; `complaints` is what must stay empty."""

    def __init__(self, browser, *, viewport=None, color_scheme: str = "light", reduced_motion: str = "no-preference"):
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self._own = browser.new_context() if hasattr(browser, "new_context") else None
        self.page = (self._own or browser).new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.set_viewport_size(viewport or VIEW)
        self.page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        if self._own is None:
            self._forget()
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._gate(request.url))
        self.page.on("websocket", lambda wire: self._gate(wire.url))

    def _forget(self) -> None:
        """What earlier visits stored (a theme, cookies) is gone: a visit is a new visitor's."""
        wire = self.page.context.new_cdp_session(self.page)
        kinds = "cookies,local_storage,indexeddb,websql,file_systems,service_workers"
        wire.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": kinds})
        wire.detach()

    def _gate(self, url: str) -> None:
        if urlparse(url).hostname not in LOCAL:
            self.foreign.append(url)

    def open(self, url: str) -> None:
        """Go there and wait until the lab is drawn and its wire to Python is up."""
        self.page.goto(url)
        self.page.wait_for_selector("canvas >> visible=true")
        self.page.wait_for_selector(".tp-complete >> visible=true")
        self.page.wait_for_function("Bokeh.documents.length > 0 && Bokeh.documents[0].is_idle")
        self.page.wait_for_function("document.documentElement.dataset.wired === '1'")

    def see(self, selector: str):
        """The first visible element (labs seen before stay in the document, hidden)."""
        return self.page.locator(f"{selector} >> visible=true").first

    def button(self, name: str):
        """The visible button of that name."""
        return self.page.get_by_role("button", name=name, exact=True).first

    def code(self) -> str:
        """The page's code, shown; pressed again where the page moved under the hand."""
        from playwright.sync_api import TimeoutError as PlaywrightTimeout

        for _ in range(3):
            self.button("Show the code").click()
            try:
                self.see("pre").wait_for(timeout=10_000)
                break
            except PlaywrightTimeout:
                continue
        return self.see("pre").inner_text()

    def until(self, expression: str, argument=None, timeout: int = PATIENCE) -> None:
        """Wait until a JavaScript expression holds."""
        self.page.wait_for_function(expression, arg=argument, timeout=timeout)

    def address(self, part: str) -> None:
        """Wait until the address bar holds `part`."""
        self.until("part => decodeURIComponent(location.search).includes(part)", part)

    def width(self, text: str) -> None:
        """Wait until the visible dial shows the width `text`."""
        end = time.monotonic() + PATIENCE / 1000
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

    def close(self) -> None:
        """Leave, whatever the page complained of."""
        (self._own or self.page).close()

    def end(self) -> None:
        """Leave; no complaint may have come."""
        self.close()
        assert not self.foreign, f"requests that leave this machine: {sorted(set(self.foreign))}"
        assert not self.complaints, f"{len(self.complaints)} complaints of the page: {sorted(set(self.complaints))}"


def axe_source() -> str:
    """The source of axe-core, as a Python package carries it."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text()


def findings(visit: Visit) -> list[str]:
    """What axe-core calls serious or critical on the page once formulas are typeset, shadow roots included.

    What it finds must stay: a formula drawn this moment gets its name with the page's next look.
    """
    visit.page.locator("mjx-container svg[aria-label]").first.wait_for(state="attached")
    visit.page.locator("mjx-container svg[role=img]:not([aria-label])").first.wait_for(state="detached")
    visit.page.evaluate(axe_source())
    found = _violations(visit)
    if found:
        visit.page.wait_for_timeout(5000)
        found = _violations(visit)
    return found


def findings_in_both_themes(visit: Visit) -> list[str]:
    """`findings` of a light page, and of the same page dark."""
    visit.page.wait_for_timeout(1000)
    found = findings(visit)
    visit.page.locator("h1 >> visible=true").click()  # keys mean the page
    visit.page.keyboard.press("d")
    visit.until("document.documentElement.dataset.theme === 'dark'")
    visit.page.wait_for_timeout(1500)
    return found + findings(visit)


def _violations(visit: Visit) -> list[str]:
    result = visit.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{rule['id']}: {node['target']} {node['failureSummary'][:300]}"
            for rule in result["violations"] if rule["impact"] in ("serious", "critical") for node in rule["nodes"]]
