"""Layers without an eye for positions: Dense, Act, LayerNorm, Residual.

Each layer has its two meanings side by side: what it writes into a program (`apply`), and how it maps second moments
(`own` for each input, `cross` for pairs) and tangent kernels (`tangent`); see `tpcore.nets.moments`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from tpcore.activations import custom, get
from tpcore.errors import Misuse
from tpcore.limit import expect, pairs
from tpcore.nets.base import Described, described, maybe_spread, spread
from tpcore.nets.batch_integrals import resolved
from tpcore.nets.batch_sample import sampled
from tpcore.nets.builder import Builder, Signal
from tpcore.nets.expansions import expectations
from tpcore.limit.closed import flat as closed_flat, form_of
from tpcore.limit.derivative import slope_of
from tpcore.nets.moments import Moments, NoRecursion, Own, Side, no_variance, rates
from tpcore.program.variables import Vector, moment, scalar


class Layer(Described, ABC):
    """One layer of a `Sequential`.

    Attributes
    ----------
    weights : bool
        Can it come first (does it turn numbers into neurons)?
    spatial : bool
        Does it need positions?
    keeps : bool
        Is there one output position for each input position?
    ends : bool
        Are there no positions behind it?
    """

    weights = False
    spatial = False
    keeps = True
    ends = False

    @abstractmethod
    def apply(self, signal: Signal, b: Builder) -> Signal:
        """Write the layer."""

    @abstractmethod
    def own(self, o: Own) -> tuple[Own, Side]:
        """Second moments of each item, and what is kept of them."""

    @abstractmethod
    def cross(self, K: np.ndarray, left: Side, right: Side) -> np.ndarray:
        """Second moments (B, P, Q) or (B, P) of pairs of items."""

    def tangent(self, K: np.ndarray, T: np.ndarray, left: Side, right: Side, convention: str) -> np.ndarray:
        """Tangent kernels behind the layer from second moments K and tangent kernels T before it.

        By default those of a layer that is linear and has no parameters: its `cross`.
        """
        return self.cross(T, left, right)

    def both(self, K: np.ndarray, T: np.ndarray | None, left: Side, right: Side, convention: str) -> Moments:
        """Second moments and, unless T is None, tangent kernels behind the layer."""
        return self.cross(K, left, right), None if T is None else self.tangent(K, T, left, right, convention)

    def moments(self, o: Own, side: Side) -> Moments:
        """`both` of every item by itself."""
        return self.both(o.K, o.T, side, side, o.convention)

    def spec(self) -> dict[str, Any]:
        """A description that JSON can hold."""
        return {"layer": type(self).__name__.removesuffix("Layer"), **described(self._fields())}


class Dense(Layer):
    r"""W x + b at every position: W of entries N(0, sigma_w^2 / fan-in), b of N(0, sigma_b^2).

    Parameters
    ----------
    sigma_w : float
    sigma_b : float or None
        0: biases exist, start at 0, and train. None: there are none.

    Notes
    -----
    Second moments: sigma_w^2 K + sigma_b^2; tangent kernel: sigma_w^2 T + u K + beta. Source: Tensor Programs I
    (arXiv 1910.12478), section 5; II (arXiv 2006.14548), section 3.
    """

    weights = True

    def __init__(self, sigma_w: float = 1.0, sigma_b: float | None = 0.0):
        self.sigma_w, self.sigma_b = spread("sigma_w", sigma_w), maybe_spread("sigma_b", sigma_b)

    def _fields(self):
        return {"sigma_w": self.sigma_w, "sigma_b": self.sigma_b}

    def apply(self, signal: Signal, b: Builder) -> Signal:
        return b.linear(signal, self.sigma_w, self.sigma_b)

    def own(self, o: Own) -> tuple[Own, Side]:
        o = resolved(o)
        return o.weighted(self.moments(o, Side())), Side()

    def cross(self, K, left, right):
        return self.sigma_w**2 * K + (self.sigma_b or 0.0) ** 2

    def tangent(self, K, T, left, right, convention):
        use, free = rates(convention, self.sigma_w, self.sigma_b)
        return self.sigma_w**2 * T + use * K + free


class Act(Layer):
    """phi, coordinatewise.

    Parameters
    ----------
    phi : str, Activation or callable

    Notes
    -----
    Second moments: V_phi(K); tangent kernel: V_phi'(K) T, entry by entry. Source: Tensor Programs I (arXiv 1910.12478),
    section 3; II (arXiv 2006.14548), section 3.
    """

    def __init__(self, phi="relu"):
        self.phi = get(phi)

    def _fields(self):
        return {"phi": self.phi}

    def apply(self, signal: Signal, b: Builder) -> Signal:
        return replace(signal, var=self.phi(signal.vectors("Act")))

    def own(self, o: Own) -> tuple[Own, Side]:
        if o.normalized and self.phi.degree == 1:
            return resolved(o, self.phi), Side()
        if o.raw or not o.gaussian:
            raise NoRecursion
        if o.normalized:
            return sampled(o, self.phi), Side()
        q = np.ascontiguousarray(o.variances())
        side = Side((q,))
        K, T = self.moments(o, side)
        linear = self.phi.form == "identity"
        mean = None if linear else (lambda: np.asarray(expect.one(self.phi, q)))
        return replace(o, K=K, T=T, gaussian=linear, fresh=False, mean=mean), side

    def cross(self, K, left, right):
        return self.both(K, None, left, right, "")[0]

    def both(self, K, T, left, right, convention):
        if not left.arrays:
            return K, T
        p, q = left.arrays[0], right.arrays[0]
        if len(left.arrays) > 1:
            V = expectations(K, left, right, False)
            return V, None if T is None else expectations(K, left, right, True) * T
        if K.ndim == 3 and left is right:
            if T is None:
                return np.asarray(expect.V(self.phi, K, check=False)), None
            V, dV = expect.V_dV(self.phi, K, check=False)
            return np.asarray(V), np.asarray(dV) * T
        if K.ndim == 3:
            p, q = np.broadcast_arrays(p[:, :, None], q[:, None, :])
        V, dV = self._flat(p, q, K, T is not None)
        return V, None if T is None else dV * T

    def _flat(self, p, q, c, slope: bool):
        flat = [np.ascontiguousarray(x, dtype=float).reshape(-1) for x in (p, q, c)]
        form = form_of(self.phi)
        if slope and form is not None:
            return tuple(part.reshape(c.shape) for part in closed_flat(form, *flat))
        zero = np.zeros(c.size)
        found = (pairs.flat(self.phi, self.phi, *flat, zero, zero, kind)[0].reshape(c.shape)
                 for kind in (False, True)[: 1 + slope])
        return (*found, None)[:2]


def normalized(x: Vector, together: bool = False) -> Vector:
    """(x - mean x) / std x over the coordinates of every vector, without gain, bias or epsilon.

    With `together` the vectors along the last axis of a block are parts of one.
    """
    pool = (lambda c: scalar(_pooled, c)) if together else (lambda c: c)
    centred = x - pool(moment(x))
    return centred / scalar(np.sqrt, pool(moment(centred * centred)))


def _pooled(values):
    return values.mean(axis=-1, keepdims=True)


class LayerNorm(Layer):
    """(x - mean) / standard deviation over the neurons of every position; no gain, bias or epsilon.

    Notes
    -----
    Second moments: (K - m m'^T) / (s s'^T); tangent kernel: T / (s s'^T), as m and s converge. Source: Tensor Programs
    I (arXiv 1910.12478), appendix D.
    """

    def apply(self, signal: Signal, b: Builder) -> Signal:
        return replace(signal, var=normalized(signal.vectors("LayerNorm"), bool(signal.parts)))

    def own(self, o: Own) -> tuple[Own, Side]:
        if o.raw:
            raise NoRecursion
        o = resolved(o)
        mean = np.zeros(o.variances().shape) if o.mean is None else o.mean()
        variance = o.variances() - mean**2
        no_variance("LayerNorm", variance, float(np.max(o.variances(), initial=0.0)))
        side = Side((mean, np.sqrt(variance)))
        K, T = self.moments(o, side)
        return replace(o, K=K, T=T, mean=None, fresh=False), side

    def cross(self, K, left, right):
        m, s, n, t = self._shaped(K, left, right)
        return (K - m * n) / (s * t)

    def tangent(self, K, T, left, right, convention):
        _, s, _, t = self._shaped(T, left, right)
        return T / (s * t)

    @staticmethod
    def _shaped(K, left, right):
        m, s, n, t = *left.arrays, *right.arrays
        if K.ndim == 3:
            return m[:, :, None], s[:, :, None], n[:, None, :], t[:, None, :]
        return m, s, n, t


class Residual(Layer):
    """x + f(x), f a stack of layers that keeps the number of positions.

    Parameters
    ----------
    *layers : Layer
        The branch f.

    Notes
    -----
    Second moments: K + K_f where f ends in weights of its own (which make f(x) independent of x), tangent kernel:
    T + T_f; where f is an activation of a Gaussian x, those of x + phi(x); else the limit of the program.
    """

    def __init__(self, *layers: Layer):
        from tpcore.nets.sequential import checked_layers

        self.layers = checked_layers("Residual", layers, inside=True)

    @property
    def spatial(self) -> bool:
        return any(layer.spatial for layer in self.layers)

    def _fields(self):
        return {"layers": self.layers}

    def __repr__(self) -> str:
        return f"Residual({', '.join(map(repr, self.layers))})"

    def spec(self) -> dict[str, Any]:
        return {"layer": "Residual", "layers": [layer.spec() for layer in self.layers]}

    def apply(self, signal: Signal, b: Builder) -> Signal:
        x = signal.vectors("Residual")
        branch = signal
        for layer in self.layers:
            branch = layer.apply(branch, b)
        if branch.parts != signal.parts:
            raise Misuse("A Residual branch must keep the flattened positions apart", "a Dense inside, after Flatten",
                         "Put Dense between Flatten and Residual")
        return replace(signal, var=x + branch.var)

    @cached_property
    def added(self) -> Act | None:
        """x + phi(x) as one activation, where the branch is an activation alone."""
        if len(self.layers) != 1 or not isinstance(self.layers[0], Act):
            return None
        phi = self.layers[0].phi
        slope = None if phi.jumps else slope_of(phi)
        return Act(custom(lambda x: x + phi.f(x), slope and (lambda x: 1.0 + slope(x)), phi.kinks, jumps=phi.jumps,
                          name=f"x + {phi.name}"))

    def own(self, o: Own) -> tuple[Own, Side]:
        if o.raw:
            raise NoRecursion
        o = resolved(o)
        if o.gaussian and self.added is not None:
            return self.added.own(o)
        branch, sides = o, []
        for layer in self.layers:
            branch, side = layer.own(branch)
            sides.append(side)
        if not branch.fresh:
            raise NoRecursion
        T = None if o.T is None else o.T + branch.T
        return replace(o, K=o.K + branch.K, T=T, fresh=False), Side(inner=tuple(sides))

    def cross(self, K, left, right):
        return self.both(K, None, left, right, "")[0]

    def both(self, K, T, left, right, convention):
        if left.arrays:
            return self.added.both(K, T, left, right, convention)
        branch, moved = K, T
        for layer, mine, theirs in zip(self.layers, left.inner, right.inner, strict=True):
            branch, moved = layer.both(branch, moved, mine, mine if left is right else theirs, convention)
        return K + branch, None if T is None else T + moved


__all__ = ["Act", "Dense", "Layer", "LayerNorm", "Residual", "normalized"]
