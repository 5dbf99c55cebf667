"""Labs built ahead: a visitor finds one ready, and the next is built, in a thread, once this one is on his screen.

A spare lab belongs to nobody: it has the default state, no document and no computation. What building one costs, a
few tenths of a second in the server's one event loop, would stand between the first visitor's click and his page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import panel as pn


class Spares:
    """At most one ready object for each key.

    `take` gives it away, or makes one; `lay_in` makes the next in a thread. A failure there is nobody's: the next
    visitor who asks makes his own, and sees it.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._ready: dict[Any, Any] = {}
        self._being_made: set = set()

    def take(self, key: Any, make: Callable[[], Any]) -> Any:
        """The spare of `key`, which is nobody else's from now on; made here where there is none."""
        with self._lock:
            spare = self._ready.pop(key, None)
        return make() if spare is None else spare

    def lay_in(self, key: Any, make: Callable[[], Any]) -> threading.Thread | None:
        """See that there is a spare of `key`; the thread that makes it, None where nothing is to be done."""
        with self._lock:
            if key in self._ready or key in self._being_made:
                return None
            self._being_made.add(key)
        thread = threading.Thread(target=self._make, args=(key, make), name="tpapp-spare", daemon=True)
        thread.start()
        return thread

    def _make(self, key: Any, make: Callable[[], Any]) -> None:
        try:
            made = make()
        except Exception:  # noqa: BLE001
            made = None
        with self._lock:
            self._being_made.discard(key)
            if made is not None:
                self._ready[key] = made


def process_spares() -> Spares:
    """The spares of this process."""
    return pn.state.as_cached("tpapp-spares", Spares)
