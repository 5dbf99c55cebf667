"""Kernels and outputs that are too large for the machine's numbers are refused in words, never returned as NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps

import numpy as np

from tpcore.errors import Misuse


def refuse() -> None:
    """Say that something overflowed."""
    raise Misuse("The kernels and outputs of a network must fit into floating-point numbers",
                 "layers that grow beyond them",
                 "Smaller sigma_w, fewer layers or smaller inputs; relu keeps its size at sigma_w = sqrt 2")


def guarded(function: Callable) -> Callable:
    """`function`, whose array, or every array of whose stream, must be finite."""

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
            yield _finite(part)
    except (OverflowError, np.linalg.LinAlgError):
        refuse()


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        refuse()
    return values
