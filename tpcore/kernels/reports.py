"""Progress of kernels that take a while, told from several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tpcore.compute.progress import Progress


def ticker(progress: Progress | None, total: int) -> Callable[[], None]:
    """Announce `total` chunks; the function to call, from any thread, after each."""
    if progress is None:
        return lambda: None
    progress.start(total)
    lock = threading.Lock()

    def tick() -> None:
        with lock:
            progress.tick()

    return tick
