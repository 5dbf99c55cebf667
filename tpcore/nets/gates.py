r"""One recursion over the steps of a GRU or an LSTM with one scrambling of the sample.

GRU: with w_a^t = z_a prod_{a < k <= t} (1 - z_k) the state is h^t = sum_a w_a^t phi(h~_a), and gates and candidates are
independent, so

.. math:: E h^t h^s = \sum_{ab} E[w_a^t w_b^s]\; E[\phi(\tilde h_a) \phi(\tilde h_b)],

where only the first factor has many Gaussians. Its gradient is
dh^t = (1 - z_t) dh^{t-1} + (phi(h~_t) - h^{t-1}) z'_t du_z + z_t phi'(h~_t) du_h: given the z, sums over second
moments of the phi(h~), and of the phi'(h~) times those of du_h.

LSTM: E h^t h^s = E[o^t o^s] E[phi(c^t) phi(c^s)], the second factor by a sample of i, f and g. The cell's gradient is
dc^t = f_t dc^{t-1} + c^{t-1} f'_t du_f + phi(g_t) i'_t du_i + i_t phi'(g_t) du_g, and
dh^t = o_t phi'(c^t) dc^t + phi(c^t) o'_t du_o.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import solve_triangular

from tpcore.jitted import chains
from tpcore.limit import expect
from tpcore.limit.closed import form_of
from tpcore.limit.derivative import slope_of
from tpcore.nets.moments import rates
from tpcore.nets.quasi import normal_points
from tpcore.nets.recurrent import GRU, Gated
from tpcore.nets.states import Given, steps_of

FLAT, PILOT = 1e-12, 2**9


def way(net: Gated) -> type[Steps]:
    """The recursion of a network."""
    return GRUSteps if isinstance(net, GRU) else LSTMSteps


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
        put(self.cov, new, known, cov)
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


def put(K: np.ndarray, new: np.ndarray, known: np.ndarray, value: np.ndarray) -> None:
    """Write a block and its mirror image."""
    K[np.ix_(new, known)] = value
    K[np.ix_(known, new)] = value.T


class Steps(ABC):
    """K, and the tangent kernel T where a convention is given, of the states of all steps.

    ``many`` are the gates whose values have to be sampled.
    """

    many: tuple[str, ...] = ()

    def __init__(self, net: Gated, start: Given, points: int, seed, axes: np.ndarray | None):
        self.net, self.start, self.count, self.points = net, start, start.layout.total, points
        self.step, self.starts = steps_of(start.layout), start.layout.starts
        self.tangent = start.convention is not None
        self.K = np.zeros_like(start.K)
        self.T = np.zeros_like(start.K) if self.tangent else None
        self.rows = {gate: Rows(self.count) for gate in net.gates}
        self.psi = {gate: np.zeros_like(start.K) for gate in net.gates} if self.tangent else {}
        self.phi = {gate: net.phi if gate in "hg" else net.gate for gate in net.gates}
        self.sampled = [gate for gate in net.gates if gate in self.many or not self._closed(gate)]
        noise = normal_points(points, self.count * len(self.sampled), seed)
        self.noise = np.ascontiguousarray((noise if axes is None else noise @ axes).T)
        self.value, self.slope = ({gate: np.empty((self.count, points)) for gate in self.sampled} for _ in range(2))
        self.before = np.where(self.step > 0, np.arange(self.count) - 1, -1)

    def axes(self) -> np.ndarray:
        """Orthogonal: its row k is what coordinate k of the points stands for, the direction of most variance first."""
        size = self.count * len(self.sampled)
        factor = np.zeros((size, size))
        for place, gate in enumerate(self.sampled):
            own = slice(place * self.count, (place + 1) * self.count)
            factor[own, own] = self.rows[gate].factor
        return np.linalg.svd(factor)[2]

    def run(self, tick: Callable[[], None] = lambda: None) -> None:
        """All entries, `tick` called after every step."""
        for t in range(int(self.step.max()) + 1):
            new, known = np.flatnonzero(self.step == t), np.flatnonzero(self.step <= t)
            self.advance(new, known)
            tick()

    @abstractmethod
    def advance(self, new: np.ndarray, known: np.ndarray) -> None:
        """The rows of K and T of the steps `new`, against all `known` ones (the new included)."""

    def earlier(self, K: np.ndarray | None, new: np.ndarray, known: np.ndarray) -> np.ndarray | None:
        """K one step earlier; 0 where there is none."""
        if K is None:
            return None
        block = K[np.ix_(np.maximum(new - 1, 0), np.maximum(known - 1, 0))]
        return block * np.multiply.outer(self.step[new] > 0, self.step[known] > 0)

    def arrive(self, gate: str, new, known, K: np.ndarray, T: np.ndarray | None) -> None:
        """Preactivations of a gate whose W meets vectors of second moments K and tangent kernel T."""
        net, block = self.net, np.ix_(new, known)
        w, u, b = (net.of(name, gate) for name in ("sigma_w", "sigma_u", "sigma_b"))
        self.rows[gate].arrive(new, known, w**2 * K + u**2 * self.start.K[block] + (b or 0.0) ** 2)
        if self.tangent:
            (use_w, free), (use_u, _) = (rates(self.start.convention, scale, b) for scale in (w, u))
            fresh = use_w * K + use_u * self.start.K[block] + free
            put(self.psi[gate], new, known, w**2 * T + u**2 * self.start.T[block] + fresh)
        if gate in self.sampled:
            place = self.sampled.index(gate) * self.count
            noise = self.noise[place : place + self.count]
            drawn = self.rows[gate].factor[new] @ noise + net.of("mu_b", gate)
            self.value[gate][new] = self.phi[gate].f(drawn)
            if self.tangent:
                self.slope[gate][new] = slope_of(self.phi[gate])(drawn)

    def _closed(self, gate: str) -> bool:
        phi = self.phi[gate]
        return self.net.of("mu_b", gate) == 0 and (phi.form == "identity" or form_of(phi) is not None)

    def second(self, gate: str, new, known, slope: bool = False) -> np.ndarray:
        """E phi(u) phi(v) of a gate's preactivations; with `slope` of phi'."""
        if not self._closed(gate):
            sample = self.slope[gate] if slope else self.value[gate]
            return sample[new] @ sample[known].T / self.points
        cov = self.rows[gate].cov
        q, c = np.diagonal(cov), cov[np.ix_(new, known)]
        bound = np.sqrt(np.multiply.outer(q[new], q[known]))
        expectation = expect.dpair if slope else expect.pair
        c = np.clip(c, -bound, bound)
        return np.asarray(expectation(self.phi[gate], q[new][:, None], q[known][None, :], c))

    def chained(self, new, known, own: dict, cov: list[np.ndarray], keep, take, weight=None) -> np.ndarray:
        """Means over the sample of the products of the states `new` with all `known` ones: `tpcore.jitted.chains`.

        Given are the coefficients own[i] (G, steps, N) of every state i, and for each of G kinds its second moments
        (M, M); keep (M, N), take (G, M, N), weight (M, N) or None of all states.
        """
        steps = self._steps(new)
        front = np.ones((len(new), self.points)) if weight is None else weight[new]
        blocks = np.stack([np.stack([c[np.ix_(known, at)] for c in cov]) for at in steps])
        out, rows = np.empty((len(new), len(known))), np.stack([own[i][: len(cov)] for i in new])
        weight = np.empty((0, 0)) if weight is None else weight
        chains.products(rows, front, blocks, keep, take, weight, self.before, known, out)
        return out / self.points

    def _steps(self, new: np.ndarray) -> np.ndarray:
        """(R, S): the states of all steps up to each of `new`."""
        return new[:, None] - np.arange(int(self.step[new[0]]), -1, -1)


class GRUSteps(Steps):
    many = ("z",)

    def __init__(self, *args):
        super().__init__(*args)
        self.V, self.dV = np.zeros_like(self.K), np.zeros_like(self.K)
        self.keep = np.zeros((self.count, self.points))
        self.own: dict[int, np.ndarray] = {}
        self.moved: dict[int, np.ndarray] = {}

    def advance(self, new, known) -> None:
        K, T = (self.earlier(part, new, known) for part in (self.K, self.T))
        self.arrive("z", new, known, K, T)
        self.arrive("r", new, known, K, T)
        reset = self.second("r", new, known)
        if self.tangent:
            T = reset * T + K * self.second("r", new, known, True) * self.psi["r"][np.ix_(new, known)]
        self.arrive("h", new, known, reset * K, T)
        put(self.V, new, known, self.second("h", new, known))
        self.keep[new] = 1 - self.value["z"][new]
        if self.tangent:
            slopes = self.second("h", new, known, True)
            put(self.dV, new, known, slopes * self.psi["h"][np.ix_(new, known)])
        for i in new:
            self._coefficients(i)
        take = self.value["z"][None]
        put(self.K, new, known, self.chained(new, known, self.own, [self.V], self.keep, take))
        if self.tangent:
            proposed = self.chained(new, known, self.own, [self.dV], self.keep, take)
            put(self.T, new, known, proposed + self._updated(new, known))

    def _coefficients(self, i: int) -> None:
        """w_a of state i, and prod (1 - z) z'_a."""
        for kept, fresh in ((self.own, self.value), (self.moved, self.slope))[: 1 + self.tangent]:
            w = fresh["z"][None, i : i + 1]
            kept[i] = np.concatenate([self.keep[i] * kept.pop(i - 1), w], axis=1) if self.step[i] else w

    def _updated(self, new, known) -> np.ndarray:
        """What the update gates contribute to the tangent kernel of the states `new` and `known`."""
        steps, out = self._steps(new), np.empty((len(new), len(known)))
        V, cov = (np.stack([part[np.ix_(at, known)] for at in steps]) for part in (self.V, self.psi["z"]))
        moved = np.stack([self.moved[i][0] for i in new])
        chains.updates(moved, V, cov, self.keep, self.slope["z"], steps[:, 0].copy(), self.before, known, out)
        return out / self.points


class LSTMSteps(Steps):
    many = ("i", "f", "g")

    def __init__(self, *args):
        super().__init__(*args)
        shape = (self.count, self.points)
        self.cell, self.out = np.empty(shape), np.empty(shape)
        if self.tangent:
            self.bend, self.take, self.own = np.empty(shape), np.empty((3, *shape)), {}

    def advance(self, new, known) -> None:
        K, T = (self.earlier(part, new, known) for part in (self.K, self.T))
        for gate in self.net.gates:
            self.arrive(gate, new, known, K, T)
        i, f, g = (self.value[gate][new] for gate in "ifg")
        last = self.cell[new - 1] if self.step[new[0]] else np.zeros((len(new), self.points))
        self.cell[new] = i * g + f * last
        self.out[new] = self.net.phi.f(self.cell[new])
        opened, shown = self.second("o", new, known), self.out[new] @ self.out[known].T / self.points
        put(self.K, new, known, opened * shown)
        if self.tangent:
            self.bend[new] = slope_of(self.net.phi)(self.cell[new])
            slopes = {gate: self.slope[gate][new] for gate in "ifg"}
            self.take[:, new] = g * slopes["i"], last * slopes["f"], i * slopes["g"]
            through = self._through(new, known)
            slope = self.second("o", new, known, True) * self.psi["o"][np.ix_(new, known)]
            put(self.T, new, known, opened * through + shown * slope)

    def _through(self, new, known) -> np.ndarray:
        """E phi'(c^i) phi'(c^j) <dc^i, dc^j> of the states `new` and `known`."""
        for i in new:
            w = self.take[:, i : i + 1]
            self.own[i] = np.concatenate([self.value["f"][i] * self.own.pop(i - 1), w], axis=1) if self.step[i] else w
        cov = [self.psi[gate] for gate in "ifg"]
        return self.chained(new, known, self.own, cov, self.value["f"], self.take, self.bend)


def states(net: Gated, start: Given, points: int, seed) -> tuple[np.ndarray, np.ndarray | None]:
    """(K, T or None) of the states by one scrambling of `points`."""
    found = way(net)(net, start, points, [*seed, 0], pilot(net, start, [*seed, 1]))
    found.run()
    return found.K, found.T


def pilot(net: Gated, start: Given, seed) -> np.ndarray:
    """The axes of a few points."""
    found = way(net)(net, start, PILOT, seed, None)
    found.run()
    return found.axes()
