r"""Kernels of GRU and LSTM: what is a function of few Gaussians exactly, the rest by one common sample.

GRU: with w_a^t = z_a prod_{a < k <= t} (1 - z_k) the state is h^t = sum_a w_a^t phi(h~_a), and gates and candidates are
independent, so

.. math:: E h^t h^s = \sum_{ab} E[w_a^t w_b^s]\; E[\phi(\tilde h_a) \phi(\tilde h_b)]

where only the first factor has many Gaussians. LSTM: E h^t h^s = E[o^t o^s] E[phi(c^t) phi(c^s)], the second factor
by a sample of i, f and g. Where factors of two Gaussians have no closed form they come from the same sample: it is as
good as the rest. The sample consists of scrambled Sobol points with exact first and second moments, the same
for all entries: so kernels are positive semidefinite. A pilot of few points finds the principal axes of the gates, on
which the first, best coordinates of the sequence are spent. Several scramblings give the error.
Source: Tensor Programs I (arXiv 1910.12478), Theorem 5.4.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import ndtri

from tpcore import checks
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import map_tiles
from tpcore.finite.budget import BUDGET
from tpcore.kernels.recurrent import gram, steps_of
from tpcore.kernels.reports import ticker
from tpcore.limit import expect
from tpcore.limit.closed import form_of
from tpcore.limit.values import Values
from tpcore.nets.data import Data
from tpcore.nets.recurrent import GRU, Gated

SCRAMBLINGS = 8
POINTS = 2**14
MANY = 64
PILOT = 2**9
FLAT = 1e-12


def kernel(net: Gated, data: Data, seed: int = 0, samples: int | None = None,
           progress: Progress | None = None) -> Values:
    """Kernel (M, M) of the states of all steps; `samples` points in all (by default 2^17, fewer for many steps)."""
    inner = gram(data)
    usual = max(2**9, POINTS >> max(0, int(np.ceil(np.log2(len(inner) / MANY)))))
    points = usual if samples is None else max(64, samples // SCRAMBLINGS)
    checks.memory("steps", data.layout.total, 64.0 * points * len(net.gates), 2 * BUDGET)
    way = _GRU if isinstance(net, GRU) else _LSTM
    pilot = way(net, data, inner, PILOT, [seed, SCRAMBLINGS], None)
    pilot.kernel(lambda: None)
    axes, tick = pilot.axes(), ticker(progress, SCRAMBLINGS * int(data.layout.sizes.max()))

    def one(k: int) -> np.ndarray:
        return way(net, data, inner, points, [seed, k], axes).kernel(tick)

    found = np.stack(map_tiles(one, range(SCRAMBLINGS)))
    error = found.std(axis=0, ddof=1).max() / np.sqrt(SCRAMBLINGS)
    return Values(found.mean(axis=0), "sampling", float(error))


@dataclass(eq=False)
class Rows:
    """Jointly Gaussian variables that arrive one after another, as combinations of independent ones.

    Attributes
    ----------
    cov : ndarray, (M, M)
        Their covariance, filled as they arrive.
    factor : ndarray, (M, M)
        cov = factor factor^T; column i belongs to the noise that variable i brings.
    """

    size: int
    cov: np.ndarray = field(init=False)
    factor: np.ndarray = field(init=False)
    pivots: list[int] = field(default_factory=list)

    def __post_init__(self):
        self.cov, self.factor = np.zeros((self.size,) * 2), np.zeros((self.size,) * 2)

    def arrive(self, new: np.ndarray, known: np.ndarray, cov: np.ndarray) -> None:
        """`cov` (new, known) of variables `new` with all `known` ones, the new included."""
        self.cov[np.ix_(new, known)] = cov
        self.cov[np.ix_(known, new)] = cov.T
        for i in new:
            row = self.cov[i, i]
            if self.pivots:
                p = self.pivots
                part = solve_triangular(self.factor[np.ix_(p, p)], self.cov[i, p], lower=True, check_finite=False)
                self.factor[i, p] = part
                row = row - part @ part
            if row > FLAT * self.cov[i, i]:
                self.factor[i, i] = np.sqrt(row)
                self.pivots.append(int(i))


def normal_points(count: int, dimension: int, seed) -> np.ndarray:
    """Quasi-random points (count, dimension) of the standard normal law, of mean 0 and covariance 1 if count allows."""
    from scipy.stats import qmc  # slow to import, and needed here alone

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        raw = qmc.Sobol(dimension, scramble=True, seed=np.random.default_rng(seed)).random(count)
    points = ndtri(np.clip(raw, 1e-15, 1 - 1e-15))
    if count > 4 * dimension:
        points -= points.mean(axis=0)
        points = solve_triangular(np.linalg.cholesky(points.T @ points / count), points.T, lower=True).T
    return points


class _Gated(ABC):
    """One recursion over the steps with one scrambling."""

    many: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()

    def __init__(self, net: Gated, data: Data, inner: np.ndarray, points: int, seed, axes: np.ndarray | None):
        self.net, self.inner, self.count = net, inner, len(inner)
        self.step, self.starts = steps_of(data.layout), data.layout.starts
        self.K = np.zeros_like(inner)
        self.rows = {gate: Rows(self.count) for gate in net.gates}
        self.phi = {gate: net.phi if gate in "hg" else net.gate for gate in net.gates}
        self.sampled = self.many + tuple(gate for gate in self.pairs if not self._closed(gate))
        self.values = {gate: np.empty((self.count, points)) for gate in self.sampled}
        noise = normal_points(points, self.count * len(self.sampled), seed)
        self.noise = np.ascontiguousarray((noise if axes is None else noise @ axes).T)

    def axes(self) -> np.ndarray:
        """Orthogonal: its row k is what coordinate k of the points stands for, the direction of most variance first."""
        size = self.count * len(self.sampled)
        factor = np.zeros((size, size))
        for place, gate in enumerate(self.sampled):
            own = slice(place * self.count, (place + 1) * self.count)
            factor[own, own] = self.rows[gate].factor
        return np.linalg.svd(factor)[2]

    def kernel(self, tick: Callable[[], None]) -> np.ndarray:
        """All entries, `tick` called after every step."""
        for t in range(int(self.step.max()) + 1):
            new, known = np.flatnonzero(self.step == t), np.flatnonzero(self.step <= t)
            self.advance(new, known)
            tick()
        return self.K

    def before(self, new: np.ndarray, known: np.ndarray) -> np.ndarray:
        """K one step earlier; 0 where there is none."""
        K = self.K[np.ix_(np.maximum(new - 1, 0), np.maximum(known - 1, 0))]
        return K * np.multiply.outer(self.step[new] > 0, self.step[known] > 0)

    def arrive(self, gate: str, new, known, state: np.ndarray) -> None:
        net = self.net
        cov = net.of("sigma_w", gate) ** 2 * state + net.of("sigma_u", gate) ** 2 * self.inner[np.ix_(new, known)]
        self.rows[gate].arrive(new, known, cov + (net.of("sigma_b", gate) or 0.0) ** 2)

    def _closed(self, gate: str) -> bool:
        phi = self.phi[gate]
        return self.net.of("mu_b", gate) == 0 and (phi.form == "identity" or form_of(phi) is not None)

    def second(self, gate: str, new, known) -> np.ndarray:
        """E phi(u) phi(v) of a gate's preactivations."""
        if gate in self.sampled:
            self.values[gate][new] = self.drawn(gate, new)
            return self.values[gate][new] @ self.values[gate][known].T / self.noise.shape[1]
        cov = self.rows[gate].cov
        q, c = np.diagonal(cov), cov[np.ix_(new, known)]
        bound = np.sqrt(np.multiply.outer(q[new], q[known]))
        return np.asarray(expect.pair(self.phi[gate], q[new][:, None], q[known][None, :], np.clip(c, -bound, bound)))

    def drawn(self, gate: str, new: np.ndarray) -> np.ndarray:
        """phi of the preactivations (new, points) of a sampled gate."""
        place = self.sampled.index(gate) * self.count
        rows = self.rows[gate].factor[new]
        return self.phi[gate].f(rows @ self.noise[place : place + self.count] + self.net.of("mu_b", gate))

    def put(self, new, known, value: np.ndarray) -> None:
        self.K[np.ix_(new, known)] = value
        self.K[np.ix_(known, new)] = value.T

    @abstractmethod
    def advance(self, new: np.ndarray, known: np.ndarray) -> None:
        """The rows of K of the steps `new`, against all `known` ones (the new included)."""


class _GRU(_Gated):
    many, pairs = ("z",), ("r", "h")

    def __init__(self, *args):
        super().__init__(*args)
        self.V = np.zeros_like(self.inner)
        self.z = self.values["z"]
        self.weights: dict[int, np.ndarray] = {}

    def advance(self, new, known) -> None:
        state = self.before(new, known)
        self.arrive("z", new, known, state)
        self.arrive("r", new, known, state)
        self.arrive("h", new, known, self.second("r", new, known) * state)
        V = self.second("h", new, known)
        self.V[np.ix_(new, known)] = V
        self.V[np.ix_(known, new)] = V.T
        self.z[new] = self.drawn("z", new)
        self.put(new, known, np.stack([self._row(i, known) for i in new]))

    def _row(self, i: int, known: np.ndarray) -> np.ndarray:
        """E h^i h^j for every known j: B_j = z_j (w^i V)_j + (1 - z_j) B_{j-1}, averaged."""
        first = i - self.step[i]
        own = self.z[i : i + 1]
        w = np.concatenate([(1 - own) * self.weights.pop(i - 1), own]) if i > first else own
        self.weights[i] = w
        B = np.empty_like(self.z)
        B[known] = self.z[known] * (self.V[known, first : i + 1] @ w)
        for t in range(1, int(self.step[i]) + 1):
            at = known[self.step[known] == t]
            B[at] += (1 - self.z[at]) * B[at - 1]
        return B[known].mean(axis=1)


class _LSTM(_Gated):
    many, pairs = ("i", "f", "g"), ("o",)

    def __init__(self, *args):
        super().__init__(*args)
        self.cell = np.empty((self.count, self.noise.shape[1]))
        self.out = np.empty_like(self.cell)

    def advance(self, new, known) -> None:
        state = self.before(new, known)
        for gate in self.net.gates:
            self.arrive(gate, new, known, state)
        self.cell[new] = self.drawn("i", new) * self.drawn("g", new)
        if self.step[new[0]]:
            self.cell[new] += self.drawn("f", new) * self.cell[new - 1]
        self.out[new] = self.net.phi.f(self.cell[new])
        exact = self.second("o", new, known)
        self.put(new, known, exact * (self.out[new] @ self.out[known].T) / self.out.shape[1])
