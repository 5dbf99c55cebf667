"""Notebooks: what a visitor does reaches Python, whatever else is on the way.

*Messages on another thread, or too early.* Since JupyterLab 4.4 and ipykernel 7 a page's messages run in a thread of
their own (a subshell). A page is not made for two threads: a callback that it schedules from the other one is not
noticed by the loop of the kernel, which sleeps, and a slider moves while the words stay. And the message that opens
the channel stands in the queue of the cells: while cells still run, the kernel receives messages on channels that it
does not know yet, and drops them. `install` makes such messages wait, and run where the page runs.

*Changes that come too early.* What Python changes before the browser has drawn the page is lost on the way; with "Run
All" that may be minutes, since JupyterLab draws what is in view. `Shown` tells when the page is there.

*Echoes.* In a notebook Panel's page sends every change that Python made back to Python, up to 80 KB a move. Among
them are values that Bokeh refuses (an area's colour), and with them it refuses whatever the visitor did in the same
moment. `quiet` keeps the page from repeating what it was told.

*Stylesheets one by one.* In a notebook Panel writes the stylesheets of its own into every widget, and Bokeh looks at
the whole page anew after each: ten seconds for a large one. A page whose root is a `Root` is looked at once.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable

import panel as pn
from bokeh.models import UIElement
from panel.io.notebook import patch_inline_stylesheets
from pyviz_comms import CommManager

PATIENCE = 60.0  # seconds: cells may run that long before the channel is opened
_STEP = 0.01
_SCRIPT = '<script type="application/javascript">'
# Before the page is drawn, or while its libraries are still loading; changes that Python sent are not `sync`.
_QUIET = """
(function quiet() {
  const manager = window.Bokeh?.Models?._known_models?.get("panel.models.comm_manager.CommManager")?.prototype;
  if (manager === undefined) setTimeout(quiet, 5);
  else if (manager._tp_sends === undefined) {
    manager._tp_sends = manager._document_changed;
    manager._document_changed = function (event) { if (event.sync !== false) this._tp_sends(event); };
  }
})();
"""


def patient(handle: Callable, known: Callable[[str], bool], elsewhere: Callable[[str], bool] = lambda comm_id: False,
            patience: float = PATIENCE) -> Callable:
    """The kernel's handler of messages, on this loop, and waiting until the message's channel is known.

    To be made on the thread and the running loop that pages live on: the main thread of the kernel, in a cell.

    Parameters
    ----------
    handle : callable
        ``handle(stream, ident, msg)``; called exactly once for each message, in the order in which they came on its
        channel.
    known : callable
        ``known(comm_id)``: whether that channel is open.
    elsewhere : callable
        ``elsewhere(comm_id)``: whether a known channel is nobody's page, so that its messages run where they came.
    patience : float
        Seconds after which the message is handed on all the same. Messages of the main thread never wait: the one
        that opens their channel comes through the same queue, before them.

    Returns
    -------
    callable
        Called on another thread, it returns a future of that thread's loop: done when the message has been handled.
    """
    loop, home = asyncio.get_running_loop(), threading.current_thread()
    turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def arrive(stream, ident, msg):
        comm_id, end = msg["content"]["comm_id"], time.monotonic() + patience
        async with turns[comm_id]:
            while not known(comm_id) and time.monotonic() < end:
                await asyncio.sleep(_STEP)
            handle(stream, ident, msg)

    def wait(stream, ident, msg):
        comm_id = msg["content"]["comm_id"]
        if threading.current_thread() is home or known(comm_id) and elsewhere(comm_id):
            return handle(stream, ident, msg)
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(arrive(stream, ident, msg), loop))

    wait.handle = handle
    return wait


def kernel():
    """The notebook kernel that this process is, or None."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None)


class Shown:
    """Calls back once the browser has drawn a page in a notebook: its figures then tell their sizes.

    Parameters
    ----------
    figures : list of bokeh figures
        Those that are drawn first; without any, everything is called at once.
    """

    def __init__(self, figures: list):
        self._waiting: list[Callable[[], None]] = []
        self._there = not figures
        for figure in figures:
            figure.on_change("inner_width", self._seen)

    def __call__(self, callback: Callable[[], None]) -> None:
        if self._there:
            callback()
        else:
            self._waiting.append(callback)

    def _seen(self, attr, old, new) -> None:
        self._there = True
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()


def install() -> None:
    """Make this process's kernel patient, once; nothing where there is no kernel."""
    found = kernel()
    handlers, manager = getattr(found, "shell_handlers", {}), getattr(found, "comm_manager", None)
    handle = handlers.get("comm_msg")
    if manager is not None and handle is not None and not hasattr(handle, "handle") and _running():
        handlers["comm_msg"] = patient(
            handle, manager.comms.__contains__, lambda comm_id: not _of_a_page(manager.comms.get(comm_id)))


def _running() -> bool:
    return asyncio._get_running_loop() is not None and threading.current_thread() is threading.main_thread()


def _of_a_page(comm) -> bool:
    """Whether a channel is one of Panel's; others (widgets of other libraries) keep their thread."""
    return getattr(comm, "target_name", None) in CommManager._comms


def quiet(shown: tuple[dict, dict] | None) -> tuple[dict, dict]:
    """What a notebook shows of a page, such that the page sends Python only what Python did not say."""
    if shown is None:  # without pn.extension(): Panel has said so
        return {}, {}
    bundle, about = shown
    html = bundle.get("text/html", "")
    return {**bundle, **({"text/html": html.replace(_SCRIPT, _SCRIPT + _QUIET, 1)} if html else {})}, about


class Root(pn.Column):
    """A column, displayed as a page: stylesheets are written into it before it stands in a document."""

    def _preprocess(self, root, *of):
        if root.document is None and pn.config.inline:
            for model in root.select({"type": UIElement}):
                patch_inline_stylesheets(model)
        super()._preprocess(root, *of)
