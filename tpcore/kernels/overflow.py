"""Kernels and outputs that are too large for the machine's numbers are refused in words, never returned as NaN.

A narrow network may also die, without any overflow: all its neurons are 0 for an input, and a normalization divides
0 by 0. In a stream of draws such a network's values are NaN, among others that live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps

import numpy as np

from tpcore.errors import Misuse


def refuse() -> None:
    """Say that something overflowed."""
    raise Misuse("The kernels and outputs of a network must fit into floating-point numbers",
                 "layers that grow beyond them, or die before a normalization",
                 "Smaller sigma_w, fewer layers or smaller inputs (relu keeps its size at sigma_w = sqrt 2); "
                 "a larger width where a network dies")


def guarded(function: Callable) -> Callable:
    """`function`, whose array must be finite, or in every array of whose stream some draw must, and none infinite."""

    @wraps(function)
    def held(*args, **kwargs):
        try:
            found = function(*args, **kwargs)
        except (OverflowError, np.linalg.LinAlgError):
            refuse()
        return _each(found) if isinstance(found, Iterator) else _finite(found)

    return held


def _each(parts: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    try:
        for part in parts:
            lives = np.isfinite(part).reshape(len(part), -1).all(axis=1)
            if np.isinf(part).any() or not lives.any():
                refuse()
            yield part
    except (OverflowError, np.linalg.LinAlgError):
        refuse()


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        refuse()
    return values
