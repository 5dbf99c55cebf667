"""Notebooks: what a visitor does reaches Python, whatever else is on the way.

*Messages that come too early.* Since JupyterLab 4.4 and ipykernel 7 a page's messages run in a thread of their own (a
subshell), but the message that opens their channel stands in the queue of the cells. While cells still run, the
kernel therefore receives messages on channels that it does not know yet, and drops them: a slider moves and nothing
follows. `install` makes such messages wait.

*Echoes.* In a notebook Panel's page sends every change that Python made back to Python, up to 80 KB a move. Among
them are values that Bokeh refuses (an area's colour), and with them it refuses whatever the visitor did in the same
moment. `quiet` keeps the page from repeating what it was told.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

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


def patient(handle: Callable, known: Callable[[str], bool], patience: float = PATIENCE) -> Callable:
    """The kernel's handler of messages, waiting until the message's channel is known.

    Parameters
    ----------
    handle : callable
        ``handle(stream, ident, msg)``; called exactly once for each message, in the order in which they came.
    known : callable
        ``known(comm_id)``: whether that channel is open.
    patience : float
        Seconds after which the message is handed on all the same. Messages of the main thread never wait: the one
        that opens their channel comes through the same queue, before them.
    """

    def wait(stream, ident, msg):
        end = time.monotonic() + patience
        if threading.current_thread() is not threading.main_thread():
            while not known(msg["content"]["comm_id"]) and time.monotonic() < end:
                time.sleep(_STEP)
        return handle(stream, ident, msg)

    wait.handle = handle
    return wait


def install() -> None:
    """Make this process's kernel patient, once; nothing where there is no kernel."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    handlers, manager = getattr(kernel, "shell_handlers", {}), getattr(kernel, "comm_manager", None)
    handle = handlers.get("comm_msg")
    if manager is not None and handle is not None and not hasattr(handle, "handle"):
        handlers["comm_msg"] = patient(handle, lambda comm_id: comm_id in manager.comms)


def quiet(shown: tuple[dict, dict] | None) -> tuple[dict, dict]:
    """What a notebook shows of a page, such that the page sends Python only what Python did not say."""
    if shown is None:  # without pn.extension(): Panel has said so
        return {}, {}
    bundle, about = shown
    html = bundle.get("text/html", "")
    return {**bundle, **({"text/html": html.replace(_SCRIPT, _SCRIPT + _QUIET, 1)} if html else {})}, about
