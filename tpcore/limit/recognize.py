"""What a user's function is made of, found by calling it.

A Nonlin carries a Python function. Four facts about it decide how much of the
limit is exact: on which columns of a block each column depends, whether all
columns are treated alike, in which arguments it is affine, and whether it is
linear across columns (a softmax-weighted sum of keys with fixed weights).
Each is tested at fixed pseudo-random points spread over seven orders of
magnitude; rounding is the only tolerance. A function that hides another rule
in a set that no such point meets is not found out, nor would any quadrature.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from tpcore.errors import Misuse
from tpcore.program.functions import Adapted

_POINTS = 32
_ROUNDING = 1e-12


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
        self.call = call.call if isinstance(call, Adapted) else call
        self.params, self.where, self.shape = params, where, tuple(shape)
        depth = max([0, *(len(s) for s in shapes), *(np.ndim(p) for p in params)])
        self.shapes = [(1,) * (depth - len(s)) + tuple(s) for s in shapes]
        self.size = int(np.prod(self.shape))
        self._rng = np.random.Generator(np.random.PCG64(20191028))

    def __call__(self, *values: np.ndarray) -> np.ndarray:
        """Values (points, *shapes[i]) to (points, size)."""
        points = len(values[0]) if values else 1
        try:
            with np.errstate(all="ignore"):
                result = np.asarray(self.call(*values, *self.params), dtype=np.float64)
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
        return self(*(v.reshape(len(v), *self.shape) for v in values))

    def draw(self, sizes: list[int], points: int = _POINTS) -> list[np.ndarray]:
        """Random arguments (points, sizes[i]); the points' scales go from 0.01 to 10^5."""
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
        full = [np.broadcast_to(v, (len(v), *self.shape)).reshape(len(v), -1) for v in values]
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

    def affine_arguments(self, most: int = 6) -> list[int]:
        """Arguments in which an elementwise function is affine, whatever the other arguments are."""
        found = []
        for which in range(len(self.shapes)):
            values = self.draw([self.size] * len(self.shapes))
            zero, one = list(values), list(values)
            zero[which], one[which] = np.zeros_like(values[which]), np.ones_like(values[which])
            x, f0, f1 = values[which], self.expanded(*zero), self.expanded(*one)
            slack = _ROUNDING * (np.abs(f0) + np.abs(f1)) * (1 + np.abs(x))
            with np.errstate(invalid="ignore"):
                gap = np.abs(self.expanded(*values) - f0 - x * (f1 - f0))
            if np.all(gap <= slack):
                found.append(which)
        return found[:most]

    def mixing_axes(self) -> list[int]:
        """Axes of the block along which columns depend on each other; all of them when that cannot be told."""
        axes = list(range(len(self.shape)))
        if not self.broadcastable():
            return axes
        sizes = [int(np.prod(s)) for s in self.shapes]
        return [axis for axis in axes if self._mixes(axis, sizes)]

    def _mixes(self, axis: int, sizes: list[int]) -> bool:
        arrange = lambda v, s: v.reshape(-1, *s)  # noqa: E731
        first = [arrange(v, s) for v, s in zip(self.draw(sizes), self.shapes, strict=True)]
        second = [arrange(v, s) for v, s in zip(self.draw(sizes), self.shapes, strict=True)]
        second = [a if s[axis] == 1 else b for a, b, s in zip(first, second, self.shapes, strict=True)]
        along = [1] * (len(self.shape) + 1)
        along[axis + 1] = self.shape[axis]
        f, g = (self(*v).reshape(-1, *self.shape) for v in (first, second))
        for bit in range(max(self.shape[axis] - 1, 0).bit_length()):
            chosen = ((np.arange(self.shape[axis]) >> bit) & 1 == 1).reshape(along)
            pairs = zip(first, second, self.shapes, strict=True)
            mixed = [a if s[axis] == 1 else np.where(chosen, a, b) for a, b, s in pairs]
            if not same(self(*mixed).reshape(-1, *self.shape), np.where(chosen, f, g)):
                return True
        return False

    def dependence(self) -> tuple[np.ndarray, ...]:
        """For each argument an array (size, g): the columns of it on which column j of the result depends."""
        axes = self.mixing_axes()
        places = np.array(np.unravel_index(np.arange(self.size), self.shape)).reshape(len(self.shape), self.size)
        found = []
        for shape in self.shapes:
            if len(shape) != len(self.shape) or not self.broadcastable():
                found.append(np.broadcast_to(np.arange(int(np.prod(shape))), (self.size, int(np.prod(shape)))))
                continue
            grids = np.meshgrid(*(np.arange(shape[a]) for a in axes), indexing="ij")
            index = [np.where(shape[a] == 1, 0, places[a])[:, None] for a in range(len(shape))]
            for axis, grid in zip(axes, grids, strict=True):
                index[axis] = grid.reshape(1, -1)
            found.append(np.ravel_multi_index(np.broadcast_arrays(*index), shape))
        return tuple(found)

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
        slack = 100 * _ROUNDING * (np.abs(f).max() + np.abs(g).max() + np.abs(zero).max())
        if not np.all(np.abs(both - 2.5 * f - g + 2.5 * zero) <= slack):
            return None
        matrices = []
        for which, size in enumerate(sizes):
            basis = [np.zeros((size, s)) for s in sizes]
            basis[which] = np.eye(size)
            matrices.append((self(*arrange(basis)) - zero).T)
        return zero[0], matrices


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal but for rounding; a value that is not finite equals itself."""
    with np.errstate(invalid="ignore"):
        scale = np.maximum(np.abs(a), np.abs(b))
        close = (a == b) | (np.abs(a - b) <= _ROUNDING * scale)
    return bool(np.all(close | (np.isnan(a) & np.isnan(b))))


def corners(block: Block, affine: list[int]) -> list[tuple[tuple[int, ...], list[int], Block]]:
    """Write f = sum_S prod_{a in S} x_a c_S(rest) for an f that is affine in each of the arguments `affine`.

    Returns
    -------
    list of (S, rest, c_S)
        `rest` are the arguments that c_S depends on; terms that vanish are left out.
    """
    others = [i for i in range(len(block.shapes)) if i not in affine]
    found = []
    for size in range(len(affine) + 1):
        for chosen in combinations(affine, size):
            values = dict(zip(others, block.draw([block.size] * len(others)), strict=True))
            shown, slack = _corner_values(block, affine, chosen, values)
            if np.all(np.abs(shown) <= slack):
                continue
            rest = []
            for i in others:
                moved, other_slack = _corner_values(block, affine, chosen, values | {i: block.draw([block.size])[0]})
                if not np.all(np.abs(moved - shown) <= slack + other_slack):
                    rest.append(i)
            found.append((chosen, rest, _corner(block, affine, chosen, rest)))
    return found


def _corner_values(block: Block, affine: list[int], chosen: tuple, values: dict) -> tuple[np.ndarray, np.ndarray]:
    """c_S at some points, and its rounding error there."""
    result = slack = 0.0
    for sign, ones in _inclusion(chosen):
        slots = values | {a: np.full((_POINTS, block.size), float(a in ones)) for a in affine}
        term = block.expanded(*(slots[i] for i in range(len(slots))))
        result, slack = result + sign * term, slack + _ROUNDING * np.abs(term)
    return result, slack


def _inclusion(chosen: tuple) -> list[tuple[float, tuple]]:
    """Subsets T of S with the sign (-1)^|S - T|."""
    return [
        ((-1.0) ** (len(chosen) - size), ones)
        for size in range(len(chosen) + 1)
        for ones in combinations(chosen, size)
    ]


def _corner(block: Block, affine: list[int], chosen: tuple, rest: list[int]) -> Block:
    """c_S as a function of the arguments `rest`; arguments that it does not depend on are put at 0."""
    count = len(block.shapes)

    def call(*values):
        vectors, params = values[: len(rest)], values[len(rest) :]
        like = vectors[0] if rest else np.zeros((1, *block.shape))
        result = 0.0
        for sign, ones in _inclusion(chosen):
            slots = dict.fromkeys(range(count), np.zeros_like(like)) | dict.fromkeys(ones, np.ones_like(like))
            slots |= dict(zip(rest, vectors, strict=True))
            result = result + sign * np.asarray(block.call(*(slots[i] for i in range(count)), *params), float)
        return result

    return Block(call, block.params, [block.shape] * len(rest), block.shape, block.where)
