"""Traces of powers at finite n, and the program whose scalar is such a trace."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from tpcore.errors import BudgetError, Misuse
from tpcore.finite.run import run
from tpcore.limit.interpret import limit
from tpcore.spectra import catalan, eigenvalues, matrix, moment_program, narayana, spectral_moments

# E (1/n) tr A^2, E (1/n) tr A^4 of the GOE: independent reference values, set H.
EXACT = {2: (1.5, 5.75), 4: (1.25, 3.5625), 8: (1.125, 2.703125)}


@pytest.mark.parametrize("n", [1, 2, 7, 64, 300])
def test_traces_are_sums_of_powers_of_the_same_eigenvalues(n):
    values = eigenvalues("goe", n, seed=5, draws=3)
    orders = [*range(11), 23]
    expected = np.stack([(values**k).mean(axis=1) for k in orders], axis=1)
    size = np.stack([(np.abs(values) ** k).mean(axis=1) for k in orders], axis=1)
    assert np.all(np.abs(spectral_moments("goe", n, orders, draws=3, seed=5) - expected) <= 1e-12 * size)
    dense = eigenvalues("symmetric:uniform", n, seed=5)
    assert np.allclose(spectral_moments("symmetric:uniform", n, [1, 4], seed=5), [dense.mean(), (dense**4).mean()])


@pytest.mark.parametrize("n", EXACT)
def test_means_are_exact_at_any_n(n):
    second, fourth = 1 + 1 / n, 2 + 5 / n + 5 / n**2
    assert EXACT[n] == (second, fourth)
    values = spectral_moments("goe", n, [1, 2, 3, 4], draws=20_000, seed=n)
    z = (values.mean(axis=0) - [0, second, 0, fourth]) / (values.std(axis=0) / np.sqrt(20_000))
    assert np.abs(z).max() < 4


def test_moments_tend_to_catalan_numbers():
    orders = [2, 4, 6, 8, 10]
    numbers = np.array([catalan(k // 2) for k in orders])
    far = np.abs(spectral_moments("goe", 10**6, orders, seed=1) / numbers - 1)
    assert np.all(far < 1e-4)
    means = [np.mean(spectral_moments("goe", n, orders, draws=20_000 // n, seed=2), axis=0) for n in (10, 1000)]
    assert np.all(np.abs(means[1] / numbers - 1) < 0.05 * np.abs(means[0] / numbers - 1))
    assert np.abs(spectral_moments("goe", 10**6, [1, 3, 5], seed=1)).max() < 1e-4


def test_shapes_and_misuse():
    assert spectral_moments("goe", 5).shape == (5,) and spectral_moments("goe", 5, 4, draws=2).shape == (2, 1)
    assert spectral_moments("goe", 5, 0).tolist() == [1.0]
    assert np.isfinite(spectral_moments("symmetric:cauchy", 50, [2])).all()
    for orders in ([-1], [65], [2.0]):
        with pytest.raises(Misuse, match="order of a moment"):
            spectral_moments("goe", 5, orders)
    with pytest.raises(Misuse, match="At least one"):
        spectral_moments("goe", 5, [])
    with pytest.raises(BudgetError, match="order 64") as caught:
        spectral_moments("goe", 10**8, [64])
    spectral_moments("goe", 100, [64], draws=2)
    assert 10**6 < caught.value.fits < 10**8


def test_program_is_written_as_asked():
    program = moment_program(3)
    assert [program.node(name).kind for name in ("W", "v", "Av1", "Av2", "Av3", "m")] == ["A", "G", "G", "G", "G", "C"]
    with pytest.raises(Misuse, match="whole number"):
        moment_program(-1)
    with pytest.raises(Misuse, match="must be one of"):
        moment_program(2, "gue")


@pytest.mark.parametrize("method", ["dense", "lazy"])
def test_program_at_finite_width_has_the_moments_of_the_goe(method):
    """E v^T A^k v / n = E (1/n) tr A^k, exactly at each width: 1 + 1/n, 2 + 5/n + 5/n^2."""
    n, draws = 9, 400
    for k, exact in ((0, 1.0), (1, 0.0), (2, 1 + 1 / n), (3, 0.0), (4, 2 + 5 / n + 5 / n**2)):
        program = moment_program(k)
        values = np.array([float(run(program, width=n, seed=s, method=method).scalar("m")) for s in range(draws)])
        assert abs(values.mean() - exact) < 4 * values.std() / np.sqrt(draws), (k, values.mean(), exact)


def test_program_at_large_width_tends_to_catalan_numbers():
    for k in (2, 4, 6):
        value = float(run(moment_program(k), width=100_000, seed=1, method="lazy").scalar("m"))
        spread = np.sqrt(2 * catalan(k) / 100_000)  # of v^T B v / n with (1/n) tr B^2 = Catalan(k)
        assert abs(value - catalan(k // 2)) < 4 * spread


def test_trace_trick():
    """Over v alone, E v^T A^k v / n = (1/n) tr A^k for a fixed A: why the program knows the spectrum."""
    a, n = matrix("goe", 40, seed=3), 40
    v = np.random.default_rng(1).normal(size=(n, 20_000))
    for k in (2, 3, 4):
        power = np.linalg.matrix_power(a, k)
        forms = np.einsum("is,ij,js->s", v, power, v, optimize=True) / n
        assert abs(forms.mean() - np.trace(power) / n) < 4 * forms.std() / np.sqrt(forms.size)


SQUARES = [("wishart", {"ratio": 0.6}), ("wishart", {"ratio": 1.8}), ("product", {"factors": 2})]


@pytest.mark.parametrize(("kind", "more"), SQUARES)
def test_programs_of_squares_tend_to_narayana_and_fuss(kind, more):
    """Limit of the program, trace at finite n, and combinatorics: three routes to one number."""
    n = 300
    values = spectral_moments(kind, n, [1, 2, 3], draws=40, seed=3, **more)
    for k in (1, 2, 3):
        if kind == "wishart":
            exact = sum(narayana(k, r) * more["ratio"] ** (r - 1) for r in range(1, k + 1))
        else:
            exact = comb(3 * k, k) / (2 * k + 1)
        assert limit(moment_program(k, kind, **more)).scalar("m") == pytest.approx(exact, rel=1e-12)
        error = values[:, k - 1].std() / np.sqrt(40)
        assert abs(values[:, k - 1].mean() - exact) < 4 * error + 4 * exact / n


def test_programs_at_finite_width_have_the_moments_of_their_matrices():
    n, draws = 8, 500
    program = moment_program(2, "wishart", ratio=0.5)
    values = np.array([float(run(program, width=n, seed=s, method="dense").scalar("m")) for s in range(draws)])
    traces = spectral_moments("wishart", n, [2], draws=4000, seed=1, ratio=0.5)
    error = np.hypot(values.std() / np.sqrt(draws), traces.std() / np.sqrt(4000))
    assert abs(values.mean() - traces.mean()) < 4 * error


@pytest.mark.parametrize(("kind", "ratio"), [("gue", 1.0), ("wishart", 0.7), ("wishart", 2.2)])
def test_banded_traces_equal_sums_over_eigenvalues(kind, ratio):
    values = eigenvalues(kind, 50, seed=2, draws=3, ratio=ratio)
    expected = np.stack([(values**k).mean(axis=1) for k in range(6)], axis=1)
    found = spectral_moments(kind, 50, range(6), draws=3, seed=2, ratio=ratio)
    assert np.allclose(found, expected, rtol=1e-11, atol=1e-12)
