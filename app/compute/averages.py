"""Sums of many random terms for the Averages lab: draws, running sums, histograms, moments."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from time import perf_counter

import numpy as np
from scipy import special

from tpapp.average_results import Bars, PathsRequest, PowerRow, SumPaths, Sums, SumsRequest, TermsLaw
from tpcore import sums
from tpcore.compute.progress import Progress

KINDS = tuple(sums.KINDS)
ORDERS = (2, 3, 4, 6, 8)
REACH = 4.2  # of the standardized sum
PATHS = 30
SUP_MEAN, SUP_SD = math.sqrt(math.pi / 2) * math.log(2), math.sqrt(math.pi**2 / 12 - math.pi / 2 * math.log(2) ** 2)
RANGES = {"coin": (-0.06, 1.06), "die": (0.4, 6.6), "uniform": (-0.06, 1.06), "exponential": (-0.2, 3.6),
          "mixture": (-3.0, 7.5), "student": (-5.0, 5.0), "cauchy": (-8.0, 8.0)}  # fmt: skip


@lru_cache(maxsize=256)
def law(kind: str, nu: float = 3.0, rho: float = 0.0) -> TermsLaw:
    """The law of one term and what becomes of sums of it."""
    term = sums.terms(kind, nu)
    low, high = RANGES[term.name]
    settles = math.isfinite(term.mean) and rho == 0
    share, places = math.sqrt(rho), ()
    x = y = np.zeros(0)
    if settles:
        places = (term.mean,)
    elif term.step:
        places = tuple(float(v) for v in share * term.values + (1 - share) * term.centre)
    else:
        if math.isnan(term.mean):
            share = 1.0  # a Cauchy variable plus an independent one is Cauchy again, whatever the shares
        x = np.linspace(low, high, 401)
        y = term.pdf((x - (1 - share) * term.centre) / share) / share
    spread = math.sqrt(term.variance) if math.isfinite(term.variance) else math.inf
    return TermsLaw(
        kind, term.label, term.mean, spread, term.centre, term.scale, term.index, settles,
        math.isfinite(term.variance) and rho == 0, low, high, x, y, places,
        sums.variance_of_mean(kind, math.inf, nu, rho) if rho else 0.0, term.rate, term.method,
    )  # fmt: skip


def variance_of_mean(kind: str, n: float, nu: float, rho: float) -> float:
    """Var(S / N), exactly."""
    return sums.variance_of_mean(kind, n, nu, rho)


_tabulated: set[float] = set()  # degrees of freedom whose sums have been drawn before, and so are drawn quickly


def quick(r: SumsRequest | PathsRequest) -> bool:
    """Whether it takes a few milliseconds at most."""
    return getattr(r, "draws", PATHS) <= 10_000 and (r.kind != "student" or r.nu == 1 or r.nu in _tabulated)


def counts_shown() -> np.ndarray:
    """Where running sums are drawn: 1 to 1,000,000, evenly on a logarithmic axis."""
    return np.unique(np.round(np.geomspace(1, 10**6, 150)).astype(np.int64))


def paths(r: PathsRequest, progress: Progress | None = None) -> SumPaths:
    """Running sums of `PATHS` repetitions, and the bands that hold about 19 in 20 of them at each N."""
    info, counts = law(r.kind, r.nu, r.rho), counts_shown()
    drawn = sums.running(r.kind, counts, PATHS, r.seed, r.nu, r.rho, progress)
    centred = drawn - counts * info.centre
    _tabulated.add(r.nu)
    sd = [math.sqrt(sums.variance_of_mean(r.kind, int(n), r.nu, r.rho)) for n in counts]
    reach = np.array([2 * np.array(sd), 2 * np.array(sd) * np.sqrt(counts) / info.unit])
    if math.isnan(info.mean):  # quartiles of the Cauchy law, at every N
        reach[0], reach[1] = 1.0, np.sqrt(counts)
    return SumPaths(r, counts, drawn / counts, centred / (info.unit * np.sqrt(counts)), reach)


def draw(r: SumsRequest, progress: Progress | None = None) -> Iterator[Sums]:
    """Histograms, quantiles and moments of growing numbers of repetitions."""
    seen: list[np.ndarray] = []
    seconds, start = 0.0, perf_counter()
    for chunk in sums.draw_chunks(r.kind, r.n, r.draws, r.seed, r.nu, r.rho, progress):
        seen.append(chunk)
        result = summary(r, np.concatenate(seen))
        seconds += perf_counter() - start
        yield replace(result, seconds=seconds)
        start = perf_counter()


def summary(r: SumsRequest, drawn: np.ndarray) -> Sums:
    """All that is shown of the sums `drawn` (R,)."""
    info, count = law(r.kind, r.nu, r.rho), len(drawn)
    means, z = drawn / r.n, (drawn - r.n * info.centre) / (info.unit * r.n**0.5)
    order = np.sort(z)
    away = np.sort(np.abs(means - info.centre))
    step = min(0.5, 0.5 / count**0.5)
    below, half, above = np.quantile(away, [0.5 - step, 0.5, 0.5 + step]).tolist()
    half_error = (above - below) / 2
    mean = mean_error = sd = sd_error = math.nan
    if math.isfinite(info.mean):
        mean = float(means.mean())
    if math.isfinite(info.sd):
        sd, mean_error = float(means.std()), float(means.std() / count**0.5)
        squares = (means - mean) ** 2
        sd_error = float(squares.std() / (2 * sd * count**0.5)) if sd > 0 else 0.0
    lattice = sums.terms(r.kind, r.nu).step
    return Sums(
        r, count, histogram(means, *_mean_bins(r, info, lattice), lattice / r.n),
        _scaled_bars(r, info, z, half, lattice),
        mean, mean_error, sd, sd_error, half, half_error, _quantiles(order), _gap(order), SUP_SD / count**0.5,
        powers(r, z),
    )  # fmt: skip


def _scaled_bars(r: SumsRequest, info: TermsLaw, z: np.ndarray, half: float, lattice: float) -> Bars:
    """The histogram of Z; where Z outgrows the normal its range grows with it."""
    grown = 1.0
    if not info.normal:
        spread = math.sqrt(1 + (r.n - 1) * r.rho) if math.isfinite(info.sd) else 2 * half * r.n**0.5 / info.unit
        grown = max(1.0, 2 ** math.ceil(math.log2(max(spread, 1e-9))))
    width = 0.3 if len(z) < 5000 else 0.2 if len(z) < 50_000 else 0.12
    root = r.n**0.5
    origin = -root * (info.centre - _lowest(r)) / info.unit
    return histogram(z, -REACH * grown, REACH * grown, width * grown, origin, lattice / (info.unit * root))


def _lowest(r: SumsRequest) -> float:
    """A value that the terms can have, where they live on a lattice."""
    values = sums.terms(r.kind, r.nu).values
    return float(values[0]) if len(values) else 0.0


def _mean_bins(r: SumsRequest, info: TermsLaw, lattice: float) -> tuple[float, float, float, float]:
    """Low, high, bin width and a lattice point for S / N: around the centre, as wide as it still spreads."""
    variance = sums.variance_of_mean(r.kind, r.n, r.nu, r.rho)
    spread = math.sqrt(variance) if math.isfinite(variance) else r.n ** (1 / info.index - 1)
    heavy = not math.isfinite(variance)
    reach = spread * (20.0 if heavy else REACH + 0.3)
    low, high = max(info.low, info.centre - reach), min(info.high, info.centre + reach)
    return low, high, spread * (0.25 if heavy or r.rho == 0 else 0.1), _lowest(r)


def histogram(values: np.ndarray, low: float, high: float, width: float, origin: float, lattice: float) -> Bars:
    """Bars of about `width`; of a lattice law each holds the same number of lattice points, which lie inside."""
    if lattice:
        width = lattice * max(1, round(width / lattice))
        shift = origin - lattice / 2
        low = shift + width * math.floor((low - shift) / width)
        high = shift + width * math.ceil((high - shift) / width)
    cells = max(1, round((high - low) / width))
    edges = np.linspace(low, high, cells + 1)
    counts = np.histogram(values, edges)[0]
    return Bars(edges, counts, counts / (len(values) * np.diff(edges)), int(len(values) - counts.sum()))


def gap(r: SumsRequest, drawn: np.ndarray) -> float:
    """sup |F - Phi| of the sums `drawn`, standardized."""
    info = law(r.kind, r.nu, r.rho)
    return _gap(np.sort((drawn - r.n * info.centre) / (info.unit * r.n**0.5)))


def _gap(order: np.ndarray) -> float:
    """sup |F - Phi| of sorted values."""
    normal, ranks = special.ndtr(order), np.arange(len(order) + 1) / len(order)
    return float(max(np.abs(normal - ranks[1:]).max(), np.abs(normal - ranks[:-1]).max()))


def _quantiles(order: np.ndarray) -> np.ndarray:
    """Quantiles of the normal and of the draws, and two standard errors of a normal's."""
    ends = min(0.25, 5 / len(order))
    p = special.ndtr(np.linspace(special.ndtri(ends), -special.ndtri(ends), 61))
    x = special.ndtri(p)
    error = np.sqrt(p * (1 - p) / len(order)) * np.sqrt(2 * np.pi) * np.exp(x**2 / 2)
    return np.array([x, np.quantile(order, p, method="inverted_cdf"), 2 * error])


def powers(r: SumsRequest, z: np.ndarray) -> tuple[PowerRow, ...]:
    """Moments of Z beside those of its exact law and of the normal."""
    exact = exact_powers(r)
    rows = []
    squares = z * z
    raised = {2: squares, 3: squares * z, 4: squares**2, 6: squares**2 * squares, 8: squares**2 * squares**2}
    for k, value in zip(ORDERS, exact):
        power = raised[k]
        rows.append(PowerRow(k, float(power.mean()), float(power.std() / len(z) ** 0.5), float(value),
                             float(sums.double_factorial(k))))  # fmt: skip
    return tuple(rows)


def exact_powers(r: SumsRequest) -> list[float]:
    """E Z^k of `ORDERS` without drawing; nan where it is not known here."""
    info = law(r.kind, r.nu, r.rho)
    if not math.isfinite(info.sd):
        return [math.nan if k % 2 else math.inf for k in ORDERS]
    if r.rho:
        return [1 + (r.n - 1) * r.rho if k == 2 else math.nan for k in ORDERS]
    return sums.standard_moments(r.kind, r.n, ORDERS, r.nu).tolist()


def normal_powers() -> tuple[PowerRow, ...]:
    """The moments of the normal, which are those of the limit."""
    rows = [(k, float(sums.double_factorial(k))) for k in ORDERS]
    return tuple(PowerRow(k, value, math.nan, value, value) for k, value in rows)


@lru_cache(maxsize=1)
def normal_grid() -> tuple[np.ndarray, np.ndarray]:
    """The standard normal's density on the range shown."""
    x = np.linspace(-REACH, REACH, 201)
    return x, np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
