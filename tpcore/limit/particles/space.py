"""The coordinates of one length: an orthonormal basis of everything that meets a matrix there.

<a, b> is the mean of a b over the particles. The basis holds the constant 1, every fresh Gaussian and what inputs of
matrices have beyond those; so inputs and images of all matrices are short columns of coefficients, and products with
a matrix cost nothing per particle.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack, solve_triangular

from tpcore.limit.particles.points import Points

_GRAM = 1e-8
_AGAIN = 0.1


class Exhausted(Exception):
    """The basis has come near to the number of particles."""


class Space:
    """An orthonormal basis that grows, as rows over the particles; the first is the constant 1.

    Parameters
    ----------
    points : Points
    """

    def __init__(self, points: Points):
        self.points, self.size = points, points.count
        self._rows = np.ones((8, self.size))
        self.count = 1

    @property
    def rows(self) -> np.ndarray:
        """The basis (count, particles)."""
        return self._rows[: self.count]

    def fresh(self, number: int) -> slice:
        """Open `number` fresh Gaussians, matched: of mean 0 and variance 1, orthogonal to all there is."""
        new = self.points.normals(number)
        new -= self.project(new).T @ self.rows
        lower = np.linalg.cholesky(new @ new.T / self.size)
        return self._append(solve_triangular(lower, new, lower=True, check_finite=False))

    def project(self, rows: np.ndarray) -> np.ndarray:
        """<basis, rows>, shape (count, len(rows))."""
        return self.rows @ rows.T / self.size

    def combine(self, coefficients: np.ndarray) -> np.ndarray:
        """The vectors (k, particles) of coefficients (m, k), m <= count."""
        return coefficients.T @ self._rows[: len(coefficients)]

    def absorb(self, rows: np.ndarray, floor: np.ndarray) -> np.ndarray:
        """Take rows into the span, up to residuals of root mean square `floor` (k,): coefficients (count, k)."""
        coefficients = self.project(rows)
        rest = rows - self.combine(coefficients)
        left = _norms(rest)
        keep = np.flatnonzero(left > floor)
        if not len(keep):
            return coefficients
        if (left[keep] < _AGAIN * _norms(rows)[keep]).any():
            shift = self.project(rest)
            rest -= self.combine(shift)
            coefficients += shift
        new = self._orthonormal(rest[keep], np.maximum(floor[keep], _GRAM * left[keep]))
        added = self._append(new)
        return np.concatenate([coefficients, self._rows[added] @ rest.T / self.size])

    def _orthonormal(self, rest: np.ndarray, floor: np.ndarray) -> np.ndarray:
        """Orthonormal rows that span `rest` up to `floor`, orthogonal to the basis."""
        scaled = rest / floor[:, None]
        lower, pivots, rank, _ = lapack.dpstrf(scaled @ scaled.T / self.size, tol=1.0, lower=1)
        lower, order = np.tril(lower)[:rank, :rank], pivots[:rank] - 1
        new = solve_triangular(lower, scaled[order], lower=True, check_finite=False)
        diagonal = np.diag(lower)
        if diagonal.min(initial=1.0) < _AGAIN * diagonal.max(initial=1.0):
            new -= self.combine(self.project(new))
            lower = np.linalg.cholesky(new @ new.T / self.size)
            new = solve_triangular(lower, new, lower=True, check_finite=False)
        return new

    def _append(self, new: np.ndarray) -> slice:
        first, self.count = self.count, self.count + len(new)
        if 4 * self.count > self.size:
            raise Exhausted
        if self.count > len(self._rows):
            grown = np.empty((max(2 * len(self._rows), self.count), self.size))
            grown[:first] = self._rows[:first]
            self._rows = grown
        self._rows[first : self.count] = new
        return slice(first, self.count)


def _norms(rows: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("kn,kn->k", rows, rows) / rows.shape[1])
