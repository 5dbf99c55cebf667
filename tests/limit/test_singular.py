"""Functions with poles, and fast ones: an estimate with an error where the average is finite, else words."""

import numpy as np
import pytest
from scipy.special import gamma

import tpcore as tp
from tpcore.errors import Misuse
from tpcore.limit.budget import Beyond
from tpcore.limit.interpret import exact
from tpcore.limit.particles.interpret import particles


def average(f):
    prog = tp.Program("average")
    name = tp.moment(f, prog.vector("x"))
    lim = tp.limit(prog)
    return lim.scalar(name), lim.error(name)


def second(f):
    """E f(x)^2 by a matrix, and the limit."""
    prog = tp.Program("second")
    prog.name("z", prog.matrix("W") @ tp.nonlin(f, prog.vector("x")))
    lim = tp.limit(prog)
    return lim.cov("z"), lim.error("z"), lim


def power(p):
    """E |x|^-p."""
    return 2 ** (-p / 2) * gamma((1 - p) / 2) / np.sqrt(np.pi)


@pytest.mark.parametrize("p", [0.2, 0.25, 0.45, 0.5])
def test_averages_of_poles(p):
    value, error = average(lambda x: np.abs(x) ** -p)
    assert abs(value - power(p)) < 2 * error + 1e-12 and error < 0.05


@pytest.mark.parametrize(("f", "truth"), [
    (lambda x: np.log(np.abs(x)), (np.euler_gamma + np.log(2)) ** 2 / 4 + np.pi**2 / 8),
    (lambda x: np.abs(x) ** -0.25, power(0.5)),
    (lambda x: np.sin(100 * x), 0.5),
    (lambda x: np.sin(100 * x) ** 2, 0.375),
])
def test_second_moments_that_quadrature_does_not_settle(f, truth):
    value, error, lim = second(f)
    assert abs(value - truth) < 4 * error and error < 0.01 * truth
    assert lim.method("z") == "particles" and any("does not settle" in note for note in lim.notes)


@pytest.mark.parametrize("p", [0.9, 1.0, 1.1])
def test_averages_that_are_infinite_are_refused(p):
    with pytest.raises(Misuse, match="grows like"):
        average(lambda x: np.abs(x) ** -p)
    with pytest.raises(Misuse, match="grows like"):
        second(lambda x: np.abs(x - 0.3) ** (-p / 2 - 0.05))
    with pytest.raises(Misuse, match="grows like"):
        average(lambda x: 1 / x)


def nonlinear(f, *extra):
    """W f(b, ...) with b = W^T tanh(W x): W meets a function of what is not independent of it."""
    prog = tp.Program("second")
    W, x = prog.matrix("W"), prog.vector("x", mean=0.3)
    b = W.T @ tp.tanh(W @ x)
    prog.name("z", W @ tp.nonlin(f, b, *(prog.vector(name) for name in extra)))
    return prog


@pytest.mark.parametrize("f", [
    lambda s: 1 / (s - 0.7),
    lambda s: 1 / (s - 0.7) ** 2,
    lambda s: s / np.abs(s + 0.3) ** 3,
    lambda s: 1 / (s * s - 1),
    lambda s: 1 / (s - 4) ** 2,
    np.tan,
])
def test_poles_away_from_the_middle_are_refused(f):
    """E f^2 is infinite: no number of particles finds it."""
    with pytest.raises(Misuse, match="grows like"):
        second(f)
    with pytest.raises(Misuse, match="grows like"):
        tp.limit(nonlinear(f))


@pytest.mark.parametrize(("f", "extra"), [
    (lambda s: 1 / (s - 0.4) ** 2, ()),
    (lambda s: np.abs(s + 0.2) ** -0.6, ()),
    (lambda s, t: t / (s - 0.4), "t"),
    (lambda s, t: 1 / (s - t), "t"),
    (lambda s, t: 1 / np.sum([s, t], axis=0), "t"),
])
def test_particles_refuse_poles_too(f, extra):
    with pytest.raises(Misuse, match="grows like"):
        particles(nonlinear(f, *extra), samples=2**13)


def test_particles_say_where_tails_are_heavy_and_finite():
    """E |z|^-0.8 is finite, of the square it is not: estimated, with words."""
    found = particles(nonlinear(lambda s: np.abs(s - 0.4) ** -0.4), samples=2**13)
    assert any("z averages has heavy tails" in note for note in found.notes)
    found = particles(nonlinear(lambda s: np.maximum(s, 0)), samples=2**13)
    assert not any("heavy" in note for note in found.notes)


def test_singular_lines_are_left_to_particles():
    prog = tp.Program("line")
    tp.moment(lambda a, b: np.abs(a - b * b) ** -0.45, prog.vector("x"), prog.vector("y"))
    with pytest.raises(Beyond, match="settle"):
        exact(prog, 1e-6)


def test_fast_growth_is_refused_still():
    prog = tp.Program("fast")
    tp.moment(lambda a, b: np.exp(a * a + b * b), prog.vector("x"), prog.vector("y"))
    with pytest.raises(Misuse, match="finite"):
        tp.limit(prog)


def test_errors_of_small_c_vars_are_not_understated():
    """The error of what is nearly zero is absolute."""
    value, error = average(lambda x: np.sign(x) * np.abs(x) ** -0.45)
    assert abs(value) < 1e-3 and error > 1e-6
