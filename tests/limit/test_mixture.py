"""Mixtures of closed forms at wide variances, against quadrature in 30 digits and against asymptotes."""

import mpmath as mp
import numpy as np
import pytest
from scipy.special import erf, expit

from tpcore.activations import custom, get
from tpcore.limit import expect, mixture

FUNCTIONS = {
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), lambda x: mp.sech(x / 2) ** 2 / 4),
    "silu": (lambda x: x / (1 + mp.exp(-x)), lambda x: (1 + mp.exp(-x) * (1 + x)) / (1 + mp.exp(-x)) ** 2),
    "softplus": (lambda x: mp.log1p(mp.exp(-abs(x))) + max(x, 0), lambda x: 1 / (1 + mp.exp(-x))),
}
EDGES = [-40, -10, -3, -1, 0, 1, 3, 10, 40]


def _square(f, q):
    """E f(u)^2, u ~ N(0, q), by quadrature around 0 and on both sides."""
    s = mp.sqrt(q)
    density = lambda x: mp.exp(-x * x / (2 * q)) / (s * mp.sqrt(2 * mp.pi))  # noqa: E731
    return float(mp.quad(lambda x: f(x) ** 2 * density(x), [-12 * s, -3 * s, *EDGES, 3 * s, 12 * s]))


def test_the_mixture_is_the_function():
    k, w = mixture.nodes()
    x = np.linspace(0, 60, 6001)
    np.testing.assert_allclose(erf(x[:, None] / (k * np.sqrt(2))) @ w, np.tanh(x), atol=2e-12)
    assert len(k) < 25 and (w > 0).all()


@pytest.mark.parametrize("q", [130.0, 1e4])
@pytest.mark.parametrize("name", mixture.NAMES)
def test_diagonal_at_wide_variances(name, q):
    for kernel, f in zip((expect.V, expect.dV), FUNCTIONS[name], strict=True):
        found = kernel(name, [[q]])
        exact = _square(f, q)
        np.testing.assert_allclose(found[0, 0], exact, rtol=1e-11)
        assert abs(found[0, 0] - exact) <= found.error
        assert found.method == "series"


@pytest.mark.parametrize("name", mixture.NAMES)
def test_off_the_diagonal_against_quadrature_at_moderate_variances(name):
    """Where both routes hold: unequal variances, both signs, a correlation of 0.99989."""
    q1, q2, c = np.array([1, 1, 2.5, 9, 20]), np.array([1.3, 2, 0.4, 9, 7]), np.array([0.5, -1.2, 0.9, 8.999, 3.0])
    phi = get(name)
    for slope, peer in ((False, expect.pair), (True, expect.dpair)):
        value, error = mixture.flat(phi, q1, q2, c, slope)
        exact = peer(phi, q1, q2, c).value
        np.testing.assert_allclose(value, exact, rtol=2e-11, atol=1e-12)
        assert (np.abs(value - exact) <= error).all()


def test_asymptotes():
    """At a huge variance tanh is sign and silu is relu; the slope of tanh is a bump of mass 4/3 in its square."""
    q, rho = 1e8, 0.37
    gram = q * np.array([[1, rho], [rho, 1]])
    np.testing.assert_allclose(expect.V("tanh", gram)[0, 1], 2 / np.pi * np.arcsin(rho), rtol=1e-4)
    np.testing.assert_allclose(expect.V("silu", gram), expect.V("relu", gram), rtol=1e-6)
    np.testing.assert_allclose(expect.dV("tanh", gram)[0, 0], 4 / 3 / np.sqrt(2 * np.pi * q), rtol=1e-6)


def test_a_function_that_only_bears_the_name_is_left_alone():
    own = custom(lambda x: 3 * expit(x), name="sigmoid")
    assert not mixture.holds(own, np.array([100.0]))
    np.testing.assert_allclose(expect.V(own, [[100.0]]), 9 * expect.V("sigmoid", [[100.0]]), rtol=1e-6)


def test_continuous_across_the_switch():
    below, above = (expect.V("tanh", q * np.array([[1, 0.4], [0.4, 1]])) for q in (24.999999999, 25.000000001))
    np.testing.assert_allclose(below, above, rtol=1e-9)
