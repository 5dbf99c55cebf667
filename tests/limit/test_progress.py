"""Limits tell how far they are and stop soon when asked to, in both engines; questions asked later are not stopped."""

import threading
import time

import numpy as np
import pytest

import tpcore as tp
from tpcore.compute.progress import Progress
from tpcore.errors import Cancelled, Misuse
from tpcore.kernels.nngp import by_program
from tpcore.kernels.uses import by_tangent
from tpcore.limit.particles.interpret import particles
from tpcore.nets import RNN, Dense, MeanPool, Sequential


def forward(length, phi=tp.tanh):
    prog = tp.Program("forward")
    h = prog.vector("x", variance=1.2)
    W = prog.matrix("W", variance=1.6)
    for _ in range(length):
        h = phi(W @ h)
    prog.name("last", h)
    return prog


def planes(count):
    """One line with expectations of three Gaussians and kinks that nobody knows: seconds."""
    prog = tp.Program("planes")
    x, y, z = (prog.block(name, np.zeros(count), np.eye(count)) for name in "xyz")
    tp.moment(lambda a, b, c: np.maximum(np.maximum(a, b + 0.1), c * b), x, y, z)
    return prog


@pytest.mark.parametrize("engine", [tp.limit, particles])
def test_every_line_is_told(engine):
    prog, told = forward(12), []
    found = engine(prog, samples=4096, progress=lambda done, total: told.append((done, total)))
    times = 1 if engine is tp.limit else len(found._clouds)
    assert told[-1] == (times * len(prog.nodes),) * 2
    assert all(a[0] < b[0] for a, b in zip(told, told[1:], strict=False))


def test_particles_start_anew():
    prog = tp.Program("many")
    xs = [prog.vector(f"x{k}") for k in range(5)]
    tp.moment(lambda *v: np.tanh(np.prod(v, axis=0)), *xs)
    told = []
    lim = tp.limit(prog, samples=512, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (8 * len(prog.nodes),) * 2 and "particles" in lim.notes[-1]


@pytest.mark.parametrize(("engine", "prog", "more"), [
    (tp.limit, planes(40), {"tol": 1e-7}),
    (particles, forward(600), {"samples": 2**16}),
    (tp.limit, forward(400, lambda z: tp.relu(z) + tp.cos(z)), {}),
])
def test_cancelled_soon(engine, prog, more):
    particles(forward(1), samples=256)  # imports
    progress, asked = Progress(), []
    timer = threading.Timer(1.0, lambda: (asked.append(time.perf_counter()), progress.cancel()))
    timer.start()
    with pytest.raises(Cancelled):
        engine(prog, progress=progress, **more)
    assert time.perf_counter() - asked[0] < 3, "0.2 s where nothing else runs"


def test_cancelled_before():
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        tp.limit(forward(1), progress=progress)


def test_later_questions_are_free():
    progress = Progress()
    lim = tp.limit(forward(3), progress=progress)
    progress.cancel()
    assert lim.expect(lambda v: v**2, "last").value > 0


def test_silent_progress():
    told, outer = [], Progress(lambda *counts: told.append(counts))
    tp.limit(forward(3), progress=outer.silent())
    assert told == []
    outer.cancel()
    with pytest.raises(Cancelled):
        tp.limit(forward(3), progress=outer.silent())


def test_bad_progress():
    with pytest.raises(Misuse, match="progress"):
        tp.limit(forward(1), progress=3)


def test_kernels_pass_it_on():
    net = Sequential(RNN("erf", 1.2, 0.9, 0.3), MeanPool(), Dense(1.1, None))
    X = [np.eye(2, 3), np.ones((1, 3))]
    for kernel in (by_tangent, by_program):
        told = []
        kernel(net, net.read(X), progress=Progress(lambda *counts: told.append(counts)))
        assert told and told[-1][0] == told[-1][1] > 5
