"""The process's pool: two threads that take turns, one computation for equal requests, results kept.

Work is ``work(progress)``: a function that returns its result, or a generator function that yields
partial results (the last one, or its return value, is the result). A generator gives its thread back
after every yield when others wait, so nobody waits longer than a chunk of 20 to 50 ms for a turn.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from tpcore.compute.progress import Progress
from tpcore.compute.tiles import give_way
from tpcore.errors import Cancelled, Misuse

log = logging.getLogger("tpapp")

THREADS = 2
WAITING_CAP = 200
CACHE_BYTES = 128 * 2**20
CACHE_ITEMS = 256

Work = Callable[[Progress], Any]
Subscriber = Callable[[str, Any], None]  # (kind, payload): kinds partial, progress, result, error


def size_of(value: Any, depth: int = 4) -> int:
    """Bytes of the arrays that a result holds (its other fields count 64 each)."""
    if isinstance(value, np.ndarray):
        return int(value.nbytes) + 64
    if depth and dataclasses.is_dataclass(value) and not isinstance(value, type):
        return 64 + sum(size_of(getattr(value, field.name), depth - 1) for field in dataclasses.fields(value))
    if depth and isinstance(value, dict):
        return 64 + sum(size_of(item, depth - 1) for item in value.values())
    if depth and isinstance(value, (list, tuple)):
        return 64 + sum(size_of(item, depth - 1) for item in value)
    return 64


class Cache:
    """The results used last, up to a number of bytes. Not locked: the pool locks."""

    def __init__(self, max_bytes: int = CACHE_BYTES, max_items: int = CACHE_ITEMS):
        self.max_bytes, self.max_items = max_bytes, max_items
        self.bytes = 0
        self._items: OrderedDict[Hashable, tuple[Any, float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: Hashable) -> tuple[Any, float] | None:
        """(result, seconds it took), or None."""
        if key not in self._items:
            return None
        self._items.move_to_end(key)
        return self._items[key][:2]

    def put(self, key: Hashable, value: Any, seconds: float) -> None:
        size = size_of(value)
        if size > self.max_bytes // 4:
            return
        if key in self._items:
            self.bytes -= self._items.pop(key)[2]
        self._items[key] = (value, seconds, size)
        self.bytes += size
        while self.bytes > self.max_bytes or len(self._items) > self.max_items:
            self.bytes -= self._items.popitem(last=False)[1][2]


class Task:
    """One computation and everyone who waits for it."""

    def __init__(self, key: Hashable | None, work: Work, label: str):
        self.key, self.work, self.label = key, work, label
        self.subscribers: list[Subscriber] = []
        self.progress = Progress(self._report)
        self.iterator = None
        self.partial: Any = None
        self.seconds = 0.0
        self.over = False

    def _report(self, done: int, total: int) -> None:
        if total:
            self.tell("progress", min(1.0, done / total))

    def tell(self, kind: str, payload: Any) -> None:
        for subscriber in list(self.subscribers):
            subscriber(kind, payload)

    def step(self) -> tuple[bool, Any]:
        """Do one piece: (True, result) when it was the last, else (False, None)."""
        start = time.perf_counter()
        try:
            if self.progress.cancelled:
                raise Cancelled("nobody waits for it")
            if self.iterator is None:
                out = self.work(self.progress)
                if not inspect.isgenerator(out):
                    return True, out
                self.iterator = out
            try:
                self.partial = next(self.iterator)
            except StopIteration as stop:
                return True, self.partial if stop.value is None else stop.value
        finally:
            self.seconds += time.perf_counter() - start
        self.tell("partial", self.partial)
        return False, None

    def abandon(self) -> None:
        if self.iterator is not None:
            self.iterator.close()
            self.iterator = None


class Pool:
    """Threads, the queue they serve in turns, tasks in flight by key, and the cache."""

    def __init__(self, threads: int = THREADS, cache: Cache | None = None, waiting_cap: int = WAITING_CAP):
        self.cache = Cache() if cache is None else cache
        self.waiting_cap = waiting_cap
        self._queue: deque[Task] = deque()
        self._flying: dict[Hashable, Task] = {}
        self._wake = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._serve, name=f"jobs-{i}", daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, key: Hashable | None, work: Work, subscriber: Subscriber, label: str = "") -> Task | None:
        """Subscribe to `work`: from the cache (returns None), to the equal task in flight, or to a new one."""
        with self._wake:
            kept = self.cache.get(key) if key is not None else None
            if kept is None:
                task = self._flying.get(key) if key is not None else None
                if task is None:
                    if len(self._queue) >= self.waiting_cap:
                        raise Misuse("The computer is busy with other visitors' requests", hint="Try again in a moment")
                    task = Task(key, work, label)
                    if key is not None:
                        self._flying[key] = task
                    self._queue.append(task)
                task.subscribers.append(subscriber)
                late = task.partial
                self._wake.notify()
        if kept is not None:
            subscriber("result", kept)
            return None
        if late is not None:
            subscriber("partial", late)
        return task

    def drop(self, task: Task, subscriber: Subscriber) -> None:
        """Stop waiting for `task`; the last to leave cancels it."""
        with self._wake:
            if subscriber in task.subscribers:
                task.subscribers.remove(subscriber)
            if not task.subscribers and not task.over:
                task.progress.cancel()
                if task.key is not None and self._flying.get(task.key) is task:
                    del self._flying[task.key]

    def kept(self, key: Hashable | None) -> tuple[Any, float] | None:
        """(result, seconds it took) from the cache, or None."""
        with self._wake:
            return self.cache.get(key) if key is not None else None

    def now(self, key: Hashable | None, work: Work) -> Any:
        """The result at once, in the calling thread (quick work only), from the cache where it is kept."""
        kept = self.kept(key)
        if kept is not None:
            return kept[0]
        task, finished, result = Task(key, work, ""), False, None
        while not finished:
            finished, result = task.step()
        if key is not None:
            with self._wake:
                self.cache.put(key, result, task.seconds)
        return result

    def close(self) -> None:
        """Cancel everything and let the threads end."""
        with self._wake:
            self._closed = True
            for task in [*self._queue, *self._flying.values()]:
                task.progress.cancel()
            self._wake.notify_all()

    def _serve(self) -> None:
        give_way()  # the event loop, the browser on this machine and short work come first
        while True:
            with self._wake:
                while not self._queue and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                task = self._queue.popleft()
            self._turn(task)

    def _turn(self, task: Task) -> None:
        """Advance `task` until it ends or somebody else waits for a turn."""
        try:
            while True:
                finished, result = task.step()
                if finished:
                    return self._end(task, "result", (result, task.seconds))
                with self._wake:
                    if self._queue:
                        self._queue.append(task)
                        return None
        except Cancelled:
            task.abandon()
            self._end(task, "", None)
        except Exception as error:  # noqa: BLE001 - every failure becomes words
            task.abandon()
            self._end(task, "error", words(error, task.label))

    def _end(self, task: Task, kind: str, payload: Any) -> None:
        with self._wake:
            task.over = True
            if task.key is not None:
                if self._flying.get(task.key) is task:
                    del self._flying[task.key]
                if kind == "result":
                    self.cache.put(task.key, *payload)
        if kind:
            task.tell(kind, payload)


def words(error: BaseException, label: str = "") -> str:
    """What to tell a visitor about `error`; what is unexpected goes to the log with its traceback."""
    if isinstance(error, Misuse) or getattr(error, "for_visitor", False):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough free memory for this. Choose a smaller width, fewer draws or fewer inputs."
    log.error("unexpected failure in %s", label or "a computation", exc_info=error)
    what = f"{label[0].upper()}{label[1:]}" if label else "The computation"
    return f"{what} failed unexpectedly ({type(error).__name__}). The details are in the server's log."
