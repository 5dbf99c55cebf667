"""What moment matching makes exact: linear programs, adjointness, and matrices that meet the same vector twice."""

from math import comb

import numpy as np
import pytest

import tpcore as tp
from tpcore.limit.particles.interpret import particles

SAMPLES = 2**10


def catalan(k):
    return comb(2 * k, k) // (k + 1)


def test_semicircle():
    """v^T ((W + W^T)/sqrt 2)^k v / n: Catalan numbers for even k <= 12, 0 for odd k."""
    p = tp.Program("semicircle")
    W, v = p.matrix("W"), p.vector("v")
    ys = [v]
    for _ in range(6):
        ys.append((W @ ys[-1] + W.T @ ys[-1]) / np.sqrt(2))
    for j in range(7):
        p.name(f"even{j}", tp.inner(ys[j], ys[j]))
        p.name(f"odd{j}", tp.inner(ys[j], ys[max(j - 1, 0)]) if j else tp.moment(v))
    lim = particles(p, samples=SAMPLES)
    for j in range(7):
        assert lim.scalar(f"even{j}") == pytest.approx(catalan(j), abs=1e-12 * catalan(j))
        assert lim.scalar(f"odd{j}") == pytest.approx(0, abs=1e-11)
        assert lim.error(f"even{j}") < 1e-11


@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
def test_marchenko_pastur(ratio):
    """v^T (W W^T)^k v / n1 for W of size ratio n by n: sum_r ratio^r/(r+1) C(k,r) C(k-1,r)."""
    p = tp.Program("Wishart")
    W = p.matrix("W", rows=ratio, cols=1.0)
    v = y = p.vector("v", dim=ratio)
    for k in range(1, 7):
        y = W @ (W.T @ y)
        p.name(f"m{k}", tp.inner(v, y))
    lim = particles(p, samples=SAMPLES)
    for k in range(1, 7):
        expected = sum(ratio**r / (r + 1) * comb(k, r) * comb(k - 1, r) for r in range(k))
        assert lim.scalar(f"m{k}") == pytest.approx(expected, rel=1e-12)


def test_variances_of_entries_and_rectangles():
    """Cov(Wx) = sigma^2 E x^2 whatever the shape; for W^T it is sigma^2 rows/cols; both by hand."""
    p = tp.Program("rectangle")
    W = p.matrix("W", variance=1.7, rows=2.0, cols=0.5)
    x, y = p.vector("x", mean=0.3, variance=0.8, dim=0.5), p.vector("y", mean=-0.2, variance=1.3, dim=2.0)
    a, b = p.name("a", W @ x), p.name("b", W.T @ y)
    p.name("c", W.T @ a)
    p.name("ab", tp.inner(a, y)), p.name("ba", tp.inner(x, b))
    lim = particles(p, samples=SAMPLES)
    assert lim.cov("a") == pytest.approx(1.7 * 0.89, abs=1e-13)
    assert lim.cov("b") == pytest.approx(1.7 * 4 * 1.34, abs=1e-13)
    # W^T W x = hatZ + dotZ with dotZ = (rows/cols) sigma^2 x
    assert lim.cov("c", "x") == pytest.approx(4 * 1.7 * 0.8, abs=1e-12)
    assert lim.mean("c") == pytest.approx(4 * 1.7 * 0.3, abs=1e-12)
    assert lim.cov("c") == pytest.approx(1.7 * 4 * 1.7 * 0.89 + (4 * 1.7) ** 2 * 0.8, rel=1e-12)
    assert lim.scalar("ab") == pytest.approx(lim.scalar("ba"), abs=1e-13)


@pytest.mark.parametrize("rows", [1.0, 0.6])
def test_adjointness(rows):
    """rows <y, Wx> = cols <W^T y, x> for vectors made by functions, whichever product comes first."""
    p = tp.Program("adjoint")
    W = p.matrix("W", variance=1.4, rows=rows)
    x = p.vector("x", mean=0.4)
    h = tp.tanh(W @ x)
    g = tp.nonlin(lambda s, t: s * np.sin(t) + 0.3, W.T @ h, x)
    k = tp.relu(W @ g)
    for i, (y, z) in enumerate([(h, x), (h, g), (k, x), (k, g)]):
        p.name(f"left{i}", tp.inner(y, W @ z)), p.name(f"right{i}", tp.inner(W.T @ y, z))
    lim = particles(p, samples=2**12)
    for cloud in lim._clouds:
        for i in range(4):
            left, right = (float(cloud.scalars[p.node(f"{side}{i}").index]) for side in ("left", "right"))
            assert rows * left == pytest.approx(right, abs=2e-14)


def test_duplicates_zeros_and_dependent_inputs():
    """The same vector twice, a zero vector and a combination open no new Gaussian and get consistent images."""
    p = tp.Program("duplicates")
    W = p.matrix("W", variance=1.2)
    x, y = p.vectors("x y", mean=0.5, cov=[[1, 1], [1, 1]])
    zero, u = p.vector("zero", variance=0), tp.tanh(x)
    images = [W @ x, W @ y, W @ zero, W @ (2 * x - 0.5 * u), W @ u, W @ tp.tanh(y), W @ (x - y)]
    for name, z in zip("abcdefg", images, strict=True):
        p.name(name, 1 * z)
    lim = particles(p, samples=SAMPLES)
    found = lim.sample(200, names=list("abcdefg"))
    for left, right in (("a", found["b"]), ("e", found["f"]), ("d", 2 * found["a"] - 0.5 * found["e"])):
        np.testing.assert_allclose(found[left], right, atol=1e-12)
    assert np.abs(found["c"]).max() < 1e-13 and np.abs(found["g"]).max() < 1e-13
    assert [side.inputs.shape[1] for side in lim._clouds[0].matrices[0]._sides] == [2, 0]


def test_reuse_of_a_matrix():
    """WWx and Wx uncorrelated; W relu(Wx) and Wx of covariance sigma^2 E relu(Z) E x; a fresh matrix: none."""
    p = tp.Program("reuse")
    W, U, x = p.matrix("W", variance=1.3), p.matrix("U"), p.vector("x", mean=1.0, variance=0.5)
    h = p.name("h", W @ x)
    p.name("a", W @ h), p.name("b", W @ tp.relu(h)), p.name("c", U @ tp.relu(h))
    lim = particles(p, samples=2**14)
    root = np.sqrt(1.3 * 1.5)
    assert lim.cov("a", "h") == pytest.approx(0, abs=1e-13)
    assert lim.cov("b", "h") == pytest.approx(1.3 * root / np.sqrt(2 * np.pi), abs=5e-4)
    assert lim.cov("c", "h") == pytest.approx(0, abs=1e-13)
