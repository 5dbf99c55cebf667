"""Tiles: independent pieces of one computation, on the project's own threads.

BLAS runs with one thread inside (its threads and ours would fight for the
same cores), results come back in the order of the tiles, and a tile's random
numbers come from its index, never from its thread: the same seed gives the
same numbers on any number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import numpy as np
import threadpoolctl

TILE_ROWS = 8192
NICENESS = 10

_lock = threading.Lock()
_inside = threading.local()
_blas = {"depth": 0, "limit": None, "controller": None}
_pools: dict[tuple[int, bool], ThreadPoolExecutor] = {}
_threads = max(1, os.cpu_count() or 1)


def set_threads(count: int) -> None:
    """Use `count` threads for tiles from now on."""
    global _threads
    _threads = max(1, int(count))


def get_threads() -> int:
    """The number of threads that tiles run on."""
    return _threads


@contextmanager
def single_blas():
    """Inside, BLAS uses one thread. Re-entrant, and safe from several threads at once."""
    with _lock:
        if _blas["depth"] == 0:
            if _blas["controller"] is None:
                _blas["controller"] = threadpoolctl.ThreadpoolController()
            _take_control()
            _blas["limit"] = _blas["controller"].limit(limits=1, user_api="blas")
        _blas["depth"] += 1
    try:
        yield
    finally:
        with _lock:
            _blas["depth"] -= 1
            if _blas["depth"] == 0:
                _take_control()
                _blas["limit"].restore_original_limits()
                _take_control()


def _take_control() -> None:
    """Let the present thread set BLAS's threads: threadpoolctl >= 3.7 obeys only the thread that set them first, and
    here the first to enter and the last to leave may be two."""
    clear = getattr(threadpoolctl.OpenBLASController, "clear_controlling_thread", None)
    if clear is not None:
        clear(force=True)


def row_tiles(n: int, rows: int = TILE_ROWS) -> list[slice]:
    """Slices of `rows` rows that cover ``range(n)``."""
    return [slice(start, min(start + rows, n)) for start in range(0, n, rows)]


def map_tiles(work: Callable, tiles: Iterable) -> list:
    """``[work(tile) for tile in tiles]``, on the project's threads; results in order.

    A call from within a tile runs serially. The first exception of a tile is
    raised after the tiles already started have ended.
    """
    tiles = list(tiles)
    threads = _threads
    with single_blas():
        if len(tiles) <= 1 or threads == 1 or getattr(_inside, "busy", False):
            return [work(tile) for tile in tiles]
        pool = _pool(threads, getattr(_inside, "background", False))
        futures = [pool.submit(_marked, work, tile) for tile in tiles]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()


def give_way() -> None:
    """Make the calling thread, and the threads of its tiles, give way to others.

    Its tiles get threads of their own, so that short work for a waiting visitor never queues behind them; where the
    system can (Linux), they also run at a lower priority.
    """
    _inside.background = True
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _pool(threads: int, background: bool) -> ThreadPoolExecutor:
    with _lock:
        if (threads, background) not in _pools:
            start = give_way if background else None
            _pools[threads, background] = ThreadPoolExecutor(threads, thread_name_prefix="tiles", initializer=start)
        return _pools[threads, background]


def _marked(work: Callable, tile):
    _inside.busy = True
    try:
        return work(tile)
    finally:
        _inside.busy = False


def tile_generators(seed: int | np.random.SeedSequence, count: int) -> list[np.random.Generator]:
    """One independent generator a tile, derived from `seed` and the tile's index alone."""
    root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    children = [np.random.SeedSequence(entropy=root.entropy, spawn_key=(*root.spawn_key, i)) for i in range(count)]
    return [np.random.Generator(np.random.SFC64(child)) for child in children]
