"""How a random matrix is built from iid entries, and how its eigenvalues are found: one record a family.

`build` takes a stack of entries, divided by c^(1/2) (by c^(1/index) where tails are heavy), c of them in a row, and
returns a stack of what `solve` wants; `full` makes of that the matrices themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np

from tpcore.spectra.parameters import Parameters

Stack = np.ndarray


@dataclass(frozen=True)
class Family:
    """A family of random matrices.

    Attributes
    ----------
    name, label : str
        As typed, and as shown.
    shape : callable
        ``shape(n, p)``: of the iid entries of one matrix.
    build, solve, full : callable
        ``build(x, n, p)``, ``solve(stack, n, p)`` -> eigenvalues (matrices, size), ascending; ``full(stack)``.
    cost : callable
        ``cost(p)``: work in units of n^3, one symmetric eigenvalue problem.
    size : callable
        ``size(n, p)``: how many eigenvalues a matrix has.
    across : callable
        ``across(n, p)``: how many entries of a row the matrix keeps: n, or those within a band.
    plane : bool
        The eigenvalues are complex.
    """

    name: str
    label: str
    build: Callable[[Stack, int, Parameters], Stack]
    solve: Callable[[Stack, int, Parameters], np.ndarray]
    full: Callable[[Stack], Stack]
    shape: Callable[[int, Parameters], tuple[int, ...]] = lambda n, p: (n, n)
    cost: Callable[[Parameters], float] = lambda p: 1.0
    size: Callable[[int, Parameters], int] = lambda n, p: n
    across: Callable[[int, Parameters], int] = lambda n, p: n
    plane: bool = False


def rows(n: int, p: Parameters) -> int:
    """m = ratio * n, rounded, at least 1: the rows of X."""
    return max(1, round(p.ratio * n))


def _symmetric(diagonal: float) -> Callable[[Stack, int, Parameters], Stack]:
    def build(x: Stack, n: int, p: Parameters) -> Stack:
        side = np.arange(n)
        x[..., side, side] *= diagonal
        if p.spike:
            x += p.spike / n
        return x

    return build


def _hermitian(x: Stack, n: int, p: Parameters) -> Stack:
    side = np.arange(n)
    a = (x[..., 0, :, :] + 1j * x[..., 1, :, :]) / np.sqrt(2)
    a[..., side, side] = x[..., 0, side, side]
    return a + p.spike / n


def _band(x: Stack, n: int, p: Parameters) -> Stack:
    away = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    return _symmetric(1.0)(x * (np.minimum(away, n - away) <= p.band), n, p)


def _rectangle(x: Stack, n: int, p: Parameters) -> Stack:
    if p.spike:
        x[..., 0, :] *= np.sqrt(1 + p.spike)
    return x


def _squares(x: Stack, n: int, p: Parameters) -> np.ndarray:
    """Eigenvalues of X X^T from the smaller of the two products; the rest are zero."""
    m, cols = x.shape[-2:]
    small = x @ _transposed(x) if m <= cols else _transposed(x) @ x
    values = np.maximum(np.linalg.eigvalsh(small), 0.0)
    return np.pad(values, [(0, 0)] * (values.ndim - 1) + [(m - values.shape[-1], 0)])


def _transposed(x: Stack) -> Stack:
    return np.swapaxes(x, -1, -2)


def _mirrored(x: Stack) -> Stack:
    """The matrices whose lower triangles are those of x."""
    return np.tril(x) + np.conj(_transposed(np.tril(x, -1)))


def _plane(x: Stack, n: int, p: Parameters) -> np.ndarray:
    return np.sort(np.linalg.eigvals(x).astype(complex), axis=-1)


def _singular_squared(x: Stack, n: int, p: Parameters) -> np.ndarray:
    return np.linalg.svd(x, compute_uv=False)[..., ::-1] ** 2


def _lower(stack: Stack, n: int, p: Parameters) -> np.ndarray:
    return np.linalg.eigvalsh(stack, UPLO="L")


FAMILIES: dict[str, Family] = {
    f.name: f
    for f in (
        Family("goe", "Gaussian orthogonal ensemble", _symmetric(np.sqrt(2)), _lower, _mirrored),
        Family("gue", "Gaussian unitary ensemble", _hermitian, _lower, _mirrored,
               shape=lambda n, p: (2, n, n), cost=lambda p: 4.0),
        Family("symmetric", "symmetric", _symmetric(1.0), _lower, _mirrored),
        Family("band", "symmetric band", _band, _lower, _mirrored, across=lambda n, p: min(n, 2 * p.band + 1)),
        Family("wishart", "Wishart", _rectangle, _squares, lambda x: x @ _transposed(x),
               shape=lambda n, p: (rows(n, p), n),
               cost=lambda p: min(p.ratio, 1.0) ** 3 + 0.5 * p.ratio * min(p.ratio, 1.0), size=rows),
        Family("iid", "all entries independent", _symmetric(1.0), _plane, lambda x: x, cost=lambda p: 12.0,
               plane=True),
        Family("product", "product of square matrices", lambda x, n, p: reduce(np.matmul, np.moveaxis(x, -3, 0)),
               _singular_squared, lambda x: x @ _transposed(x), shape=lambda n, p: (p.factors, n, n),
               cost=lambda p: 3.0 + 0.5 * p.factors),
    )
}  # fmt: skip
