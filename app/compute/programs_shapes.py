"""Shapes of laws from draws and moments: densities with point masses, ellipses, level lines, curves. NumPy alone."""

from __future__ import annotations

import contourpy
import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from tpapp.compute.programs_results import Contours, Density

REACH = 3.8  # standard deviations of a Gaussian that are shown to each side
MASSES = (0.5, 0.95)
GRID = 2048


def smoothed(values: np.ndarray) -> Density:
    """A density from draws: values that repeat are point masses, the rest is smoothed and kept within its edges."""
    values = values[np.isfinite(values)]
    atoms, rest = point_masses(values)
    if len(rest) < 64:
        low, high = float(values.min()), float(values.max())
        room = 0.25 * (high - low) or 1.0
        return Density(np.zeros(0), np.zeros(0), atoms, (low - room, high + room), "sampling")
    low, high = np.quantile(rest, [0.0006, 0.9994])
    spread = np.subtract(*np.quantile(rest, [0.75, 0.25])) / 1.34
    h = 0.9 * min(rest.std(), spread or rest.std()) * len(rest) ** -0.2
    low_edge, high_edge = _edge(rest, h), -_edge(-rest, h)
    start = low_edge if np.isfinite(low_edge) else low - 4 * h
    end = high_edge if np.isfinite(high_edge) else high + 4 * h
    counts, edges = np.histogram(rest, GRID, (start, end))
    pad = GRID // 2
    sides = [counts[:pad][::-1] if np.isfinite(low_edge) else np.zeros(pad),
             counts, counts[-pad:][::-1] if np.isfinite(high_edge) else np.zeros(pad)]  # fmt: skip
    wide = np.concatenate(sides).astype(float)
    smooth = gaussian_filter1d(wide, h / (edges[1] - edges[0]), mode="constant")[pad:-pad]
    x = (edges[1:] + edges[:-1]) / 2
    pdf = smooth / (len(values) * (edges[1] - edges[0]))
    keep = slice(None, None, 4)
    x, pdf = x[keep], pdf[keep]
    if np.isfinite(low_edge):
        x, pdf = np.r_[start, start, x], np.r_[0.0, pdf[0], pdf]
    if np.isfinite(high_edge):
        x, pdf = np.r_[x, end, end], np.r_[pdf, pdf[-1], 0.0]
    places = [place for place, _ in atoms]
    room = 0.06 * (end - start)
    span = (min([start, *places]) - room, max([end, *places]) + room)
    return Density(x, pdf, atoms, (float(span[0]), float(span[1])), "sampling")


def point_masses(values: np.ndarray) -> tuple[tuple[tuple[float, float], ...], np.ndarray]:
    """(place, mass) of values that repeat, and the values that do not."""
    found, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    heavy = counts > max(8, 0.002 * len(values))
    atoms = tuple((float(found[k]), float(counts[k] / len(values))) for k in np.flatnonzero(heavy))[:12]
    return atoms, values[~heavy[inverse]]


def _edge(values: np.ndarray, h: float) -> float:
    """The left end of a law that stops there with density; -inf where it fades away."""
    low = float(values.min())
    here = np.count_nonzero(values < low + h)
    most = np.histogram(values, np.arange(low, np.quantile(values, 0.999) + 2 * h, h))[0].max(initial=1)
    return low if here > 0.12 * most else -np.inf


def ellipses(centre: np.ndarray, cov: np.ndarray) -> Contours:
    """The ellipses that hold 50 % and 95 % of N(centre, cov): r^2 = -2 log(1 - mass); a segment where singular."""
    values, vectors = np.linalg.eigh(cov)
    angle = np.linspace(0, 2 * np.pi, 121)
    root = vectors * np.sqrt(np.maximum(values, 0))
    lines = []
    for mass in MASSES:
        ring = centre[:, None] + np.sqrt(-2 * np.log1p(-mass)) * root @ np.stack([np.cos(angle), np.sin(angle)])
        lines.append((mass, ring[0], ring[1]))
    sd = np.sqrt(np.maximum(np.diag(cov), 0))
    spans = tuple((float(c - REACH * (s or 1.0)), float(c + REACH * (s or 1.0))) for c, s in zip(centre, sd))
    return Contours(tuple(lines), spans, "Gaussian")


def level_lines(x: np.ndarray, y: np.ndarray) -> Contours:
    """From joint draws: the curve they lie on, or lines around the densest 50 % and 95 %."""
    spans = tuple(_span(v) for v in (x, y))
    curve = _curve(x, y)
    if curve is not None:
        return Contours(((1.0, *curve),), spans, "sampling")
    curve = _curve(y, x)
    if curve is not None:
        return Contours(((1.0, *curve[::-1]),), spans, "sampling")
    cells = 128
    counts, xe, ye = np.histogram2d(x, y, cells, spans)
    smooth = gaussian_filter(counts, 2.2, mode="constant")
    ordered = np.sort(smooth.ravel())[::-1]
    total = np.cumsum(ordered)
    generator = contourpy.contour_generator((xe[1:] + xe[:-1]) / 2, (ye[1:] + ye[:-1]) / 2, smooth.T)
    lines = []
    for mass in MASSES:
        level = ordered[min(np.searchsorted(total, mass * len(x)), len(ordered) - 1)]
        for piece in generator.lines(level):
            if len(piece) > 8:
                lines.append((mass, piece[:, 0], piece[:, 1]))
    return Contours(tuple(lines), spans, "sampling")


def _span(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.001, 0.999])
    room = 0.12 * (high - low) or 1.0
    return float(low - room), float(high + room)


def _curve(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """(x, y) sorted, if y is a function of x: neighbours in x are neighbours in y."""
    order = np.argsort(x[:8192])
    a, b = x[:8192][order], y[:8192][order]
    scale = float(np.std(b))
    if scale == 0.0 or len(np.unique(a)) < len(a) // 4:
        return None
    jumps = np.abs(np.diff(b)) > 0.2 * scale
    if np.quantile(np.abs(np.diff(b)), 0.98) > 0.02 * scale or jumps.sum() > 40:
        return None
    keep = np.unique(np.linspace(0, len(a) - 1, 400).astype(int))
    return a[keep], b[keep]
