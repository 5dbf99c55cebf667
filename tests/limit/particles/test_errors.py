"""Error bars: calibrated, falling with the number of particles, and the words where they cannot be trusted."""

import numpy as np
import pytest
from scipy.integrate import quad

import tpcore as tp
from tests.limit.particles.training import mlp, tanh_slope
from tpcore.compute.tiles import get_threads, set_threads
from tpcore.limit.particles.interpret import particles, results
from tpcore.limit.particles.law import combined


def gaussian(f, variance):
    root = np.sqrt(variance)
    return quad(lambda z: f(root * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi), -12, 12, epsabs=1e-12)[0]


TRUTHS = {}


def program(truth):
    def register(build):
        TRUTHS[build.__name__] = (build, truth)
        return build

    return register


@program(gaussian(lambda s: np.tanh(s) ** 2, 2 * 1.2**2))
def twice_through(p):
    W, x = p.matrix("W", variance=1.2), p.vector("x")
    z = tp.tanh(W @ (W.T @ x))
    return tp.moment(z * z)


@program(np.sqrt(1.3 / (2 * np.pi)))
def step_back(p):
    W, v = p.matrix("W", variance=1.3), p.vector("v")
    return tp.inner(v, W.T @ tp.step(W @ v))


@program(0.7 * gaussian(lambda s: 1 - np.tanh(s) ** 2, 0.7))
def onsager(p):
    W, v = p.matrix("W", variance=0.7), p.vector("v")
    return tp.inner(v, W.T @ tp.tanh(W @ v))


@program(1.4 * 0.5 * 0.6)
def not_backprop(p):
    W, x, v = p.matrix("W", variance=1.4), p.vector("x", variance=0.6), p.vector("v", variance=0.5)
    return tp.inner(x, W.T @ (v * v * (W @ x)))


@program(1.3 * np.sqrt(1.3 * 1.5) / np.sqrt(2 * np.pi))
def relu_reused(p):
    W, x = p.matrix("W", variance=1.3), p.vector("x", mean=1.0, variance=0.5)
    return tp.moment((W @ tp.relu(W @ x)) * (W @ x))


def arcsine(c, q):
    """E erf(u) erf(v) for variances q and covariance c."""
    return 2 / np.pi * np.arcsin(2 * c / (1 + 2 * q))


@program(arcsine(1.1 * arcsine(0.5, 1.0), 1.1 * arcsine(1.0, 1.0)))
def erf_twice(p):
    x, y = p.vectors("x y", cov=[[1, 0.5], [0.5, 1]])
    W = p.matrix("W", variance=1.1)
    return tp.inner(tp.erf(W @ tp.erf(x)), tp.erf(W @ tp.erf(y)))


@program(np.exp(-0.35) * np.sqrt(2 / np.pi * 0.8))
def cosine_times_modulus(p):
    x, y = p.vector("x", variance=0.7), p.vector("y", variance=0.8)
    return tp.moment(tp.cos(x) * tp.nonlin("abs", y))


@program(0.56167054)
def one_step(p):
    return training(p, 1)


@program(0.81231102)
def two_steps(p):
    """tests/limit/particles/test_training.py names the source."""
    return training(p, 2)


def training(p, steps):
    made = mlp([[1.0]], [1.0], 1.0, tp.tanh, tanh_slope, 2, steps)
    p.__dict__.update(made.__dict__)
    return p[f"f{steps}"]


@program(3 * 0.9**2)
def fourth_moment(p):
    W, x = p.matrix("W", variance=0.9), p.vector("x")
    return tp.moment((W @ x) ** 4)


def test_error_bars_are_calibrated():
    """200 runs of 10 programs: 90 to 99 % of the truths within two errors, and none of the programs far from that.

    About 4 s: the promise is one of frequencies.
    """
    assert len(TRUTHS) == 10
    inside = {}
    for name, (build, truth) in TRUTHS.items():
        p = tp.Program(name)
        build(p)
        where = p.nodes[-1].index
        inside[name] = []
        for seed in range(20):
            lim = particles(p, seed=seed, samples=2**11)
            inside[name].append(abs(np.max(lim.scalar(where)) - truth) < 2 * lim.error(where))
    share = np.mean(list(inside.values()))
    assert 0.90 <= share <= 0.99, (share, {k: np.mean(v) for k, v in inside.items()})
    assert min(np.mean(v) for v in inside.values()) >= 0.75


def test_spread_of_independent_clouds():
    """Half of Student's 95 % interval; lucky entries are raised to the root mean square."""
    values = np.random.default_rng(1).normal(size=(8, 3)) * [1.0, 1.0, 1e-3]
    found = combined(list(values))
    standard = values.std(axis=0, ddof=1) / np.sqrt(8) * 2.3646 / 2
    rms = np.sqrt(np.mean(standard**2))
    np.testing.assert_allclose(found.error, np.maximum(standard, rms), rtol=1e-4)
    np.testing.assert_allclose(found.value, values.mean(axis=0))


def test_error_falls_with_the_number_of_particles():
    """About N^-0.75 or faster; plain sampling has N^-0.5."""
    build, truth = TRUTHS["two_steps"]
    p = tp.Program("slope")
    build(p)
    sizes, errors = (2**9, 2**12, 2**15), []
    for size in sizes:
        found = [particles(p, seed=seed, samples=size).scalar("f2") - truth for seed in range(6)]
        errors.append(np.sqrt(np.mean(np.square(found))))
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert -1.3 < slope < -0.62, (slope, errors)


def test_tolerance():
    p = tp.Program("tolerance")
    TRUTHS["twice_through"][0](p)
    where = p.nodes[-1].index
    rough, fine = (particles(p, tol=tol) for tol in (1e-2, 1e-4))
    assert rough.particles < fine.particles and not fine.notes
    # tanh^2 averages to 0.63 with a root mean square of 0.7
    assert fine.error(where) <= 1e-4 and rough.error(where) <= 1e-2


def test_a_tolerance_is_asked_of_results_alone():
    """exp(3 x) is far from known to 1e-3; only its logarithm, tamed, has a name."""
    p = tp.Program("between")
    x = p.vector("x", variance=9.0)
    between = tp.moment(tp.nonlin(np.exp, x))
    p.name("result", tp.scalar(lambda c: 1 + 1e-3 * np.tanh(c / 1e9), between))
    free = tp.moment(x * x)
    assert [node.index for node in results(p)] == [p.node("result").index, free.index]
    lim = particles(p, tol=1e-3)
    assert lim.error(between.index) > 1e-2 * lim.scalar(between.index) and lim.particles == 2**13


def test_a_tolerance_out_of_reach_is_said(monkeypatch):
    monkeypatch.setitem(particles.__globals__, "_TOL_WORK", 2e7)
    p = tp.Program("out of reach")
    W = p.matrix("W")
    tp.moment(tp.relu(W.T @ tp.relu(W @ p.vector("x"))))
    lim = particles(p, tol=1e-9)
    assert any("1e-09 was not reached" in note for note in lim.notes)


def test_heavy_tails_are_said():
    p = tp.Program("heavy")
    x = p.vector("x", variance=9.0)
    p.name("m", tp.moment(tp.nonlin(np.exp, x)))
    p.name("ok", tp.moment(x * x))
    notes = particles(p, samples=2**14).notes
    assert len(notes) == 1 and "What m averages has heavy tails" in notes[0]


def test_same_seed_same_numbers_on_any_number_of_threads():
    p = mlp(np.random.default_rng(1).normal(size=(3, 2)), [0.3, -0.5, 1.0], 0.4, tp.tanh, tanh_slope, 2, 3)
    before, found = get_threads(), []
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            found.append(particles(p, seed=3, samples=2**10).scalar("f3"))
    finally:
        set_threads(before)
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], particles(p, seed=4, samples=2**10).scalar("f3"))


@pytest.mark.parametrize("bad", [dict(samples=3), dict(tol=0.0), dict(tol="x"), dict(seed=-1)])
def test_misuse(bad):
    p = tp.Program("misuse")
    tp.moment(p.vector("x"))
    with pytest.raises(ValueError, match="must be"):
        particles(p, **bad)
