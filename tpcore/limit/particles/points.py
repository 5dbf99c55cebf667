"""Quasi-random standard normal numbers, one dimension of a scrambled Sobol sequence after the other."""

from __future__ import annotations

import functools

import numpy as np
from scipy.special import ndtri

from tpcore.jitted import normal64, sobol

DIMENSIONS = 21201
_BITS = 30
CHUNK, _TABLE = 16, 512


class Points:
    """`count` points in as many dimensions as are asked for; the same key gives the same points.

    Parameters
    ----------
    count : int
        A power of two.
    key : tuple of int
        Names the scrambling.
    """

    def __init__(self, count: int, key: tuple[int, ...]):
        self.count, self._key, self._chunk = count, key, 0

    def normals(self) -> np.ndarray:
        """The next `CHUNK` dimensions, as rows (CHUNK, count) of quasi-random N(0, 1) numbers."""
        first, self._chunk = self._chunk * CHUNK, self._chunk + 1
        root = np.random.SeedSequence((*self._key, first))
        out = np.empty((CHUNK, self.count))
        if first + CHUNK > DIMENSIONS:
            normal64.fill(root.generate_state(1, np.uint64)[0], out.reshape(-1))
            return out
        rng = np.random.Generator(np.random.SFC64(root))
        masks = rng.integers(0, 2**64, (CHUNK, sobol.DIGITS), dtype=np.uint64)
        shifts = rng.integers(0, 2**sobol.DIGITS, CHUNK, dtype=np.uint64)
        scrambled = np.empty((CHUNK, max(self.count.bit_length() - 1, 1)), np.uint64)
        sobol.scramble(_directions(first // _TABLE + 1)[first : first + CHUNK], _BITS, masks, scrambled)
        sobol.fill(scrambled, shifts, out)
        return ndtri(out, out=out)


@functools.lru_cache(maxsize=4)
def _directions(tables: int) -> np.ndarray:
    """Direction numbers (dimensions, 30) of Joe and Kuo (SIAM J. Sci. Comput. 30, 2008), as SciPy holds them."""
    from scipy.stats import qmc  # a second to import, and only this route needs it

    return np.array(qmc.Sobol(min(tables * _TABLE, DIMENSIONS), scramble=False, bits=_BITS)._sv, np.uint64)
