"""The layers of a finite network under one optimizer: how each of them changes in a step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tpcore.compute.tiles import map_tiles, row_tiles
from tpcore.jitted import optimizers as jitted
from tpcore.train.matrices import ROWS, Full, LowRank

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Rate:
    """How W = n^(-a) w moves with dL/dW = G: by -rate G (SGD), or by -rate Q(scale G), Q of `kind`."""

    kind: str
    rate: float
    scale: float = 1.0


def rates(p, n: int, lr: float, optimizer: str, gamma: float = 1.0) -> list[Rate]:
    """Of every layer, from the exponents: eta n^(-2a - c); or eta n^(-a - c) and n^(d - a).

    With an output gamma f and the learning rate eta / gamma^2 (eta / gamma), gamma times the readout moves as with
    gamma = 1.
    """
    slow = [gamma] * p.depth + [1.0]
    with np.errstate(over="ignore", under="ignore"):
        size = lambda e: float(np.float64(n) ** float(-e))  # noqa: E731
        if optimizer == "sgd":
            return [Rate("sgd", lr / g**2 * size(2 * a + c)) for a, c, g in zip(p.a, p.rates, slow, strict=True)]
        return [Rate(optimizer, lr / g * size(a + c), size(a - d) / g)
                for a, c, d, g in zip(p.a, p.rates, p.scales, slow, strict=True)]  # fmt: skip


class Small:
    """The change of an array that is stored in double precision: input weights, biases, the readout."""

    def __init__(self, shape: tuple[int, ...], rate: Rate):
        self.change, self.rate, self.time = np.zeros(shape), rate, 0
        self.moments = np.zeros((2, *shape)) if rate.kind == "adam" else None

    def step(self, gradient: np.ndarray) -> None:
        """One step along the gradient with respect to W."""
        rate = self.rate
        self.time += 1
        if rate.kind == "sgd":
            self.change -= rate.rate * gradient
            return
        gradient = rate.scale * gradient
        if rate.kind == "sign":
            self.change -= rate.rate * np.sign(gradient)
            return
        m, v = (moment.reshape(-1) for moment in self.moments)
        jitted.adam(gradient.ravel(), self.change.reshape(-1), m, v, *_numbers(rate.rate, self.time, np.float64))

    def norms(self) -> tuple[float, float]:
        """Frobenius and spectral norm."""
        flat = self.change.reshape(len(self.change), -1)
        largest = np.linalg.eigvalsh(flat.T @ flat)[-1]
        return float(np.linalg.norm(flat)), float(np.sqrt(max(largest, 0.0)))


def _numbers(rate: float, time: int, typed) -> tuple:
    """What `jitted.adam` takes beside its arrays at this step."""
    c1, c2 = 1 - BETA1**time, 1 - BETA2**time
    return tuple(map(typed, (BETA1, BETA2, 1 - BETA1, 1 - BETA2, rate / c1, c2**-0.5, EPS)))


class Hidden:
    """A hidden matrix: its start, and its change by steps whose gradients are left right^T."""

    def __init__(self, start, n: int, rate: Rate, room: int):
        self.start, self.rate, self.time = start, rate, 0
        low = rate.kind == "sgd" and 2 * room <= n
        self.change = LowRank(n, room) if low else Full(n)
        self.moments = np.zeros((2, n, n), self.change.entries.dtype) if rate.kind == "adam" else None

    def multiply(self, x: np.ndarray, transposed: bool = False) -> np.ndarray:
        """W_t x or W_t^T x."""
        return self.start.multiply(x, transposed) + self.change.multiply(x, transposed)

    def step(self, left: np.ndarray, right: np.ndarray) -> None:
        """One step along the gradient left right^T with respect to W, both (n, k)."""
        rate = self.rate
        self.time += 1
        if rate.kind == "sgd":
            self.change.add(-rate.rate * left, right)
            return
        entries = self.change.entries
        typed = entries.dtype.type
        left, right = (rate.scale * left).astype(typed), np.ascontiguousarray(right.T, typed)
        numbers = _numbers(rate.rate, self.time, typed)

        def work(s: slice) -> None:
            gradient, rows = (left[s] @ right).ravel(), entries[s].reshape(-1)
            if rate.kind == "sign":
                jitted.sign(gradient, rows, typed(rate.rate))
                return
            m, v = (moment[s].reshape(-1) for moment in self.moments)
            jitted.adam(gradient, rows, m, v, *numbers)

        map_tiles(work, row_tiles(len(entries), ROWS if len(entries) <= 2 * ROWS else ROWS // 4))
