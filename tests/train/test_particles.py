"""The compressed form of the unrolled program: against the program itself, and where vectors are many."""

from __future__ import annotations

import numpy as np
import pytest

from tests.abc.plain import X, Y
from tpcore import abc
from tpcore.errors import BudgetError
from tpcore.limit.particles.interpret import particles
from tpcore.limit.particles.points import Points
from tpcore.limit.particles.space import Space
from tpcore.train import MLPModel, Task, ladder, limit, series, task, unroll
from tpcore.train.particles import Trained

RNG = np.random.default_rng(17)
INPUTS, TARGETS = RNG.normal(size=(6, 3)), RNG.normal(size=6)


@pytest.mark.parametrize("depth, phi, bias", [(1, "relu", None), (2, "sin", 0.4), (3, "tanh", None)])
def test_the_program_line_by_line_gives_the_same(depth, phi, bias):
    """Minibatches, biases, inputs that are only looked at."""
    one = Task(INPUTS[:5], TARGETS[:5], X_test=INPUTS[5:], batch=2, order=4)
    rows = one.batches(5)
    found = limit(abc.mup(depth), one, 5, 0.5, phi, sigma_w=1.2, sigma_v=0.8, sigma_b=bias, record=range(6))
    model = MLPModel(depth, phi, 1.2, 1.2, 0.8, bias)
    prog = unroll(model, INPUTS, TARGETS, 5, 0.5, batches=rows, kernels=True)
    law = particles(prog, samples=2**15, seed=7)
    f = series(law)
    assert found.method == "program" and np.abs(f[5]).max() > 0.1
    gap = np.abs(np.concatenate([found.f, found.f_test], axis=1) - f)
    assert gap.max() < 6e-3 and np.mean(gap[1:, :5] < 3 * found.f_error[1:] + 1e-3) > 0.95, gap.max()
    K = series(law, f"K_x{depth}")
    np.testing.assert_allclose(found.kernel, K[[0, 5]], atol=1.5e-2)
    moved = np.sqrt(np.mean(np.square(f[:, :5] - f[0, :5]), axis=1))
    np.testing.assert_allclose(found.delta["df"], moved, atol=5e-3)


def test_what_is_only_looked_at_changes_nothing_and_is_right():
    """Inputs beside those trained on open few directions: their outputs are those of inputs in the training set with
    weight 0."""
    many = RNG.normal(size=(30, 3))
    alone, beside = Task(INPUTS, TARGETS), Task(INPUTS, TARGETS, X_test=many)
    a, b = (limit(abc.mup(2), one, 8, 0.6, record=range(9), samples=2**14) for one in (alone, beside))
    assert np.abs(a.f - b.f).max() < 4e-3
    c = limit(abc.mup(2), beside, 8, 0.6, record=range(9), at=range(9), samples=2**14)  # here all are kept
    assert np.abs(b.f_test - c.f_test).max() < 6e-3 and np.abs(b.f_test[8]).max() > 0.3
    runs = list(ladder(abc.mup(2), beside, [2048], range(8), 8, 0.6, record=[8], at=[], center=True))
    mean = np.mean([run.f_test[0] for run in runs], axis=0)
    spread = np.std([run.f_test[0] for run in runs], axis=0, ddof=1) / np.sqrt(8)
    z = (b.f_test[8] - mean) / np.hypot(spread, b.f_test_error[8])
    assert np.sqrt(np.mean(z**2)) < 1.8, z


def test_images_of_vectors_that_are_not_kept_have_the_right_law(monkeypatch):
    """W_0 x and W_0 x' have the second moments sigma^2 <x, x'>, and W_0^T those of what W_0 has decided."""
    monkeypatch.setattr("tpcore.train.particles.LOOSE", 1e9)
    space = Space(Points(8192, (3, 1)), 64)
    matrix = Trained(space, 1.7, 0.0, 1e-2, np.random.default_rng(5))
    new = space.fresh(6)
    draws = space.rows[new].T.astype(float)
    x = np.tanh(draws @ RNG.normal(size=(6, 8)))
    _, first, beside = matrix.image(x[:, :3])
    assert beside is None
    _, image, beside = matrix.image(x, kept=np.arange(8) < 4)
    y = space.combine(image).T + beside
    assert not beside[:, :4].any() and np.all(np.std(beside[:, 4:], axis=0) > 0.1)
    np.testing.assert_allclose(y.T @ y / 8192, 1.7 * x.T @ x / 8192, atol=0.03)
    np.testing.assert_allclose(y[:, :3], space.combine(first).T, atol=1e-4)
    v = np.sin(y[:, 1:2] + y[:, :1])  # <W^T v, x_1> = <v, W x_1>
    _, back, _ = matrix.image(v, transposed=True)
    np.testing.assert_allclose(space.combine(back)[0] @ x[:, 0], v[:, 0] @ y[:, 0], rtol=1e-3)


def test_many_inputs_have_smaller_errors_than_networks():
    one = task("parity", count=32, dimension=6, tests=0)
    program, networks = (limit(abc.mup(2), one, 5, 0.8, record=[5], at=[0], method=m) for m in ("auto", "networks"))
    assert program.method == "program" and "networks" in networks.method
    assert np.mean(program.f_error[1:]) < 0.5 * np.mean(networks.f_error[1:])
    z = (program.f - networks.f)[1:] / np.hypot(program.f_error, networks.f_error)[1:]
    assert np.sqrt(np.mean(z**2)) < 1.5


def test_errors_are_honest():
    """Distances between independent seeds, in units of their errors; and from many more particles."""
    one = task("single-index", count=12, dimension=5, tests=0, batch=6)
    few = [limit(abc.mup(2), one, 6, 0.8, "relu", record=[6], samples=2**13, seed=seed, at=[0]) for seed in range(5)]
    many = limit(abc.mup(2), one, 6, 0.8, "relu", record=[6], samples=2**15, seed=99, at=[0])
    z = np.array([(a.f - many.f)[1:] / np.hypot(a.f_error, many.f_error)[1:] for a in few])
    assert 0.4 < np.sqrt(np.mean(z**2)) < 1.5, np.sqrt(np.mean(z**2))


def test_a_long_run_costs_the_same_each_step():
    """150 steps, two hidden layers."""
    found = limit(abc.mup(2), Task(X, Y), 150, 0.5, record=[150], at=[0], samples=2**12)
    assert found.method == "program" and found.loss[150] < 0.3 * found.loss[0]
    runs = list(ladder(abc.mup(2), Task(X, Y), [512], range(3), 150, 0.5, record=[150], at=[], center=True))
    np.testing.assert_allclose(found.f, np.mean([run.f for run in runs], axis=0), atol=0.05)


def test_more_than_fits(monkeypatch):
    """Where the particles would take too long networks stand in, unless the program is asked for."""
    monkeypatch.setattr("tpcore.train.feature_learning.LARGEST", 64)
    one = task("parity", count=16, tests=0)
    assert "networks" in limit(abc.mup(2), one, 2, 0.5, samples=2**9).method
    with pytest.raises(BudgetError, match="networks"):
        limit(abc.mup(2), one, 2, 0.5, samples=2**9, method="program")
