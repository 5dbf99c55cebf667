"""Random symmetric matrices: the law of their entries, dense draws, all eigenvalues.

Every matrix is normalized so that the law of its eigenvalues has a limit:
off-diagonal variance 1/n where the entries have a variance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import linalg, special

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import map_tiles, row_tiles, tile_generators
from tpcore.errors import BudgetError
from tpcore.spectra.laws import Law, semicircle
from tpcore.spectra.tridiagonal import MEMORY, tridiagonal_chunks

BATCH = 2**18  # entries of small dense matrices that are drawn together
DENSE_WORK = 1.25e11  # n^3 * draws, about ten seconds of LAPACK on one core
TRIDIAGONAL_WORK = 9e8  # n^2 * draws, likewise


@dataclass(frozen=True)
class Ensemble:
    """A family of random symmetric matrices.

    Attributes
    ----------
    name, label : str
        As typed, and as shown.
    draw : callable
        ``draw(generator, size, nu)``: iid entries, of variance 1 where they have one.
    from_normal : callable
        ``from_normal(g, nu)``: the same law as an increasing function of a standard normal variable.
    index : callable
        ``index(nu)``: entries are divided by n^(1 / index): 2, or the tail exponent where that is smaller.
    diagonal : float
        The entries of the diagonal are multiplied by this.
    """

    name: str
    label: str
    draw: Callable[[np.random.Generator, tuple[int, ...], float], np.ndarray]
    from_normal: Callable[[np.ndarray, float], np.ndarray]
    index: Callable[[float], float] = lambda nu: 2.0
    diagonal: float = 1.0

    def law(self, nu: float = 3.0) -> Law | None:
        """The limit law of the eigenvalues: the semicircle, or None where the entries have no variance."""
        return semicircle(1.0) if self.finite_variance(nu) else None

    def finite_variance(self, nu: float = 3.0) -> bool:
        return self.index(nu) == 2.0 and not (self.name == "symmetric:student" and nu <= 2)


def _student_scale(nu: float) -> float:
    return np.sqrt((nu - 2) / nu) if nu > 2 else 1.0


def _student_from_normal(g: np.ndarray, nu: float) -> np.ndarray:
    return -np.sign(g) * special.stdtrit(nu, special.ndtr(-np.abs(g))) * _student_scale(nu)


_NORMAL = (lambda rng, size, nu: rng.standard_normal(size)), (lambda g, nu: g)
KINDS: dict[str, Ensemble] = {
    e.name: e
    for e in (
        Ensemble("goe", "Gaussian orthogonal ensemble", *_NORMAL, diagonal=np.sqrt(2)),
        Ensemble("symmetric:gaussian", "Gaussian", *_NORMAL),
        Ensemble(
            "symmetric:rademacher",
            "+1 or -1",
            lambda rng, size, nu: 2.0 * rng.integers(0, 2, size, dtype=np.int8) - 1.0,
            lambda g, nu: np.where(g < 0, -1.0, 1.0),
        ),
        Ensemble(
            "symmetric:uniform",
            "uniform",
            lambda rng, size, nu: np.sqrt(3) * (2 * rng.random(size) - 1),
            lambda g, nu: np.sqrt(3) * special.erf(g / np.sqrt(2)),
        ),
        Ensemble(
            "symmetric:student",
            "Student t",
            lambda rng, size, nu: rng.standard_t(nu, size) * _student_scale(nu),
            _student_from_normal,
            index=lambda nu: min(nu, 2.0),
        ),
        Ensemble(
            "symmetric:cauchy",
            "Cauchy",
            lambda rng, size, nu: rng.standard_cauchy(size),
            lambda g, nu: np.sign(g) / np.tan(np.pi * special.ndtr(-np.abs(g))),
            index=lambda nu: 1.0,
        ),
    )
}


def ensemble(kind: str, nu: float = 3.0) -> Ensemble:
    """The ensemble called `kind`; refuses unknown names and a `nu` below 0.1, whose entries overflow."""
    checks.real("The degrees of freedom nu", nu, 0.1)
    return KINDS[checks.choice("A kind of random matrix", kind, KINDS)]


def largest_n(kind: str, draws: int = 1) -> int:
    """The largest n whose eigenvalues `eigenvalues` computes within its budgets of memory and work."""
    draws = checks.integer("The number of draws", draws, 1)
    if ensemble(kind).name == "goe":
        return int(min((TRIDIAGONAL_WORK / draws) ** (1 / 2), MEMORY / (40 * draws)))
    return int(min((DENSE_WORK / draws) ** (1 / 3) + 1e-9, (MEMORY / 32) ** (1 / 2), MEMORY / (16 * draws)))


def eigenvalues(
    kind: str, n: int = 1000, seed: int = 0, draws: int | None = None, nu: float = 3.0, progress: Progress | None = None
) -> np.ndarray:
    """All eigenvalues of random symmetric n x n matrices, ascending.

    Parameters
    ----------
    kind : str
        "goe": N(0, 1/n) off the diagonal, N(0, 2/n) on it (computed from the
        tridiagonal model of the same law). "symmetric:gaussian",
        "symmetric:rademacher", "symmetric:uniform": iid of variance 1/n on and
        above the diagonal. "symmetric:student": Student's t with `nu` degrees
        of freedom, of variance 1/n for nu > 2, else t / n^(1/nu).
        "symmetric:cauchy": Cauchy / n (the same as nu = 1).
    n : int
        Side of the matrix, at least 1.
    seed : int
        Same seed, same numbers, on any number of threads.
    draws : int, optional
        How many independent matrices; without it one.
    nu : float
        Degrees of freedom, for "symmetric:student" only.
    progress : Progress or callable, optional

    Returns
    -------
    ndarray
        (n,), or (draws, n) where `draws` is given.

    Raises
    ------
    Misuse, BudgetError
        Unknown kind; more work or memory than allowed, with the n that fits.

    Notes
    -----
    With a finite variance the law tends to the semicircle whatever the entries
    (Wigner 1958). Without one it tends to a law with unbounded support
    that depends on the tail (Ben Arous and Guionnet, CMP 278, 2008, with the
    scaling n^(1/nu)); at nu = 2 it spreads like sqrt(log n).
    """
    values = np.concatenate(list(eigenvalue_chunks(kind, n, seed, 1 if draws is None else draws, nu, progress)))
    return values[0] if draws is None else values


def eigenvalue_chunks(
    kind: str, n: int = 1000, seed: int = 0, draws: int = 1, nu: float = 3.0, progress: Progress | None = None
) -> Iterator[np.ndarray]:
    """The rows of `eigenvalues`, a few matrices at a time, as they are computed: arrays (matrices, n).

    Parameters and errors as in `eigenvalues`; the arguments are checked at the first step.
    """
    source = ensemble(kind, nu)
    n, count = checks.integer("The size n of a matrix", n, 1), checks.integer("The number of draws", draws, 1)
    checks.integer("The seed", seed, 0)
    fits = largest_n(kind, count)
    if n > fits:
        hint = f"At most n = {fits:,} fits with {count} draw{'s' * (count > 1)}" if fits else "Take fewer draws"
        if kind == "goe":
            hint += "; `eigenvalue_histogram` needs no eigenvalues"
        raise BudgetError("The eigenvalues must be computed within the budget", f"n = {n:,}", hint, fits=fits)
    blocks = _tridiagonal_eigenvalues if kind == "goe" else _dense_eigenvalues
    yield from blocks(source, n, count, seed, nu, as_progress(progress))


def _tridiagonal_eigenvalues(
    source: Ensemble, n: int, draws: int, seed: int, nu: float, progress: Progress
) -> Iterator[np.ndarray]:
    for diagonal, squared in tridiagonal_chunks(n, draws, seed, progress):
        off = np.sqrt(squared)
        work = [slice(lo, lo + n) for lo in range(0, diagonal.size, n)]
        yield np.stack(map_tiles(lambda at, d=diagonal, e=off: _tridiagonal_spectrum(d[at], e[at][:-1]), work))


def _tridiagonal_spectrum(diagonal: np.ndarray, off: np.ndarray) -> np.ndarray:
    if diagonal.size == 1:
        return diagonal.copy()
    return linalg.eigh_tridiagonal(diagonal, off, eigvals_only=True, check_finite=False, lapack_driver="sterf")


def _dense_eigenvalues(
    source: Ensemble, n: int, draws: int, seed: int, nu: float, progress: Progress
) -> Iterator[np.ndarray]:
    tiles = row_tiles(draws, max(1, BATCH // n**2))
    generators = tile_generators(seed, len(tiles))
    progress.start(len(tiles))

    def spectrum(index: int) -> np.ndarray:
        count = tiles[index].stop - tiles[index].start
        values = np.linalg.eigvalsh(_lower(source, (count, n, n), generators[index], nu), UPLO="L")
        progress.tick()
        return values

    for group in row_tiles(len(tiles), int(np.clip(MEMORY // (16 * n**2), 1, 16 if n <= 256 else 2))):
        yield np.concatenate(map_tiles(spectrum, range(group.start, group.stop)))


def _lower(source: Ensemble, shape: tuple[int, ...], generator: np.random.Generator, nu: float) -> np.ndarray:
    """Matrices whose lower triangles are those of the ensemble; what stands above is not used."""
    entries = source.draw(generator, shape, nu)
    entries *= shape[-1] ** (-1 / source.index(nu))
    side = np.arange(shape[-1])
    entries[..., side, side] *= source.diagonal
    return entries


def matrix(kind: str, n: int, seed: int = 0, nu: float = 3.0) -> np.ndarray:
    """One dense symmetric (n, n) matrix of the kind (see `eigenvalues`)."""
    source = ensemble(kind, nu)
    n = checks.integer("The size n of a matrix", n, 1)
    fits = int((MEMORY / 24) ** (1 / 2))
    if n > fits:
        raise BudgetError("A dense matrix must fit into memory", f"n = {n:,}", f"At most n = {fits:,} fits", fits=fits)
    (generator,) = tile_generators(checks.integer("The seed", seed, 0), 1)
    lower = np.tril(_lower(source, (n, n), generator, nu))
    return lower + np.tril(lower, -1).T
