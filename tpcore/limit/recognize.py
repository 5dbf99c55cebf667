"""What a user's function is made of, found by calling it.

A Nonlin carries a Python function. Four facts about it decide how much of the
limit is exact: on which columns of a block each column depends, whether all
columns are treated alike, in which arguments it is a polynomial, and whether it is
linear across columns (a softmax-weighted sum of keys with fixed weights).
Each is tested at fixed pseudo-random points spread over seven orders of
magnitude, several hundred where blocks are small; rounding is the only
tolerance. A function that hides another rule in a set that no such point meets
is not found out, nor would any quadrature.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.errors import Misuse
from tpcore.program.functions import Adapted

FEWEST, MOST, VALUES = 32, 512, 2**16
ROUNDING = 1e-12


class Block:
    """A function with its parameters put in, called on whole blocks.

    Parameters
    ----------
    call : callable
        ``call(*vectors, *params)``.
    params : list of ndarray
        Values of the C-vars.
    shapes : list of tuple
        Of the vector arguments.
    shape : tuple
        Of the result.
    where : str
        The instruction, for messages.
    """

    def __init__(self, call: Callable, params: list, shapes: list, shape: tuple[int, ...], where: str):
        self.native, self.call = call, call.call if isinstance(call, Adapted) else call
        self.params, self.where, self.shape = params, where, tuple(shape)
        self.shapes = [tuple(s) for s in shapes]
        self.size = int(np.prod(self.shape))
        taken = max(self.size, 1) + sum(int(np.prod(s)) for s in self.shapes)
        self.points = int(np.clip(VALUES // taken, FEWEST, MOST))
        self._rng = np.random.Generator(np.random.PCG64(20191028))

    def __call__(self, *values: np.ndarray) -> np.ndarray:
        """Values (points, *shapes[i]) to (points, size)."""
        return self._run(self.native, values)

    def _run(self, call: Callable, values: tuple[np.ndarray, ...]) -> np.ndarray:
        points = len(values[0]) if values else 1
        try:
            with np.errstate(all="ignore"):
                result = np.asarray(call(*values, *self.params), dtype=np.float64)
        except Exception as error:
            raise Misuse(
                f"The function of {self.where} must accept NumPy arrays",
                f"{type(error).__name__}: {error}",
                "It is called with arrays (points, *shape), one a vector argument, then one array a C-var",
            ) from error
        try:
            return np.broadcast_to(result, (points, *self.shape)).reshape(points, self.size)
        except ValueError:
            raise Misuse(
                f"The function of {self.where} must return an array of shape (points, {self.shape})",
                f"shape {result.shape} for {points} points",
            ) from None

    def expanded(self, *values: np.ndarray) -> np.ndarray:
        """As a call, with every argument given for every column: values (points, size)."""
        return self._run(self.call, tuple(v.reshape(len(v), *self.shape) for v in values))

    def draw(self, sizes: list[int], points: int | None = None) -> list[np.ndarray]:
        """Random arguments (points, sizes[i]); the points' scales go from 0.01 to 10^5."""
        points = self.points if points is None else points
        scale = 10.0 ** np.linspace(-2, 5, points)[:, None]
        return [scale * self._rng.standard_normal((points, size)) for size in sizes]

    def broadcastable(self) -> bool:
        """Whether the arguments broadcast to the shape of the result."""
        try:
            return np.broadcast_shapes(self.shape, *self.shapes) == self.shape
        except ValueError:
            return False

    def elementwise(self) -> bool:
        """Whether column j of the result depends on column j of the (broadcast) arguments only."""
        if not self.broadcastable():
            return False
        sizes = [int(np.prod(s)) for s in self.shapes]
        values = [v.reshape(-1, *s) for v, s in zip(self.draw(sizes), self.shapes, strict=True)]
        padded = [v.reshape(len(v), *(1,) * (len(self.shape) + 1 - v.ndim), *v.shape[1:]) for v in values]
        full = [np.broadcast_to(v, (len(v), *self.shape)).reshape(len(v), -1) for v in padded]
        if not same(self(*values), self.expanded(*full)):
            return False
        count = len(self.shapes)
        first, second = self.draw([self.size] * count), self.draw([self.size] * count)
        f, g = self.expanded(*first), self.expanded(*second)
        for bit in range(max(self.size - 1, 0).bit_length()):
            chosen = (np.arange(self.size) >> bit) & 1 == 1
            mixed = [np.where(chosen, a, b) for a, b in zip(first, second, strict=True)]
            if not same(self.expanded(*mixed), np.where(chosen, f, g)):
                return False
        return True

    def uniform(self) -> Callable | None:
        """``uniform(columns, *values)`` for an elementwise function that treats all columns alike, else None."""
        try:
            full = [p if np.ndim(p) == 0 else np.broadcast_to(p, self.shape).reshape(-1) for p in self.params]
        except ValueError:
            return None

        def columnwise(columns: np.ndarray, *values: np.ndarray) -> np.ndarray:
            picked = [p if np.ndim(p) == 0 else p[columns] for p in full]
            with np.errstate(all="ignore"):
                return np.broadcast_to(np.asarray(self.call(*values, *picked), float), values[0].shape)

        values = self.draw([self.size] * len(self.shapes))
        columns = self._rng.integers(self.size, size=self.size + 2)
        try:
            alike = same(columnwise(columns, *(v[:, columns] for v in values)), self.expanded(*values)[:, columns])
        except Exception:
            return None
        return columnwise if alike else None

    def degrees(self, most: int = 6) -> dict[int, int]:
        """Arguments in which an elementwise function is a polynomial of degree 4 or less, with the degrees."""
        found = {}
        for which in range(len(self.shapes)):
            values = self.draw([self.size] * len(self.shapes))
            degree = next((d for d in (1, 2, 4) if self._polynomial(values, which, d)), None)
            if degree is not None and len(found) < most:
                found[which] = degree
        return found

    def _polynomial(self, values: list[np.ndarray], which: int, degree: int) -> bool:
        x, fit, slack = values[which], 0.0, 0.0
        nodes, inverse = interpolation(degree)
        for k, node in enumerate(nodes):
            slots = list(values)
            slots[which] = np.full_like(x, node)
            at = self.expanded(*slots)
            with np.errstate(all="ignore"):
                fit = fit + at * sum(inverse[power, k] * x**power for power in range(degree + 1))
                slack = slack + ROUNDING * np.abs(at) * (1 + np.abs(x)) ** degree
        with np.errstate(all="ignore"):
            known = np.isfinite(slack)
            close = np.abs(self.expanded(*values) - fit) <= slack
        return bool(np.all(close | ~known) and np.all(known.mean(axis=0) > 0.2))

    def mixing_axes(self) -> list[int]:
        """Axes of the block along which columns depend on each other; all of them when that cannot be told."""
        axes = list(range(len(self.shape)))
        if not self.broadcastable():
            return axes
        sizes = [int(np.prod(s)) for s in self.shapes]
        return [axis for axis in axes if self._mixes(axis, sizes)]

    def _mixes(self, axis: int, sizes: list[int]) -> bool:
        """Whether exchanging some places along an axis moves the result in others."""
        padded = [self._padded(s) for s in self.shapes]
        first, second = (
            [v.reshape(-1, *s) for v, s in zip(self.draw(sizes), padded, strict=True)] for _ in range(2)
        )
        second = [a if s[axis] == 1 else b for a, b, s in zip(first, second, padded, strict=True)]
        call = lambda vs: self(*(v.reshape(-1, *s) for v, s in zip(vs, self.shapes, strict=True)))  # noqa: E731
        f, g = call(first).reshape(-1, *self.shape), call(second).reshape(-1, *self.shape)
        along = [1] * (len(self.shape) + 1)
        along[axis + 1] = self.shape[axis]
        for bit in range(max(self.shape[axis] - 1, 0).bit_length()):
            chosen = ((np.arange(self.shape[axis]) >> bit) & 1 == 1).reshape(along)
            pairs = zip(first, second, padded, strict=True)
            mixed = [a if s[axis] == 1 else np.where(chosen, a, b) for a, b, s in pairs]
            if not same(call(mixed).reshape(-1, *self.shape), np.where(chosen, f, g)):
                return True
        return False

    def _padded(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (1,) * (len(self.shape) - len(shape)) + shape

    def dependence(self) -> tuple[np.ndarray, ...]:
        """For each argument an array (size, g): the columns of it on which column j of the result depends."""
        axes = self.mixing_axes()
        places = np.indices(self.shape).reshape(len(self.shape), self.size)
        found = []
        for shape in self.shapes:
            if not self.broadcastable():
                found.append(np.broadcast_to(np.arange(int(np.prod(shape))), (self.size, int(np.prod(shape)))))
                continue
            shape = self._padded(shape)
            grids = np.meshgrid(*(np.arange(shape[a]) for a in axes), indexing="ij")
            index = [np.where(shape[a] == 1, 0, places[a])[:, None] for a in range(len(shape))]
            for axis, grid in zip(axes, grids, strict=True):
                index[axis] = grid.reshape(1, -1)
            flat = np.ravel_multi_index(np.broadcast_arrays(*index), shape) if index else np.zeros((1, 1), int)
            found.append(np.broadcast_to(flat, (self.size, flat.shape[1])))
        return tuple(found)

    def invariant(self, which: int, groups: np.ndarray) -> bool:
        """Whether adding one number to all columns of argument `which` in a group changes nothing."""
        sizes = [int(np.prod(s)) for s in self.shapes]
        values = self.draw(sizes)
        shift = np.abs(values[which]).max(axis=1, keepdims=True) * self._rng.standard_normal((self.points, len(groups)))
        moved = list(values)
        moved[which] = values[which] + shift[:, groups]
        arranged = ([v.reshape(-1, *s) for v, s in zip(vs, self.shapes, strict=True)] for vs in (values, moved))
        before, after = (self(*vs) for vs in arranged)
        with np.errstate(all="ignore"):
            return bool(np.all(np.abs(after - before) <= 1e-9 * np.abs(before).max(axis=1, keepdims=True)))

    def linear_map(self) -> tuple[np.ndarray, list[np.ndarray]] | None:
        """(constant, matrices (size, size of argument)) when the function is affine in all columns jointly."""
        sizes = [int(np.prod(s)) for s in self.shapes]
        if self.size * sum(sizes) > 2**24:
            return None
        arrange = lambda vs: [v.reshape(-1, *s) for v, s in zip(vs, self.shapes, strict=True)]  # noqa: E731
        a, b = self.draw(sizes, 8), self.draw(sizes, 8)
        zero = self(*arrange([np.zeros((1, size)) for size in sizes]))
        f, g = self(*arrange(a)), self(*arrange(b))
        both = self(*arrange([2.5 * u + v for u, v in zip(a, b, strict=True)]))
        slack = 100 * ROUNDING * (np.abs(f).max() + np.abs(g).max() + np.abs(zero).max())
        if not np.all(np.abs(both - 2.5 * f - g + 2.5 * zero) <= slack):
            return None
        matrices = []
        for which, size in enumerate(sizes):
            basis = [np.zeros((size, s)) for s in sizes]
            basis[which] = np.eye(size)
            matrices.append((self(*arrange(basis)) - zero).T)
        return zero[0], matrices


def interpolation(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes 0, 1, -1, 2, -2, .. and the matrix that makes coefficients of powers from values there."""
    nodes = np.array([0.0, 1.0, -1.0, 2.0, -2.0][: degree + 1])
    scale = 24.0
    return nodes, np.round(np.linalg.inv(np.vander(nodes, increasing=True)) * scale) / scale


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal but for rounding; a value that is not finite equals itself."""
    with np.errstate(invalid="ignore"):
        scale = np.maximum(np.abs(a), np.abs(b))
        close = (a == b) | (np.abs(a - b) <= ROUNDING * scale)
    return bool(np.all(close | (np.isnan(a) & np.isnan(b))))
