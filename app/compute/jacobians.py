"""Jacobians of random networks for the Jacobians lab: limits, draws, the plane of order and chaos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from time import perf_counter

import numpy as np

from tpapp.jacobian_results import Draws, DrawsRequest, Histogram, NetRequest, Plane, Point, SingularLaw
from tpcore import spectra
from tpcore.compute.progress import Progress
from tpcore.errors import BudgetError, Misuse
from tpcore.nets import MLP
from tpcore.nets import variances as maps
from tpcore.spectra import jacobians as core

WEIGHTS = core.WEIGHTS
LINKS = core.LINKS
MOST_W, MOST_B = 3.0, 1.5
GRID = (97, 61)
CONTOURS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
FLOOR = 1e-11  # of the largest singular value: rounding lies far below
TAILS = (0.001, 0.01, 0.03, 0.1)  # of the law, left out at the left: the first with which the rest spans ..
DECADES = 1e5
POINTS = 181


def network(r: NetRequest) -> MLP:
    """The network; its readout plays no part."""
    return MLP(r.depth, r.phi, r.sigma_w, r.sigma_b)


@lru_cache(maxsize=256)
def point(r: NetRequest) -> Point:
    """The variance map's word on a network; `Misuse` where there is no fixed point and no q0."""
    net = network(r)
    q = maps.fixed_point(net.phi, net.sigma_w, net.sigma_b)
    table = maps.variance_map(net.phi)
    variances = maps.variances(net, r.q0)
    still = np.ptp(variances) == 0 or table.homogeneous
    mu = maps.slope_moments(net.phi, variances[:1] if still else variances)
    mu = np.broadcast_to(mu, (r.depth, 3))
    chis = net.sigma_w**2 * mu[:, 0]
    chi = float(chis[-1])  # at the fixed point, or anywhere where the slopes do not depend on it
    if r.q0 is not None and not table.homogeneous:
        chi = float(net.sigma_w**2 * maps.slope_moments(net.phi, q, (1,))[0]) if np.isfinite(q) else float("nan")
    spread = mu[:, 1] / np.maximum(mu[:, 0], 1e-300) ** 2 - (r.weights == "orthogonal")
    mean = float(np.prod(chis))
    a, b = _marginals(r, mu)
    return Point(r, q, chi, variances, chis, mean, float(mean**2 * spread.sum()), a, b, table.homogeneous)


def _marginals(r: NetRequest, mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Limits of the moments of A = D_L^2 and B = W_L D_(L-1)^2 W_L^T, orders 1 to 3."""
    m1, m2, m3 = mu[-2] if r.depth > 1 else np.ones(3)
    if r.weights == "gaussian":
        m1, m2, m3 = m1, m2 + m1**2, m3 + 3 * m2 * m1 + m1**3
    return mu[-1], np.array([m1, m2, m3]) * r.sigma_w ** np.array([2, 4, 6])


def _scaled(words: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mixed moments of A / tau(A) and B / tau(B)."""
    a, b = np.maximum(a[..., :1], 1e-300), np.maximum(b[..., :1], 1e-300)
    return words / a ** np.array([1, 2, 1, 2, 2, 3]) / b ** np.array([1, 1, 2, 2, 2, 3])


# -- finite width ------------------------------------------------------------------------------------------------


def fits(r: NetRequest, draws: int = 1) -> int:
    """The largest width that a request may have."""
    return core.largest_width(r.depth, draws, r.weights)


def check(r: DrawsRequest) -> None:
    """Refuse what needs more than about ten seconds, with the width that fits."""
    most = fits(r.net, r.draws)
    if r.n > most:
        raise BudgetError("The weights are stored whole, and a request may take about ten seconds", f"n = {r.n:,}",
                          f"At most n = {most:,} fits with {r.net.depth} layers and {r.draws} draw"
                          f"{'s' * (r.draws > 1)}", fits=most)  # fmt: skip


def quick(r: DrawsRequest) -> bool:
    """Whether it takes a few milliseconds."""
    return r.n**3 * r.draws * (core.COST[r.net.weights] * r.net.depth + core.SPECTRUM) < 2e7 and r.draws <= 16


def draws(request: DrawsRequest, progress: Progress | None = None) -> Iterator[Draws]:
    """Singular values, sizes and mixed moments of growing numbers of networks."""
    check(request)
    seen, start, seconds = [], perf_counter(), 0.0
    r = request.net
    for part in core.jacobian_chunks(network(r), request.n, request.draws, request.seed, r.weights, r.q0, progress):
        seen.append(part)
        found = _draws(request, seen)
        seconds += perf_counter() - start
        yield replace(found, seconds=seconds)
        start = perf_counter()


def _draws(request: DrawsRequest, seen: list) -> Draws:
    singular, sizes, mixed, moments = (np.concatenate([getattr(part, name) for part in seen])
                                       for name in ("singular", "sizes", "mixed", "moments"))  # fmt: skip
    known = point(request.net)
    a, b = moments.mean(axis=0) if request.net.weights == "sparse" else (known.a, known.b)
    free, commuting = (_scaled(words(a, b), a, b) for words in (core.free_words, core.commuting_words))
    return Draws(request, singular, sizes, _scaled(mixed, a, b), free, commuting)


def free_words(r: NetRequest) -> tuple[np.ndarray, np.ndarray]:
    """What the scaled mixed moments are in the limit if A and B are free, and if they commute."""
    known = point(r)
    return tuple(_scaled(words(known.a, known.b), known.a, known.b)
                 for words in (core.free_words, core.commuting_words))  # fmt: skip


# -- the limit ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _limit(r: NetRequest):
    """The law of squared singular values; that of dense weights where they are sparse."""
    weights = "orthogonal" if r.weights == "orthogonal" else "gaussian"
    return spectra.jacobian(network(r), q0=r.q0, weights=weights)


@lru_cache(maxsize=64)
def law(r: NetRequest) -> SingularLaw:
    """The limit law of singular values s: with density rho of s^2, that of s is 2 s rho(s^2)."""
    limit = _limit(r)
    low, top = (float(np.sqrt(max(edge, 0.0))) for edge in limit.support)
    atoms = tuple((float(np.sqrt(at)), mass) for at, mass in limit.atoms)
    holds = r.weights != "sparse"
    if not limit.bands:
        nothing = np.zeros(0)
        least = min((at for at, _ in atoms if at > 0), default=top)
        name = "point mass" if len(atoms) == 1 else "point masses"
        return SingularLaw(nothing, nothing, nothing, (least / 2, 2 * top), top, atoms, name, holds)
    zero = _zero(atoms)
    tails = np.sqrt(limit.quantile(zero + (1 - zero) * np.array(TAILS)))
    start = max(low, FLOOR * top, float(next((s for s in tails if top < DECADES * s), tails[-1])))
    t = (1 - np.cos(np.linspace(0, np.pi, POINTS + 2)[1:-1])) / 2  # at the ends densities may be infinite
    s = np.exp(np.log(start) + t * (np.log(top) - np.log(start)))
    pdf = 2 * s * limit.pdf(s**2)
    return SingularLaw(s, pdf, limit.cdf(s**2), (start, top), top, atoms, "free probability", holds)


def gap(singular: np.ndarray, found: SingularLaw) -> float | None:
    """sup |F_m - F| of singular values from the window's lower end up; None for a point mass, or another law."""
    if not found.holds or not len(found.s):
        return None
    values = np.sort(singular, axis=None)
    ranks = np.arange(len(values) + 1) / len(values)
    inside = values >= found.window[0]
    if not inside.any():
        return None
    cdf = np.interp(values, found.s, found.cdf, right=1.0)
    return float(max(np.abs(cdf - ranks[1:])[inside].max(), np.abs(cdf - ranks[:-1])[inside].max()))


def _zero(atoms) -> float:
    """The mass at 0."""
    return sum(mass for at, mass in atoms if at == 0)


def histogram(singular: np.ndarray, window: tuple[float, float], log: bool) -> Histogram:
    """Densities of s, or of log10 s, in bins that are as many as the values bear."""
    values, low, high = np.ravel(singular), *window
    bins = int(np.clip(2 * values.size ** (1 / 3), 12, 60))
    if log:
        start, end = np.log10(low), np.log10(high)
    else:
        start, end = 0.0 if low < 0.5 * high else 0.97 * low, high
    step = (end - start) / bins
    edges = start + step * np.arange(bins + 2 + bins // 24)
    zero = values <= FLOOR * values.max(initial=0.0)
    values = values[~zero]
    counts = np.histogram(np.log10(values) if log else values, edges)[0]
    density = counts / (singular.size * step)
    left = int((values < (10.0 ** edges[0] if log else edges[0])).sum())
    return Histogram(edges, density, counts, left, int(zero.sum()), singular.shape[-1])


# -- the plane ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def plane(phi: str) -> Plane:
    """chi_1 and q* over all weights and biases, with the curves of equal chi_1."""
    w = np.linspace(0.0, MOST_W, GRID[0])
    b = np.linspace(0.0, MOST_B, GRID[1])
    found = maps.order_chaos(phi, w[None, :], b[:, None])
    contours = tuple((chi, maps.contour(phi, chi, MOST_W, MOST_B)) for chi in CONTOURS)
    return Plane(phi, w, b, found.chi, found.q, contours)


def pick(phi: str, sigma_w: float, sigma_b: float, snap: float) -> tuple[float, float]:
    """The point meant by a hand: within `snap` (a part of the picture) of the edge of chaos, on it."""
    edge = dict(plane(phi).contours)[1.0]
    best, where = snap, (sigma_w, sigma_b)
    for curve in edge:
        fine = np.linspace(0, curve.shape[1] - 1, 40 * curve.shape[1])
        w, b = (np.interp(fine, np.arange(curve.shape[1]), row) for row in curve)
        far = np.hypot((w - sigma_w) / MOST_W, (b - sigma_b) / MOST_B)
        if far.min() < best:
            best, where = float(far.min()), (float(w[far.argmin()]), float(b[far.argmin()]))
    return where



def has_start(r: NetRequest) -> bool:
    """Whether the variance has a fixed point, or a start was chosen."""
    try:
        point(r)
    except Misuse:
        return False
    return True


def law_is_quick(r: NetRequest) -> bool:
    """Whether the law takes so little (about 20 ms) that a drag need not wait for the pool."""
    return r.weights != "orthogonal" and r.q0 is None
