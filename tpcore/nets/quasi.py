"""Quasi-random points of the standard normal law."""

from __future__ import annotations

import warnings

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import ndtri

SCRAMBLINGS = 8


def normal_points(count: int, dimension: int, seed) -> np.ndarray:
    """Scrambled Sobol points (count, dimension) of the standard normal law, of mean 0 and covariance 1 if count allows.

    Beyond the dimensions that Sobol's sequence has, plain random ones.
    """
    from scipy.stats import qmc  # slow to import, and needed here alone

    rng = np.random.default_rng(seed)
    quasi = min(dimension, qmc.Sobol.MAXDIM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        raw = qmc.Sobol(quasi, scramble=True, seed=rng).random(count)
    points = ndtri(np.clip(raw, 1e-15, 1 - 1e-15))
    if dimension > quasi:
        points = np.concatenate([points, rng.standard_normal((count, dimension - quasi))], axis=1)
    if count > 4 * dimension:
        points -= points.mean(axis=0)
        points = solve_triangular(np.linalg.cholesky(points.T @ points / count), points.T, lower=True).T
    return points


def averaged(found: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean of the estimates `found` (scramblings, ..), and the largest standard error of its entries."""
    count = len(found)
    error = found.std(axis=0, ddof=1).max() / np.sqrt(count) if count > 1 else np.inf
    return found.mean(axis=0), float(error)
