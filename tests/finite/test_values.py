"""Pieces of a draw: factors of covariances, input laws, biases, stages."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import tpcore as tp
from tpcore.finite import budget as budgets
from tpcore.finite.run import make_plan
from tpcore.finite.values import factor, length, normals, tile_rows


def test_factors_of_singular_covariances():
    data = np.random.default_rng(1).standard_normal((6, 3)) * np.array([[1e-6], [1], [1e4], [1], [0], [1]])
    data[5] = data[1]
    cov = data @ data.T
    found = factor(cov)
    assert found.shape == (6, 3)
    scale = np.sqrt(np.diag(cov)) + (np.diag(cov) == 0)
    np.testing.assert_allclose((found @ found.T) / np.outer(scale, scale), cov / np.outer(scale, scale), atol=1e-14)
    np.testing.assert_allclose(found[5], found[1], atol=1e-15)
    assert not found[4].any()
    assert factor(np.zeros((2, 2))).shape == (2, 0)


def test_rounding_errors_of_a_covariance_are_no_directions():
    rng = np.random.default_rng(6)
    data = rng.standard_normal((200, 5)) * rng.uniform(0.1, 10, (200, 1))
    assert factor(data @ data.T).shape == (200, 5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_inputs_have_their_law(dtype):
    prog = tp.Program("inputs")
    mean, cov = [0.5, -2.0, 1.0], np.array([[2.0, 0.9, 0.0], [0.9, 0.7, 0.0], [0.0, 0.0, 0.0]])
    prog.vectors("x y one", mean=mean, cov=cov)
    prog.vector("alone", mean=3.0, variance=0.25)
    n = 50_000
    run = tp.run(prog, n, seed=2, dtype=dtype)
    sample = np.stack([run[name] for name in ("x", "y", "one")], axis=1).astype(float)
    assert np.abs((sample.mean(axis=0) - mean)[:2] / np.sqrt(np.diag(cov)[:2] / n)).max() < 4
    np.testing.assert_array_equal(sample[:, 2], 1.0)
    found = np.cov(sample[:, :2], rowvar=False)
    error = np.sqrt((np.outer(*[np.diag(cov)[:2]] * 2) + cov[:2, :2] ** 2) / n)
    assert np.abs((found - cov[:2, :2]) / error).max() < 4
    assert stats.kstest((run["alone"] - 3) / 0.5, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(run["alone"], sample[:, 0])[0, 1]) < 4 / np.sqrt(n)


@pytest.mark.parametrize("method", ["dense", "lazy"])
@pytest.mark.parametrize(("rows", "transposed"), [(0.5, False), (2.0, False), (0.5, True), (2.0, True)])
def test_images_have_the_variance_of_the_matrix(method, rows, transposed):
    """W x given x is N(0, variance |x|^2 / cols), W^T x likewise: |x|^2 over the columns of W in both."""
    prog = tp.Program("image")
    w = prog.matrix("W", variance=1.7, rows=rows)
    x = prog.vector("x", mean=1.0, variance=0.5, dim=rows if transposed else 1.0)
    prog.name("y", (w.T if transposed else w) @ x)
    scores = []
    for seed in range(20):
        run = tp.run(prog, 600, seed=seed, method=method)
        scores.append(run["y"] / np.sqrt(1.7 * (run["x"] @ run["x"]) / 600))
    assert stats.kstest(np.concatenate(scores), "norm").pvalue > 1e-3


def test_equal_biases_are_shared_and_others_are_not():
    prog = tp.Program("biases")
    v, a = prog.vector("v"), tp.relu(prog.vector("x"))
    prog.output("f", v, a, bias_variance=2.0, bias="b")
    prog.output("g", v, a, bias_variance=2.0, bias="b")
    prog.output("h", v, a, bias_variance=2.0, bias="c")
    prog.output("plain", v, a)
    ens = tp.ensemble(prog, 30, 800, seed=3)
    bias = {k: ens.outputs[k] - ens.outputs["plain"] for k in "fgh"}
    np.testing.assert_array_equal(bias["f"], bias["g"])
    assert stats.kstest(bias["f"] / np.sqrt(2), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(bias["f"], bias["h"])[0, 1]) < 4 / np.sqrt(800)


def deep(layers, columns):
    prog = tp.Program("deep")
    rng = np.random.default_rng(4)
    data = rng.standard_normal((columns, 8)) / np.sqrt(8)
    names = [f"x{i}" for i in range(columns)]
    h = tp.stack(prog.vectors(names, mean=np.zeros(columns), cov=data @ data.T))
    for layer in range(layers):
        h = prog.matrix(f"W{layer}", variance=2.0) @ tp.relu(h) + 0.1 * prog.vector(f"b{layer}")
    a = tp.relu(h)
    prog.name("gram", tp.inner(a, a))
    prog.output("f", prog.vector("v"), a)
    return prog


def test_nothing_is_stored_where_every_matrix_is_met_once():
    plan = make_plan(deep(8, 4), 10**6, "lazy")
    assert not any(sweep.stores for stage in plan.stages for sweep in stage.sweeps.values())
    assert budgets.need(plan, 10**6) == budgets.need(plan, 10**5) < 2**25


def test_a_million_neurons_reach_the_limit():
    prog = deep(3, 4)
    gram = tp.limit(prog).scalar("gram")
    run = tp.run(prog, 10**6, seed=5, dtype=np.float32, keep=())
    assert tp.agreement.deviation(run.scalar("gram"), gram) < 8e-3
    assert run.seconds < 30


def test_keys_name_streams_and_sizes_do_not_move_them():
    root = np.random.SeedSequence(1)
    for dtype in (np.float64, np.float32):
        a, b = normals(root, (0, 1, 2), (50, 2), dtype), normals(root, (0, 1, 3), (50, 2), dtype)
        np.testing.assert_array_equal(a, normals(root, (0, 1, 2), (50, 2), dtype))
        assert a.dtype == dtype and abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.4
        odd = normals(root, (4,), (1001,), dtype)
        assert np.isfinite(odd).all() and stats.kstest(odd, "norm").pvalue > 1e-3


def test_lengths_and_tiles():
    assert length(1 / 3, 3) == 1 and length(0.01, 3) == 1
    assert length(0.1 * 3, 15) == length(0.3, 15) == 4
    assert tile_rows(1) == 8192 and tile_rows(64) == 2048 and tile_rows(10**6) == 256
