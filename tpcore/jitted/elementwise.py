"""A user's elementwise function, compiled where Numba can compile it.

The function is compiled for one number and looped over the array without the
GIL. It is compiled on the first large array, compared with the original
on the spot, and dropped for good where it does not compile or does not agree.
It is not cached on disk: a user's function need not live in a file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from tpcore.jitted.options import jit_user

LARGE = 50_000
_lock = threading.Lock()


class Elementwise:
    """``function`` on NumPy arrays: as it is on small ones, compiled on large float64 ones.

    Attributes
    ----------
    compiled : bool or None
        None before the first large array; then whether the compiled version is in use.
    """

    def __init__(self, function: Callable):
        self.function = function
        self.compiled: bool | None = None
        self._loop: Callable | None = None
        self.__name__ = getattr(function, "__name__", type(function).__name__)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if x.size >= LARGE and x.dtype == np.float64:
            if self.compiled is None:
                self._compile(x.ravel()[:: max(1, x.size // 64)])
            if self.compiled:
                out = np.empty(x.size)
                self._loop(np.ascontiguousarray(x).reshape(-1), out)
                return out.reshape(x.shape)
        y = np.asarray(self.function(x), dtype=x.dtype)
        return y if y.shape == x.shape else np.broadcast_to(y, x.shape).copy()

    def __getstate__(self) -> dict:
        return self.__dict__ | {"compiled": None, "_loop": None}

    def _compile(self, probe: np.ndarray) -> None:
        with _lock:
            if self.compiled is not None:
                return
            try:
                loop = _loop_over(jit_user(self.function))
                probe = np.concatenate([probe, np.linspace(-3.1, 3.3, 41)])
                out = np.empty(probe.size)
                loop(probe, out)
                with np.errstate(all="ignore"):
                    expected = np.broadcast_to(self.function(probe), probe.shape)
                agrees = np.allclose(out, expected, rtol=1e-12, atol=1e-14, equal_nan=True)
            except Exception:  # whatever the compiler or the function says, the original stays in use
                loop, agrees = None, False
            self._loop = loop if agrees else None
            self.compiled = bool(agrees)


def _loop_over(scalar: Callable) -> Callable:
    @jit_user
    def loop(x, out):
        for i in range(x.size):
            out[i] = scalar(x[i])

    return loop
