"""A visitor's background work: the latest request wins, results arrive on the page's own event loop.

Each (visitor, slot) has one current request; a new one replaces it, and what the old one still
delivers is dropped by its generation number, checked just before publishing. Partial results are
batched: at most 10 publications a second, the newest kept; a request's first result and its last never wait.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import panel as pn

from tpcore.errors import Misuse

from tpapp.pool import Pool, Task, Work, words
from tpapp.shown import when_heard

MIN_GAP = 0.1
SLOT_CAP = 8


def process_pool() -> Pool:
    """The one pool of this process."""
    return pn.state.as_cached("tpapp-pool", Pool)


class Loop:
    """Where a page's callbacks run: its document's loop, a notebook kernel's, or here and now.

    `post` may be called from any thread, `later` only from the loop itself. In a document they wait for a browser
    that is reading it (see `tpapp.shown`). Here and now they run in the thread that posts them, one at a time: what is
    posted during another's turn is done at the end of that.
    """

    def __init__(self, doc=None):
        self.doc = doc if doc is not None and doc.session_context is not None else None
        try:
            self.loop = asyncio.get_running_loop()
        except RuntimeError:
            self.loop = None
        self._turn, self._depth, self._posted = threading.RLock(), 0, deque()

    @property
    def immediate(self) -> bool:
        return self.doc is None and self.loop is None

    def post(self, callback: Callable[[], None]) -> None:
        if self.immediate:
            self._posted.append(callback)
            self._take_turn()
        elif self.loop is None:
            self.doc.add_next_tick_callback(partial(when_heard, callback))
        elif self.doc is None:
            self.loop.call_soon_threadsafe(callback)
        else:
            self.loop.call_soon_threadsafe(self.doc.add_next_tick_callback, partial(when_heard, callback))

    def later(self, callback: Callable[[], None], seconds: float) -> None:
        if self.doc is not None:
            self.doc.add_timeout_callback(partial(when_heard, callback), max(1, int(1000 * seconds)))
        elif self.loop is not None:
            self.loop.call_later(seconds, callback)
        else:
            self.post(callback)

    def together(self):
        """A context in which the changes of the page are one: a document's leave as one message."""
        if self.doc is not None:
            return pn.io.hold(self.doc)
        return self._alone() if self.immediate else nullcontext()

    @contextmanager
    def _alone(self):
        try:
            with self._turn:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
        finally:
            self._take_turn()

    def _take_turn(self) -> None:
        """Do what was posted; where somebody has the turn, it is done at the end of that."""
        while self._posted and self._turn.acquire(blocking=False):
            try:
                if self._depth:
                    return
                self._depth = 1
                try:
                    while self._posted:
                        self._posted.popleft()()
                finally:
                    self._depth = 0
            finally:
                self._turn.release()


class _Request:
    """One request of one slot: its callbacks, and what waits to be published."""

    def __init__(self, slot: str, generation: int, callbacks: dict[str, Callable | None], deliver: Callable):
        self.slot, self.generation, self.callbacks = slot, generation, callbacks
        self.task: Task | None = None
        self.pending: dict[str, Any] = {}
        self.begun = False
        self._deliver = deliver

    def __call__(self, kind: str, payload: Any) -> None:
        self._deliver(self, kind, payload)


class Jobs:
    """The background work of one page.

    Parameters
    ----------
    doc : bokeh Document, optional
        The page's document; default the current one, None in a notebook or in plain Python.
    pool : Pool, optional
        Default the process's own.
    slot_cap : int
        At most so many slots may be busy at once.
    """

    def __init__(self, doc=None, pool: Pool | None = None, slot_cap: int = SLOT_CAP):
        doc = pn.state.curdoc if doc is None else doc
        self.pool = process_pool() if pool is None else pool
        self.slot_cap = slot_cap
        self.loop = Loop(doc)
        self._lock = threading.RLock()
        self._generation: dict[str, int] = {}
        self._active: dict[str, _Request] = {}
        self._scheduled, self._flushed, self._closed = False, 0.0, False
        if self.loop.doc is not None:
            doc.on_session_destroyed(lambda context: self.close())

    @property
    def busy(self) -> bool:
        """Whether anything is being computed for this page."""
        return bool(self._active)

    def running(self, slot: str) -> bool:
        return slot in self._active

    def submit(
        self,
        slot: str,
        work: Work,
        *,
        publish: Callable[[Any], None],
        key: Hashable | None = None,
        progress: Callable[[float], None] | None = None,
        failed: Callable[[str], None] | None = None,
        finished: Callable[[float], None] | None = None,
        label: str = "the computation",
    ) -> None:
        """Compute in the background; replaces what the slot was doing.

        Parameters
        ----------
        slot : str
            The figure or group of figures that the result is for.
        work : callable
            ``work(progress)``: returns the result, or a generator of partial results whose last is the
            result (one chunk of 20 to 50 ms a yield; anything long should be one).
        publish : callable
            ``publish(result)``, for each partial result and the last, on the page's event loop.
        key : hashable, optional
            The frozen request: equal requests are computed once and kept.
        progress, failed, finished : callable, optional
            ``progress(fraction)``, ``failed(words)``, ``finished(seconds of computing)``.
        label : str
            What is computed, for the words about an unexpected failure.
        """
        callbacks = {"publish": publish, "progress": progress, "failed": failed, "finished": finished}
        with self._lock:
            if self._closed:
                return
            self.cancel(slot)
            generation = self._generation[slot] = self._generation.get(slot, 0) + 1
            request = _Request(slot, generation, callbacks, self._deliver)
            if len(self._active) >= self.slot_cap:
                self._deliver(request, "error", f"At most {self.slot_cap} computations may run at once for one page.")
                return
            self._active[slot] = request
        try:
            task = self.pool.submit(key, work, request, label)
        except Misuse as refusal:
            self._deliver(request, "error", str(refusal))
            return
        with self._lock:
            request.task = task
            stale = not self._current(request)
        if stale and task is not None:
            self.pool.drop(task, request)

    def now(self, key: Hashable | None, work: Work) -> Any:
        """The result at once, in this thread, from the cache where it is kept. For work of a few milliseconds."""
        return self.pool.now(key, work)

    def kept(self, key: Hashable | None) -> bool:
        """Whether the result is in the cache."""
        return self.pool.kept(key) is not None

    def cancel(self, slot: str) -> None:
        """Drop the slot's request; nothing of it will be published any more."""
        with self._lock:
            self._generation[slot] = self._generation.get(slot, 0) + 1
            request = self._active.pop(slot, None)
        if request is not None and request.task is not None:
            self.pool.drop(request.task, request)

    def cancel_all(self) -> None:
        for slot in list(self._active):
            self.cancel(slot)

    def close(self) -> None:
        """End everything; later submissions are ignored."""
        self._closed = True
        self.cancel_all()

    def _current(self, request: _Request) -> bool:
        return not self._closed and self._generation.get(request.slot) == request.generation

    def _deliver(self, request: _Request, kind: str, payload: Any) -> None:
        """Note what came (from any thread) and see that it is published soon."""
        with self._lock:
            if not self._current(request):
                return
            request.pending[kind] = payload
            self._active.setdefault(request.slot, request)
            urgent = kind in ("result", "error") or kind == "partial" and not request.begun
            request.begun = request.begun or kind == "partial"
            if not urgent and self._scheduled:
                return
            self._scheduled = self._scheduled or not urgent
        try:
            self.loop.post(self._publish_all if urgent else self._flush)
        except RuntimeError:  # the loop has ended before the session was destroyed
            self.close()

    def _flush(self) -> None:
        """Publish when the gap since the last publication has passed; one such timer runs at most."""
        wait = MIN_GAP - (time.monotonic() - self._flushed)
        if wait > 0 and not self.loop.immediate:
            self.loop.later(self._flush, wait)
            return
        with self._lock:
            self._scheduled = False
        self._publish_all()

    def _publish_all(self) -> None:
        with self._lock:
            requests = [(request, request.pending) for request in self._active.values() if request.pending]
            self._flushed = time.monotonic() if requests else self._flushed
            for request, _ in requests:
                request.pending = {}
        if requests:
            with self.loop.together():
                for request, pending in requests:
                    self._publish(request, pending)

    def _publish(self, request: _Request, pending: dict[str, Any]) -> None:
        with self._lock:
            if not self._current(request):
                return
            if "result" in pending or "error" in pending:
                self._active.pop(request.slot, None)
        call = request.callbacks
        try:
            if "progress" in pending and call["progress"]:
                call["progress"](pending["progress"])
            if "result" in pending:
                result, seconds = pending["result"]
                call["publish"](result)
                if call["finished"]:
                    call["finished"](seconds)
            elif "partial" in pending:
                call["publish"](pending["partial"])
        except Exception as error:  # noqa: BLE001 - a figure's failure is told in words too
            pending = {"error": words(error, "drawing the result")}
        if "error" in pending and call["failed"]:
            call["failed"](pending["error"])
