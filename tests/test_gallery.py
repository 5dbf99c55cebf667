"""The named programs: listing, fragment, the limit by hand and by draws, and where the naive rule fails."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import comb, pi, sqrt

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import tpcore as tp
from tpcore.errors import Misuse
from tpcore.finite.dense import DenseMatrix
from tpcore.gallery import iterations
from tpcore.program.untie import untie

NAMES = [example.name for example in tp.gallery.EXAMPLES]
SLOW = {"mup-step", "compressed-sensing"}
WIDTH, DRAWS = 4096, 10


@cache
def limit_of(name: str, naive: bool = False):
    prog = tp.gallery.get(name).build()
    return tp.limit(untie(prog) if naive else prog, tol=1e-3 if name in SLOW else None)


def close(lim, **expected):
    """Means, variances, correlations and C-vars by name: mean_y, var_y, cov_y_x, m."""
    for key, value in expected.items():
        what, _, names = key.partition("_")
        names = names.split("_")
        got = {"mean": lim.mean, "var": lim.cov, "cov": lim.cov, "corr": lim.corr}.get(what)
        got = lim.scalar(key) if got is None else got(*names)
        assert got == pytest.approx(value, rel=1e-9, abs=1e-9), key


# ---- every example ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("example", tp.gallery.EXAMPLES, ids=NAMES)
def test_an_example_is_what_it_says(example):
    prog = example.build()
    assert prog.fragment == example.fragment
    assert str(prog).startswith({"netsor": "Netsor ", "netsor+": "Netsor+ ", "netsort": "NetsorT ",
                                 "netsort+": "NetsorT+ "}[example.fragment])
    for name in (*example.watch, *example.pairs):
        node = prog.node(name)
        assert node.kind in "GH" and node.shape == ()
    assert prog.node(example.pairs[0]).dim == prog.node(example.pairs[1]).dim
    assert all(prog.node(name).kind == "C" for name in example.scalars)
    assert example.sentence.endswith(".") and 40 < len(example.sentence) < 130 and example.source
    assert str(example.build()) == str(prog) and tp.gallery.get(example.name) is example
    assert (example.naive == "") == (example.fragment != "netsort+")


def test_names_are_unique_and_a_wrong_one_is_answered_with_the_nearest():
    assert len(set(NAMES)) == len(NAMES) and tp.gallery.NAMES == tuple(NAMES)
    with pytest.raises(Misuse, match="'amp'"):
        tp.gallery.get("ampp")


@pytest.mark.parametrize("name", NAMES)
def test_the_limit_is_that_of_wide_draws(name):
    """Means and products of the watched vectors over single draws at n = 4096, by t-statistics."""
    example, lim = tp.gallery.get(name), limit_of(name)
    prog, pairs = example.build(), {tuple(example.pairs), *((w, w) for w in example.watch)}
    means, products, scalars = [], [], []
    for seed in range(DRAWS):
        run = tp.run(prog, WIDTH, seed=(50 + seed), method="lazy", keep={*example.watch, *example.pairs})
        means.append([run[w].mean() for w in example.watch])
        products.append([(run[a] * run[b]).mean() for a, b in sorted(pairs)])
        scalars.append([x for k in example.scalars for x in np.ravel(run.scalar(k))])
    expected = [[lim.mean(w) for w in example.watch],
                [lim.cov(a, b) + lim.mean(a) * lim.mean(b) for a, b in sorted(pairs)],
                [x for k in example.scalars for x in np.ravel(lim.scalar(k))]]
    slack = 3e-3 if name in SLOW else 0.0
    for drawn, value in zip(map(np.array, (means, products, scalars)), map(np.array, expected), strict=True):
        bias = slack + 2 * (1 + np.abs(value)) / WIDTH
        t = np.abs(drawn.mean(axis=0) - value) / (drawn.std(axis=0, ddof=1) / sqrt(DRAWS) + bias)
        z = stats.norm.isf(stats.t.sf(t, DRAWS - 1))
        assert z.max(initial=0) < 4, (z, value)


@pytest.mark.parametrize("name", [n for n in NAMES if tp.gallery.get(n).fragment.startswith("netsort")])
def test_the_naive_rule_fails_exactly_where_the_example_says(name):
    """Means, second moments and C-vars with every transpose untied: the same, or wrong by more than a tenth."""
    example, lim, naive = tp.gallery.get(name), limit_of(name), limit_of(name, naive=True)

    def found(of):
        second = [of.cov(a, b) for a, b in (example.pairs, *((w, w) for w in example.watch))]
        scalars = [float(of.scalar(k)) for k in example.scalars]
        return np.array([*(of.mean(w) for w in example.watch), *second, *scalars])

    apart = np.abs(found(lim) - found(naive))
    assert apart.max() > 0.1 if example.naive else apart.max() < 1e-9, apart


# ---- by hand ---------------------------------------------------------------------------------------------------


def test_products_by_hand():
    """hatZ + dotZ on paper: sigma^2 E x^2 and so on; W^T of a matrix with twice as many rows has variance 2 sigma^2."""
    close(limit_of("wwx"), mean_WWx=0, var_Wx=1.3 * 1.29, var_WWx=1.3**2 * 1.29, cov_WWx_Wx=0, cov_WWx_x=0)
    close(limit_of("two-matrices"), var_WVx=1.3**2 * 1.29, cov_WVx_Vx=0)
    shared = 1.4 * sqrt(2.8 / (2 * pi))
    close(limit_of("w-relu-wx"), cov_y_Wx=shared, corr_y_Wx=shared / sqrt(2.8 * 1.96), var_y=1.4 * 1.4)
    assert limit_of("w-relu-wx").corr("y", "Wx") == pytest.approx(0.40, abs=0.005)
    close(limit_of("wwt"), mean_y=1.3 * 0.7, var_y=1.69 * (1.29 + 0.8), cov_y_x=1.3 * 0.8, xy=1.3 * 1.29)
    close(limit_of("wtw"), mean_y=-0.6, var_y=1.2 * 0.6 * 1.75 + 1.44 * 1.5, cov_y_x=1.2 * 1.5, xy=1.2 * 1.75)
    close(limit_of("w-wtv"), mean_y=0, var_y=2 * 1.44 * 0.9, cov_y_v=1.2 * 0.9, vy=1.2 * 0.9)
    hat, dot = 1.2 * 3 * 0.81 * 1.2 * 1.26, 1.2 * 0.9  # E v^4 = 3 (E v^2)^2
    close(limit_of("wt-v2wx"), mean_y=dot * 0.4, var_y=hat + dot**2 * 1.1, xy=dot * 1.26)
    vy = sqrt(1.5 * 0.8 / (2 * pi))
    close(limit_of("wt-step"), vy=vy, var_y=1.5 / 2 + vy**2 / 0.8)


def grid():
    """Points and weights of E f(u), u standard Gaussian: the trapezoid rule, for f analytic near the line."""
    x = np.linspace(-8.5, 8.5, 171)
    return x, stats.norm.pdf(x) * (x[1] - x[0])


def test_tanh_of_an_image_with_memory():
    """z = tanh(hat + 1.3 x): E z and E z x as integrals over two independent Gaussians."""
    sd, c, m, s = sqrt(1.69 * 1.29), 1.3, 0.7, sqrt(0.8)

    x, w = grid()
    a, b = np.meshgrid(x, x, indexing="ij")
    start = m + s * b
    z = np.tanh(sd * a + c * start)
    lim = limit_of("tanh-wwt")
    assert lim.mean("z") == pytest.approx(w @ z @ w, abs=1e-10)
    assert lim.scalar("zx") == pytest.approx(w @ (z * start) @ w, abs=1e-10)


def test_backprop_of_a_square_by_hand():
    """x1 = h^2/2, h ~ N(0.3, 0.8); dx1 = hat + 1.2 E v x1, and dh1 = dx1 h: moments of a Gaussian up to the sixth."""
    h = [1, *(quad(lambda t, k=k: t**k * stats.norm.pdf(t, 0.3, sqrt(0.8)), -12, 12, epsabs=1e-13)[0]
              for k in range(1, 7))]
    q1 = h[4] / 4
    for name, mean in (("square-zero-mean", 0.0), ("square-with-mean", 0.6)):
        noise, dot = 1.2 * (0.7 + mean**2) * 1.2 * q1, 1.2 * mean
        close(limit_of(name), mean_dx1=dot * h[2] / 2, x1dx1=dot * q1, q=noise * h[2] + dot**2 * h[6] / 4)


def catalan(k):
    return comb(2 * k, k) // (k + 1)


@pytest.mark.parametrize("scale", [1.0, 0.8])
def test_semicircle_moments(scale):
    lim = tp.limit(iterations.semicircle(12, scale))
    for k in range(1, 13):
        expected = 0.0 if k % 2 else catalan(k // 2) * scale**k
        assert lim.scalar(f"m{k}") == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_marchenko_pastur_moments(ratio):
    lim = tp.limit(iterations.marchenko_pastur(12, ratio))
    for k in range(1, 13):
        expected = sum(ratio**r / (r + 1) * comb(k, r) * comb(k - 1, r) for r in range(k))
        assert lim.scalar(f"m{k}") == pytest.approx(expected, rel=1e-12)


def test_amp_follows_state_evolution():
    """Cov(x_{s+1}, x_{t+1}) = beta^2 E tanh(x_s + h) tanh(x_t + h), on a grid; all are centred Gaussians."""
    beta, mean, var, lim = 0.8, 0.3, 0.5, limit_of("amp")
    x, w = grid()
    overlap = {(0, 0): float(w @ np.tanh(mean + sqrt(var) * x) ** 2)}
    u, v = np.meshgrid(x, x, indexing="ij")
    for t in range(1, 4):
        qt = beta**2 * overlap[t - 1, t - 1] + var
        overlap[t, t] = float(w @ np.tanh(mean + sqrt(qt) * x) ** 2)
        for s in range(t):
            qs = var + (beta**2 * overlap[s - 1, s - 1] if s else 0.0)
            c = var + (beta**2 * overlap[s - 1, t - 1] if s else 0.0)
            first = sqrt(qt) * u
            second = c / sqrt(qt) * u + sqrt(max(qs - c**2 / qt, 0.0)) * v
            overlap[s, t] = float(w @ (np.tanh(mean + first) * np.tanh(mean + second)) @ w)
    for t in range(1, 5):
        assert lim.mean(f"x{t}") == pytest.approx(0, abs=1e-9)
        for s in range(1, t + 1):
            assert lim.cov(f"x{s}", f"x{t}") == pytest.approx(beta**2 * overlap[s - 1, t - 1], abs=1e-10)
    assert lim.cov("x3", "h") == pytest.approx(0, abs=1e-9)


def test_compressed_sensing_follows_state_evolution():
    """tau_t^2 = 0.02 + mse_{t-1} / 0.6 and r_t = s + tau_t N: the mean square error of soft thresholding at 1.2 tau.

    Two independent normals, u and a: s = a where u > 1, else 0.
    """
    lim, share = limit_of("compressed-sensing"), stats.norm.sf(1)

    def risk(tau):
        def given(total):  # E (soft(r) - s)^2 where r = s + tau N, s ~ N(0, total^2)
            r = sqrt(total**2 + tau**2)

            def square(t):
                cut, shrink = np.sign(t) * max(abs(t) - 1.2 * tau, 0.0), total**2 / r**2
                return ((cut - shrink * t) ** 2 + total**2 * tau**2 / r**2) * stats.norm.pdf(t, 0, r)

            edges = [-12 * r, -1.2 * tau, 1.2 * tau, 12 * r]
            return sum(quad(square, a, b)[0] for a, b in pairwise(edges))

        return share * given(sqrt(2.0)) + (1 - share) * given(0.0)

    tau = sqrt(0.02 + 2.0 * share / 0.6)
    for t in (1, 2):
        assert lim.cov(f"e{t}", f"e{t}") == pytest.approx(tau**2, abs=2e-3)
        assert lim.cov(f"e{t}", "s") == pytest.approx(0, abs=2e-3)
        assert lim.scalar(f"mse{t}") == pytest.approx(risk(tau), abs=2e-3)
        tau = sqrt(0.02 + risk(tau) / 0.6)


# ---- gradients by hand, and by tp.grad -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["dense", "lazy"])
def test_the_backward_lines_are_those_of_the_gradient(method):
    """What is written by hand is what tp.grad writes from the forward lines; lines in use get a prime."""
    prog = tp.gallery.get("mup-step").build()
    run = tp.run(prog, 30, seed=2, method=method)
    back = tp.run(tp.grad(prog, "f", wrt=["h1"]), 30, seed=2, method=method)
    for line in ("dh2", "dx1", "dh1"):
        np.testing.assert_allclose(back[line + "'"], run[line], rtol=1e-10, atol=1e-12)


def slope(f, x, step=1e-5):
    """Central differences of f at x, in the shape of x."""
    found = np.empty_like(x)
    for i in np.ndindex(x.shape):
        move = np.zeros_like(x)
        move[i] = step
        found[i] = (f(x + move) - f(x - move)) / (2 * step)
    return found


def test_the_training_step_is_gradient_descent():
    """The new output is that of the stored weights, each moved along the numerical gradient of the loss.

    muP in these units: learning rate `rate` for W, n rate for V and the input weights, which move h1 by |xi|^2 = 1.2.
    """
    n, rate, size, seed = 12, 0.7, 1.2, 3
    prog = tp.gallery.get("mup-step").build()
    run = tp.run(prog, n, seed=seed, method="dense")
    stored = DenseMatrix(1.4, n, n, np.random.SeedSequence(seed), (1, prog.node("W").index), np.float64)
    h, V, W = run["h1"], run["V"], stored.array
    np.testing.assert_allclose(W @ np.tanh(h), run["h2"], rtol=1e-12)

    def loss(h, W, V):
        return (V @ np.tanh(W @ np.tanh(h)) / n - 1.0) ** 2 / 2

    new_h = h - n * rate * size * slope(lambda z: loss(z, W, V), h)
    new_W = W - rate * slope(lambda z: loss(h, z, V), W)
    new_V = V - n * rate * slope(lambda z: loss(h, W, z), V)
    np.testing.assert_allclose(run["h1_new"], new_h, atol=1e-8)
    np.testing.assert_allclose(run["h2_new"], new_W @ np.tanh(new_h), atol=1e-8)
    assert run.scalar("f_new") == pytest.approx(new_V @ np.tanh(new_W @ np.tanh(new_h)) / n, abs=1e-8)
