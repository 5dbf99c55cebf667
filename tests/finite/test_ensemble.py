"""Many draws: stacked values, streamed moments, chunks, threads, executors, cancellation."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import tpcore as tp
from tpcore.compute.progress import Progress
from tpcore.compute.tiles import get_threads, set_threads
from tpcore.errors import BudgetError, Cancelled, Misuse
from tpcore.finite import budget as budgets
from tpcore.finite import ensemble as ensembles
from tpcore.finite.ensemble import Streamed, ensemble_chunks
from tpcore.finite.run import make_plan


@pytest.fixture
def threads():
    before = get_threads()
    yield set_threads
    set_threads(before)


def network(k=3):
    prog = tp.Program("network")
    data = np.random.default_rng(1).standard_normal((k, 4))
    xs = prog.vectors([f"x{i}" for i in range(k)], mean=np.zeros(k), cov=data @ data.T / 3)
    h = tp.stack(xs)
    for layer in range(2):
        h = prog.matrix(f"W{layer}", variance=2.0) @ tp.relu(h)
    a = tp.relu(h)
    prog.name("gram", tp.inner(a, a))
    prog.name("m", tp.moment(h**2))
    prog.output("f", prog.vector("v", variance=1.5), a, bias_variance=0.4)
    return prog


def test_the_stacks_are_the_runs():
    prog = network()
    ens = tp.ensemble(prog, 50, draws=7, seed=3)
    assert ens.draws == ens.asked == 7 and ens.width == 50
    assert ens.outputs["f"].shape == (7, 3) and ens.scalars["gram"].shape == (7, 3, 3)
    for i in (0, 6):
        run = tp.run(prog, 50, seed=np.random.SeedSequence(3, spawn_key=(i,)), method=ens.method)
        np.testing.assert_array_equal(run.output("f"), ens.outputs["f"][i])
        np.testing.assert_array_equal(run.scalar("gram"), ens.scalars["gram"][i])


def test_streamed_moments_are_those_of_the_stacks():
    ens = tp.ensemble(network(), 20, draws=150)
    for name, stack in (("f", ens.outputs["f"]), ("gram", ens.scalars["gram"]), ("m", ens.values("m"))):
        np.testing.assert_allclose(ens.mean(name), stack.mean(axis=0), rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(ens.std(name), stack.std(axis=0, ddof=1), rtol=1e-11)
    np.testing.assert_allclose(ens.cov(), np.cov(ens.outputs["f"], rowvar=False))
    assert ens.cov("m").shape == (3, 3) and ens.cov("f", "gram").shape == (12, 12)


def test_welford_keeps_its_digits_far_from_zero():
    data = 1e9 + np.random.default_rng(2).standard_normal((1000, 2))
    stream = Streamed()
    for row in data:
        stream.update(row)
    np.testing.assert_allclose(stream.variance, (data - 1e9).var(axis=0, ddof=1), rtol=1e-6)


def test_the_law_of_outputs_given_the_network():
    """Cov f = 1.5 E <a, a>/n + 0.4 exactly, at any width: the mean of f f^T against the mean of the Gram matrices."""
    draws = 2000
    ens = tp.ensemble(network(), 8, draws=draws, seed=5)
    f, gram = ens.outputs["f"], ens.scalars["gram"]
    terms = f[:, :, None] * f[:, None, :] - 1.5 * gram - 0.4
    assert np.abs(tp.agreement.zscores(terms, np.zeros((3, 3)))).max() < 4
    assert np.abs(tp.agreement.zscores(f, np.zeros(3))).max() < 4


@pytest.mark.parametrize("width", [30, 20_000])
def test_the_numbers_do_not_depend_on_threads_chunks_or_executor(width, threads, monkeypatch):
    found = []
    for count, seconds, worth in ((1, 0.05, 1e-3), (2, 1e-6, 0.0), (3, 0.5, 1e9)):
        threads(count)
        monkeypatch.setattr(ensembles, "_CHUNK_SECONDS", seconds)
        monkeypatch.setattr(ensembles, "_WORTH_A_THREAD", worth)
        found.append(tp.ensemble(network(), width, draws=11, seed=7))
    with ThreadPoolExecutor(2) as pool:
        found.append(tp.ensemble(network(), width, draws=11, seed=7, executor=pool))
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].outputs["f"], other.outputs["f"])
        np.testing.assert_array_equal(found[0].scalars["gram"], other.scalars["gram"])
        np.testing.assert_array_equal(found[0].mean("f"), other.mean("f"))
        np.testing.assert_array_equal(found[0].std("gram"), other.std("gram"))


def test_other_processes_give_the_same_numbers_and_refuse_what_they_cannot_be_sent():
    prog = tp.Program("pickled")
    h = prog.matrix("W") @ tp.relu(prog.block("X", shape=2))
    prog.name("m", tp.moment(tp.tanh(h) * tp.activations.leaky_relu(0.1)(h)))
    prog.output("f", prog.vector("v"), tp.gelu(h))
    here = tp.ensemble(prog, 12, draws=9, seed=3)
    lambdas = tp.Program("local")
    tp.moment(lambda s: s + 1, lambdas.vector("x"))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = tp.ensemble(prog, 12, draws=9, seed=3, executor=pool)
        with pytest.raises(Misuse, match="pickled"):
            tp.ensemble(lambdas, 12, draws=2, executor=pool)
    np.testing.assert_array_equal(here.outputs["f"], there.outputs["f"])
    np.testing.assert_array_equal(here.scalars["m"], there.scalars["m"])


def test_chunks_grow_and_never_change():
    kept, seen = [], []
    for part in ensemble_chunks(network(), 200, draws=60, seed=1, progress=lambda *done: seen.append(done)):
        kept.append((part, part.outputs["f"].copy(), part.mean("m")))
        assert part.outputs["f"].shape == (part.draws, 3)
    assert [part.draws for part, *_ in kept] == [done for done, _ in seen]
    assert seen[-1] == (60, 60) and len(seen) > 2
    for part, copy, mean in kept:
        np.testing.assert_array_equal(part.outputs["f"], copy)
        np.testing.assert_array_equal(part.mean("m"), mean)
        np.testing.assert_allclose(mean, part.values("m").mean(axis=0))
    assert np.isnan(kept[0][0].std("m")).all() == (kept[0][0].draws == 1)


def test_cancelling_stops_between_chunks_and_within_a_draw():
    progress = Progress()
    done = []
    with pytest.raises(Cancelled):
        for part in ensemble_chunks(network(), 100, draws=10_000, progress=progress):
            done.append(part.draws)
            progress.cancel()
    assert len(done) == 1
    with pytest.raises(Cancelled):
        tp.ensemble(network(), 100, draws=10, progress=progress)


def test_only_wanted_moments_are_stacked():
    ens = tp.ensemble(network(), 10, draws=3, keep=["m"])
    assert set(ens.scalars) == {"m"} and set(ens.outputs) == {"f"}
    with pytest.raises(Misuse):
        ens.mean("gram")
    with pytest.raises(Misuse, match="x0"):
        tp.ensemble(network(), 10, draws=3, keep=["x0"])


def test_budgets_of_width_and_of_draws():
    with pytest.raises(BudgetError) as caught:
        tp.ensemble(network(), 10**9, method="dense")
    assert 1000 < caught.value.fits < 20_000
    with pytest.raises(BudgetError, match="draws") as caught:
        tp.ensemble(network(), 100, draws=10**9)
    assert caught.value.fits == pytest.approx(budgets.BUDGET / 8 / 15, rel=1e-6)


def cube(values):
    return values**3


def test_a_plan_travels_to_another_process_where_its_functions_do():
    prog = tp.Program("plain")
    w, x = prog.matrix("W"), prog.vector("x")
    m = prog.name("m", tp.moment(tp.nonlin(cube, w @ x)))
    task = (make_plan(prog, 30), 30, np.random.SeedSequence(1), np.dtype(float), ((prog.node(m).index, "m"),))
    there = ensembles.several_draws(pickle.loads(pickle.dumps(task)), range(2))
    assert there == [ensembles.one_draw(task, i) for i in range(2)]


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"draws": 2.5}, {"width": 0}, {"seed": -3}, {"method": "x"}])
def test_misuse_is_said_in_words(wrong):
    with pytest.raises(Misuse):
        tp.ensemble(network(), **({"width": 10} | wrong))


def test_access_is_said_in_words():
    ens = tp.ensemble(network(), 10, draws=1)
    for wrong in (lambda: ens.mean("nothing"), lambda: ens.cov(), lambda: ens.values("x0")):
        with pytest.raises(Misuse):
            wrong()


def test_biases_have_their_variance_and_are_shared_as_named():
    """Outputs of a zero vector are their biases alone: N(0, 0.4), one draw for a name, independent between names."""
    prog = tp.Program("biases")
    v, w, zero = prog.vector("v"), prog.vector("w"), prog.vector("zero", variance=0)
    for name, readout, bias in (("a", v, "one"), ("b", w, "one"), ("c", v, "two")):
        prog.output(name, readout, zero, bias_variance=0.4, bias=bias)
    f = tp.ensemble(prog, 1, draws=4000, seed=8).outputs
    np.testing.assert_array_equal(f["a"], f["b"])
    for square, limit in ((f["a"] ** 2, 0.4), (f["c"] ** 2, 0.4), (f["a"] * f["c"], 0.0), (f["a"], 0.0)):
        assert abs(tp.agreement.zscores(square, limit)) < 4
