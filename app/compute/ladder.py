"""Deviations of single draws from the limit over a ladder of widths, for all labs: means, errors, the fitted line."""

from __future__ import annotations

import numpy as np

from tpapp.results import Deviation
from tpcore import agreement
from tpcore.compute.progress import Progress

FITTED_FROM = 64  # narrower widths are not yet on the line that is fitted


def silent(outer: Progress) -> Progress:
    """Cancels with `outer`, reports nothing: the widths are what is counted."""
    return outer.silent()


def deviation(request, seen: list[np.ndarray]) -> Deviation:
    """What the draws of the first widths show; `request` has `widths` and `draws`, `seen` an array of draws a width."""
    widths = np.array(request.widths[: len(seen)])
    mean = np.array([row.mean() for row in seen])
    error = np.array([row.std(ddof=1) / np.sqrt(len(row)) if len(row) > 1 else np.nan for row in seen])
    wide = np.arange(len(seen)) >= len(seen) // 2
    fitted = widths >= FITTED_FROM if (widths >= FITTED_FROM).sum() >= 3 else widths > 0
    bound = float(np.exp(np.mean(np.log(np.maximum(mean, 1e-300) * np.sqrt(widths))[wide])))
    slope = slope_error = float("nan")
    band = None
    if len(seen) >= 3 and min(row.min() for row in seen) > 0:
        fit = agreement.slope(widths[fitted], [row for row, use in zip(seen, fitted) if use])
        slope, slope_error = float(fit.slope), float(fit.stderr)
        grid = np.geomspace(widths[fitted].min(), widths[fitted].max(), 25)
        band = np.stack([grid, *fit.band(grid)])
    return Deviation(request, widths, mean, error, slope, slope_error, bound, band)
