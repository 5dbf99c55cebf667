"""The law of phi'(h)^2, h ~ N(0, q), and the variance q from layer to layer."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from tpcore.activations import Activation
from tpcore.activations.prime import prime
from tpcore.errors import Misuse
from tpcore.spectra.laws import scales
from tpcore.spectra.laws.contour import nodes_below, turning_points
from tpcore.spectra.laws.measure import Measure
from tpcore.spectra.laws.scales import LEAST, NOTHING, REACH

PANEL = 24  # nodes of a panel
TINY, HUGE, SMALLEST = 1e-13, 1e13, 1e-280
POINT = 1e-40  # a variance at which h is 0 for all activations
NARROW = 1e-9  # values that differ by less, relatively, are one


@lru_cache(maxsize=64)
def _normal_nodes(cuts: tuple[float, ...], panels: int, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights for N(0, 1), split at `cuts`; the third says between which cuts a node lies.

    Panels are shorter around 0 where `step` is small.
    """
    ends = [-REACH, *[c for c in cuts if -REACH < c < REACH], REACH]
    node, weight = np.polynomial.legendre.leggauss(PANEL)
    at, mass, piece = [], [], []
    for number, (low, high) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
        count = max(2, int(np.ceil(panels * (high - low) / (2 * REACH))))
        edges = np.union1d(np.linspace(low, high, count + 1), scales.marks(low, high, step))
        half = np.diff(edges)[:, None] / 2
        x = ((edges[:-1, None] + half) + half * node).ravel()
        density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi)
        exact = special.ndtr(high) - special.ndtr(low) if high <= 0 else special.ndtr(-low) - special.ndtr(-high)
        share = (half * weight).ravel() * density
        at.append(x)
        mass.append(share * (exact / share.sum()))
        piece.append(np.full(x.size, number))
    return np.concatenate(at), np.concatenate(mass), np.concatenate(piece)


def second_moment(phi: Activation, q: float, panels: int = 16) -> float:
    """E phi(h)^2, h ~ N(0, q)."""
    at, mass, _ = _normal_nodes(_cuts(phi, q), panels, scales.unit(q))
    return float(mass @ np.asarray(phi.f(np.sqrt(q) * at)) ** 2)


def _cuts(phi: Activation, q: float) -> tuple[float, ...]:
    return tuple(sorted(k / np.sqrt(q) for k in phi.kinks))


class Slopes(NamedTuple):
    """The law of phi'(h)^2 as point masses; g -> phi'(sqrt(q) g), and where its square is strictly monotone."""

    measure: Measure
    slope: Callable
    monotone: list[tuple[float, float]]


def slopes(phi: Activation, q: float, panels: int = 16) -> Slopes:
    """The law of phi'(h)^2, by quadrature in h; where phi is linear between kinks, one point mass for the piece.

    So also where phi' underflows.
    """
    q = max(q, POINT)
    step, cuts = scales.unit(q), _cuts(phi, q)

    def slope(g: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.asarray(prime(phi).f(np.sqrt(q) * g), float)

    cuts = tuple(sorted([*cuts, *scales.vanishing(slope, step, cuts)]))
    at, mass, piece = _normal_nodes(cuts, panels, step)
    squared = slope(at) ** 2
    if not np.isfinite(squared).all():
        raise Misuse("phi' must be finite where h is likely to be", f"{phi.name} at variance {q:g}")
    ends = [-REACH, *[c for c in cuts if -REACH < c < REACH], REACH]
    heavy: dict[float, float] = {}
    tips, below, monotone = [], [], []
    for number in np.unique(piece):
        own = piece == number
        values = squared[own]
        if values.max() <= NOTHING:
            values[:] = 0.0
        if np.ptp(values) <= NARROW * values.max():
            if np.ptp(values) > 1e-13 * values.max():
                values = np.full(values.size, np.average(values, weights=mass[own]))
            squared[own] = values[0]
            heavy[float(values[0])] = heavy.get(float(values[0]), 0.0) + float(mass[own].sum())
            below.append((values[:1], mass[own].sum(keepdims=True)))
            continue
        squared[own] = np.maximum(values, LEAST)
        turns = turning_points(slope, ends[number], ends[number + 1], step)
        tips.append(np.maximum(slope(turns) ** 2, LEAST))
        corners = np.concatenate([[ends[number]], turns, [ends[number + 1]]])
        monotone += zip(corners[:-1].tolist(), corners[1:].tolist(), strict=True)
        path, weight = nodes_below(slope, ends[number], ends[number + 1], turns, step)
        below.append((np.where(np.abs(path) < LEAST, LEAST, path), weight))
    tips = np.concatenate([*tips, []])
    places, masses = (np.concatenate(part) for part in zip(*below, strict=True))
    measure = Measure(np.append(squared, tips), np.append(mass, 0 * tips), tuple(sorted(heavy.items())),
                      (places, masses / masses.sum()))  # fmt: skip
    return Slopes(measure, slope, monotone)


def fixed_point(phi: Activation, weight: float, bias: float) -> float:
    """The variance q* = weight E phi(h)^2 + bias, h ~ N(0, q*), to which the layers come from q = 1.

    0 where it falls without end. A phi with phi(a x) = a phi(x) has no use for q: 1 is returned if there is no q*.

    Raises
    ------
    Misuse
        If the variance grows without end.
    """
    def step(q: float) -> float:
        return weight * second_moment(phi, q) + bias if q > 0 else weight * float(phi.f(np.zeros(1))[0]) ** 2 + bias

    if phi.degree == 1:
        grown = weight * second_moment(phi, 1.0)
        return bias / (1 - grown) if grown < 1 and bias > 0 else 1.0
    q = 1.0
    for _ in range(100):
        q, before = step(q), q
        if not q < HUGE:
            break
        if abs(q - before) <= 1e-15 * q or q < TINY:
            return q if q >= TINY else 0.0
    factor = 1.3 if step(q) > q else 1 / 1.3
    while TINY < q < HUGE and np.isfinite(step(q)):
        ahead = q * factor
        if (step(ahead) - ahead) * (step(q) - q) <= 0:
            return float(optimize.brentq(lambda v: step(v) - v, *sorted((q, ahead)), xtol=1e-300, rtol=1e-14))
        q = ahead
    if q <= TINY:
        return 0.0
    raise Misuse("The variance of the layers must have a fixed point for a law at q*", f"{phi.name}, whose variance "
                 "grows without end", "Give q0, the mean square of the input, or smaller weights")  # fmt: skip


def variances(phi: Activation, weight: float, bias: float, depth: int, q0: float) -> np.ndarray:
    """q_1 .. q_depth from |x|^2 / n = q0: q_1 = weight q0 + bias, q_(l+1) = weight E phi(h_l)^2 + bias."""
    q = np.empty(depth)
    q[0] = weight * q0 + bias
    for layer in range(1, depth):
        before = q[layer - 1]
        square = second_moment(phi, before) if before > SMALLEST else float(phi.f(np.zeros(1))[0]) ** 2
        q[layer] = weight * square + bias
        if abs(q[layer] - before) <= 1e-15 * before:
            q[layer:] = q[layer]
            break
        if not q[layer] < HUGE:
            raise Misuse("The variances of all layers must be within reach", f"q = {q[layer]:.3g} at layer {layer + 1}",
                         "Take smaller weights or fewer layers")  # fmt: skip
    return q
