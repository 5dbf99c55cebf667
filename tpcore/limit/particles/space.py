"""The coordinates of one length: an orthonormal basis of everything that meets a matrix there.

<a, b> is the mean of a b over the particles. The basis holds the constant 1, every fresh Gaussian and what inputs of
matrices have beyond those; so inputs and images of all matrices are short columns of coefficients, and products with
a matrix cost nothing per particle.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from tpcore.limit.particles.points import Points

_GRAM = 1e-8
_AGAIN, _POLISH, _SQUARES = 0.5, 0.1, 1e-12


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
        self._pool, self._seen = np.empty((0, self.size)), 1

    @property
    def rows(self) -> np.ndarray:
        """The basis (count, particles)."""
        return self._rows[: self.count]

    def fresh(self, number: int) -> slice:
        """Open `number` fresh Gaussians, matched: of mean 0 and variance 1, orthogonal to all there is.

        They are drawn and freed of most of the basis a pool at a time; what the basis has won since then comes off
        here.
        """
        self._require(number)
        parts = []
        while number:
            if not len(self._pool):
                self._pool, self._seen = self.points.normals(), self.count
                self._pool -= self.project(self._pool).T @ self.rows
            taken, self._pool = self._pool[:number], self._pool[number:]
            late = self._rows[self._seen : self.count]
            if len(late):
                taken = taken - (late @ taken.T / self.size).T @ late
            lower = np.linalg.cholesky(taken @ taken.T / self.size)
            parts.append(self._append(_inverse(lower) @ taken))
            number -= len(taken)
        return slice(parts[0].start, parts[-1].stop)

    def project(self, rows: np.ndarray) -> np.ndarray:
        """<basis, rows>, shape (count, len(rows))."""
        return self.rows @ rows.T / self.size

    def combine(self, coefficients: np.ndarray) -> np.ndarray:
        """The vectors (k, particles) of coefficients (m, k), m <= count."""
        return coefficients.T @ self._rows[: len(coefficients)]

    def absorb(self, rows: np.ndarray, floor: np.ndarray) -> np.ndarray:
        """Take rows into the span, up to residuals of root mean square `floor` (k,): coefficients (count, k)."""
        coefficients = self.project(rows)
        whole = np.array([row @ row for row in rows]) / self.size
        rest = whole - np.square(coefficients).sum(axis=0)
        if (rest + _SQUARES * whole < np.square(floor)).all():
            return coefficients
        rest = self.combine(coefficients)
        np.subtract(rows, rest, out=rest)
        left = norms(rest)
        keep = np.flatnonzero(left > floor)
        if not len(keep):
            return coefficients
        self._require(len(keep))
        if (np.square(left[keep]) < _AGAIN * whole[keep]).any():
            shift = self.project(rest)
            rest -= self.combine(shift)
            coefficients += shift
        new = self._orthonormal(rest[keep], np.maximum(floor[keep], _GRAM * left[keep]))
        added = self._append(new)
        return np.concatenate([coefficients, self._rows[added] @ rest.T / self.size])

    def _orthonormal(self, rest: np.ndarray, floor: np.ndarray) -> np.ndarray:
        """Orthonormal rows that span `rest` up to `floor`, orthogonal to the basis."""
        scale = np.outer(floor, floor)
        lower, pivots, rank, _ = lapack.dpstrf(rest @ rest.T / self.size / scale, tol=1.0, lower=1)
        lower, order = np.tril(lower)[:rank, :rank], pivots[:rank] - 1
        new = (_inverse(lower) / floor[order]) @ rest[order]
        diagonal = np.diag(lower)
        worst = diagonal.min(initial=np.inf) / diagonal.max(initial=0.0)
        if worst < _POLISH:
            if worst < _POLISH**2:
                new -= self.combine(self.project(new))
            new = _inverse(np.linalg.cholesky(new @ new.T / self.size)) @ new
        return new

    def _require(self, number: int) -> None:
        """Room for so many more: clouds have four particles for each of them at least."""
        if 4 * (self.count + number) > self.size:
            raise Exhausted

    def _append(self, new: np.ndarray) -> slice:
        first, self.count = self.count, self.count + len(new)
        if self.count > len(self._rows):
            grown = np.empty((max(2 * len(self._rows), self.count), self.size))
            grown[:first] = self._rows[:first]
            self._rows = grown
        self._rows[first : self.count] = new
        return slice(first, self.count)


def norms(rows: np.ndarray) -> np.ndarray:
    """Root mean squares."""
    return np.sqrt(np.array([row @ row for row in rows]) / rows.shape[1])


def _inverse(lower: np.ndarray) -> np.ndarray:
    """Of a lower triangular matrix."""
    if len(lower) == 1:
        return 1.0 / lower
    return lapack.dtrtri(lower, lower=1)[0] if len(lower) else lower
