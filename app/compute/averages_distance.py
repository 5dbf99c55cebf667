"""How far sums are from the normal, at every N: from their law, and from draws."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tpapp.average_results import DistanceRequest, Distances, SumsRequest
from tpapp.compute.averages import SUP_MEAN, SUP_SD, gap, law
from tpcore import agreement, sums
from tpcore.compute.progress import Progress

COUNTS = (*(2**k for k in range(20)), 1_000_000)
FITTED = 64  # the slope is that of at least so many terms
DRAWS = 50_000  # at each N
CLEAR = 4.0  # the draws' slope is that of distances so many times the noise


def distances(r: DistanceRequest, progress: Progress) -> Iterator[Distances]:
    """First the distances of the laws (where there is a normal limit), then those of draws, N by N."""
    progress.start(2 * len(COUNTS))
    counts = np.array(COUNTS)
    exact, bound = [], []
    if law(r.kind, r.nu, r.rho).normal:
        for n in COUNTS:
            exact.append(sums.distance(r.kind, n, r.nu))
            bound.append(sums.bound(r.kind, n, r.nu))
            progress.tick()
    far = counts >= FITTED
    slope, error = _slope(counts[far], np.array(exact)[far]) if exact else (math.nan, math.nan)
    measured: list[float] = []
    noise = SUP_MEAN / DRAWS**0.5
    for k in range(len(COUNTS) + 1):
        if k:
            n = COUNTS[k - 1]
            drawn = sums.draw(r.kind, n, DRAWS, r.seed, r.nu, r.rho, progress.silent())
            measured.append(gap(SumsRequest(r.kind, n, DRAWS, r.seed, r.nu, r.rho), drawn))
            progress.tick()
        seen = np.array(measured)
        clear = (seen > CLEAR * noise) & (counts[:k] > 1)
        fit = _slope(counts[:k][clear], seen[clear]) if exact and clear.sum() >= 3 else (math.nan, math.nan)
        yield Distances(r, counts, np.array(exact), np.array(bound), counts[:k], seen, noise, SUP_SD / DRAWS**0.5,
                        slope, error, *fit)  # fmt: skip


def _slope(counts: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Slope and the half-width of its 95 % interval."""
    fit = agreement.slope(counts, values)
    return fit.slope, (fit.high - fit.low) / 2
