"""Laws of the entries of random matrices: how they are drawn, and how each is a function of a normal variable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from tpcore.spectra.parameters import Parameters


@dataclass(frozen=True)
class Entries:
    """A law of iid entries.

    Attributes
    ----------
    name, label : str
        As typed, and as shown.
    draw : callable
        ``draw(generator, size, n, p)``: iid entries, of variance 1 where they have one; n of them in a row.
    from_normal : callable
        ``from_normal(g, n, p)``: the same law as an increasing function of a standard normal variable.
    index : callable
        ``index(p)``: entries are divided by n^(1 / index): 2, or the tail exponent where that is smaller.
    finite : callable
        ``finite(p)``: whether the variance is.
    """

    name: str
    label: str
    draw: Callable[[np.random.Generator, tuple[int, ...], int, Parameters], np.ndarray]
    from_normal: Callable[[np.ndarray, int, Parameters], np.ndarray]
    index: Callable[[Parameters], float] = lambda p: 2.0
    finite: Callable[[Parameters], bool] = lambda p: True


def _student_scale(nu: float) -> float:
    return np.sqrt((nu - 2) / nu) if nu > 2 else 1.0


def _share(n: int, p: Parameters) -> float:
    """The probability that an entry of a sparse matrix is not zero."""
    return min(1.0, p.degree / n)


def _sparse(below: np.ndarray, n: int, p: Parameters) -> np.ndarray:
    """Entries from uniform variables: the lowest and the highest become -1 and +1 over sqrt(share)."""
    share = _share(n, p)
    signs = (below > 1 - share / 2).astype(float) - (below < share / 2)
    return signs / np.sqrt(share)


ENTRIES: dict[str, Entries] = {
    e.name: e
    for e in (
        Entries("gaussian", "Gaussian", lambda rng, size, n, p: rng.standard_normal(size), lambda g, n, p: g),
        Entries(
            "rademacher",
            "+1 or -1",
            lambda rng, size, n, p: 2.0 * rng.integers(0, 2, size, dtype=np.int8) - 1.0,
            lambda g, n, p: np.where(g < 0, -1.0, 1.0),
        ),
        Entries(
            "uniform",
            "uniform",
            lambda rng, size, n, p: np.sqrt(3) * (2 * rng.random(size) - 1),
            lambda g, n, p: np.sqrt(3) * special.erf(g / np.sqrt(2)),
        ),
        Entries(
            "sparse",
            "sparse",
            lambda rng, size, n, p: _sparse(rng.random(size), n, p),
            lambda g, n, p: _sparse(special.ndtr(g), n, p),
        ),
        Entries(
            "student",
            "Student t",
            lambda rng, size, n, p: rng.standard_t(p.nu, size) * _student_scale(p.nu),
            lambda g, n, p: -np.sign(g) * special.stdtrit(p.nu, special.ndtr(-np.abs(g))) * _student_scale(p.nu),
            index=lambda p: min(p.nu, 2.0),
            finite=lambda p: p.nu > 2,
        ),
        Entries(
            "cauchy",
            "Cauchy",
            lambda rng, size, n, p: rng.standard_cauchy(size),
            lambda g, n, p: np.sign(g) / np.tan(np.pi * special.ndtr(-np.abs(g))),
            index=lambda p: 1.0,
            finite=lambda p: False,
        ),
    )
}
