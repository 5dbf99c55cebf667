"""The variance map, its fixed point, the plane of order and chaos: against closed forms and plain iteration."""

import numpy as np
import pytest
from scipy.optimize import brentq

from tpcore.errors import Misuse
from tpcore.kernels import chaos
from tpcore.nets import MLP
from tpcore.nets import variances as maps

POINTS = [("tanh", 1.5, 0.3), ("tanh", 0.7, 0.4), ("erf", 2.1, 0.15), ("sin", 1.7, 0.25), ("gelu", 1.2, 0.6)]


def erf_square(q):
    return 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q))


@pytest.mark.parametrize("sigma_w, sigma_b", [(2.1, 0.15), (0.8, 0.5), (1.3, 0.0)])
def test_the_fixed_point_of_erf_solves_its_closed_form(sigma_w, sigma_b):
    q = brentq(lambda q: sigma_w**2 * erf_square(q) + sigma_b**2 - q, 1e-3, 50, xtol=1e-15)
    assert maps.fixed_point("erf", sigma_w, sigma_b) == pytest.approx(q, rel=1e-11)
    found = maps.order_chaos("erf", sigma_w, sigma_b)
    assert found.q == pytest.approx(q, rel=1e-3)
    assert found.chi == pytest.approx(sigma_w**2 * 4 / np.pi / np.sqrt(1 + 4 * q), rel=1e-3)


@pytest.mark.parametrize("phi, sigma_w, sigma_b", POINTS)
def test_the_fixed_point_is_where_iteration_ends(phi, sigma_w, sigma_b):
    end = chaos.orbit(chaos.piece_of(MLP(2, phi, sigma_w, sigma_b)), [[1.0, 0.3], [0.3, 1.0]])
    q = maps.fixed_point(phi, sigma_w, sigma_b)
    assert end.settled and q == pytest.approx(end.variance, rel=1e-9)
    assert sigma_w**2 * maps.slope_moments(phi, q, (1,))[0] == pytest.approx(end.slope, rel=1e-8)
    found = maps.order_chaos(phi, [[sigma_w]], [sigma_b])
    assert found.q.shape == (1, 1) and found.q[0, 0] == pytest.approx(q, rel=2e-3)
    assert found.chi[0, 0] == pytest.approx(end.slope, rel=1e-3)


def test_variances_that_vanish_grow_or_are_all_fixed():
    assert maps.fixed_point("tanh", 0.9, 0.0) == 0 and maps.order_chaos("tanh", 0.9, 0.0).chi == pytest.approx(0.81)
    relu = maps.order_chaos("relu", [0.5, 1.0, 2.0], 0.0)
    assert np.array_equal(relu.q, [0.0, 0.0, np.inf]) and np.allclose(relu.chi, [0.125, 0.5, 2.0])
    assert maps.fixed_point("relu", np.sqrt(2), 0.0) == 1 and maps.fixed_point("relu", np.sqrt(2), 0.3) == np.inf
    assert maps.fixed_point("relu", 1.0, 0.6) == pytest.approx(0.72, rel=1e-12), "q = q/2 + 0.36"
    gelu = maps.order_chaos("gelu", 1.9, 0.4)
    assert np.isinf(gelu.q) and np.isnan(gelu.chi)
    assert np.isinf(maps.order_chaos("gelu", 1.6, 0.0).q), "from variance 1 it grows, from a small one it vanishes"


@pytest.mark.parametrize("phi", ["tanh", "erf", "sin"])
@pytest.mark.parametrize("chi", [0.7, 1.0, 1.3])
def test_contours_have_their_chi(phi, chi):
    curves = maps.contour(phi, chi, 3.0, 1.5)
    assert sum(c.shape[1] for c in curves) > 20 or chi == 1.3
    for curve in curves:
        for w, b in curve.T[:: max(1, curve.shape[1] // 4)]:
            q = maps.fixed_point(phi, w, b)
            assert w**2 * maps.slope_moments(phi, q, (1,))[0] == pytest.approx(chi, rel=0.02)
            assert 0 <= w <= 3 and 0 <= b <= 1.5


def test_slopes_of_relu_draw_a_vertical_line():
    (line,) = maps.contour("relu", 1.0, 3.0, 1.5)
    assert np.allclose(line, [[np.sqrt(2)] * 2, [0, 1.5]]) and maps.contour("relu", 5.0, 3.0, 1.5) == []


def test_moments_of_slopes_are_the_closed_ones():
    q = np.array([0.0, 0.4, 1.7])
    erf = np.stack([(4 / np.pi) ** k / np.sqrt(1 + 4 * k * q) for k in (1, 2, 3)], axis=-1)
    assert np.allclose(maps.slope_moments("erf", q), erf, rtol=1e-9)
    assert np.allclose(maps.slope_moments("relu", q), 0.5)
    leaky = [(1 + 0.1 ** (2 * k)) / 2 for k in (1, 2, 3)]
    assert np.allclose(maps.slope_moments("leaky_relu(0.1)", 0.4), leaky)


def test_variances_start_where_the_input_says():
    net = MLP(4, "erf", 1.4, 0.3)
    expected = [1.4**2 * 2.5 + 0.09]
    for _ in range(3):
        expected.append(1.4**2 * erf_square(expected[-1]) + 0.09)
    assert np.allclose(maps.variances(net, 2.5), expected, rtol=1e-9)
    fixed = maps.variances(net)
    assert np.allclose(fixed, maps.fixed_point("erf", 1.4, 0.3)) and len(fixed) == 4
    assert np.allclose(maps.variances(net, maps.input_square(net)), fixed, rtol=1e-9)
    assert maps.input_square(MLP(3, "tanh", 0.8, 0.0)) == 0
    assert np.allclose(maps.variances(MLP(3, "relu", 1.0, None)), [1, 0.5, 0.25])


def test_misuse_is_told_in_words():
    with pytest.raises(Misuse, match="grows without bound"):
        maps.input_square(MLP(3, "gelu", 1.9, 0.4))
    assert maps.input_square(MLP(3, "gelu", 1.9, 0.4), 2.0) == 2.0
    with pytest.raises(Misuse, match="sigma_b must be at least 0"):
        maps.order_chaos("tanh", 1.0, -0.1)
    with pytest.raises(Misuse, match="jumps"):
        maps.fixed_point("step", 1.0, 0.1)
