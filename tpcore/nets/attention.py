"""Self-attention."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tpcore import checks
from tpcore.errors import Misuse, Unsupported
from tpcore.nets import positions
from tpcore.nets.base import spread
from tpcore.nets.batch_integrals import resolved
from tpcore.nets.builder import Builder, Signal, added
from tpcore.nets.data import Layout
from tpcore.nets.layers import Layer
from tpcore.nets.moments import NoRecursion, Own, Side
from tpcore.program.variables import Vector, inner, scalar, stack

MOST_HEADS = 64


class Softmax:
    """Attention weights from logits: rows sum to 1, keys that are not seen get 0."""

    __name__ = "softmax"

    def __init__(self, seen: np.ndarray, scale: float):
        self.seen, self.scale = seen, scale

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        a = np.where(self.seen, logits * self.scale, -np.inf)
        a = np.exp(a - a.max(axis=-1, keepdims=True))
        return a / a.sum(axis=-1, keepdims=True)


def attended(values: Vector, queries: Vector, keys: Vector, layout: Layout, masked: bool, scale: float) -> Vector:
    """sum_j softmax_j(scale q_i . k_j / n) v_j, within every item."""
    parts = []
    for i, seen in enumerate(positions.causal(layout, masked)):
        item = layout.item(i)
        weights = scalar(Softmax(seen, scale), inner(queries[item], keys[item]))
        parts.append(values[item] @ scalar(np.transpose, weights))
    return parts[0] if len(parts) == 1 else stack(parts, new_axis=False)


def weights_of(logits: np.ndarray, layout: Layout, masked: bool) -> np.ndarray:
    """Attention weights (.., P, P) within every item of a layout from logits over all positions."""
    seen = np.zeros(logits.shape[-2:], bool)
    for i, block in enumerate(positions.causal(layout, masked)):
        seen[layout.item(i), layout.item(i)] = block
    return Softmax(seen, 1.0)(logits)


def weighed(A: np.ndarray, K: np.ndarray, X: np.ndarray) -> np.ndarray:
    r"""What random attention weights add to a tangent kernel, for every head.

    With y_i = sum_m A_im v_m the slope of y_i in the logit l_im is A_im (v_m - y_i). Logits q_i.k_m / sqrt n have the
    tangent kernel T^q_ij K^k_mn + K^q_ij T^k_mn, and v second moments K: so X, which is K^k or T^k, meets

    .. math:: \sum_{mn} A_{im} A_{jn} X_{mn} (K - K A^T_{\cdot j} - A_{i \cdot} K + A K A^T)_{im,jn} .

    A (.., heads, P, P) for one item or all jointly; K, X (.., P, P). Derived for logits q.k / sqrt n, which Hron et al.
    (arXiv 2006.10540) study.
    """
    K, X, B = K[:, None], X[:, None], np.swapaxes(A, -1, -2)
    AK, AX = A @ K, A @ X
    return A @ (X * K) @ B - A @ ((X @ B) * (K @ B)) - (AX * AK) @ B + (AX @ B) * (AK @ B)


class Attention(Layer):
    r"""Self-attention of one or several heads over the positions of every item.

    .. math:: y_i = \sum_h O^h \sum_j \mathrm{softmax}_j(\langle Q^h x_i, K^h x_j\rangle / (s\, \tau))\, V^h x_j

    with s = n or sqrt(n); Q = K for tied keys and queries; O^h of variance sigma_o^2 / (heads n).

    Parameters
    ----------
    heads : int
    tied : bool
        Keys are the queries. (Untied ones have logits 0 in the limit with s = n: uniform weights.)
    scaling : {"n", "sqrt"}
        "n": the logits converge, the weights are deterministic. "sqrt": they stay random, the limit is a mixture of
        Gaussian processes, and kernels are means over draws of the logits; needs ``tied=False``.
    masked : bool
        Queries see themselves and earlier positions only.
    sigma_k, sigma_q, sigma_v, sigma_o : float
        Standard deviations of keys, queries (unless tied), values and outputs, times sqrt(fan-in).
    temperature : float
        tau.

    Notes
    -----
    Second moments: sigma_o^2 sigma_v^2 A K A^T. Tangent kernel: A (sigma_o^2 sigma_v^2 T + w K) A^T with w the sum of
    what O and V contribute; deterministic attention has vanishing gradients, random attention adds `weighed`. Sources:
    Tensor Programs I (arXiv 1910.12478), appendix D; Hron et al. (arXiv 2006.10540) for s = sqrt(n).
    """

    weights = True
    spatial = True

    def __init__(self, heads: int = 1, tied: bool = True, scaling: str = "n", masked: bool = False,
                 sigma_k: float = 1.0, sigma_q: float = 1.0, sigma_v: float = 1.0, sigma_o: float = 1.0,
                 temperature: float = 1.0):
        self.heads = checks.integer("heads", heads, 1, MOST_HEADS)
        self.tied, self.masked = truth("tied", tied), truth("masked", masked)
        self.scaling = checks.choice("scaling", scaling, ("n", "sqrt"))
        self.sigma_k, self.sigma_q = spread("sigma_k", sigma_k), spread("sigma_q", sigma_q)
        self.sigma_v, self.sigma_o = spread("sigma_v", sigma_v), spread("sigma_o", sigma_o)
        self.temperature = checks.real("temperature", temperature, 0.0, open_low=True)
        if self.tied and self.scaling == "sqrt":
            raise Misuse("Attention with logits q.k / sqrt(n) needs untied keys and queries, for k.k / sqrt(n) grows",
                         "tied=True with scaling='sqrt'", "Give tied=False")

    @property
    def random(self) -> bool:
        """Do the weights stay random in the limit?"""
        return self.scaling == "sqrt"

    def _fields(self):
        names = ("heads", "tied", "scaling", "masked", "sigma_k", "sigma_q", "sigma_v", "sigma_o", "temperature")
        return {name: getattr(self, name) for name in names}

    def apply(self, signal: Signal, b: Builder) -> Signal:
        positions.needs_positions(signal.layout, "Attention")
        if self.random and b.width is None:
            raise Unsupported("Attention with logits q.k / sqrt(n) has random weights in the limit, and no program of "
                              "scalars that converge", "scaling='sqrt'",
                              "net.program(X, width=n) is the program for one width; tp.nngp averages over the weights")
        scale = 1.0 / self.temperature * (np.sqrt(b.width) if self.random else 1.0)
        outputs = []
        for _ in range(self.heads):
            keys = b.product(signal, self.sigma_k, "K")
            queries = keys if self.tied else b.product(signal, self.sigma_q, "Q")
            values = b.product(signal, self.sigma_v, "V")
            mixed = attended(values, queries, keys, signal.layout, self.masked, scale)
            outputs.append(b.matrix("O", self.sigma_o, self.heads) @ mixed)
        return Signal(signal.layout, var=added(outputs))

    def own(self, o: Own) -> tuple[Own, Side]:
        positions.needs_positions(o.layout, "Attention")
        o = resolved(o)
        K = o.full()
        if self.random:
            logits = self._drawn(K, o.rng)
        else:
            logits = K * (self.sigma_k**2 / self.temperature if self.tied else 0.0)
            logits = logits[:, None]
        side = Side((weights_of(logits, o.layout, self.masked),))
        return o.weighted(self.moments(o, side)), side

    def _drawn(self, K: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        """Logits q_i . k_j / sqrt(n) of every head, (1, heads, P, P): R G R^T with R R^T = K and G standard normal."""
        if rng is None or len(K) != 1:
            raise NoRecursion
        values, vectors = np.linalg.eigh((K[0] + K[0].T) / 2)
        R = vectors * np.sqrt(np.maximum(values, 0.0))
        G = rng.standard_normal((1, self.heads, len(R), len(R)))
        return R @ G @ R.T * (self.sigma_k * self.sigma_q / self.temperature)

    def cross(self, K, left, right):
        (A,), (B,) = left.arrays, right.arrays
        mixed = A @ K[:, None] @ np.swapaxes(B, -1, -2)
        return (self.sigma_o * self.sigma_v) ** 2 * mixed.mean(axis=1)

    def tangent(self, K, T, left, right, convention):
        (A,), (B,) = left.arrays, right.arrays
        o, v, k, q = (s**2 for s in (self.sigma_o, self.sigma_v, self.sigma_k, self.sigma_q))
        used = 2 * o * v if convention == "multiplier" else o + v
        total = (A @ (o * v * T + used * K)[:, None] @ np.swapaxes(B, -1, -2)).mean(axis=1)
        if not self.random:
            return total
        keys, queries = (s * T + (s if convention == "multiplier" else 1.0) * K for s in (k, q))
        slopes = weighed(A, K, k * K).mean(axis=1) * queries + weighed(A, K, keys).mean(axis=1) * q * K
        return total + o * v / self.temperature**2 * slopes


class TokenAverage(Layer):
    """x_i + sum_j softmax_j(x_i . x_j / (n temperature)) x_j: attention whose keys, queries and values are x itself.

    The heart of Tensor Programs I's transformer (arXiv 1910.12478, appendix D.3); no weights of its own.
    """

    spatial = True

    def __init__(self, masked: bool = True, temperature: float = 1.0):
        self.masked = truth("masked", masked)
        self.temperature = checks.real("temperature", temperature, 0.0, open_low=True)

    def _fields(self):
        return {"masked": self.masked, "temperature": self.temperature}

    def apply(self, signal: Signal, b: Builder) -> Signal:
        positions.needs_positions(signal.layout, "TokenAverage")
        x = signal.vectors("TokenAverage")
        return replace(signal, var=x + attended(x, x, x, signal.layout, self.masked, 1.0 / self.temperature))

    def own(self, o: Own) -> tuple[Own, Side]:
        if o.raw:
            raise NoRecursion
        o = resolved(o)
        K = o.full()
        A = np.eye(K.shape[-1]) + weights_of(K / self.temperature, o.layout, self.masked)
        side = Side((A,))
        average = (lambda m: (A @ m[..., None])[..., 0])
        return o.mapped(self.moments(o, side), o.layout, average), side

    def cross(self, K, left, right):
        (A,), (B,) = left.arrays, right.arrays
        return A @ K @ np.swapaxes(B, -1, -2)


def truth(what: str, value) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise Misuse(f"{what} must be True or False", repr(value)[:80])
    return bool(value)
