"""Limits of the page's programs and of their naive rules, computed once and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict

import tpcore as tp
from tpapp.compute.programs_build import in_words
from tpapp.compute.programs_listing import compiled
from tpcore.compute.progress import Progress
from tpcore.errors import Misuse, Unsupported
from tpcore.program.untie import untie

KEPT = 48
POINTS = 2**14  # where an engine wants to be told


class Kept:
    """Limits by program, computed once each; the newest are kept."""

    def __init__(self):
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, bool], threading.Lock] = {}
        self._found: OrderedDict[tuple[str, bool], object] = OrderedDict()

    def has(self, source: str) -> bool:
        """Whether the limit and the naive rule's are at hand."""
        return (source, False) in self._found and (source, True) in self._found

    def get(self, source: str, naive: bool, progress: Progress | None = None):
        key = source, naive
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            if key not in self._found:
                self._found[key] = _limit(source, naive, progress)
            with self._lock:
                self._found.move_to_end(key)
                while len(self._found) > KEPT:
                    self._locks.pop(self._found.popitem(last=False)[0], None)
            return self._found[key]


kept = Kept()
asking = threading.RLock()  # a limit keeps what it has found: one thread asks at a time


def _limit(source: str, naive: bool, progress: Progress | None = None):
    """The limit of a program or of its naive rule; None where the two are one, words where there is none."""
    prog = compiled(source).prog
    try:
        with in_words():
            return limit_of(naive_program(prog) if naive else prog, progress)
    except Misuse as refusal:
        return refusal


def limit_of(prog, progress: Progress | None = None):
    """The limit, sampled where the engine asks to be told that it may."""
    if prog is None:
        return None
    try:
        return tp.limit(prog, progress=progress)
    except Unsupported:
        return tp.limit(prog, samples=POINTS, progress=progress)


def naive_program(prog):
    """The program of the naive rule, W^T a matrix of its own; None where no matrix is used both ways."""
    return untie(prog) if prog.fragment.startswith("netsort") else None


def law(source: str, naive: bool = False, progress: Progress | None = None):
    """The limit of a program (or of its naive rule; None where that is the same). Raises its refusal."""
    found = kept.get(source, naive, None if progress is None else progress.silent())
    if isinstance(found, Misuse):
        raise found
    return found


def naive_known(source: str, progress: Progress | None = None) -> bool:
    """Whether the naive rule says something of its own, and that can be computed."""
    found = kept.get(source, True, None if progress is None else progress.silent())
    return found is not None and not isinstance(found, Misuse)
