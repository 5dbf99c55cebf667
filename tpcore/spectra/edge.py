"""The largest eigenvalue: draws of it at any n, and the scale on which it fluctuates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import linalg

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.errors import BudgetError, Misuse
from tpcore.spectra.eigenvalues import eigenvalue_chunks
from tpcore.spectra.ensembles import Ensemble, ensemble
from tpcore.spectra.families import rows
from tpcore.spectra.parameters import Parameters
from tpcore.spectra.tridiagonal import MODELS, tridiagonal_chunks

DECAY = 12.0  # lengths of the Airy scale after which an edge eigenvector is below 1e-9
TOGETHER = 64  # draws a step of `largest_chunks`
EXCESS = {  # fourth cumulants of entries of variance 1
    "gaussian": lambda p: 0.0, "rademacher": lambda p: -2.0, "uniform": lambda p: -1.2,
    "student": lambda p: 6 / (p.nu - 4),
}  # fmt: skip
WORK = 5e7  # rows * draws of corners, about ten seconds


def edge(kind: str, n: int, nu: float = 3.0, ratio: float = 1.0, **more) -> tuple[float, float, int] | None:
    """(centre, scale, beta): the largest eigenvalue is about centre + scale * (Tracy-Widom of that beta).

    None where no such law is known to hold: no symmetry, products, a spike above its threshold, sparse matrices of
    fixed degree, narrow bands, entries with tails too heavy for four moments.

    Notes
    -----
    Symmetric: 2 sqrt(1 - 1/2n), n^(-1/2) (n - 1/2)^(-1/6) for beta 1 (Johnstone and Ma, Ann. Appl. Probab. 22,
    2012), 2 and n^(-2/3) for beta 2. Wishart: (a + b)^2 / n, (a + b) (1/a + 1/b)^(1/3) / n with
    a^2 = n - 1/2, b^2 = m - 1/2 (Ma, Bernoulli 18, 2012). Entries that are not Gaussian move the centre by their
    fourth cumulant k: by k / n, and k (1 + y)^2 / (y n) with y^2 = ratio, from the edge of z = g + 1/g + (k/n) g^3 (Lee
    and Schnelli, PTRF 171, 2018); a diagonal of variance 1/n instead of 2/n by -1/n. What is left falls like n^(-1/3).
    """
    source, p = ensemble(kind, nu, ratio, **more)
    n = checks.integer("The size n of a matrix", n, 1)
    heavy = source.entries.name == "cauchy" or (source.entries.name == "student" and p.nu <= 4)
    if heavy or source.family.name in ("iid", "product") or not source.holds(p) or outlier(kind, nu, ratio, **more):
        return None
    excess = EXCESS[source.entries.name](p) / n
    if source.family.name == "wishart":
        a, b, y = np.sqrt(n - 0.5), np.sqrt(rows(n, p) - 0.5), np.sqrt(p.ratio)
        centre = (a + b) ** 2 / n + excess * (1 + y) ** 2 / y
        return float(centre), float((a + b) * (1 / a + 1 / b) ** (1 / 3) / n), 1
    if kind == "gue":
        return 2.0, n ** (-2 / 3), 2
    centre = 2 * np.sqrt(1 - 0.5 / n) + (0.0 if kind == "goe" else excess - 1 / n)
    return float(centre), float(n**-0.5 * (n - 0.5) ** (-1 / 6)), 1


def threshold(kind: str, nu: float = 3.0, ratio: float = 1.0, **more) -> float | None:
    """The spike above which an eigenvalue leaves the bulk: 1, or sqrt(ratio) for "wishart"; None where there is none.

    Baik, Ben Arous and Peche, Ann. Probab. 33 (2005); Peche, PTRF 134 (2006); Tao, PTRF 155 (2013) for "iid".
    """
    source, p = ensemble(kind, nu, ratio, **more)
    if not source.entries.finite(p) or source.family.name in ("band", "product"):
        return None
    return float(np.sqrt(p.ratio)) if source.family.name == "wishart" else 1.0


def outlier(kind: str, nu: float = 3.0, ratio: float = 1.0, **more) -> float | None:
    """Where the eigenvalue stands that a spike drives out of the bulk as n grows; None below the threshold.

    spike + 1 / spike for symmetric matrices of variance 1 / n; (1 + spike) (1 + ratio / spike) for "wishart"
    (Baik and Silverstein, J. Multivar. Anal. 97, 2006); spike for "iid".
    """
    source, p = ensemble(kind, nu, ratio, **more)
    least = threshold(kind, nu, ratio, **more)
    if least is None or p.spike <= least:
        return None
    if source.family.name == "wishart":
        return (1 + p.spike) * (1 + p.ratio / p.spike)
    return p.spike if source.family.plane else p.spike + 1 / p.spike


def outlier_spread(kind: str, n: int, nu: float = 3.0, ratio: float = 1.0, **more) -> float | None:
    """Standard deviation of the normal law of an outlier, None where there is none or it is not known.

    With beta = 1, 2: sqrt(2 (1 - 1 / spike^2) / (beta n)) for symmetric matrices (Capitaine, Donati-Martin and Feral,
    Ann. Probab. 37, 2009); (1 + spike) sqrt(2 (1 - ratio / spike^2) / n) for Gaussian "wishart" (Paul, Stat. Sinica 17,
    2007).
    """
    source, p = ensemble(kind, nu, ratio, **more)
    n = checks.integer("The size n of a matrix", n, 1)
    if outlier(kind, nu, ratio, **more) is None or source.family.plane or not source.holds(p):
        return None
    if source.family.name == "wishart":
        return float((1 + p.spike) * np.sqrt(2 * (1 - p.ratio / p.spike**2) / n)) if source.exact else None
    return float(np.sqrt((1 if kind == "gue" else 2) * (1 - p.spike**-2) / n))


def largest_eigenvalues(
    kind: str, n: int, draws: int = 1, seed: int = 0, nu: float = 3.0, progress: Progress | None = None,
    ratio: float = 1.0, **more,
) -> np.ndarray:  # fmt: skip
    """The largest eigenvalue of each of `draws` independent matrices.

    "goe", "gue", "wishart" at any n: the eigenvector of a tridiagonal model at its upper edge lives on the first
    O(n^(1/3)) rows, so the corner of that size has the same largest eigenvalue to rounding (Edelman and Persson,
    arXiv math-ph/0501068). Other kinds from dense matrices, while n fits.

    Returns
    -------
    ndarray, (draws,)

    Raises
    ------
    Misuse, BudgetError
        As `eigenvalues`; the plane has no largest eigenvalue.
    """
    return np.concatenate(list(largest_chunks(kind, n, draws, seed, nu, progress, ratio, **more)))


def largest_chunks(
    kind: str, n: int, draws: int = 1, seed: int = 0, nu: float = 3.0, progress: Progress | None = None,
    ratio: float = 1.0, **more,
) -> Iterator[np.ndarray]:  # fmt: skip
    """The draws of `largest_eigenvalues`, some at a time, as they are computed."""
    source, p = ensemble(kind, nu, ratio, **more)
    n, draws = checks.integer("The size n of a matrix", n, 1), checks.integer("The number of draws", draws, 1)
    seed = checks.integer("The seed", seed, 0)
    if source.family.plane:
        raise Misuse("Eigenvalues in the plane have no largest one", repr(kind), "Take np.abs(eigenvalues(...))")
    if not source.exact:
        for block in eigenvalue_chunks(kind, n, seed, draws, nu, progress, ratio, **more):
            yield block[:, -1]
        return
    keep = corner(source, n, p)
    if keep * draws > WORK:
        fits = int(WORK / keep)
        must, hint = "The largest eigenvalues must be computed within the budget", f"At most {fits:,} draws fit"
        raise BudgetError(must, f"{draws:,} draws", hint, fits=fits)
    progress = as_progress(progress)
    steps = row_tiles(draws, TOGETHER)
    progress.start(len(steps))
    for diagonal, squared in tridiagonal_chunks(n, draws, seed, progress.silent(), kind, p, keep):
        off = np.sqrt(squared)
        for part in row_tiles(diagonal.size // keep, TOGETHER):
            work = [slice(i * keep, (i + 1) * keep) for i in range(part.start, part.stop)]
            yield np.array(map_tiles(lambda at, d=diagonal, e=off: _top(d[at], e[at][:-1]), work))
            progress.tick()


def corner(source: Ensemble, n: int, p: Parameters) -> int:
    """The rows of a tridiagonal model on which an eigenvector of the upper edge lives."""
    m = rows(n, p) if MODELS[source.name].positive else n
    scale = (n * m / (np.sqrt(n) + np.sqrt(m)) ** 2) ** (1 / 3) if MODELS[source.name].positive else n ** (1 / 3)
    return min(MODELS[source.name].rows(n, p), int(DECAY * scale) + 24)


def _top(diagonal: np.ndarray, off: np.ndarray) -> float:
    last = diagonal.size - 1
    if last == 0:
        return float(diagonal[0])
    which = {"select": "i", "select_range": (last, last), "check_finite": False}
    return float(linalg.eigvalsh_tridiagonal(diagonal, off, **which)[0])
