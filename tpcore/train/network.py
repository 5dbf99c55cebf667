"""A network of finite width in an abc-parametrization: forward, backward, one step.

h^1 = W^1 xi, x^l = phi(h^l), h^{l+1} = W^{l+1} x^l, f = W^{L+1} x^L, W^l = n^(-a_l) w^l (Tensor Programs IV, section
3).
Forward passes follow the changes since the start, dh = W_0 dx + (W - W_0) x, so that a change of 1e-9 is as accurate
as one of size one, even with W_0 in single precision. Biases, where there are any, scale as the input weights do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tpcore.finite.values import normals
from tpcore.train.layers import Hidden, Rate, Small, rates
from tpcore.train.matrices import Stored, Unstored

FIRST, READOUT, BIAS = 1, 2, 3


class Overflow(Exception):
    """A number of the forward pass is not finite."""


@dataclass
class Pass:
    """A forward pass on some inputs, vectors as columns; lists over layers 1 .. L (`acts` to L + 1).

    ``dh``, ``dx``, ``df`` are changes since the start, ``acts`` = (W^l - W^l_0) x^{l-1}.
    """

    x: list[np.ndarray]
    slope: list[np.ndarray]
    dh: list[np.ndarray]
    dx: list[np.ndarray]
    acts: list[np.ndarray]
    f: np.ndarray
    df: np.ndarray

    def columns(self, which) -> Pass:
        """The pass on some of its inputs."""
        cut = lambda arrays: [a[..., which] for a in arrays]  # noqa: E731
        return Pass(cut(self.x), cut(self.slope), cut(self.dh), cut(self.dx), cut(self.acts), self.f[which],
                    self.df[which])  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How a network is drawn and trained: everything but the width and the seed. `center`: minus its outputs at the
    start."""

    p: object
    X: np.ndarray
    phi: Callable
    slope: Callable
    sigmas: tuple[float, float, float, float | None]
    lr: float
    optimizer: str
    dense: bool
    updates: int
    columns: tuple[int, int]
    gamma: float = 1.0
    center: bool = False


class Network:
    """One draw of width n, and its training."""

    passes = Pass

    def __init__(self, plan: Plan, n: int, root: np.random.SeedSequence, tick: Callable[[], None] = lambda: None):
        self.plan, self.n, self.root, p, d = plan, n, root, plan.p, plan.X.shape[1]
        sigma_w, sigma_u, sigma_v, sigma_b = plan.sigmas
        with np.errstate(over="ignore", under="ignore"):
            sizes = [float(np.float64(n) ** float(-a - b)) for a, b in zip(p.a, p.b, strict=True)]
        self.rates: list[Rate] = rates(p, n, plan.lr, plan.optimizer, plan.gamma)
        self.W1 = sigma_u * sizes[0] * self._normal((FIRST,), (n, d))
        self.first = Small((n, d), self.rates[0])
        self.b = self.biases = None
        if sigma_b is not None:
            self.b = [sigma_b * sizes[0] * self._normal((BIAS, layer), (n,)) for layer in range(p.depth)]
            self.biases = [Small((n,), self.rates[0]) for _ in range(p.depth)]
        self.hidden = [self._matrix(layer, sigma_w * sizes[layer - 1], self.rates[layer - 1], tick)
                       for layer in range(2, p.depth + 1)]  # fmt: skip
        self.V = plan.gamma * sigma_v * sizes[-1] * self._normal((READOUT,), (n,))
        self.readout = Small((n,), self.rates[-1])
        self._start()

    @property
    def changes(self) -> list:
        """Of the weights of every layer, those whose size is recorded; else None."""
        return [self.first, *(hidden.change for hidden in self.hidden), self.readout]

    def _normal(self, key: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
        return normals(self.root, key, shape, np.float64)

    def _matrix(self, layer: int, scale: float, rate: Rate, tick: Callable[[], None]) -> Hidden:
        plan = self.plan
        start = (Stored(self.n, scale, self.root, 10 + layer, tick) if plan.dense
                 else Unstored(self.n, scale, self.root, 10 + layer, plan.columns, tick))  # fmt: skip
        return Hidden(start, self.n, rate, plan.updates)

    def _start(self) -> None:
        self.h0, self.x0 = [], []
        x = self.plan.X.T
        for layer in range(self.plan.p.depth):
            h = self.W1 @ x if layer == 0 else self._image(layer, x)
            h = h if self.b is None else h + self.b[layer][:, None]
            _finite(h)
            x = self.plan.phi(h)
            self.h0.append(h)
            self.x0.append(x)
        self.f0 = self.V @ x
        _finite(self.f0)
        if self.plan.center:
            self.f0 = np.zeros_like(self.f0)

    def _image(self, layer: int, x: np.ndarray) -> np.ndarray:
        """What the matrix into hidden layer `layer` (from 0) makes of x at the start."""
        return self.hidden[layer - 1].start.multiply(x)

    def _moved(self, layer: int, found: Pass, columns: slice, kept: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """``acts`` and W x - W_0 x_0 of that matrix, x what `found` came to."""
        hidden = self.hidden[layer - 1]
        act = hidden.change.multiply(found.x[-1])
        return act, hidden.start.multiply(found.dx[-1]) + act

    def forward(self, columns: slice = slice(None), kept: np.ndarray | None = None) -> Pass:
        """The pass on the inputs `columns`; which of them (booleans) the network is to remember matters in the limit
        alone."""
        plan, found = self.plan, self.passes([], [], [], [], [], self.f0, self.f0)
        for layer in range(plan.p.depth):
            if layer == 0:
                act = dh = self.first.change @ plan.X[columns].T
            else:
                act, dh = self._moved(layer, found, columns, kept)
            if self.b is not None:
                dh = dh + self.biases[layer].change[:, None]
            h = self.h0[layer][:, columns] + dh
            _finite(h)
            x = plan.phi(h)
            found.x.append(x)
            found.slope.append(plan.slope(h))
            found.dh.append(dh)
            found.dx.append(x - self.x0[layer][:, columns])
            found.acts.append(act)
        act = self.readout.change @ found.x[-1]
        found.acts.append(act)
        found.df = self.V @ found.dx[-1] + act
        found.f = self.f0[columns] + found.df
        _finite(found.f)
        return found

    def backward(self, at: Pass, chi: np.ndarray) -> list[np.ndarray]:
        """chi df/dh^l for every input, (n, k), l = 1 .. L."""
        delta = (self.V + self.readout.change)[:, None] * at.slope[-1] * chi
        found = [delta]
        for layer in range(len(at.x) - 1, 0, -1):
            delta = self.hidden[layer - 1].multiply(delta, transposed=True) * at.slope[layer - 1]
            found.insert(0, delta)
        return found

    def step(self, at: Pass, rows: np.ndarray, chi: np.ndarray) -> None:
        """One step on the inputs `rows`, whose pass is `at`; chi is the loss's derivative at their outputs."""
        deltas = self.backward(at, chi)
        for delta in deltas:
            _finite(delta)
        self.first.step(deltas[0] @ self.plan.X[rows])
        self._update(deltas, at)
        if self.biases is not None:
            for bias, delta in zip(self.biases, deltas, strict=True):
                bias.step(delta.sum(1))
        self.readout.step(at.x[-1] @ chi)

    def _update(self, deltas: list[np.ndarray], at: Pass) -> None:
        for layer, hidden in enumerate(self.hidden, 1):
            hidden.step(deltas[layer], at.x[layer - 1])

    def tangent(self, at: Pass) -> np.ndarray:
        """The tangent kernel of SGD, each layer with n^(-2a - c) (Tensor Programs IV, section 3), on the inputs of a
        pass over all of them."""
        p, X = self.plan.p, self.plan.X
        with np.errstate(over="ignore", under="ignore"):
            sizes = [float(np.float64(self.n) ** float(-2 * a - c)) for a, c in zip(p.a, p.rates, strict=True)]
        sizes[:-1] = [size / self.plan.gamma**2 for size in sizes[:-1]]  # the readout's gamma^2 is in the features
        deltas = self.backward(at, np.ones(len(X)))
        total = sizes[-1] * (at.x[-1].T @ at.x[-1])
        for layer, delta in enumerate(deltas):
            back = delta.T @ delta
            total += sizes[layer] * back * (at.x[layer - 1].T @ at.x[layer - 1] if layer else X @ X.T)
            total += 0.0 if self.b is None else sizes[0] * back
        return total


def _finite(x: np.ndarray) -> None:
    if not np.isfinite(x).all():
        raise Overflow
