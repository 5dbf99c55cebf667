"""How far a finite network is from its limit, and how fast that falls with the width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtrit

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.finite.ensemble import ensemble
from tpcore.finite.run import MOST_WIDTH
from tpcore.limit.interpret import limit as limit_of
from tpcore.program.check import check_program


def deviation(finite, limit) -> float | np.ndarray:
    r"""Relative Frobenius deviation ||K_n - K||_F / ||K||_F.

    Parameters
    ----------
    finite : array (..., *shape)
        K_n, one or many draws.
    limit : array of shape `shape`
        K, not zero.

    Returns
    -------
    float or ndarray
        Of shape (...): one number a draw. Falls like n^(-1/2) (its square like 1/n).

    Notes
    -----
    Source: Tensor Programs I (arXiv 1910.12478), figure 3(E).
    """
    limit = checks.array("limit", limit)
    finite = checks.array("finite", finite)
    if limit.size == 0 or finite.shape[finite.ndim - limit.ndim :] != limit.shape:
        raise Misuse(f"finite must have shape (..., {', '.join(map(str, limit.shape))})", f"shape {finite.shape}")
    size = float(np.abs(limit).max())
    if size == 0:
        raise Misuse("The limit of a relative deviation must not be zero", hint="Compare what has another limit")
    axes = tuple(range(finite.ndim - limit.ndim, finite.ndim))
    finite, limit = finite / size, limit / size
    result = np.sqrt(np.square(finite - limit).sum(axis=axes)) / np.linalg.norm(limit)
    return float(result) if np.ndim(result) == 0 else result


@dataclass(frozen=True, eq=False)
class Slope:
    """A fitted power law deviation = exp(intercept) * width ** slope.

    Attributes
    ----------
    slope, intercept : float
        Of log deviation against log width.
    stderr : float
        Standard error of the slope; inf where nothing is left over to estimate it from.
    low, high : float
        Confidence interval of the slope.
    confidence : float
        Its level.
    widths, deviations : ndarray (W,)
        What was fitted: at each width the geometric mean of the draws.
    """

    slope: float
    stderr: float
    low: float
    high: float
    intercept: float
    confidence: float
    widths: np.ndarray = field(repr=False)
    deviations: np.ndarray = field(repr=False)
    _covariance: np.ndarray = field(repr=False)
    _quantile: float = field(repr=False)

    def line(self, widths) -> np.ndarray:
        """The fitted deviation at `widths`."""
        widths = _widths(widths, 1)
        return np.exp(np.clip(self.intercept + self.slope * np.log(widths), -700.0, 700.0))

    def band(self, widths) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper edge of the pointwise confidence band of `line`."""
        design = _design(_widths(widths, 1))
        spread = np.sqrt(np.einsum("ij,jk,ik->i", design, self._covariance, design))
        spread = self._quantile * np.where(np.isnan(spread), np.inf, spread)
        line = self.line(widths)
        with np.errstate(over="ignore"):
            return line * np.exp(-spread), line * np.exp(spread)


def slope(widths, deviations, confidence: float = 0.95) -> Slope:
    r"""The slope of log deviation against log width, by least squares, with a t-based confidence interval.

    Parameters
    ----------
    widths : array (W,)
        At least two different ones, positive.
    deviations : array (W,) or (W, draws), or a sequence of W arrays of draws
        Positive. With several independent draws a width the interval comes from
        their spread; with one, from the scatter of the points around the line.
    confidence : float
        Level of the interval, in (0, 1).

    Returns
    -------
    Slope

    Notes
    -----
    log d_ij = a + b log n_i + e_ij, all draws in one regression with N - 2
    degrees of freedom. The law of the rescaled deviation does not depend on the
    width in the limit, so the e_ij have one variance.
    """
    confidence = checks.real("confidence", confidence, 0.0, 1.0, open_low=True)
    widths, logs = _widths(widths, 2), _logs(deviations)
    if confidence == 1.0:
        raise Misuse("confidence must be below 1", "1.0")
    if len(logs) != len(widths):
        raise Misuse("deviations must have one entry, or one row of draws, for each width",
                     f"{len(logs)} for {len(widths)} widths")
    x = np.repeat(widths, [len(row) for row in logs])
    y = np.concatenate(logs)
    design = _design(x)
    (intercept, fitted), *_ = np.linalg.lstsq(design, y, rcond=None)
    freedom = len(y) - 2
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = float(((y - design @ [intercept, fitted]) ** 2).sum()) / freedom if freedom else np.inf
        covariance = noise * np.linalg.inv(design.T @ design)
    stderr = float(np.sqrt(covariance[1, 1]))
    quantile = float(stdtrit(max(freedom, 1), (1 + confidence) / 2))
    return Slope(
        slope=float(fitted),
        stderr=stderr,
        low=float(fitted - quantile * stderr),
        high=float(fitted + quantile * stderr),
        intercept=float(intercept),
        confidence=confidence,
        widths=widths,
        deviations=np.exp([row.mean() for row in logs]),
        _covariance=covariance,
        _quantile=quantile,
    )


def zscores(samples, limit) -> float | np.ndarray:
    r"""z = (mean over the draws - limit) / (standard deviation / sqrt(draws)), entrywise.

    Parameters
    ----------
    samples : array (draws, *shape)
        At least two independent draws.
    limit : array of shape `shape`
        Their expectation under the hypothesis.

    Returns
    -------
    float or ndarray of shape `shape`
        0 where draws and limit are equal and constant, +-inf where constant draws differ from the limit.
    """
    samples, limit = checks.array("samples", samples), checks.array("limit", limit)
    if samples.ndim == 0 or len(samples) < 2:
        raise Misuse("samples must hold at least two draws along its first axis", f"shape {samples.shape}")
    if samples.shape[1:] != limit.shape:
        raise Misuse(f"limit must have the shape of one draw, {samples.shape[1:]}", f"shape {limit.shape}")
    difference = samples.mean(axis=0) - limit
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    rounding = 8 * np.finfo(float).eps * np.maximum(np.abs(samples).max(axis=0), np.abs(limit))
    difference = np.where(np.abs(difference) <= rounding, 0.0, difference)
    error = np.where(error <= rounding, 0.0, error)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(difference == 0, 0.0, difference / error)
    return float(scores) if scores.ndim == 0 else scores


@dataclass(frozen=True, eq=False)
class Comparison:
    """A program's two meanings side by side.

    Attributes
    ----------
    widths : ndarray (W,)
        In increasing order.
    scalars : dict
        name -> deviations (W, draws) of a C-var with a nonzero limit, one number a draw.
    slopes : dict
        name -> `Slope` of those that deviate at all.
    means : dict
        name -> list over widths of z-scores of a C-var's mean over the draws.
    kernel : list
        Over widths: z-scores (k, k) of the mean of f f^T over the draws against the limit's kernel; [] without outputs.
    limits : dict
        name -> the limit of a C-var; the outputs' kernel under "kernel".
    """

    widths: np.ndarray
    scalars: dict[str, np.ndarray]
    slopes: dict[str, Slope]
    means: dict[str, list]
    kernel: list[np.ndarray]
    limits: dict[str, np.ndarray] = field(repr=False)

    def __str__(self) -> str:
        lines = [f"widths {', '.join(f'{w:,}' for w in self.widths)}"]
        for name, deviations in self.scalars.items():
            rows = ", ".join(f"{d:.3g}" for d in deviations.mean(axis=1))
            fit = self.slopes.get(name)
            slope_text = f"; slope {fit.slope:.3f} in [{fit.low:.3f}, {fit.high:.3f}]" if fit else ""
            lines.append(f"{name}: deviation {rows}{slope_text}")
        for width, scores in zip(self.widths, self.kernel, strict=False):
            lines.append(f"outputs at width {width:,}: largest |z| {np.abs(scores).max():.2f}")
        return "\n".join(lines)


def compare(
    prog, widths: Sequence[int], draws: int = 100, seed: int = 0, progress=None, method: str = "auto"
) -> Comparison:
    """Run both meanings of a program and report how they agree.

    Parameters
    ----------
    prog : Program
        The program.
    widths : sequence of int
        At least two.
    draws : int
        Ensemble size at each width, at least two; the widths draw independently.
    seed : int
        Of the draws.
    progress, method
        As in `tp.ensemble`; progress counts each width from 0.

    Returns
    -------
    Comparison
    """
    check_program(prog)
    widths = np.unique([checks.integer("width", w, 1, MOST_WIDTH) for w in np.atleast_1d(np.asarray(widths, object))])
    if len(widths) < 2:
        raise Misuse("A comparison needs at least two different widths", f"{widths.tolist()}")
    checks.integer("draws", draws, 2), checks.integer("seed", seed, 0)
    lim = limit_of(prog)
    names = [node.name for node in prog.nodes if node.kind == "C"]
    limits = {name: np.asarray(lim.scalar(name), dtype=np.float64) for name in names}
    if prog.outputs:
        limits["kernel"] = np.atleast_2d(np.asarray(lim.kernel(), dtype=np.float64))
    nonzero = [name for name in names if limits[name].any()]
    scalars: dict[str, list] = {name: [] for name in nonzero}
    means: dict[str, list] = {name: [] for name in names}
    kernel = []
    for width in widths.tolist():
        root = np.random.SeedSequence(seed, spawn_key=(width,))
        drawn = ensemble(prog, width, draws, root, progress=progress, method=method)
        for name in names:
            means[name].append(zscores(drawn.scalars[name], limits[name]))
        for name in nonzero:
            scalars[name].append(deviation(drawn.scalars[name], limits[name]))
        if prog.outputs:
            flat = np.concatenate([values.reshape(draws, -1) for values in drawn.outputs.values()], axis=1)
            kernel.append(zscores(flat[:, :, None] * flat[:, None, :], limits["kernel"]))
    stacked = {name: np.stack(values) for name, values in scalars.items()}
    slopes = {name: slope(widths, values) for name, values in stacked.items() if (values > 0).all()}
    return Comparison(widths, stacked, slopes, means, kernel, limits)


def _widths(widths, least: int) -> np.ndarray:
    widths = np.atleast_1d(checks.array("widths", widths))
    if widths.ndim != 1 or (widths <= 0).any():
        raise Misuse("widths must be one axis of positive numbers", f"{widths.tolist()}")
    if len(np.unique(widths)) < least:
        raise Misuse(f"A slope needs at least {least} different widths", f"{widths.tolist()}")
    return widths


def _logs(deviations) -> list[np.ndarray]:
    """One array of log deviations a width."""
    if not isinstance(deviations, Iterable) or getattr(deviations, "ndim", 1) == 0:
        raise Misuse("deviations must be a sequence, one entry or one row of draws a width", repr(deviations))
    rows = [np.atleast_1d(checks.array("deviations", row)) for row in deviations]
    for row in rows:
        if row.ndim != 1 or row.size == 0:
            raise Misuse("deviations must be numbers, or one axis of draws, for each width", f"shape {row.shape}")
        if (row <= 0).any():
            raise Misuse("deviations must be positive, since their logarithm is fitted", f"{row.min():g}",
                         "Leave out what agrees exactly")
    return [np.log(row) for row in rows]


def _design(widths: np.ndarray) -> np.ndarray:
    return np.stack([np.ones(len(widths)), np.log(widths)], axis=1)
