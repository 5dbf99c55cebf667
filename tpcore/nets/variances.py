r"""The variance of an MLP's preactivations from layer to layer, its fixed point, and the plane of order and chaos.

.. math::
    q \mapsto \sigma_w^2\, E\phi(\sqrt q z)^2 + \sigma_b^2, \qquad
    \chi = \sigma_w^2\, E\phi'(\sqrt{q^*} z)^2, \quad z \sim N(0, 1)

chi < 1: nearby inputs become alike and gradients vanish (order); chi > 1: they part and gradients explode (chaos).
Sources: Poole et al. (arXiv 1606.05340), section 2; Schoenholz et al. (arXiv 1611.01232), sections 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tpcore import checks
from tpcore.activations import Activation, get
from tpcore.activations.prime import prime
from tpcore.errors import Misuse
from tpcore.limit.expect import differentiable, dpair, one, pair
from tpcore.nets.mlp import MLP

POINTS = 321
LEAST, MOST = 1e-8, 1e4  # variances between which fixed points are sought
START = 1.0
REFINED = 33  # points of a bracket that is refined
GAP = 1e-12


@dataclass(frozen=True, eq=False)
class VarianceMap:
    """E phi^2 and E phi'^2 of N(0, q) on a grid of variances.

    Attributes
    ----------
    phi : Activation
    q, square, slope : ndarray (Q,)
        Variances, spaced evenly in log q; E phi(sqrt q z)^2; E phi'(sqrt q z)^2.
    """

    phi: Activation
    q: np.ndarray
    square: np.ndarray
    slope: np.ndarray

    @property
    def homogeneous(self) -> bool:
        """phi(a x) = a phi(x) for a > 0: slopes do not depend on the variance."""
        return self.phi.degree == 1


@lru_cache(maxsize=64)
def _tabulated(phi: Activation) -> VarianceMap:
    q = np.geomspace(LEAST, MOST, POINTS)
    return VarianceMap(phi, q, np.asarray(pair(phi, q, q, q)), np.asarray(dpair(phi, q, q, q)))


def variance_map(phi) -> VarianceMap:
    """The table of an activation; `Misuse` where it jumps."""
    return _tabulated(differentiable(get(phi)))


def slopes(phi):
    """phi' as a function of arrays; `Misuse` where phi jumps."""
    return prime(differentiable(get(phi))).f


def slope_moments(phi, q, orders: tuple[int, ...] = (1, 2, 3)) -> np.ndarray:
    """E phi'(sqrt q z)^(2k) for each k of `orders`: an array of q's shape and one more axis, of the orders.

    At q = 0 the limit from above where phi has a kink at 0.
    """
    phi, q = differentiable(get(phi)), checks.array("The variance q", q)
    q = np.maximum(q, LEAST) if 0.0 in phi.kinks else q
    found = []
    for k in orders:
        power = _Power(prime(phi).f, 2 * k)
        found.append(np.asarray(one(Activation(f"{phi.name}'^{2 * k}", power, kinks=phi.kinks), q)))
    return np.stack(found, axis=-1)


@dataclass(frozen=True)
class _Power:
    function: object
    exponent: int

    def __call__(self, x):
        return self.function(x) ** self.exponent


@dataclass(frozen=True, eq=False)
class OrderChaos:
    """q* and chi; arrays of the broadcast shape of sigma_w and sigma_b.

    Attributes
    ----------
    q : ndarray
        The fixed point that iteration from variance 1 leads to: 0 where variances vanish, inf where they grow.
    chi : ndarray
        sigma_w^2 E phi'^2 there; NaN where variances grow, unless slopes do not depend on them.
    """

    q: np.ndarray
    chi: np.ndarray


def order_chaos(phi, sigma_w, sigma_b) -> OrderChaos:
    """The fixed point of the variance and chi over a plane of weights and biases, to about four digits.

    Parameters
    ----------
    phi : str, Activation or callable
    sigma_w, sigma_b : array_like
        At least 0; they broadcast.

    Returns
    -------
    OrderChaos

    Notes
    -----
    The map rises for the activations of practice, so that iteration goes to the first fixed point above or below the
    start: found by a scan over a table of variances from 1e-8 to 1e4, and interpolated.
    """
    table = variance_map(phi)
    w, b = np.broadcast_arrays(_scales("sigma_w", sigma_w), _scales("sigma_b", sigma_b))
    shape, w, b = w.shape, w.reshape(-1), b.reshape(-1)
    place = np.concatenate([_places(table, w[k : k + 512], b[k : k + 512]) for k in range(0, len(w), 512)])
    steps, log = np.arange(POINTS), np.log(table.q)
    q = np.exp(np.interp(place, steps, log))
    chi = w**2 * np.interp(place, steps, table.slope)
    q = np.where(place < 0, 0.0, np.where(place > POINTS - 1, np.inf, q))
    if not table.homogeneous:
        chi = np.where(np.isinf(q), np.nan, chi)
    return OrderChaos(q.reshape(shape), chi.reshape(shape))


def _scales(what: str, value) -> np.ndarray:
    value = checks.array(what, value)
    if (value < 0).any():
        raise Misuse(f"{what} must be at least 0", f"{value.min():g}")
    return value


def _places(table: VarianceMap, w: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where on the table (a broken index) the fixed points lie; -1 where variances vanish, POINTS where they grow."""
    first = POINTS * 2 // 3  # variance 1
    over = w[:, None] ** 2 * table.square + b[:, None] ** 2 - table.q  # what a step adds
    over[np.abs(over) < GAP * table.q] = 0.0
    up = over[:, first] > 0
    above, below = over[:, first:] <= 0, over[:, : first + 1][:, ::-1] >= 0
    end = np.where(up, first + above.argmax(1), first - below.argmax(1))
    other = np.where(up, end - 1, end + 1)
    lost = np.where(up, ~above.any(1), ~below.any(1))
    end, other = np.where(lost, first, end), np.where(lost, first, np.clip(other, 0, POINTS - 1))
    rows = np.arange(len(w))
    here, there = over[rows, end] / table.q[end], over[rows, other] / table.q[other]
    span = here - there
    part = np.where(span == 0, 0.0, here / np.where(span == 0, 1.0, span))
    return np.where(lost, np.where(up, POINTS, -1.0), end + np.clip(part, 0, 1) * (other - end))


def fixed_point(phi, sigma_w: float, sigma_b: float | None) -> float:
    """q* of one network to twelve digits: 0 where variances vanish, inf where they grow without bound."""
    w, b = (checks.real(name, value or 0.0, 0.0) for name, value in (("sigma_w", sigma_w), ("sigma_b", sigma_b)))
    return _settled(differentiable(get(phi)), w, b)


@lru_cache(maxsize=1024)
def _settled(phi: Activation, w: float, b: float) -> float:
    table = variance_map(phi)
    place = float(_places(table, np.array([w]), np.array([b]))[0])
    if place < 0 or place > POINTS - 1:
        return 0.0 if place < 0 else np.inf
    if table.homogeneous and b == 0:
        return START  # any variance is one
    low, high = table.q[max(int(np.ceil(place)) - 1, 0)], table.q[min(int(np.floor(place)) + 1, POINTS - 1)]
    for _ in range(8):
        q = np.linspace(low, high, REFINED)
        over = w**2 * np.asarray(pair(phi, q, q, q)) + b**2 - q
        change = np.flatnonzero(np.signbit(over[1:]) != np.signbit(over[:-1]))
        if not len(change) or high - low <= 1e-13 * high:
            break
        low, high = q[change[0]], q[change[0] + 1]
    return float((low + high) / 2)


def contour(phi, chi: float, most_w: float, most_b: float) -> list[np.ndarray]:
    r"""Where chi has a given value: curves (2, M) of sigma_w and sigma_b within the box from 0 to `most_w`, `most_b`.

    Along them q* is the parameter: sigma_w^2 = chi / E phi'^2 and sigma_b^2 = q* - sigma_w^2 E phi^2; parts where
    iteration would lead elsewhere are left out.
    """
    table, chi = variance_map(phi), checks.real("chi", chi, 0.0, open_low=True)
    if table.homogeneous:
        w = np.sqrt(chi / table.slope[0])
        return [np.array([[w, w], [0.0, most_b]])] if w <= most_w else []
    q = np.concatenate([[0.0], table.q])
    w2 = chi / np.maximum(np.concatenate([table.slope[:1], table.slope]), 1e-300)
    b2 = q - w2 * np.concatenate([[0.0], table.square])
    b2[0] = 0.0 if float(table.phi.f(np.zeros(1))[0]) == 0 else -1.0
    b2[np.abs(b2) < 1e-9 * q] = 0.0  # rounding
    inside = (b2 >= 0) & (w2 <= most_w**2) & (b2 <= most_b**2)
    w, b = np.sqrt(np.where(inside, w2, 0.0)), np.sqrt(np.where(inside, b2, 0.0))
    found = order_chaos(phi, w, b).chi
    inside &= np.abs(found - chi) <= 0.03 * chi  # False where it is NaN
    runs = np.split(np.flatnonzero(inside), np.flatnonzero(np.diff(np.flatnonzero(inside)) > 1) + 1)
    return [np.stack([w[run], b[run]]) for run in runs if len(run) > 1]


def input_square(net: MLP, q0: float | None = None) -> float:
    """<x, x> / n of an input: `q0`, or the one whose preactivations all have the variance of the fixed point.

    Raises
    ------
    Misuse
        Where there is none: the variance grows without bound (unless slopes do not depend on it).
    """
    if q0 is not None:
        return checks.real("q0", q0, 0.0)
    q = fixed_point(net.phi, net.sigma_w, net.sigma_b)
    if np.isinf(q) or q == 0:
        if variance_map(net.phi).homogeneous:
            return START
        if q == 0:
            return 0.0
        raise Misuse("The variance of the preactivations must have a fixed point",
                     f"sigma_w = {net.sigma_w:g}, sigma_b = {net.bias_variance**0.5:g}: it grows without bound",
                     "Take smaller weights, or give q0, the mean square of the input")  # fmt: skip
    return max((q - net.bias_variance) / net.sigma_w**2, 0.0) if net.sigma_w else 0.0


def variances(net: MLP, q0: float | None = None) -> np.ndarray:
    """The variances (L,) of the preactivations h^1, .., h^L for an input of mean square `q0` (see `input_square`)."""
    square = input_square(net, q0)
    if q0 is None and not variance_map(net.phi).homogeneous:
        return np.full(net.depth, net.sigma_w**2 * square + net.bias_variance)
    found = [net.sigma_w**2 * square + net.bias_variance]
    for _ in range(net.depth - 1):
        q = min(found[-1], 1e90)
        found.append(net.sigma_w**2 * float(pair(net.phi, q, q, q)) + net.bias_variance)
    return np.array(found)
