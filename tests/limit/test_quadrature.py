"""Expectations of arbitrary functions of up to three Gaussians."""

import numpy as np
import pytest

from tpcore.errors import Misuse, Unsupported
from tpcore.limit import expect
from tpcore.limit.quadrature import expectation, factor

AXES = [([1, 0, 0], 0.0), ([0, 1, 0], 0.0), ([0, 0, 1], 0.0)]


def _correlation(a, b, c):
    return np.array([[1, a, b], [a, 1, c], [b, c, 1.0]])


def _orthant(r):
    """P(z > 0) of three variables (Sheppard): 1/8 + sum arcsin / (4 pi)."""
    return 0.125 + (np.arcsin(r[0, 1]) + np.arcsin(r[0, 2]) + np.arcsin(r[1, 2])) / (4 * np.pi)


def _holds(estimate, exact, rtol=1e-10):
    np.testing.assert_allclose(estimate.value, exact, rtol=rtol, atol=1e-13)
    assert np.all(np.abs(estimate.value - exact) <= estimate.error + 2e-15 * np.abs(exact) + 1e-17)


@pytest.mark.parametrize("r", [(0.5, 0.2, -0.3), (0.9999, 0.2, 0.21), (0.9, 0.8, 0.95), (0.0, 0.0, 0.0)])
def test_orthants_in_three_variables(r):
    r = _correlation(*r)
    scale = np.diag([0.1, 3.0, 1.3])
    _holds(expectation(lambda z: 1.0 * (z > 0).all(axis=1), np.zeros(3), scale @ r @ scale, AXES), _orthant(r))


def test_polynomials_by_wick():
    cov = np.array([[1.3, 0.4, -0.2], [0.4, 0.7, 0.3], [-0.2, 0.3, 2.1]])
    mean = np.array([0.3, -1.0, 0.5])

    def fn(z):
        a, b, c = (z - mean).T
        return np.stack([a * b, a * a * b * c, a**2 * b**2 * c**2, 1 + 0 * a], axis=1).reshape(-1, 2, 2)

    s = cov
    fourth = s[0, 0] * s[1, 2] + 2 * s[0, 1] * s[0, 2]
    sixth = s[0, 0] * s[1, 1] * s[2, 2] + 2 * (
        s[0, 0] * s[1, 2] ** 2 + s[1, 1] * s[0, 2] ** 2 + s[2, 2] * s[0, 1] ** 2
    ) + 8 * s[0, 1] * s[0, 2] * s[1, 2]
    result = expectation(fn, mean, cov)
    assert result.shape == (2, 2)
    _holds(result, np.array([[s[0, 1], fourth], [sixth, 1.0]]))


@pytest.mark.parametrize("rho", [0.3, 0.9999, -0.9999, 1.0, -1.0, 0.0])
def test_kinked_pair_agrees_with_the_closed_form(rho):
    q1, q2 = 0.01, 9.0
    c = rho * np.sqrt(q1 * q2)
    axes = [([1, 0], 0), ([0, 1], 0)]
    got = expectation(lambda z: np.maximum(z, 0).prod(axis=1), [0, 0], [[q1, c], [c, q2]], axes)
    _holds(got, expect.pair("relu", q1, q2, c).value)


def test_kink_along_a_direction_and_means():
    """|z_0 - z_1| is folded normal, here with mean 0.8 and variance 2 + 1 - 2 * 0.5."""
    got = expectation(lambda z: np.abs(z[:, 0] - z[:, 1]), [0.5, -0.3], [[2, 0.5], [0.5, 1]], [([1, -1], 0.0)])
    _holds(got, expect.one("abs", 2.0, 0.8).value)


@pytest.mark.parametrize("offsets", [[0.0], [0.3, -0.7]])
def test_parallel_kinks_alone_in_three_variables(offsets):
    """Where the hyperplanes never cross, the inner levels have none: E prod_i |z_0 - k_i| cos(z_1) cos(z_2)."""
    def fn(z):
        return np.prod([np.abs(z[:, 0] - k) for k in offsets], axis=0) * np.cos(z[:, 1]) * np.cos(z[:, 2])

    got = expectation(fn, [0.2, 0, 0], np.diag([1.3, 0.5, 0.8]), [([1, 0, 0], k) for k in offsets], tol=1e-4)
    one = expectation(lambda z: fn(np.pad(z, ((0, 0), (0, 2)))), [0.2], [[1.3]], [([1], k) for k in offsets])
    _holds(got, float(one.value) * np.exp(-(0.5 + 0.8) / 2), 1e-6)


def test_singular_covariances_are_reduced():
    root = np.random.default_rng(0).normal(size=(6, 2)) * np.array([1e-3, 1, 1, 30, 1, 1])[:, None]
    cov = root @ root.T
    assert factor(cov).shape == (6, 2)
    np.testing.assert_allclose(factor(cov) @ factor(cov).T, cov, rtol=1e-12, atol=1e-14)
    got = expectation(lambda z: z[:, 0] * z[:, 3] + np.cos(z[:, 1]), np.zeros(6), cov)
    _holds(got, cov[0, 3] + np.exp(-cov[1, 1] / 2))
    constant = expectation(lambda z: z[:, 0] + 2, [1.5], [[0.0]])
    assert (constant.value, constant.error, constant.method) == (3.5, 0.0, "exact")


def test_steep_smooth_function():
    cov = np.array([[9, -5.4], [-5.4, 9]])
    _holds(expectation(lambda z: np.tanh(z[:, 0]) * np.tanh(z[:, 1]), [0, 0], cov), -0.37149666615771770)


def test_exponential_growth_widens_the_range():
    _holds(expectation(lambda z: np.exp(3 * z[:, 0]), [0.0], [[1.0]]), np.exp(4.5))


@pytest.mark.parametrize("rank", [1, 2])
def test_unknown_kinks_are_told_in_the_error(rank):
    cov = np.array([[1.0, 0.6], [0.6, 2.0]])[:rank, :rank]
    fn = {1: lambda z: np.abs(z[:, 0] - 0.2), 2: lambda z: 1.0 * (z > 0).all(axis=1)}[rank]
    exact = {1: expect.one("abs", 1.0, -0.2).value, 2: 0.25 + np.arcsin(0.6 / np.sqrt(2)) / (2 * np.pi)}[rank]
    got = expectation(fn, np.zeros(rank), cov)
    assert abs(got.value - exact) <= got.error and got.error > 1e-9


def test_refusals():
    with pytest.raises(Unsupported, match="three"):
        expectation(lambda z: z[:, 0], np.zeros(4), np.eye(4))
    with pytest.raises(Misuse, match="positive semidefinite"):
        expectation(lambda z: z[:, 0], np.zeros(2), [[1, 2], [2, 1]])
    with pytest.raises(Misuse, match="row"):
        expectation(lambda z: z.sum(), np.zeros(2), np.eye(2))
    with pytest.raises(Misuse, match="finite"):
        expectation(lambda z: np.log(z[:, 0]), [0.0], [[1.0]])
    with pytest.raises(Misuse, match="direction"):
        expectation(lambda z: z[:, 0], np.zeros(2), np.eye(2), [([1], 0)])
