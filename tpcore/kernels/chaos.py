r"""Order and chaos: what becomes of two inputs when one piece of a network is repeated without end.

The piece maps the covariance of the preactivations of x and x' to the next one. Repeated, it brings the variances to
q* and the correlation to c*. There

.. math:: \chi = \sigma_w^2\, E \phi'(z)^2, \quad z \sim N(0, q^*)

is the slope of the map c -> c' at c = 1: below 1 nearby inputs become alike (order), above 1 they part (chaos).
Source: Poole et al. (arXiv 1606.05340), section 2; Schoenholz et al. (arXiv 1611.01232), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse
from tpcore.kernels.depth import stack_of
from tpcore.nets import Dense, Network, ResNet
from tpcore.nets.batch import BatchNorm
from tpcore.nets.data import Layout
from tpcore.nets.layers import Layer
from tpcore.nets.moments import NoRecursion, Own
from tpcore.nets.sequential import every

MOST, SMALL, LARGE, STILL = 1500, 1e-10, 1e10, 1e-12
PAIR = Layout(((), ()))


def period(layers: tuple[Layer, ...]) -> int:
    """The length of the shortest piece of which `layers` are repetitions."""
    return next(p for p in range(1, len(layers) + 1) if len(layers) % p == 0
                and layers == layers[:p] * (len(layers) // p))  # fmt: skip


def piece_of(net: Network) -> tuple[Layer, ...]:
    """What an MLP, or a stack of layers without positions, repeats: from preactivations to preactivations.

    The shortest period of the hidden layers, begun behind the first Dense; of a ResNet one block.

    Raises
    ------
    Misuse
        Where layers mix positions or inputs, or the stack does not begin with Dense.
    """
    stack = stack_of(net)
    hidden = stack[:-1] if len(stack) > 1 and isinstance(stack[-1], Dense) else stack
    if any(layer.spatial or isinstance(layer, BatchNorm) for layer in every(stack)):
        raise Misuse("Only layers that act on every input alone are repeated here", repr(net)[:80])
    if isinstance(net, ResNet):
        return hidden[1:2]
    if not isinstance(hidden[0], Dense):
        raise Misuse("The stack that is repeated must begin with Dense", repr(hidden[0])[:60])
    p = period(hidden)
    return hidden[1:p] + hidden[:1]


def step(piece: tuple[Layer, ...], K) -> np.ndarray:
    """The covariance (2, 2) behind the piece, for preactivations of covariance K before it.

    Raises
    ------
    Misuse
        Where covariances alone do not decide.
    """
    return _moved(piece, np.asarray(K, float), None)[0]


def _moved(piece, K: np.ndarray, T: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    o = Own(K[None], PAIR, gaussian=True, fresh=True, T=None if T is None else T[None])
    try:
        for layer in piece:
            o = layer.own(o)[0]
    except NoRecursion:
        came = ", ".join(map(repr, piece))[:100]
        raise Misuse("The repeated layers must map covariances to covariances", came) from None
    return o.K[0], None if T is None else o.T[0]


def slope_at_one(piece: tuple[Layer, ...], q: float) -> float:
    """chi: the slope of the correlation map at c = 1, where variances q become q'; infinite for functions that jump."""
    K = np.full((2, 2), float(q))
    try:
        after = [_moved(piece, K, np.full((2, 2), t))[1][0, 1] for t in (0.0, 1.0)]
    except Misuse:
        return np.inf
    after_q = step(piece, K)[0, 0]
    return float((after[1] - after[0]) * q / after_q) if after_q > 0 else np.nan


def correlation(K: np.ndarray) -> float:
    """K_12 / sqrt(K_11 K_22) of a covariance (2, 2); 0 where a variance vanishes."""
    scale = float(np.sqrt(K[0, 0] * K[1, 1]))
    return float(np.clip(K[0, 1] / scale, -1.0, 1.0)) if scale > 0 else 0.0


def correlation_map(piece: tuple[Layer, ...], q: float, c) -> np.ndarray:
    """c' behind the piece for every correlation c of preactivations of variance q before it."""
    found = [correlation(step(piece, q * np.array([[1.0, r], [r, 1.0]]))) for r in np.atleast_1d(c)]
    return np.array(found)


@dataclass(frozen=True, eq=False)
class Orbit:
    """The covariances of a pair while a piece is repeated.

    Attributes
    ----------
    path : ndarray, (steps + 1, 2, 2)
        The first of them; `steps` as asked for, fewer where numbers end.
    variance, correlation : float
        q* and c*, or the last ones where `settled` is False.
    slope : float
        chi at q*; at the last variance otherwise.
    fate : {"settled", "slow", "grows", "vanishes"}
        Of the iteration: "slow" has not settled after 1,500 steps, as at the edge of chaos; variances that grow without
        bound or vanish have no q*, but the correlation may settle all the same.
    """

    path: np.ndarray
    variance: float
    correlation: float
    slope: float
    fate: str

    @property
    def settled(self) -> bool:
        return self.fate == "settled"


def orbit(piece: tuple[Layer, ...], K, steps: int = 30) -> Orbit:
    """Repeat a piece, from covariance K (2, 2), until nothing moves any more."""
    steps = checks.integer("steps", steps, 0, MOST)
    K = checks.array("K", K, ndim=2)
    if K.shape != (2, 2):
        raise Misuse("K must be the covariance of a pair", f"shape {K.shape}")
    path, fate = [K], "slow"
    for k in range(MOST):
        before, after = K, step(piece, K)
        if not np.isfinite(after).all():
            fate = "grows"
            break
        K = after
        if k < steps:
            path.append(K)
        q = float(np.diagonal(K).max())
        if not SMALL < q < LARGE:
            fate = "grows" if q > 1 else "vanishes"
        elif np.abs(K - before).max() <= STILL * q:
            fate = "settled"
        if fate != "slow" and k + 1 >= steps:
            break
    q = float(K[0, 0])
    chi = slope_at_one(piece, q) if q > 0 else np.nan
    return Orbit(np.array(path), q, correlation(K), chi, fate)


__all__ = ["Orbit", "correlation_map", "orbit", "period", "piece_of", "slope_at_one", "step"]
