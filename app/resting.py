"""What waits until the hand rests: while something is dragged the processor belongs to what moves with it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any


class Resting:
    """Requests that begin when they have stood for a while. They hold no thread; only the page's loop uses this.

    Parameters
    ----------
    begin : callable
        ``begin(request)`` starts a request that has stood for its `rest` seconds.
    """

    def __init__(self, begin: Callable[[Any], None]):
        self._begin = begin
        self._due: dict[str, tuple[float, Any]] = {}
        self._next = math.inf

    def add(self, request: Any, later: Callable[[Callable[[], None], float], None]) -> None:
        """Let `request` wait in the place of its slot's last one; ``later(callback, seconds)`` is the loop's timer."""
        self._due[request.slot] = (time.monotonic() + request.rest, request)
        self._set(later)

    def drop(self, slot: str) -> None:
        """Nothing is to begin for `slot`."""
        self._due.pop(slot, None)

    def clear(self) -> None:
        """Nothing is to begin."""
        self._due.clear()

    def _set(self, later: Callable) -> None:
        """See that the timer rings when the first is due: a drag's many requests do not each need one."""
        first = min((due for due, _ in self._due.values()), default=math.inf)
        if first < self._next:
            self._next = first
            later(lambda: self._ring(later), max(0.001, first - time.monotonic()))

    def _ring(self, later: Callable) -> None:
        self._next = math.inf
        now = time.monotonic() + 0.002
        for slot in [slot for slot, (due, _) in self._due.items() if due <= now]:
            self._begin(self._due.pop(slot)[1])
        self._set(later)
