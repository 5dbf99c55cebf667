"""One draw: each instruction against plain NumPy, dense against lazy in law, seeds, lengths, budgets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import tpcore as tp
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import get_threads, set_threads
from tpcore.errors import BudgetError, Cancelled, Misuse
from tpcore.finite import budget as budgets

CATALAN = {2: 1, 4: 2, 6: 5, 8: 14}


@pytest.fixture
def threads():
    before = get_threads()
    yield set_threads
    set_threads(before)


def everything():
    """A program with every instruction: rectangular and tied matrices, blocks, moments, shared randomness."""
    prog = tp.Program("everything")
    w, u = prog.matrix("W", variance=1.3), prog.matrix("U", variance=0.8, rows=0.5)
    x, b = prog.vectors("x b", mean=[0.4, 0.0], cov=[[1.5, 0.6], [0.6, 0.5]])
    v, r = prog.vector("v", variance=2.0), prog.vector("r", dim=0.5)
    y = prog.name("y", w @ x + 2 * b)
    m = prog.name("m", tp.moment(y * y))
    a = prog.name("a", tp.nonlin(lambda s, t, q: np.tanh(s) * t / np.sqrt(q), y, x, params=[m]))
    z = prog.name("z", w @ a - 0.5 * y)
    h = prog.name("h", u @ tp.relu(z))
    g = prog.name("g", u.T @ h)
    s = prog.name("s", tp.stack([y, z, g]))
    prog.name("gram", tp.inner(s, tp.tanh(s)))
    prog.name("third", tp.moment(lambda p, q: p * q**2, y, g))
    prog.output("f", v, tp.relu(z), bias_variance=0.3)
    prog.output("k", r, h)
    return prog


@pytest.mark.parametrize("method", ["dense", "lazy"])
def test_every_instruction_is_what_it_says(method):
    run = tp.run(everything(), 40, seed=5, method=method)
    (y, z, g, h, x), m = (run[k] for k in "yzghx"), run.scalar("m")
    assert y.shape == (40,) and h.shape == (20,) and g.shape == (40,)
    assert m == pytest.approx((y**2).mean())
    a = np.tanh(y) * x / np.sqrt(m)
    np.testing.assert_allclose(run["a"], a, rtol=1e-12)
    s = np.stack([y, z, g], axis=1)
    np.testing.assert_allclose(run["s"], s)
    np.testing.assert_allclose(run.scalar("gram"), s.T @ np.tanh(s) / 40, rtol=1e-12)
    assert run.scalar("third") == pytest.approx((y * g**2).mean())
    assert run.output("k") == pytest.approx(run["r"] @ h / np.sqrt(20))
    assert isinstance(run.output("f"), float) and run.width == 40 and run.method == method and run.seed == 5
    np.testing.assert_allclose(np.maximum(z, 0) @ g, h @ h, rtol=1e-11)


def statistics(prog, n, method, draws, seed):
    ens = tp.ensemble(prog, n, draws, seed=seed, method=method)
    return np.concatenate([np.reshape(v, (draws, -1)) for v in (*ens.outputs.values(), *ens.scalars.values())], axis=1)


def same_law(prog, n, draws=400):
    lazy, dense = statistics(prog, n, "lazy", draws, 1), statistics(prog, n, "dense", 2 * draws, 2)
    p = [stats.ks_2samp(lazy[:, j], dense[:, j]).pvalue for j in range(lazy.shape[1])]
    assert min(p) > 1e-3 / len(p), p
    clipped = np.quantile(dense, [0.005, 0.995], axis=0)
    one, other = np.clip(lazy, *clipped), np.clip(dense, *clipped)
    spread = np.sqrt(one.var(axis=0) / draws + other.var(axis=0) / (2 * draws))
    z = (one.mean(axis=0) - other.mean(axis=0)) / np.where(spread > 0, spread, 1)
    assert np.abs(z).max() < 4.5


@pytest.mark.parametrize("n", [2, 8, 30])
def test_dense_and_lazy_have_one_law_for_a_program_with_everything(n):
    same_law(everything(), n)


def tied_three_times():
    prog = tp.Program("tied")
    w, x = prog.matrix("W", variance=1.4), prog.vector("x", mean=0.7)
    y1 = w @ x
    y2 = w @ tp.relu(y1)
    y3 = w @ tp.relu(y2 + y1)
    for one in (x, y1, y2):
        tp.inner(one, y3)
    tp.moment(lambda s: s**4, y3)
    tp.moment(lambda s, t: np.cos(s) * t, y1, y3)
    return prog


def block_met_once():
    """Five correlated inputs of one matrix, more than there are neurons at n = 2: the Gram route."""
    prog = tp.Program("block")
    rng = np.random.default_rng(3)
    data = rng.standard_normal((5, 3))
    data[4] = data[0]
    xs = prog.vectors(" ".join(f"x{i}" for i in range(5)), mean=np.full(5, 0.3), cov=data @ data.T)
    w = prog.matrix("W", variance=1.6, rows=1.5)
    y = w @ tp.relu(tp.stack(xs))
    tp.inner(y, y)
    tp.moment(tp.tanh(y) ** 3)
    prog.output("f", prog.vector("v", dim=1.5), tp.relu(y), bias_variance=0.2)
    return prog


@pytest.mark.parametrize("n", [2, 8, 25])
@pytest.mark.parametrize("build", [tied_three_times, block_met_once])
def test_dense_and_lazy_have_one_law(build, n):
    same_law(build(), n)


@pytest.mark.parametrize("ratio", [0.5, 2.0])
@pytest.mark.parametrize("n", [2, 8])
def test_dense_and_lazy_have_one_law_for_rectangles(ratio, n):
    prog = tp.Program("rectangle")
    w, x = prog.matrix("W", variance=1.2, rows=ratio), prog.vector("x", mean=0.5)
    y = w @ x
    z = w.T @ tp.tanh(y)
    u = w @ (z * x)
    t = w.T @ u
    for a, b in ((y, y), (u, y), (z, x), (t, z), (t, t)):
        tp.inner(a, b)
    same_law(prog, n)


def test_the_gram_route_makes_columns_with_the_gram_matrix_of_the_inputs():
    """E y y^T given the inputs is variance * X^T X / cols, exactly, at any width; equal inputs have equal images."""
    run = tp.run(block_met_once(), 60_000, seed=3, method="lazy")
    w = next(node for node in run.prog.nodes if type(node.op).__name__ == "MatMul")
    y = run.vectors[w.name]
    x = run.vectors[run.prog.nodes[w.op.x].name]
    expected = 1.6 * x.T @ x / len(x)
    error = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / len(y))
    assert np.abs((y.T @ y / len(y) - expected) / error).max() < 4
    np.testing.assert_allclose(y[:, 4], y[:, 0], atol=1e-7)


def walk(k):
    prog = tp.Program("walk")
    w, v = prog.matrix("W"), prog.vector("v")
    x = v
    for _ in range(k):
        x = (w @ x + w.T @ x) / np.sqrt(2)
    prog.name("m", tp.inner(v, x))
    return prog


@pytest.mark.parametrize("k", [2, 3, 4, 6, 8])
def test_moments_of_the_semicircle(k):
    """v^T A^k v / n at n = 2000 lies near the Catalan number, 0 for odd k."""
    ens = tp.ensemble(walk(k), 2000, 12, seed=1, method="lazy")
    scale = np.sqrt(CATALAN.get(k, 5) ** 2 * 2 / 2000 * k)
    assert abs(ens.mean("m") - CATALAN.get(k, 0)) < 4 * max(ens.std("m") / np.sqrt(12), scale / np.sqrt(12)) + 0.01


@pytest.mark.parametrize("method", ["dense", "lazy"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_numbers_do_not_depend_on_the_threads(method, dtype, threads):
    found = []
    for count in (1, 2, 3):
        threads(count)
        run = tp.run(everything(), 700 if method == "dense" else 20_000, seed=9, method=method, dtype=dtype)
        found.append([run["z"], run.scalar("gram"), run.output("f"), run.output("k")])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_is_kept_does_not_change_the_numbers():
    prog = everything()
    full, some, none = tp.run(prog, 5000, seed=2, method="lazy"), *(
        tp.run(prog, 5000, seed=2, method="lazy", keep=keep) for keep in (["z", prog["h"]], ())
    )
    np.testing.assert_array_equal(full["z"], some["z"])
    assert set(some.vectors) == {"z", "h"} and not none.vectors
    assert full.output("f") == some.output("f") == none.output("f")
    np.testing.assert_array_equal(full.scalar("gram"), none.scalar("gram"))
    with pytest.raises(Misuse, match="keep"):
        some["y"]


def test_seeds_are_streams():
    prog = everything()
    a, b, c = (tp.run(prog, 300, seed=s, method="lazy") for s in (1, 1, 2))
    np.testing.assert_array_equal(a["z"], b["z"])
    assert abs(np.corrcoef(a["x"], c["x"])[0, 1]) < 0.25
    assert not np.array_equal(a["z"], c["z"])


def test_single_precision_agrees_in_law_and_in_rounding():
    prog = everything()
    single, double = (tp.ensemble(prog, 60, 400, seed=4, method="lazy", dtype=d) for d in (np.float32, np.float64))
    for name in ("f", "k", "m", "third"):
        p = stats.ks_2samp(single.values(name), double.values(name)).pvalue
        assert p > 1e-3, (name, p)
    run = tp.run(prog, 3000, seed=1, method="lazy", dtype=np.float32)
    assert run["z"].dtype == np.float32 and run["a"].dtype == np.float32
    np.testing.assert_allclose(np.maximum(run["z"], 0) @ run["g"], run["h"] @ run["h"], rtol=1e-4)


@pytest.mark.parametrize(("n", "dim", "rows"), [(10, 0.25, 2), (7, 0.5, 4), (1, 0.1, 1), (3, 1 / 3, 1), (9, 1.5, 14)])
def test_lengths_are_rounded_and_at_least_one(n, dim, rows):
    prog = tp.Program("lengths")
    x = prog.vector("x")
    y = prog.name("y", prog.matrix("W", rows=dim) @ x)
    tp.moment(y * y)
    assert tp.run(prog, n)["y"].shape == (rows,)


def test_a_budget_is_refused_with_the_width_that_fits():
    prog = everything()
    with pytest.raises(BudgetError, match="width") as caught:
        tp.run(prog, 10**7, budget=2**22)
    fits = caught.value.fits
    assert 10**4 < fits < 10**5
    tp.run(prog, fits, budget=2**22, keep=())
    with pytest.raises(BudgetError):
        tp.run(prog, fits + 1, budget=2**22)
    with pytest.raises(BudgetError, match="lazy") as caught:
        tp.run(prog, 10**5, method="dense")
    assert 8_000 < caught.value.fits < 16_500
    with pytest.raises(BudgetError) as small:
        tp.run(prog, 10, budget=100)
    assert small.value.fits == 0


def test_auto_takes_the_cheaper_method():
    assert tp.run(everything(), 4).method == "dense"
    assert tp.run(everything(), 5000).method == "lazy"
    assert tp.run(block_met_once(), 3000).method == "lazy"


def test_cancelling_stops_a_draw():
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        tp.run(everything(), 1000, progress=progress)


@pytest.mark.parametrize("method", ["dense", "lazy"])
def test_cancelling_midway_stops_before_the_next_product(method):
    progress, armed = Progress(), []

    def stop(values):
        if armed:
            progress.cancel()
        return np.tanh(values)

    prog = tp.Program("stops")
    w, u, x = prog.matrix("W"), prog.matrix("U"), prog.vector("x")
    y = u @ tp.nonlin(stop, w @ x)
    tp.inner(u.T @ y, x)
    armed.append(True)
    with pytest.raises(Cancelled):
        tp.run(prog, 200, method=method, progress=progress)


@pytest.mark.parametrize(
    "wrong",
    [{"width": 0}, {"width": 2.5}, {"method": "no"}, {"seed": -1}, {"seed": "a"}, {"dtype": np.int32}, {"keep": ["m"]}],
)
def test_misuse_is_said_in_words(wrong):
    with pytest.raises(Misuse):
        tp.run(everything(), **({"width": 10} | wrong))


def test_access_by_the_wrong_kind_is_said_in_words():
    run = tp.run(everything(), 10)
    for wrong in (lambda: run["m"], lambda: run.scalar("z"), lambda: run.output("g"), lambda: run["W"]):
        with pytest.raises(Misuse):
            wrong()


def test_memory_estimate_bounds_what_is_stored():
    prog = everything()
    run = tp.run(prog, 2000, method="lazy")
    stored = sum(v.nbytes for v in run.vectors.values())
    from tpcore.finite.run import make_plan

    plan = make_plan(prog, 2000, "lazy", np.float64, frozenset(n.index for n in prog.nodes if n.kind in "GH"))
    assert stored <= budgets.need(plan, 2000) < 20 * stored
