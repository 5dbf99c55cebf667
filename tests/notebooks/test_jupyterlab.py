"""The labs are live inside JupyterLab and ask no other host: a control moves, Python computes, figures change."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import Request, urlopen

import nbformat
import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from tests.browser.drive import Visit
from tests.conftest import missing
from tests.notebooks.conftest import NOTEBOOKS

pytestmark = pytest.mark.browser
LECTURE = "02_semicircle"  # as it stands; the others' cells are executed elsewhere, and their labs stand here alone
WIDTH = "96"
SHOWN = f">{WIDTH}<"
# What is typed into each lab's dial, and what its numbers then hold; the lecture has the Matrices lab.
LABS = {"ProgramsLab": (WIDTH, SHOWN), "KernelsLab": (WIDTH, SHOWN),
        "AveragesLab": (WIDTH, SHOWN), "JacobiansLab": (WIDTH, ""), "TrainingLab": (WIDTH, f"n = {WIDTH}"),
        "PhasesLab": ("0.25", "")}
LONG = ("ProgramsLab", "AveragesLab", "JacobiansLab", "TrainingLab", "PhasesLab")  # driven by `make verify`
ALONE = ("import panel as pn\n\npn.extension('mathjax', inline=True)", "from tpapp import {lab}\n\n{lab}()")
PATIENCE = 90_000  # ms, for a busy computer
# What the figures hold: every number that Python sent to a Bokeh column data source.
DATA = """() => Bokeh.documents.flatMap(d => [...d._all_models.values()])
  .filter(m => m.type === "ColumnDataSource")
  .map(m => JSON.stringify([...Object.values(m.data ?? {})].map(column => Array.from(column).slice(0, 50))))
  .sort().join("|")"""
# The numbers table beside them, as HTML.
NUMBERS = """() => Bokeh.documents.flatMap(d => [...d._all_models.values()]).map(m => m.text)
  .filter(text => typeof text === "string")
  .map(text => new DOMParser().parseFromString(text, "text/html").documentElement.textContent)
  .filter(text => text.includes("tp-numbers"))"""
# What is being computed: the line at the right of the dial.
STATUS = """() => Bokeh.documents.flatMap(d => [...d._all_models.values()]).map(m => m.text)
  .filter(text => typeof text === "string")
  .map(text => new DOMParser().parseFromString(text, "text/html").documentElement.textContent)
  .filter(text => text.includes('role="status"'))"""
# How each page's channel to Python stands.
CHANNELS = """() => Bokeh.documents.flatMap(d => [...d._all_models.values()])
  .filter(m => m.type === "panel.models.comm_manager.CommManager")
  .map(m => ({waiting: m._event_buffer.length, blocked: m._blocked, since: m._timeout - Date.now(),
              reconnect: m._reconnect, connected: m._client_comm?.connected, attached: m.document !== null,
              values: m.document && [...m.document._all_models.values()].filter(w => w.type === "TextInput" ||
                w.type?.endsWith("TextInput")).map(w => [w.id, w.value, w.value_input])}))"""
COLOUR = b'"attr":"fill_color"'  # only Python changes a figure's colours


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """The address of a JupyterLab with copies of the lectures and no settings of anybody's."""
    if importlib.util.find_spec("jupyterlab") is None:
        missing("the extra `lab` is not installed")
    home = tmp_path_factory.mktemp("jupyter")
    shutil.copytree(NOTEBOOKS, home / "work", ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for lab in LABS:
        cells = [nbformat.v4.new_code_cell(text.format(lab=lab)) for text in ALONE]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), home / "work" / f"{lab}.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = {**os.environ, **{name: str(home / name.lower()) for name in folders}, "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--port={port}", "--ServerApp.disable_check_xsrf=True",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password=",
        f"--notebook-dir={home / 'work'}",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _answers(f"http://127.0.0.1:{port}", server, home / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()  # it ends its kernels
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _answers(url, server, log) -> None:
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        if server.poll() is not None:
            pytest.fail("JupyterLab ended:\n" + log.read_text()[-3000:])
        try:
            urlopen(f"{url}/api/status", timeout=30).close()
            return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"nothing answers at {url}")


def end_kernels(url: str) -> None:
    """A kernel whose page is gone would go on computing beside the next test."""
    with urlopen(f"{url}/api/kernels", timeout=30) as answer:
        kernels = json.load(answer)
    for kernel in kernels:
        urlopen(Request(f"{url}/api/kernels/{kernel['id']}", method="DELETE"), timeout=30).close()


CELLS = """() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')].map(cell => [
  cell.querySelector('.jp-InputPrompt')?.textContent,
  cell.querySelector('.jp-Cell-outputArea')?.innerHTML.slice(0, 600)])"""


def drive(visit: Visit, url: str, notebook: str, typed: str, shown: str) -> dict:
    """Run a notebook in a browser, then type into the dial of its lab; what was seen."""
    page = visit.page
    page.set_default_timeout(PATIENCE)
    sent: list[str | bytes] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    # JupyterLab's own questions (about its kernel, its workspace) are answered as it proposes.
    page.add_locator_handler(page.locator(".jp-Dialog .jp-mod-accept"), lambda accept: accept.click())
    page.on("dialog", lambda dialog: dialog.accept())  # to leave a page that is not saved
    width = page.locator(".tp-value input")
    address = f"{url}/lab/tree/{notebook}.ipynb?reset"
    if (missed := _missed(page, address, width)) and (again := _missed(page, address, width)):
        raise AssertionError(f"the lab has not appeared; cells, dialogs: {missed}, and opened again: {again}")
    width.first.scroll_into_view_if_needed()
    page.locator(".jp-Notebook canvas >> visible=true").first.wait_for()
    page.wait_for_function(f"() => ({NUMBERS})().length > 0")
    page.wait_for_function(f"() => ({STATUS})().length > 0 && !({STATUS})().some(text => text.includes('% done'))")
    before = page.evaluate(DATA), page.evaluate(NUMBERS)
    _type(page, width.first, typed, shown, before)
    return {
        "errors": page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts(),
        "echoes": sum(COLOUR in (frame.encode() if isinstance(frame, str) else frame) for frame in sent),
    }


def _run_all(page) -> None:
    """Run all cells, again if none begins: JupyterLab does nothing before it is ready."""
    begun = page.locator(".jp-InputPrompt").filter(has_text=re.compile(r"\[(\*|\d+)\]"))
    for patience in (10_000, 20_000, PATIENCE):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        try:
            begun.first.wait_for(timeout=patience)
            return
        except PlaywrightTimeout:
            continue
    raise AssertionError("no cell has begun")


def _type(page, dial, typed: str, shown: str, before) -> None:
    """Type into the dial; the figures and the numbers follow, the numbers with what is `shown`, also on a busy page."""
    data, numbers = before
    dial.fill(typed)
    dial.press("Enter")
    follow = f"([old, shown]) => {{ const now = ({NUMBERS})(); return JSON.stringify(now) !== JSON.stringify(old)" \
             " && now.some(text => text.includes(shown)) }"
    try:
        page.wait_for_function(follow, arg=[numbers, shown])
        page.wait_for_function(f"old => ({DATA})() !== old", arg=data)
    except PlaywrightTimeout:
        seen = dial.input_value(), page.evaluate(NUMBERS), page.evaluate(CHANNELS)
        raise AssertionError(f"the lab does not follow its dial; dial, numbers, channels: {seen}") from None


def _missed(page, address: str, target) -> tuple:
    """Open a notebook, run it, go to the end until `target` is there (JupyterLab draws the outputs that are in view).

    Nothing where it came; else what stands there.
    """
    page.goto(address)
    page.locator(".jp-Notebook .jp-Cell").first.click()
    _run_all(page)
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        if target.count() and target.first.is_visible():
            return ()
        page.evaluate("document.querySelectorAll('.jp-WindowedPanel-outer').forEach(e => e.scrollTop += 700)")
        page.wait_for_timeout(150)
    return page.evaluate(CELLS), [dialog.inner_text() for dialog in page.locator(".jp-Dialog").all()]


def _cases():
    """The lecture and the labs; some of these with the long ladders, to keep `make test` short."""
    yield LECTURE, WIDTH, SHOWN
    for lab, (typed, shown) in LABS.items():
        yield pytest.param(lab, typed, shown, marks=[pytest.mark.verify] if lab in LONG else [])


@pytest.mark.parametrize(("notebook", "typed", "shown"), [*_cases()])
def test_the_lab_is_live_without_internet(jupyter, browser, notebook, typed, shown):
    visit = Visit(browser)
    try:
        seen = drive(visit, jupyter, notebook, typed, shown)
    finally:
        visit.close()
        end_kernels(jupyter)
    assert visit.foreign == [], "requests that leave this machine"
    assert visit.complaints == [], "complaints of the page"
    assert seen["errors"] == []
    assert seen["echoes"] == 0, "the page told Python what Python had told it"
