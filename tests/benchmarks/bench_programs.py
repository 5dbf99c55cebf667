"""Programs: limits by particles, tracing, and lazy runs at great width."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import tpcore as tp
from tests.benchmarks.table import Row, median_seconds
from tests.limit.particles.training import mlp, outputs, tanh_slope
from tpcore.errors import BudgetError
from tpcore.limit.particles.interpret import particles
from tpcore.train import MLPModel, unroll

X, Y = np.random.default_rng(0).normal(size=(4, 3)), np.array([1.0, -1.0, 0.5, 0.2])
# f_10 of two hidden tanh layers at learning rate 0.3, good to 1e-5: an independent code with many more points.
F10 = np.array([0.09639553, -0.1780304, 0.20940241, -0.16066328])
SEEDS, LONG = 4, 300


def training(steps: int) -> tp.Program:
    return mlp(X, Y, 0.3, tp.tanh, tanh_slope, 2, steps)


def unrolled(steps: int) -> tp.Program:
    return unroll(MLPModel(2, "tanh"), X, Y, steps, 0.3)


def rows() -> Iterator[Row]:
    yield from exact()
    yield from short_training()
    yield from long_training()
    yield from lazy()


def exact() -> Iterator[Row]:
    """Linear programs: v^T A^12 v / n for A = (W + W^T)/sqrt 2, 132 in the limit."""
    prog = tp.Program("semicircle")
    W, y = prog.matrix("W"), prog.vector("v")
    for _ in range(6):
        y = (W @ y + W.T @ y) / np.sqrt(2)
    prog.name("m", tp.inner(y, y))
    gap = abs(particles(prog, samples=2**10).scalar("m") / 132 - 1)
    name = "particles: relative error of the semicircle's moment 12, 1,024 points"
    yield Row(name, gap, "", "<= 1e-12", gap <= 1e-12)


def short_training() -> Iterator[Row]:
    """Two hidden tanh layers, four samples, ten steps: unrolled by the package, and written out by hand."""
    for way, make, last in (("unroll", unrolled, "f[10]"), ("by hand", training, "f10")):
        seconds = median_seconds(lambda make=make: make(10))
        prog = make(10)
        yield Row(f"tracing 10 steps of training, {way} ({len(prog)} lines)", 1e3 * seconds, "ms", "< 50 ms",
                  seconds < 0.05)
        for samples in (2**17, 2**18):
            seconds = median_seconds(lambda prog=prog, samples=samples: particles(prog, samples=samples), repeats=3)
            found = [particles(prog, seed=seed, samples=samples) for seed in range(SEEDS)]
            gaps = np.array([lim.scalar(last) - F10 for lim in found])
            error, said = float(np.sqrt(np.mean(np.square(gaps)))), max(float(lim.error(last)) for lim in found)
            name = f"training limit, L = 2, B = 4, T = 10, {way}, {samples:,} particles"
            yield Row(f"{name}: root mean square error of f_10", error, "", "<= 1e-4", error <= 1e-4,
                      f"largest estimate {said:.1g}")
            yield Row(f"{name}: time", seconds, "s", "< 1 s", seconds < 1.0)


def long_training() -> Iterator[Row]:
    """The same for 300 steps; errors of all outputs at all steps, as estimated."""
    for way, make, name in (("unroll", unrolled, "f[{}]"), ("by hand", training, "f{}")):
        seconds = median_seconds(lambda make=make: make(LONG), repeats=1, warm=0)
        prog = make(LONG)
        yield Row(f"tracing {LONG} steps, {way} ({len(prog):,} lines)", 1e3 * seconds, "ms")
        found = []
        seconds = median_seconds(lambda prog=prog, found=found: found.append(particles(prog)), repeats=1, warm=0)
        errors = outputs(found[0], LONG, name)[1]
        error = float(np.sqrt(np.mean(np.square(errors))))
        text = f"training limit of {LONG} steps, {way}, {found[0].particles:,} particles"
        yield Row(f"{text}: rms estimated error", error, "", "<= 1e-3", error <= 1e-3, f"largest {errors.max():.1g}")
        yield Row(f"{text}: time", seconds, "s", "< 10 s", seconds < 10.0)


def lazy() -> Iterator[Row]:
    """A hundred products of one matrix and its transpose, which is never stored."""
    prog = tp.Program("products")
    W, x = prog.matrix("W"), prog.vector("x")
    for _ in range(50):
        x = tp.tanh(W.T @ tp.tanh(W @ x) + x)
    tp.moment(x * x)
    for width, dtype, asked in ((10**5, np.float64, 5.0), (10**6, np.float32, None)):
        name = f"lazy run, n = {width:,}, 100 products, {np.dtype(dtype).name}"
        try:
            run = tp.run(prog, width, method="lazy", dtype=dtype, keep=())
        except BudgetError as refusal:
            yield Row(name, "-", "", note=str(refusal))
            continue
        yield Row(name, run.seconds, "s", f"<= {asked:g} s" if asked else "", run.seconds <= asked if asked else None)
