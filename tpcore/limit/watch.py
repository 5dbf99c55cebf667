"""Progress of a limit: counted in lines of the program, told a few times a second, stopped anywhere."""

from __future__ import annotations

import threading
import time

from tpcore.compute.progress import Progress
from tpcore.errors import Cancelled

_QUIET = 0.03  # seconds between reports


class Watch:
    """What an engine tells of its way through a program; from any thread.

    Parameters
    ----------
    progress : Progress or None
        None to tell nobody.
    """

    def __init__(self, progress: Progress | None = None):
        self._progress, self._lock = progress, threading.Lock()
        self._done, self._total, self._last = 0, 0, 0.0

    def start(self, total: int) -> None:
        """Announce the number of steps, of this engine."""
        self._done, self._total = 0, total
        if self._progress is not None:
            self._progress.start(total)

    def check(self) -> None:
        """Raise `Cancelled` if the caller asked to stop."""
        if self._progress is not None and self._progress.cancelled:
            raise Cancelled("cancelled by the caller")

    def step(self) -> None:
        """One more step is done."""
        with self._lock:
            self._done += 1
        self.reach(0)

    def reach(self, done: int) -> None:
        """So many steps are done; fewer than before are no news."""
        if self._progress is None:
            return
        self.check()
        with self._lock:
            self._done = max(done, self._done)
            now, behind = time.monotonic(), self._done - self._progress.done
            if behind > 0 and (now - self._last > _QUIET or self._done == self._total):
                self._last = now
                self._progress.tick(behind)

    def end(self) -> None:
        """Forget whom to tell: questions that are asked later belong to others."""
        self._progress = None
