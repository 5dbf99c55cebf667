"""Recurrent networks: RNN, GRU, LSTM. U meets the input, W the state; weights are tied over steps and sequences."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from tpcore import checks
from tpcore.activations import Activation, get
from tpcore.errors import Misuse
from tpcore.nets import positions
from tpcore.nets.base import Network, described, maybe_spread, spread
from tpcore.nets.batch_integrals import resolved
from tpcore.nets.builder import Builder, Built, Signal
from tpcore.nets.data import Data, Layout
from tpcore.nets.layers import Layer
from tpcore.nets.moments import NoRecursion, Own, Side
from tpcore.nets.steps import READOUTS, read_steps, sequences
from tpcore.program.variables import Vector, stack

Scale = float | Mapping[str, float]


class Recurrent(Network):
    """What the three have in common: how steps follow each other, and the readout."""

    gates: tuple[str, ...] = ()
    _names: tuple[str, ...] = ()
    sigma_v: float
    readout: str

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names}

    def read(self, X, what: str = "X") -> Data:
        return sequences(X, what)

    def build(self, data: Data) -> Built:
        b = Builder(repr(self)[:200], data)
        signal = self.unrolled(b.start(), b)
        for layer in read_steps(self.readout):
            signal = layer.apply(signal, b)
        return b.finish(signal, self.sigma_v, None)

    def unrolled(self, signal: Signal, b: Builder) -> Signal:
        """The states of all steps of all sequences, in the layout of the inputs."""
        needs_steps(signal.layout, type(self).__name__)
        step = self.start(signal, b)
        states, columns, state, alive = [], [], None, np.zeros(0, int)
        for now in by_steps(signal.layout):
            if state is not None:
                kept = np.flatnonzero(np.isin(alive + 1, now))
                state = tuple(part[kept] if len(kept) < len(alive) else part for part in state)
            state = step(now, state)
            states.append(state[0])
            columns.append(now)
            alive = now
        order = np.argsort(np.concatenate(columns))
        joined = states[0] if len(states) == 1 else stack(states, new_axis=False)
        return Signal(signal.layout, var=joined[order])

    @abstractmethod
    def start(self, signal: Signal, b: Builder) -> Callable:
        """``step(columns, state)``: from the state (a tuple of blocks, the output first; None before the first step)
        of all sequences alive to the next; `columns` are their inputs' columns."""

    def as_layer(self) -> Layer:
        """The cell as a layer of a `Sequential`: its states, those that `readout` reads."""
        return Cell(self)


class Cell(Layer):
    """A recurrent network's states as a layer: of all steps, of the last, or their average; sigma_v is left out."""

    weights = True
    spatial = True
    recurrent = True

    def __init__(self, net: Recurrent):
        self.net = net
        self.reads = read_steps(net.readout)
        self.keeps, self.ends = not self.reads, bool(self.reads)

    def _fields(self):
        return {"net": self.net}

    def __repr__(self) -> str:
        return repr(self.net)

    def spec(self) -> dict[str, Any]:
        return {"layer": type(self.net).__name__, **described(self.net._fields())}

    def apply(self, signal: Signal, b: Builder) -> Signal:
        signal = self.net.unrolled(signal, b)
        for layer in self.reads:
            signal = layer.apply(signal, b)
        return signal

    def own(self, o: Own) -> tuple[Own, Side]:
        from tpcore.nets import gates, states

        needs_steps(o.layout, type(self.net).__name__)
        if not o.raw:
            o = resolved(o)
        K = o.full()
        if len(K) > 1:
            raise NoRecursion
        start = states.Given(K[0], o.layout, *((None, None) if o.T is None else (o.T[0], o.convention)))
        if isinstance(self.net, RNN):
            K = states.rnn(self.net, start)
            T = None if o.T is None else states.tangents(self.net, start, K)
        else:
            K, T = gates.states(self.net, start, o.points, o.seed())
        o = replace(o, K=K[None], T=None if T is None else T[None], gaussian=False, fresh=False, raw=False,
                    mean=_unknown)
        for layer in self.reads:
            o, _ = layer.own(o)
        return o, Side()

    def cross(self, K, left, right):
        raise NoRecursion


def needs_steps(layout: Layout, layer: str) -> None:
    """Refuse inputs whose positions are no steps, one after another."""
    positions.needs_positions(layout, layer)
    if layout.axes != 1:
        raise Misuse(f"{layer} needs sequences, (N, T, d) or a list of (T_i, d)", f"positions {layout.shapes[0]}")


def _unknown():
    raise NoRecursion


def by_steps(layout: Layout) -> list[np.ndarray]:
    """For every step the columns of the sequences that have it."""
    longest = int(layout.sizes.max())
    return [layout.starts[layout.sizes > t] + t for t in range(longest)]


class RNN(Recurrent):
    r"""A simple recurrent network, h^t = W s^{t-1} + U x^t + b, s^t = phi(h^t), s^0 = 0.

    Parameters
    ----------
    phi : str, Activation or callable
    sigma_w, sigma_u : float
        Standard deviations of W (times sqrt n) and U (times sqrt d).
    sigma_b : float or None
        Of b; None: no bias.
    sigma_v : float
        Of the readout v^T s / sqrt(n), without a bias.
    readout : {"each", "last", "mean"}
        An output for every step; for the last; for the average of the states.

    Notes
    -----
    Inputs: a list of sequences (T_i, d), one joint kernel over all their outputs. Source: Tensor Programs I
    (arXiv 1910.12478), section 2 and program 2.
    """

    _names = ("phi", "sigma_w", "sigma_u", "sigma_b", "sigma_v", "readout")

    def __init__(self, phi: str | Activation | Callable = "erf", sigma_w: float = 1.0, sigma_u: float = 1.0,
                 sigma_b: float | None = 0.0, sigma_v: float = 1.0, readout: str = "each"):
        self.phi = get(phi)
        self.sigma_w, self.sigma_u = spread("sigma_w", sigma_w), spread("sigma_u", sigma_u)
        self.sigma_b, self.sigma_v = maybe_spread("sigma_b", sigma_b), spread("sigma_v", sigma_v)
        self.readout = checks.choice("readout", readout, READOUTS)

    def start(self, signal: Signal, b: Builder) -> Callable:
        u, W, bias = b.product(signal, self.sigma_u, "U"), b.matrix("W", self.sigma_w), b.bias("b", self.sigma_b)

        def step(now: np.ndarray, state):
            h = u[now] if bias is None else u[now] + bias
            return (self.phi(h if state is None else W @ state[0] + h),)

        return step


class Gated(Recurrent):
    """What GRU and LSTM have in common: standard deviations for every gate."""

    _names = ("sigma_w", "sigma_u", "sigma_b", "mu_b", "phi", "gate", "sigma_v", "readout")

    def __init__(self, sigma_w: Scale = 1.0, sigma_u: Scale = 1.0, sigma_b: Scale | None = 0.0, mu_b: Scale = 0.0,
                 phi: str | Activation | Callable = "erf", gate: str | Activation | Callable = "erf_sigmoid",
                 sigma_v: float = 1.0, readout: str = "each"):
        self.sigma_w, self.sigma_u = self._scales("sigma_w", sigma_w), self._scales("sigma_u", sigma_u)
        self.sigma_b = None if sigma_b is None else self._scales("sigma_b", sigma_b)
        self.mu_b = self._scales("mu_b", mu_b, -np.inf)
        if sigma_b is None and any(self.of("mu_b", gate) for gate in self.gates):
            raise Misuse("Without biases (sigma_b=None) their means must be 0", f"mu_b = {self.mu_b!r}")
        self.phi, self.gate = get(phi), get(gate)
        self.sigma_v = spread("sigma_v", sigma_v)
        self.readout = checks.choice("readout", readout, READOUTS)

    def _scales(self, what: str, value, low: float = 0.0):
        if not isinstance(value, Mapping):
            return checks.real(what, value, low)
        for key in value:
            checks.choice(f"a gate of {what}", key, self.gates)
        missing = [gate for gate in self.gates if gate not in value]
        if missing:
            raise Misuse(f"{what} must be a number, or one for each of the gates {', '.join(self.gates)}",
                         f"none for {', '.join(missing)}")
        return {gate: checks.real(f"{what}[{gate!r}]", value[gate], low) for gate in self.gates}

    def of(self, what: str, gate: str) -> float | None:
        """sigma_w, sigma_u, sigma_b or mu_b of one gate."""
        value = getattr(self, what)
        return value[gate] if isinstance(value, dict) else value

    def preactivations(self, signal: Signal, b: Builder, gate: str) -> Callable:
        """(columns, state) -> U x + W state + b of one gate; without a state U x + b."""
        u = b.product(signal, self.of("sigma_u", gate), f"U_{gate}")
        W = b.matrix(f"W_{gate}", self.of("sigma_w", gate))
        bias = b.bias(f"b_{gate}", self.of("sigma_b", gate), self.of("mu_b", gate))

        def preactivation(now: np.ndarray, state: Vector | None) -> Vector:
            h = u[now] if bias is None else u[now] + bias
            return h if state is None else W @ state + h

        return preactivation


class GRU(Gated):
    r"""Gated recurrent units; reset before W_h.

    .. math::
        z = g(U_z x + W_z h + b_z), \; r = g(U_r x + W_r h + b_r), \;
        \tilde h = \phi(U_h x + W_h (r * h) + b_h), \; h' = (1 - z) * h + z * \tilde h

    Parameters
    ----------
    sigma_w, sigma_u, sigma_b, mu_b : float or dict
        Standard deviations of W, U, b and the mean of b: a number for all gates or one for each, ``{"z": 1, "r": 1,
        "h": 2}``. sigma_b None: no biases.
    phi, gate : str, Activation or callable
    sigma_v, readout
        As in `RNN`.

    Notes
    -----
    Source: Tensor Programs I (arXiv 1910.12478), appendix D.
    """

    gates = ("z", "r", "h")

    def start(self, signal: Signal, b: Builder) -> Callable:
        z, r, candidate = (self.preactivations(signal, b, gate) for gate in self.gates)

        def step(now: np.ndarray, state):
            if state is None:
                return (self.gate(z(now, None)) * self.phi(candidate(now, None)),)
            (h,) = state
            update = self.gate(z(now, h))
            proposed = self.phi(candidate(now, self.gate(r(now, h)) * h))
            return ((1 - update) * h + update * proposed,)

        return step


class LSTM(Gated):
    r"""Long short-term memory: gates i, f, o, candidate g.

    .. math:: c' = f * c + i * \phi(g), \quad h' = o * \phi(c'), \quad h^0 = c^0 = 0

    with i, f, o = gate(U x + W h + b) and g = U_g x + W_g h + b_g, each with its own U, W, b.

    Parameters
    ----------
    sigma_w, sigma_u, sigma_b, mu_b : float or dict
        As in `GRU`, for the gates "i", "f", "o", "g".
    phi, gate : str, Activation or callable
    sigma_v, readout
        As in `RNN`.

    Notes
    -----
    phi(c) is a function of as many Gaussians as there were steps: kernels are sampled. Source: Tensor Programs I
    (arXiv 1910.12478), appendix D.
    """

    gates = ("i", "f", "o", "g")

    def start(self, signal: Signal, b: Builder) -> Callable:
        i, f, o, g = (self.preactivations(signal, b, gate) for gate in self.gates)

        def step(now: np.ndarray, state):
            h, c = state or (None, None)
            new = self.gate(i(now, h)) * self.phi(g(now, h))
            new = new if c is None else self.gate(f(now, h)) * c + new
            return self.gate(o(now, h)) * self.phi(new), new

        return step
