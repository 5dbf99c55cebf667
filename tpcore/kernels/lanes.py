"""An activation and its derivative on single-precision tiles, compiled where NumPy would go one number at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.activations import NAMED, Activation
from tpcore.jitted import network
from tpcore.limit.derivative import slope_of

_KINDS = {"erf": network.ERF, "erf_sigmoid": network.ERF_SIGMOID, "gelu": network.GELU, "sigmoid": network.SIGMOID,
          "silu": network.SILU}


def value_of(phi: Activation) -> Callable[[np.ndarray], np.ndarray]:
    """phi as a function of arrays that keeps float32 and float64."""
    return _chosen(phi, network.value, phi.f)


def slope_on(phi: Activation) -> Callable[[np.ndarray], np.ndarray]:
    """phi', as `value_of`."""
    slope = slope_of(phi)
    return _chosen(phi, network.slope, lambda x: slope(x).astype(x.dtype, copy=False))


def _chosen(phi: Activation, compiled: Callable, plain: Callable) -> Callable[[np.ndarray], np.ndarray]:
    if NAMED.get(phi.name) is not phi or phi.name not in _KINDS:
        return plain
    kind = _KINDS[phi.name]

    def work(x: np.ndarray) -> np.ndarray:
        if x.dtype != np.float32 or not x.flags.c_contiguous:
            return plain(x)
        out = np.empty_like(x)
        compiled(kind, x.reshape(-1), out.reshape(-1))
        return out

    return work
