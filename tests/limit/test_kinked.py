"""Series of functions with kinks: against quadrature pair by pair, and their reach."""

import numpy as np
import pytest

from tpcore.activations import custom, get
from tpcore.limit import bivariate, expect, kinked

STAIRS = custom(lambda x: np.maximum(x, -0.5) + 0.1 * np.sin(x) + 0.2 * (x > 1.3), kinks=(-0.5, 1.3), name="stairs")


def _pairs(count, reach, seed=1):
    rng = np.random.default_rng(seed)
    q1, q2 = rng.uniform(0.01, 9, (2, count))
    return q1, q2, rng.uniform(-reach, reach, count) * np.sqrt(q1 * q2)


@pytest.mark.parametrize("phi", [get("elu"), STAIRS], ids=["elu", "stairs"])
def test_against_quadrature(phi):
    q1, q2, c = _pairs(60, 1.0)
    zero = np.zeros_like(c)
    which, value, error = kinked.flat(phi.f, phi.f, q1, q2, c, phi.kinks, phi.kinks)
    exact, slip = bivariate.integrate(bivariate.Pairs(phi.f, phi.f, q1, q2, c, zero, zero, phi.kinks, phi.kinks))
    assert len(which) > 40
    np.testing.assert_allclose(value, exact[which], rtol=1e-9, atol=1e-12)
    assert (np.abs(value - exact[which]) <= error + slip[which]).all() and error.max() < 1e-11


@pytest.mark.parametrize("phi", [get("elu"), STAIRS], ids=["elu", "stairs"])
def test_a_gram_matrix_has_the_values_of_its_pairs(phi):
    """Series, diagonal and the nearly dependent rest, put together."""
    rng = np.random.default_rng(2)
    root = rng.normal(size=(40, 6))
    root[1], root[2] = root[0] + 0.01 * root[1], -root[3]
    sigma = root @ root.T / 4
    whole = expect.V(phi, sigma)
    for i, j in [(0, 0), (0, 1), (2, 3), (5, 5), (7, 30), (39, 38)]:
        one = expect.pair(phi, sigma[i, i], sigma[j, j], sigma[i, j])
        assert abs(whole[i, j] - one.value) <= 1e-10 * np.abs(whole).max() + one.error
    assert np.linalg.eigvalsh(whole).min() > -1e-12 * np.abs(whole).max()


@pytest.mark.parametrize(("reach", "low"), [(0.9, 0.8), (0.969, 0.93), (0.987, 0.975)])
def test_longer_series_for_larger_correlations(reach, low):
    q1, q2, c = _pairs(40, reach)
    c = np.sign(c) * np.linspace(low, reach, 40) * np.sqrt(q1 * q2)
    zero, phi = np.zeros_like(c), get("elu")
    which, value, error = kinked.flat(phi.f, phi.f, q1, q2, c, phi.kinks, phi.kinks)
    exact, slip = bivariate.integrate(bivariate.Pairs(phi.f, phi.f, q1, q2, c, zero, zero, phi.kinks, phi.kinks))
    assert len(which) == 40
    jump = kinked.flat(get("step").f, get("step").f, q1, q2, c, (0.0,), (0.0,))
    np.testing.assert_allclose(jump[1], 0.25 + np.arcsin(c / np.sqrt(q1 * q2)) / (2 * np.pi), rtol=0, atol=1e-12)
    np.testing.assert_allclose(value, exact, rtol=1e-9, atol=1e-12)
    assert (np.abs(value - exact) <= error + slip).all() and error.max() < 1e-11


def test_a_rule_that_is_too_coarse_is_not_used():
    assert kinked.expand(lambda x: np.sin(900 * x), np.array([1.0, 2.0]), (0.0,)) is None
