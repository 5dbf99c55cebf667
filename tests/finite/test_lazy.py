"""The matrix that is never stored: what must hold to rounding, and its law against a stored one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import tpcore as tp
from tpcore.compute.tiles import single_blas
from tpcore.finite.dense import DenseMatrix
from tpcore.finite.lazy import LazyMatrix

VARIANCE = 1.7
SHAPES = [(2, 2), (8, 8), (8, 4), (4, 8), (3, 1), (40, 20), (20, 40)]


class Book:
    """A lazy or stored matrix behind one signature, keyed by the count of its products."""

    def __init__(self, method, rows, cols, seed, columns=40):
        self.root, self.step, self.lazy = np.random.SeedSequence(seed), 0, method == "lazy"
        if self.lazy:
            self.matrix = LazyMatrix(VARIANCE, rows, cols, columns, columns, np.float64)
        else:
            self.matrix = DenseMatrix(VARIANCE, rows, cols, self.root, (1,), np.float64)

    def __call__(self, x, transposed=False):
        x = x[:, None] if x.ndim == 1 else x
        self.step += 1
        extra = (self.root, (0, self.step)) if self.lazy else ()
        return self.matrix.multiply(x, transposed, *extra)


def linear_statistics(method, rows, cols, seed):
    """Statistics of a walk through W and W^T whose inputs depend on earlier images."""
    w = Book(method, rows, cols, seed)
    x = np.linspace(-1, 2, cols) + 0.3
    y = w(x)[:, 0]
    z = w(np.tanh(y) + 0.2, True)[:, 0]
    u = w(np.stack([z * x, np.abs(z)], axis=1))
    t = w(u[:, 0] * y, True)[:, 0]
    return [y[0], y @ y, z[0], z @ x, u[0, 1], u[:, 0] @ y, u[:, 0] @ u[:, 1], t @ z, t @ x, np.sum(t**2)]


@pytest.mark.parametrize(("rows", "cols"), [(2, 2), (8, 8), (8, 4), (4, 8), (3, 1)])
def test_the_law_is_that_of_a_stored_matrix(rows, cols):
    draws = 600
    with single_blas():
        lazy = np.array([linear_statistics("lazy", rows, cols, (1, i)) for i in range(draws)])
        dense = np.array([linear_statistics("dense", rows, cols, (2, i)) for i in range(2 * draws)])
    p = [stats.ks_2samp(lazy[:, j], dense[:, j]).pvalue for j in range(lazy.shape[1])]
    assert min(p) > 1e-3 / len(p), p
    spread = np.sqrt(lazy.var(axis=0) / draws + dense.var(axis=0) / (2 * draws))
    assert np.abs((lazy.mean(axis=0) - dense.mean(axis=0)) / spread).max() < 4.5


@pytest.mark.parametrize(("rows", "cols"), SHAPES)
def test_w_and_its_transpose_are_adjoint(rows, cols):
    w, rng = Book("lazy", rows, cols, 3), np.random.default_rng(4)
    x, y = rng.standard_normal((cols, 3)), rng.standard_normal((rows, 2))
    wx, wty = w(x), w(y, True)
    x2 = wty[:, :1] + x[:, 1:2]
    wx2, wty2 = w(x2), w(np.tanh(wx), True)
    scale = np.abs(wx).max() * rows
    np.testing.assert_allclose(y.T @ wx, wty.T @ x, atol=1e-12 * scale)
    np.testing.assert_allclose(y.T @ wx2, wty.T @ x2, atol=1e-12 * scale)
    np.testing.assert_allclose(np.tanh(wx).T @ wx2, wty2.T @ x2, atol=1e-12 * scale)


@pytest.mark.parametrize(("rows", "cols"), [(2, 2), (8, 8), (6, 3), (3, 6)])
def test_a_matrix_whose_input_space_is_spanned_is_decided(rows, cols):
    rng = np.random.default_rng(5)
    w, v = Book("lazy", rows, cols, 6), Book("lazy", rows, cols, 7)
    x, y = rng.standard_normal((cols, cols + 2)), rng.standard_normal((rows, rows + 3))
    matrix = w(x) @ np.linalg.pinv(x)
    np.testing.assert_allclose(w(y, True), matrix.T @ y, atol=1e-11)
    np.testing.assert_allclose(w(x[:, ::-1]), matrix @ x[:, ::-1], atol=1e-11)
    transposed = v(y, True) @ np.linalg.pinv(y)
    np.testing.assert_allclose(v(x), transposed.T @ x, atol=1e-11)


def test_the_entries_of_a_decided_matrix_are_independent_gaussians():
    rows, cols = 5, 4
    found = []
    for i in range(400):
        w = Book("lazy", rows, cols, (8, i))
        first = w(np.eye(cols)[:, :2] + 0.4)
        columns = w(np.abs(w(first, True)) + 0.1 * np.eye(cols)[:, :2])
        assert columns.shape == (rows, 2)
        found.append(w(np.eye(cols)))
    entries = np.array(found).reshape(400, -1)
    assert stats.kstest(entries.ravel() / np.sqrt(VARIANCE / cols), "norm").pvalue > 1e-3
    cov = entries.T @ entries / 400 / (VARIANCE / cols)
    z = (cov - np.eye(rows * cols)) * np.sqrt(400 / (1 + np.eye(rows * cols)))
    assert np.abs(z).max() < 4.5


def test_duplicates_and_zeros_open_no_direction():
    w, rng = Book("lazy", 50, 30, 9), np.random.default_rng(10)
    x = rng.standard_normal((30, 3))
    block = np.stack([x[:, 0], x[:, 0], 0 * x[:, 0], 3 * x[:, 0] - 2e6 * x[:, 1], x[:, 1]], axis=1)
    image = w(block)
    assert w.matrix._sides[0].count == 2
    np.testing.assert_allclose(image[:, 0], image[:, 1], rtol=0, atol=1e-13)
    assert not image[:, 2].any()
    np.testing.assert_allclose(image[:, 3], 3 * image[:, 0] - 2e6 * image[:, 4], rtol=1e-12, atol=1e-7)
    np.testing.assert_array_equal(w(np.zeros((30, 2))), 0)
    np.testing.assert_allclose(w(x[:, :1]), image[:, :1], atol=1e-13)
    assert w.matrix._sides[0].count == 2


@pytest.mark.parametrize("gap", [1e-3, 1e-8])
def test_nearly_equal_inputs_keep_their_difference(gap):
    """<W(x + gap r), W x> resolves gap: the rescaled difference of the images has the law of W r."""
    rng, n = np.random.default_rng(11), 400
    x, r = rng.standard_normal((2, n))
    w = Book("lazy", n, n, 12)
    images = w(np.stack([x, x + gap * r], axis=1))
    difference = (images[:, 1] - images[:, 0]) / gap
    assert stats.kstest(difference / np.sqrt(VARIANCE * (r @ r) / n), "norm").pvalue > 1e-3
    side = w.matrix._sides[0]
    gram = side.inputs[: side.count] @ side.inputs[: side.count].T / n
    np.testing.assert_allclose(gram, np.eye(2), atol=1e-13)


@pytest.mark.parametrize("pull", [0.5, 40.0])
def test_inputs_stay_orthonormal_over_many_products(pull):
    """Inputs that hardly leave the span of the earlier ones, until they no longer do."""
    n = 300
    w, x = Book("lazy", n, n, 13, columns=60), np.linspace(0.5, 1, n)
    for _ in range(60):
        x = w(x)[:, 0] + pull * x
        x /= np.linalg.norm(x) / np.sqrt(n)
    side = w.matrix._sides[0]
    inputs = side.inputs[: side.count]
    assert side.count > 20
    np.testing.assert_allclose(inputs @ inputs.T / n, np.eye(side.count), atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_images_of_columns_that_are_close_but_not_equal(dtype):
    """A matrix met once: W (x + d y) - W x has d times the size of W y, and equal columns have equal images."""
    prog = tp.Program("close")
    x, y = prog.vectors("x y")
    W, B = prog.matrix("W"), prog.block("B", cov=np.eye(60))
    a, b, c = W @ x, W @ (x + 1e-3 * y), W @ (1 * x)
    for name, var in (("gap", b - a), ("none", c - a), ("rest", W @ B)):
        prog.name(name, var)
    run = tp.run(prog, 20_000, seed=2, method="lazy", dtype=dtype)
    assert abs(run["gap"].std() / 1e-3 - 1) < 0.03
    assert np.abs(run["none"]).max() < (1e-12 if dtype == np.float64 else 1e-5)
