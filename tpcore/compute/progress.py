"""Progress and cancellation: one object that long computations report to.

A computation calls `tick` once per chunk of 20 to 50 ms of work. The caller
sees the fraction done and may set `cancelled`; the next tick then raises
`tpcore.errors.Cancelled`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from tpcore.errors import Cancelled, Misuse


class Progress:
    """Counts chunks and carries the wish to stop.

    Parameters
    ----------
    report : callable, optional
        Called as ``report(done, total)`` after every chunk, from the thread
        that computes.
    """

    def __init__(self, report: Callable[[int, int], None] | None = None):
        self._report = report
        self._cancel = threading.Event()
        self.done, self.total = 0, 0

    def cancel(self) -> None:
        """Ask the computation to stop at its next chunk."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def silent(self) -> Progress:
        """One that is cancelled with this one and reports nothing: for a step of a computation that counts its own."""
        inner = Progress()
        inner._cancel = self._cancel
        return inner

    def start(self, total: int) -> None:
        """Announce how many chunks the whole computation has."""
        self.done, self.total = 0, total
        self._check()

    def tick(self, chunks: int = 1) -> None:
        """Report that `chunks` more chunks are done; raise `Cancelled` if asked to stop."""
        self._check()
        self.done += chunks
        if self._report is not None:
            self._report(self.done, self.total)

    def _check(self) -> None:
        if self._cancel.is_set():
            raise Cancelled("cancelled by the caller")


def as_progress(progress: Progress | Callable[[int, int], None] | None) -> Progress:
    """A `Progress` from what the public `progress=` arguments accept: one, a callable, or None."""
    if isinstance(progress, Progress):
        return progress
    if progress is not None and not callable(progress):
        raise Misuse("progress must be a Progress, a function of (done, total), or None", repr(progress))
    return Progress(progress)
