"""Whether functions that are known by their values alone jump."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def jumps_at(call: Callable, args: Sequence) -> bool:
    """Whether ``call(*args)`` jumps at `args`: a gap that stays as the distance falls from 1e-6 to 1e-9.

    A continuous function closes it. Distances are relative for arguments beyond 1; each entry moves in its own, fixed
    random direction.
    """
    rng = np.random.Generator(np.random.PCG64(3))
    ways = [rng.choice([-1.0, 1.0], np.shape(arg)) * np.maximum(1.0, np.abs(arg)) for arg in args]

    def gap(distance: float) -> np.ndarray:
        ahead, behind = (call(*(arg + sign * distance * way for arg, way in zip(args, ways, strict=True)))
                         for sign in (1, -1))  # fmt: skip
        return np.abs(np.asarray(ahead, float) - np.asarray(behind, float))

    with np.errstate(all="ignore"):
        near = gap(1e-9)
        return bool(np.any(near > 1e-5) and np.any((near > 1e-5) & (near > 0.5 * gap(1e-6))))
