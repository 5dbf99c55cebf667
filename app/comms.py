"""In JupyterLab a control's first message may overtake the opening of its channel: here it waits for it.

Since JupyterLab 4.4 and ipykernel 7 a page's messages run in a thread of their own (a subshell), but the message
that opens their channel stands in the queue of the cells. While cells still run, the kernel therefore receives
messages on channels that it does not know yet, and drops them: a slider moves and nothing follows.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

PATIENCE = 60.0  # seconds: cells may run that long before the channel is opened
_STEP = 0.01


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
