"""Spectra in motion: the eigenvalues of a matrix whose entries are stationary processes."""

from __future__ import annotations

import numpy as np

from tpcore import checks
from tpcore.compute.progress import Progress, as_progress
from tpcore.compute.tiles import row_tiles, single_blas, tile_generators
from tpcore.errors import BudgetError
from tpcore.spectra.eigenvalues import BATCH
from tpcore.spectra.ensembles import DENSE_WORK, ensemble


def dyson(
    n: int,
    steps: int,
    dt: float = 0.02,
    seed: int = 0,
    kind: str = "goe",
    nu: float = 3.0,
    progress: Progress | None = None,
    ratio: float = 1.0,
    **more,
) -> np.ndarray:
    """Eigenvalues of a matrix that moves without changing its law: Dyson's Brownian motion.

    Each entry follows a stationary Ornstein-Uhlenbeck process g with
    correlation exp(-t / 2) after time t; entries of another law are the
    function of g that has that law.

    Parameters
    ----------
    n : int
        Side of the matrix; small (n^3 * steps is budgeted).
    steps : int
        Number of frames, at least 1.
    dt : float
        Time between frames, at least 0; eigenvalues move by about sqrt(dt / n) a frame.
    seed, kind, nu, ratio, **more
        As in `eigenvalues`.

    Returns
    -------
    ndarray
        (steps, n), m instead of n for "wishart"; each row ascending (by real part for "iid", which is complex),
        each with the law of ``eigenvalues(kind, n)``.
        A path is the beginning of every longer one with the same seed.

    Notes
    -----
    Dyson, J. Math. Phys. 3 (1962): for the GOE the eigenvalues repel, and never cross.
    """
    source, p = ensemble(kind, nu, ratio, **more)
    n, steps = checks.integer("The size n of a matrix", n, 1), checks.integer("The number of steps", steps, 1)
    dt, seed = checks.real("The time step dt", dt, 0.0), checks.integer("The seed", seed, 0)
    fits = int((DENSE_WORK / 10 / steps / source.family.cost(p)) ** (1 / 3))
    if n > fits:
        raise BudgetError("A moving spectrum must be small", f"n = {n:,}", f"At most n = {fits:,} fits", fits=fits)
    progress = as_progress(progress)
    (generator,) = tile_generators(seed, 1)
    keep, fresh = np.exp(-dt / 2), np.sqrt(-np.expm1(-dt))
    shape, across = source.family.shape(n, p), source.family.across(n, p)
    state = generator.standard_normal(shape)
    path = np.empty((steps, source.family.size(n, p)), complex if source.family.plane else float)
    frames = row_tiles(steps, max(1, BATCH // int(np.prod(shape))))
    progress.start(len(frames))
    for at in frames:
        block = np.empty((at.stop - at.start, *shape))
        for frame in block:
            frame[:] = state
            state = keep * state + fresh * generator.standard_normal(shape)
        with single_blas():
            path[at] = source.family.solve(source.built(source.entries.from_normal(block, across, p), n, p), n, p)
        progress.tick()
    return path
