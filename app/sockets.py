"""Messages to browsers leave at once.

A message is several small writes, and TCP by itself holds such a write back until the browser has acknowledged the one
before, which may take 40 ms (Nagle's algorithm meets delayed acknowledgements). Bokeh leaves it at that.
"""

from __future__ import annotations

from functools import wraps

from bokeh.server.views.ws import WSHandler


def send_at_once() -> None:
    """Every websocket that this process opens from now on sends without delay (TCP_NODELAY)."""
    opened = WSHandler.open
    if opened.__module__ == __name__:
        return

    def undelayed(handler: WSHandler) -> None:
        handler.set_nodelay(True)
        opened(handler)

    WSHandler.open = wraps(opened, assigned=("__doc__",))(undelayed)
