"""Kernels of other architectures: beside neural-tangents 0.6.5 where it has them, else how their times grow.

Both sides in float64, warm, taking turns in the same run; ratios are of medians. Growth is the slope of log time over
log size, by least squares.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np

from tests.benchmarks.bench_kernels import turns
from tests.benchmarks.peer import Peer, Unavailable
from tests.benchmarks.table import Row, median_seconds
from tpcore.data import digits
from tpcore.kernels.nngp import nngp
from tpcore.kernels.ntk import ntk
from tpcore.nets import CNN, GRU, LSTM, RNN, Act, Attention, Dense, LayerNormMLP, MeanPool, Network, ResNet, Sequential

DEPTH, SIGMA_W, SIGMA_B = 3, 1.2, 0.1
FASTER, TURNS = 2.0, 5
KINDS = {"resnet": (ResNet, "residual MLP, 1,797 digits"), "layernorm": (LayerNormMLP, "layernorm MLP, 1,797 digits")}
LATENCY = 0.3

Kernel = Callable[..., np.ndarray]


def rows() -> Iterator[Row]:
    X = digits()[0]
    try:
        with Peer(X) as peer:
            yield from beside(peer, X)
    except Unavailable as reason:
        for name, what, net, inputs in cases(X):
            for kernel in (nngp, ntk):
                seconds = median_seconds(lambda: kernel(net, inputs), repeats=TURNS)  # noqa: B023
                yield Row(f"{kernel.__name__.upper()} {what}", seconds, "s", note=f"peer unavailable: {reason}")
    yield from growth()
    yield from first_limits()


def cases(X: np.ndarray) -> Iterator[tuple[str, str, Network, np.ndarray]]:
    for phi in ("relu", "erf"):
        for kind, (net, what) in KINDS.items():
            yield kind, f"3-layer {phi} {what}", net(DEPTH, phi, SIGMA_W, SIGMA_B), X
        images = X[:64].reshape(64, 8, 8, 1)
        net = CNN(DEPTH, phi, SIGMA_W, SIGMA_B, head="mean")
        yield "cnn", f"3-layer {phi} CNN with global pooling, 64 digits", net, images


def beside(peer: Peer, X: np.ndarray) -> Iterator[Row]:
    """The whole kernels, one after the other."""
    for kind, what, net, inputs in cases(X):
        for kernel in (nngp, ntk):
            name = kernel.__name__
            request = dict(kind=kind, phi=net.phi.name, depth=DEPTH, sigma_w=SIGMA_W, sigma_b=SIGMA_B, get=[name],
                           count=len(inputs), repeats=1)
            ours, theirs = turns(lambda: kernel(net, inputs), lambda: peer.ask(**request)[0][0], TURNS)  # noqa: B023
            want = peer.ask(**request, arrays=True)[1][0]
            gap = float(np.abs(kernel(net, inputs) - want).max() / np.abs(want).max())
            yield Row(f"{name.upper()} {what}", ours, "s", note=f"peer {theirs:.3g} s; largest difference {gap:.1g}")
            yield Row(f"{name.upper()} {net.phi.name} {kind}: faster than neural-tangents by", theirs / ours, "x",
                      f">= {FASTER:g} x", theirs / ours >= FASTER)


def sequences(count: int, steps: int) -> np.ndarray:
    """Random sequences of eight numbers a step."""
    return np.random.default_rng(0).normal(size=(count, steps, 8))


LENGTHS, COUNTS = (4, 8, 16), (4, 8, 16)
GROWING = [
    ("erf RNN", RNN("erf", 1.2, 0.9, 0.3), 4),
    ("attention, 2 layers", Sequential(Dense(1.2, 0.1), *(Attention(), Act("relu")) * 2, MeanPool(), Dense()), 4),
    ("erf GRU", GRU(1.0, 1.0, 0.3), 1),
    ("erf LSTM", LSTM(1.0, 1.0, 0.3), 1),
]


def growth() -> Iterator[Row]:
    """Times with the number of steps at 8 sequences, and with the number of sequences at 8 steps; sampled kernels with
    as many points each time."""
    for name, net, scale in GROWING:
        gated = isinstance(net, GRU | LSTM)
        for kernel in (nngp, ntk):
            options = {"samples": 2**13} if gated else {}
            work = lambda count, steps: median_seconds(  # noqa: E731
                lambda: kernel(net, sequences(count, steps), **options), 3)  # noqa: B023
            long = [work(8, scale * steps) for steps in LENGTHS]
            many = [work(scale * count, 8) for count in COUNTS]
            note = (f"s at {LENGTHS[-1] * scale} steps; grows like steps^{exponent(LENGTHS, long):.2g}, "
                    f"sequences^{exponent(COUNTS, many):.2g}")
            if gated:
                found = kernel(net, sequences(8, 8), **options)
                note += f"; relative error {found.error / np.abs(found).max():.1g} at 2^13 points"
            yield Row(f"{kernel.__name__.upper()} {name}, 8 sequences", long[-1], note)


def exponent(sizes, seconds) -> float:
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def first_limits() -> Iterator[Row]:
    """A newly assembled network on 16 digits: as vectors, images, or 8 tokens; the first call after compilation."""
    X = digits(16)[0]
    images, tokens, tail = X.reshape(16, 8, 8, 1), X.reshape(16, 8, 8), (MeanPool(), Dense())
    nets = [
        ("5-layer tanh layernorm MLP", LayerNormMLP(5, "tanh", 1.2, 0.1), X),
        ("5-layer relu CNN, global pooling", CNN(5, "relu", 1.2, 0.1, head="mean"), images),
        ("5-layer tanh CNN, global pooling", CNN(5, "tanh", 1.2, 0.1, head="mean"), images),
        ("5-layer attention", Sequential(Dense(), *(Attention(), Act("relu")) * 5, *tail), tokens),
        ("tanh RNN among layers", Sequential(RNN("tanh"), Dense(), Act("relu"), *tail), tokens),
    ]
    for name, net, inputs in nets:
        ntk(net, inputs[:2])
        start = time.perf_counter()
        nngp(net, inputs)
        middle = time.perf_counter()
        ntk(net, 1.01 * inputs)
        seconds = time.perf_counter() - middle
        slowest = max(seconds, middle - start)
        yield Row(f"first limit: {name}, 16 digits", slowest, "s", f"< {LATENCY:g} s", slowest < LATENCY,
                  f"NNGP {middle - start:.3g} s, NTK {seconds:.3g} s")
