"""Long programs that meet matrices both ways: the law of the lazy draw, adjointness, threads, memory, progress."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy import stats

import tpcore as tp
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import get_threads, set_threads
from tpcore.errors import BudgetError, Cancelled
from tpcore.finite import budget
from tpcore.finite.lazy import LazyMatrix
from tpcore.finite.run import make_plan


def long_walk(rounds=3):
    """A square matrix and a rectangular one, both ways and in blocks, each input made of earlier images."""
    prog = tp.Program("walk")
    W, U = prog.matrix("W", variance=1.3), prog.matrix("U", variance=0.8, rows=0.5)
    x, b = prog.vectors("x b", mean=[0.5, 0.0], cov=[[1.2, 0.4], [0.4, 0.6]])
    start, back = x, b
    for _ in range(rounds):
        y = W @ tp.tanh(x + back)
        z = U @ tp.stack([y, x * tp.tanh(y)])
        back = W.T @ (U.T @ tp.relu(z))[0] + W.T @ tp.tanh(y - b)
        x = tp.tanh(y + 0.5 * back)
    prog.name("sizes", tp.stack([tp.moment(v * v) for v in (x, y, back)]))
    prog.name("crossed", tp.inner(tp.stack([x, y, back, b]), tp.stack([start, b])))
    prog.name("images", tp.inner(z, z))
    prog.name("fourth", tp.moment(tp.tanh(back) ** 4 * y))
    prog.output("f", prog.vector("v", variance=1.4), x * b)
    return prog


def draws_of(prog, n, method, draws, seed):
    ens = tp.ensemble(prog, n, draws, seed=seed, method=method)
    return np.concatenate([np.reshape(v, (draws, -1)) for v in (*ens.outputs.values(), *ens.scalars.values())], axis=1)


def test_the_joint_law_at_twelve_neurons_is_that_of_stored_matrices():
    """Each statistic by Kolmogorov and Smirnov; all pairs by the correlation of their ranks."""
    prog, draws = long_walk(), 900
    lazy, dense = draws_of(prog, 12, "lazy", draws, 1), draws_of(prog, 12, "dense", draws, 2)
    p = [stats.ks_2samp(lazy[:, j], dense[:, j]).pvalue for j in range(lazy.shape[1])]
    assert min(p) > 1e-3 / len(p), p
    normal = [stats.norm.ppf(stats.rankdata(a, axis=0) / (draws + 1)) for a in (lazy, dense)]
    one, other = (np.corrcoef(a, rowvar=False) for a in normal)
    distinct = np.abs(other) < 0.999
    z = (np.arctanh(one[distinct]) - np.arctanh(other[distinct])) * np.sqrt(draws / 2)
    assert np.abs(z).max() < 4.5, np.abs(z).max()


@pytest.mark.parametrize(("dtype", "close"), [(np.float64, 1e-12), (np.float32, 2e-4)])
def test_images_are_adjoint_throughout_a_long_program(dtype, close):
    """<y, W x> = <W^T y, x> for every pair that the program multiplied, sizes of order 1."""
    prog = tp.Program("pairs")
    W = prog.matrix("W", variance=1.3, rows=0.5)
    x, forth, back = prog.vector("x"), [], []
    for k in range(12):
        y = W @ x
        u = tp.tanh(y) if k % 3 else tp.tanh(y) + 1e-4 * y
        z = W.T @ u
        forth.append((x, y))
        back.append((u, z))
        x = tp.tanh(z) + 0.5 * x
    vectors = [v for pair in (*forth, *back) for v in pair]
    names = [prog.name(f"v{i}", v).name if v is not forth[0][0] else "x" for i, v in enumerate(vectors)]
    run = tp.run(prog, 3000, seed=3, dtype=dtype, method="lazy")
    arrays = [run[name].astype(float) for name in names]
    (X, Y), (U, Z) = (np.stack(arrays[i:j:2]) for i, j in ((0, 24), (1, 24))), (
        np.stack(arrays[i::2]) for i in (24, 25))
    np.testing.assert_allclose(Y @ U.T / 3000, X @ Z.T / 3000, rtol=0, atol=close)
    assert run["v1"].dtype == dtype and np.abs(Y @ U.T / 3000).max() > 0.3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_numbers_of_a_long_program_do_not_depend_on_the_threads(dtype):
    prog, before, found = long_walk(4), get_threads(), []
    try:
        for count in (1, 2, 5):
            set_threads(count)
            found.append(tp.run(prog, 20_000, seed=4, dtype=dtype, method="lazy", keep=()))
    finally:
        set_threads(before)
    for run in found[1:]:
        for name, value in found[0].scalars.items():
            np.testing.assert_array_equal(run.scalars[name], value)
        assert run.output("f") == found[0].output("f")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_memory_of_a_long_program_is_known_beforehand(dtype):
    prog, n = long_walk(6), 60_000
    need = budget.need(make_plan(prog, n, "lazy", dtype), n, dtype)
    tp.run(prog, 500, dtype=dtype, method="lazy", keep=())
    tracemalloc.start()
    tp.run(prog, n, dtype=dtype, method="lazy", keep=())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.6 * need < peak < 1.15 * need
    with pytest.raises(BudgetError, match="needs .* GiB") as refused:
        tp.run(prog, n, dtype=dtype, method="lazy", keep=(), budget=need / 2)
    assert 0.4 * n < refused.value.fits < 0.6 * n
    tp.run(prog, refused.value.fits, dtype=dtype, method="lazy", keep=(), budget=need / 2)


def test_a_long_draw_tells_how_far_it_is_and_stops_when_asked():
    prog, told = long_walk(4), []
    tp.run(prog, 2000, method="lazy", keep=(), progress=lambda done, total: told.append((done, total)))
    done, totals = zip(*told, strict=True)
    assert list(done) == list(range(1, len(told) + 1)) and set(totals) == {len(told)} and len(told) > 20

    stopped = Progress(lambda done, total: stopped.cancel() if done == 10 else None)
    with pytest.raises(Cancelled):
        tp.run(prog, 2000, method="lazy", keep=(), progress=stopped)
    assert stopped.done == 10


def test_one_product_stops_within_its_tiles():
    """A single product of a long block: asked to stop while it draws, it does not finish."""
    calls = []

    def check():
        calls.append(None)
        if len(calls) >= 3:
            raise Cancelled("cancelled by the caller")

    W = LazyMatrix(1.0, 400_000, 400_000, 2, 2, np.float64)
    x = np.random.default_rng(0).standard_normal((400_000, 2))
    with pytest.raises(Cancelled):
        W.multiply(x, False, np.random.SeedSequence(1), (0, 1), check)
    assert W._sides[0].count == 0
