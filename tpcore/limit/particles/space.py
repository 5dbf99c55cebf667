"""The coordinates of one length: an orthonormal basis of everything that meets a matrix there.

<a, b> is the mean of a b over the particles. The basis holds the constant 1, every fresh Gaussian and what inputs of
matrices have beyond those; so inputs and images of all matrices are short columns of coefficients, and products with
a matrix cost nothing per particle.

Once the input of a matrix has something beyond the Gaussians, everything is sampled, and the basis turns to single
precision (sums over particles are carried on in double): its grain, 1e-7, is far below the sampling error, and products
with it take a third of the time. Until then, and so in linear programs, it is double.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from tpcore.compute.tiles import row_tiles
from tpcore.limit.particles.points import Points

_GRAM = 1e-8
_POLISH, _TILE, _LARGE = 0.1, 8192, 1024
# For double and for single precision: rests that are orthogonalized again, as parts of a square, and the grain of one.
_AGAIN, _SQUARES = {8: 1e-3, 4: 0.01}, {8: 1e-12, 4: 1e-6}


class Exhausted(Exception):
    """The basis has come near to the number of particles."""


class Space:
    """An orthonormal basis that grows, as rows over the particles; the first is the constant 1.

    Parameters
    ----------
    points : Points
    room : int
        Vectors to be expected: memory that is not written to costs nothing, moving what is there does.

    Attributes
    ----------
    dtype : dtype
        Of the rows.
    """

    def __init__(self, points: Points, room: int = 64):
        self.points, self.size, self.room, self.dtype = points, points.count, room, np.dtype(float)
        self._rows = np.empty((min(64, room), self.size))
        self._rows[0] = 1.0
        self.count = 1
        self._pool, self._seen = np.empty((0, self.size), self.dtype), 1

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
                self._pool, self._seen = self.points.normals().astype(self.dtype, copy=False), self.count
                self._pool -= self.combine(self.project(self._pool))
            taken, self._pool = self._pool[:number], self._pool[number:]
            late = self._rows[self._seen : self.count]
            if len(late):
                taken = taken - gram(taken, late).astype(self.dtype) @ late
            lower = np.linalg.cholesky(gram(taken, taken))
            place = self._place(len(taken))
            np.matmul(_inverse(lower).astype(self.dtype), taken, out=self._rows[place])
            parts.append(place)
            number -= len(taken)
        return slice(parts[0].start, parts[-1].stop)

    def project(self, rows: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        """<basis, rows>, shape (count, len(rows)), of which the first may be known."""
        if known is None:
            return gram(rows.astype(self.dtype, copy=False), self.rows).T
        if len(known) == self.count:
            return known
        more = gram(rows.astype(self.dtype, copy=False), self._rows[len(known) : self.count])
        return np.concatenate([known, more.T])

    def combine(self, coefficients: np.ndarray) -> np.ndarray:
        """The vectors (k, particles) of coefficients (m, k), m <= count."""
        return coefficients.T.astype(self.dtype) @ self._rows[: len(coefficients)]

    def absorb(self, rows: np.ndarray, floor: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        """Take rows into the span, up to residuals of root mean square `floor` (k,): coefficients (count, k).

        `known` are their inner products with the first vectors of the basis.
        """
        rows = rows.astype(self.dtype, copy=False)
        coefficients, whole = self.project(rows, known), np.square(norms(rows))
        rest = whole - np.square(coefficients).sum(axis=0)
        if (rest + _SQUARES[self.dtype.itemsize] * whole < np.square(floor)).all():
            return coefficients
        rest = self.combine(coefficients)
        np.subtract(rows, rest, out=rest)
        left = norms(rest)
        keep = np.flatnonzero(left > floor)
        if not len(keep):
            return coefficients
        self._require(len(keep))
        if (np.square(left[keep]) < _AGAIN[self.dtype.itemsize] * whole[keep]).any():
            shift = self.project(rest)
            rest -= self.combine(shift)
            coefficients = coefficients + shift
        new = self._orthonormal(rest[keep], np.maximum(floor[keep], _GRAM * left[keep]))
        if self.size >= _LARGE:
            self._narrow()
        place = self._place(len(new))
        self._rows[place] = new
        return np.concatenate([coefficients, gram(new, rest)])

    def _narrow(self) -> None:
        """Single precision from now on."""
        if not self.sampled:
            self.dtype = np.dtype(np.float32)
            self._pool, old = self._pool.astype(self.dtype), self._rows
            self._rows = np.empty((max(len(old), self.room), self.size), self.dtype)
            self._rows[: self.count] = old[: self.count]

    @property
    def sampled(self) -> bool:
        """Whether the basis is in single precision."""
        return self.dtype == np.float32

    def _orthonormal(self, rest: np.ndarray, floor: np.ndarray) -> np.ndarray:
        """Orthonormal rows that span `rest` up to `floor`, orthogonal to the basis."""
        lower, pivots, rank, _ = lapack.dpstrf(gram(rest, rest) / np.outer(floor, floor), tol=1.0, lower=1)
        lower, order = np.tril(lower)[:rank, :rank], pivots[:rank] - 1
        new = (_inverse(lower) / floor[order]).astype(self.dtype) @ rest[order]
        diagonal = np.diag(lower)
        worst = diagonal.min(initial=np.inf) / diagonal.max(initial=0.0)
        if worst < _POLISH:
            if worst < _POLISH**2:
                new -= self.combine(self.project(new))
            new = _inverse(np.linalg.cholesky(gram(new, new))).astype(self.dtype) @ new
        return new

    def _require(self, number: int) -> None:
        """Room for so many more: clouds have four particles for each of them at least."""
        if 4 * (self.count + number) > self.size:
            raise Exhausted

    def _place(self, number: int) -> slice:
        """Rows for so many new vectors."""
        first, self.count = self.count, self.count + number
        if self.count > len(self._rows):
            grown = np.empty((max(2 * len(self._rows), self.count), self.size), self.dtype)
            grown[:first] = self._rows[:first]
            self._rows = grown
        return slice(first, self.count)


def gram(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """<x_i, y_j>, (len(x), len(y)); sums of single precision numbers are carried on in double."""
    size = x.shape[1]
    if x.dtype == y.dtype == np.float32 and size > _TILE:
        total = np.zeros((len(x), len(y)))
        for tile in row_tiles(size, _TILE):
            total += x[:, tile] @ y[:, tile].T
        return total / size
    return (x @ y.T).astype(float, copy=False) / size


def norms(rows: np.ndarray) -> np.ndarray:
    """Root mean squares."""
    return np.sqrt(np.array([np.dot(row, row) for row in rows], float) / rows.shape[1])


def _inverse(lower: np.ndarray) -> np.ndarray:
    """Of a lower triangular matrix."""
    if len(lower) == 1:
        return 1.0 / lower
    return lapack.dtrtri(lower, lower=1)[0] if len(lower) else lower
