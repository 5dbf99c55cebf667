"""The jitted closed forms, entry by entry, against 40-digit formulas of another shape."""

import numpy as np
import pytest
from mpmath import mp

from tpcore.jitted import gaussian, series

PAIRS = [(0.7, 2.9, 0.4), (1.3, 1.3, -0.97), (0.01, 9.0, 0.21), (4.2, 0.6, 1.5870), (2.0, 2.0, 2.0), (1.1, 0.3, 0.0)]


def _rho(q1, q2, c):
    return c / mp.sqrt(q1 * q2)


def _mp_forms(q1, q2, c):
    """(V, dV) by family, from the textbook formulas in arccos."""
    root, rho = mp.sqrt(q1 * q2), _rho(q1, q2, c)
    t = mp.acos(rho)
    relu = root / (2 * mp.pi) * (mp.sin(t) + (mp.pi - t) * mp.cos(t))
    e = (1 + 2 * q1) * (1 + 2 * q2)
    d = (1 + q1) * (1 + q2) - c * c
    front = mp.exp(-(q1 + q2) / 2)
    return {
        gaussian.LEAKY: (relu, (mp.pi - t) / (2 * mp.pi)),
        gaussian.ARCSIN: (mp.asin(rho), None),
        gaussian.ERF: (2 / mp.pi * mp.asin(2 * c / mp.sqrt(e)), 4 / mp.pi / mp.sqrt(e - 4 * c * c)),
        gaussian.SIN: (front * mp.sinh(c), front * mp.cosh(c)),
        gaussian.COS: (front * mp.cosh(c), front * mp.sinh(c)),
        gaussian.GAUSS: (1 / mp.sqrt(d), c / d ** mp.mpf(1.5)),
    }


@pytest.mark.parametrize("q1, q2, c", PAIRS)
def test_row_against_mpmath(q1, q2, c):
    arrays = [np.array([x]) for x in (q1, q2, c)]
    with mp.workdps(40):
        exact = _mp_forms(*map(mp.mpf, (q1, q2, c)))
        for form, (v_exact, d_exact) in exact.items():
            v, d = np.empty(1), np.empty(1)
            gaussian.row(form, 0.0, 1.0, *arrays, v, d)
            np.testing.assert_allclose(v[0], float(v_exact), rtol=2e-14, atol=1e-17)
            if d_exact is not None:
                np.testing.assert_allclose(d[0], float(d_exact), rtol=2e-14, atol=1e-17)


@pytest.mark.parametrize("gap", [1e-1, 1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("sign", [1, -1])
def test_angles_do_not_cancel_near_correlation_one(gap, sign):
    c = sign * (1.0 - gap)
    v, d = np.empty(1), np.empty(1)
    gaussian.row(gaussian.LEAKY, 0.0, 0.0, np.ones(1), np.ones(1), np.array([c]), v, d)
    with mp.workdps(50):
        exact = _mp_forms(mp.mpf(1), mp.mpf(1), mp.mpf(c))[gaussian.LEAKY]
        np.testing.assert_allclose([v[0], d[0]], [float(x) for x in exact], rtol=1e-13)


def test_arcs_against_numpy():
    x = np.linspace(0, 1, 2001)
    got = np.array([gaussian.arcs(1.0, v, (1 - v) * (1 + v)) for v in x])
    np.testing.assert_allclose(got, np.stack([np.arcsin(x), np.arccos(x)], 1), rtol=4e-16, atol=1e-16)


def test_band_fills_both_halves_whatever_the_bands():
    x = np.random.default_rng(1).normal(size=(300, 9))
    sigma = x @ x.T
    q = np.diagonal(sigma).copy()
    results = []
    for height in (300, 64, 7):
        v, d = np.full((300, 300), np.nan), np.full((300, 300), np.nan)
        for lo in range(0, 300, height):
            gaussian.band(gaussian.GELU, 0.0, 0.0, q, sigma, lo, min(lo + height, 300), v, d, True)
        assert np.array_equal(v, v.T) and np.array_equal(d, d.T) and np.isfinite(v).all()
        results.append(v)
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


def test_series_band_is_the_plain_sum():
    rng = np.random.default_rng(2)
    even, odd, x = rng.normal(size=(4, 50)), rng.normal(size=(3, 50)), rng.uniform(-1, 1, (50, 50))
    x = (x + x.T) / 2
    out = np.empty((50, 50))
    for lo in range(0, 50, 20):
        series.band(even, odd, np.ones(50), x, 1.0, lo, min(lo + 20, 50), out)
    expected = sum(np.outer(a, a) * x ** (2 * k) for k, a in enumerate(even))
    expected += sum(np.outer(a, a) * x ** (2 * k + 1) for k, a in enumerate(odd))
    np.testing.assert_allclose(out, expected, rtol=1e-12)


def test_invalid_finds_the_first_offender():
    q, c = np.ones(5), np.array([0.5, 1.0, 1.0 + 1e-12, 1.01, np.nan])
    assert gaussian.invalid(q, q, c, 2e-9, 0.0) == 3
    assert gaussian.invalid(q[:3], q[:3], c[:3], 2e-9, 0.0) == -1
    assert gaussian.invalid(q[4:], q[4:], c[4:], 2e-9, 0.0) == 0
