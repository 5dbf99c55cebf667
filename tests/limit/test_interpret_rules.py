"""The rules of the interpreter one by one: exact cases, singular cases, refusals."""

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.stats import norm

import tpcore as tp
from tpcore.errors import Misuse, ProgramError
from tpcore.limit.interpret import limit
from tpcore.limit.kinks import kinks
from tpcore.limit.recognize import Block


def normal(f, variance=1.0, mean=0.0):
    s = np.sqrt(variance)
    return quad(lambda z: f(mean + s * z) * norm.pdf(z), -12, 12, epsabs=1e-13, limit=400, points=[-mean / s])[0]


def test_reuse_of_a_matrix():
    """Cov(WWx, Wx) = 0; W relu(Wx) and Wx have correlation 0.40 at E x = Var x = 1, and 0 with a fresh matrix."""
    prog = tp.Program("reuse")
    x = prog.vector("x", mean=1.0, variance=1.0)
    W, V = prog.matrix("W", variance=1.0), prog.matrix("V", variance=1.0)
    y = prog.name("y", W @ x)
    prog.name("ww", W @ y)
    prog.name("vw", V @ y)
    prog.name("z", W @ tp.relu(y))
    prog.name("fresh", V @ tp.relu(y))
    lim = limit(prog)
    assert lim.cov("ww", "y") == 0 and lim.cov("vw", "y") == 0
    assert lim.cov("ww") == pytest.approx(2.0, rel=1e-15)
    assert lim.corr("z", "y") == pytest.approx(0.3989422804014327, rel=1e-12)
    assert lim.corr("fresh", "y") == 0
    assert lim.corr("z", "z") == pytest.approx(1.0)
    assert lim.cov("z", "ww") == pytest.approx(1.0, rel=1e-12), "E relu(y) y = Var(y)/2"


def test_nonzero_means_reach_the_images():
    prog = tp.Program("means")
    x, y = prog.vectors("x y", mean=[0.5, -1.2], cov=[[1.5, 0.7], [0.7, 0.6]])
    W = prog.matrix("W", variance=1.3)
    prog.name("a", W @ x)
    prog.name("b", W @ (2 * x - y))
    prog.name("r", W @ tp.relu(x))
    prog.name("t", tp.tanh(x))
    lim = limit(prog)
    assert lim.cov("a") == pytest.approx(1.3 * (1.5 + 0.25), rel=1e-14)
    assert lim.cov("a", "b") == pytest.approx(1.3 * (2 * 1.75 - (0.7 - 0.6)), rel=1e-14)
    assert lim.cov("r") == pytest.approx(1.3 * normal(lambda s: max(s, 0) ** 2, 1.5, 0.5), rel=1e-10)
    assert lim.cov("a", "r") == pytest.approx(1.3 * normal(lambda s: s * max(s, 0), 1.5, 0.5), rel=1e-10)
    assert lim.mean("t") == pytest.approx(normal(np.tanh, 1.5, 0.5), rel=1e-10)
    slope = 0.7 / 1.5
    assert lim.cov("t", "y") == pytest.approx(slope * normal(lambda s: np.tanh(s) * (s - 0.5), 1.5, 0.5), rel=1e-9)


def test_duplicates_zero_vectors_and_constants_are_exact():
    prog = tp.Program("singular")
    x = prog.block("x", [0.3, 0.3, 0.0, 2.0], np.pad(np.ones((2, 2)), (0, 2)) * 1.7)
    W, v = prog.matrix("W"), prog.vector("v")
    h = prog.name("h", W @ x)
    prog.name("c", tp.nonlin(lambda s: np.full_like(s, 3.0), x[0]))
    prog.output("f", v, tp.relu(h))
    lim = limit(prog)
    second = np.outer([0.3, 0.3, 0, 2.0], [0.3, 0.3, 0, 2.0])
    second[:2, :2] += 1.7
    np.testing.assert_allclose(lim.cov("h"), second, rtol=1e-14)
    np.testing.assert_array_equal(lim.kernel()[2], np.zeros(4))
    assert lim.kernel()[0, 1] == pytest.approx(lim.kernel()[0, 0], rel=1e-14)
    assert (lim.mean("c"), lim.cov("c")) == (3.0, 0.0)
    np.testing.assert_array_equal(lim.cov("c", "x"), np.zeros(4))


def test_blocks_are_their_columns():
    """Mix, Reshape, Stack, sums over axes: against the same program column by column."""
    S = np.random.default_rng(2).normal(size=(6, 6))
    S = S @ S.T / 6
    prog = tp.Program("blocks")
    X = prog.block("X", np.arange(6) / 6, S, shape=(2, 3))
    M = np.random.default_rng(3).normal(size=(3, 2))
    r = tp.relu(X)
    prog.name("mixed", r @ M)
    prog.name("picked", r[1, ::-1])
    prog.name("joined", tp.stack([r[0], X[1]], new_axis=False))
    prog.name("average", r.mean(axis=0))
    prog.name("r", 1 * r)
    lim = limit(prog)
    C, m = lim.cov("r").reshape(6, 6), lim.mean("r").reshape(6)
    A = np.kron(np.eye(2), M.T)
    np.testing.assert_allclose(lim.cov("mixed").reshape(4, 4), A @ C @ A.T, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(lim.mean("mixed").ravel(), A @ m, rtol=1e-11)
    np.testing.assert_allclose(lim.cov("picked"), C[3:, 3:][::-1, ::-1], rtol=1e-13)
    P = np.kron([[0.5, 0.5]], np.eye(3))
    np.testing.assert_allclose(lim.cov("average"), P @ C @ P.T, rtol=1e-11, atol=1e-13)
    assert lim.cov("joined").shape == (6, 6)
    np.testing.assert_allclose(lim.cov("joined")[3:, 3:], S[3:, 3:], rtol=1e-14)
    q, mu = S[0, 0], 0.0
    stein = normal(lambda s: max(s, 0) * (s - mu), q, mu) / q
    np.testing.assert_allclose(lim.cov("joined")[0, 3:], stein * S[0, 3:], rtol=1e-10, atol=1e-13)


def test_products_are_taken_apart():
    """s tanh(t) with (s, s') independent of (t, t'): E s s' E tanh tanh', though four Gaussians are involved."""
    prog = tp.Program("products")
    s, t = prog.block("s", 0, [[1.3, 0.4], [0.4, 0.9]]), prog.block("t", 0.2, [[0.8, -0.3], [-0.3, 1.1]])
    prog.name("a", tp.nonlin(lambda a, b: a * np.tanh(b), s, t))
    prog.name("p", s**2 + 0.5 * s)
    lim = limit(prog)
    f = lambda y, x: np.tanh(x) * np.tanh(y) * density([x - 0.2, y - 0.2], [[0.8, -0.3], [-0.3, 1.1]])  # noqa: E731
    both = dblquad(f, -9, 9, -9, 9, epsabs=1e-9)[0]
    assert lim.cov("a")[0, 1] == pytest.approx(0.4 * both, rel=1e-6)
    assert lim.cov("p")[0, 1] == pytest.approx(2 * 0.4**2 + 0.25 * 0.4, rel=1e-13), "Wick"
    assert lim.method("p") == "exact"
    assert lim.error("a") < 1e-10


def density(x, cov):
    cov = np.asarray(cov)
    return np.exp(-0.5 * np.asarray(x) @ np.linalg.solve(cov, x)) / (2 * np.pi * np.sqrt(np.linalg.det(cov)))


def test_a_users_function_is_as_good_as_a_named_one():
    S = np.random.default_rng(5).normal(size=(3, 3))
    S = S @ S.T / 2
    cases = {"relu": lambda s: np.maximum(s, 0), "tanh": np.tanh, "step": lambda s: np.where(s > 0, 1.0, 0)}
    for name, user in cases.items():
        prog = tp.Program("user")
        x = prog.block("x", 0, S)
        W = prog.matrix("W", variance=1.3)
        prog.name("a", W @ tp.nonlin(user, x))
        prog.name("b", W @ getattr(tp, name)(x))
        lim = limit(prog)
        np.testing.assert_allclose(lim.cov("a"), lim.cov("b"), rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(lim.cov("a", "b"), lim.cov("b"), rtol=1e-8, atol=1e-10)


def test_expect():
    prog = tp.Program("expect")
    u, v, w = prog.vectors("u v w", mean=[0.3, -0.2, 0.1], cov=[[1.2, 0.3, -0.2], [0.3, 0.7, 0.1], [-0.2, 0.1, 0.9]])
    r = prog.name("r", tp.relu(u))
    lim = limit(prog)
    e = lim.expect(lambda s, t: s * t, "u", v)
    assert e.value == pytest.approx(0.3 - 0.06, rel=1e-14) and e.method == "exact"
    e = lim.expect(lambda a, b, c: np.exp(0.3 * a - 0.2 * b + 0.5 * c), u, v, w)
    k = np.array([0.3, -0.2, 0.5])
    cov, mean = lim.cov, np.array([0.3, -0.2, 0.1])
    sigma = np.array([[cov(a, b) for b in "uvw"] for a in "uvw"])
    assert e.value == pytest.approx(np.exp(k @ mean + k @ sigma @ k / 2), rel=1e-9)
    assert abs(e.value - np.exp(k @ mean + k @ sigma @ k / 2)) < 10 * e.error + 1e-13
    assert lim.expect(lambda s: s > 1, "u").value == pytest.approx(norm.sf((1 - 0.3) / np.sqrt(1.2)), rel=1e-10)
    assert lim.expect(lambda s: s**2, r).value == pytest.approx(normal(lambda s: max(s, 0) ** 2, 1.2, 0.3), rel=1e-10)
    assert lim.expect(tp.tanh, "u").value == pytest.approx(normal(np.tanh, 1.2, 0.3), rel=1e-10)
    assert lim.expect("tanh", "u").value == lim.expect(tp.tanh, "u").value
    with pytest.raises(Misuse, match="Did you mean 'tanh'"):
        lim.expect("tahn", "u")


def test_three_kinks_meet_samples():
    prog = tp.Program("kinks")
    mean, cov = [0.3, -0.2, 0.1], np.array([[1.2, 0.6, -0.4], [0.6, 0.9, 0.1], [-0.4, 0.1, 1.1]])
    a, b, c = (tp.relu(g) for g in prog.vectors("u v w", mean=mean, cov=cov))
    lim = limit(prog)
    e = lim.expect(lambda x, y, z: x * y * z, a, b, c)
    draws = np.maximum(np.random.default_rng(1).multivariate_normal(mean, cov, size=1_000_000), 0).prod(axis=1)
    assert abs(draws.mean() - e.value) < 4.5 * draws.std() / 1000
    assert e.error < 1e-9


def test_sample_has_the_covariance():
    prog = tp.Program("sample")
    x = prog.block("x", [0.5, 0.0], [[1.0, 0.8], [0.8, 1.0]])
    W = prog.matrix("W", variance=1.4)
    prog.name("g", W @ tp.relu(x))
    prog.name("h", tp.tanh(W @ tp.abs(prog["g"])) * x)
    lim = limit(prog)
    draws = lim.sample(200_000, seed=3)
    assert draws["h"].shape == (200_000, 2) and set(lim.sample(3, names=["g"])) == {"g"}
    for a in ("x", "g", "h"):
        for b in ("x", "g", "h"):
            one, two = draws[a] - lim.mean(a), draws[b] - lim.mean(b)
            products = one[:, :, None] * two[:, None, :]
            z = (products.mean(axis=0) - lim.cov(a, b)) / (products.std(axis=0) / np.sqrt(len(one)))
            assert np.abs(z).max() < 4.5
    np.testing.assert_array_equal(draws["g"], lim.sample(200_000, seed=3)["g"])


def test_rectangular_matrices_take_the_mean_over_their_columns():
    prog = tp.Program("dims")
    x = prog.vector("x", mean=0.4, variance=1.5, dim=2.0)
    W = prog.matrix("W", variance=1.3, rows=0.5, cols=2.0)
    prog.name("y", W @ x)
    assert limit(prog).cov("y") == pytest.approx(1.3 * (1.5 + 0.16), rel=1e-14)


def test_refusals_in_words():
    prog = tp.Program("zero")
    x = prog.vector("x", variance=0.0)
    q = tp.moment(x * x)
    tp.nonlin(lambda s, d: s / np.sqrt(d), x, params=[q])
    with pytest.raises(Misuse, match="finite in the limit"):
        limit(prog)

    prog = tp.Program("infinite")
    x = prog.vector("x")
    lim = limit(prog)
    with pytest.raises(Misuse, match="finite.*exp"):
        lim.expect(lambda s: np.exp(s * s), x)
    steep = tp.Program("steep")
    steep.matrix("W") @ tp.nonlin(lambda s: np.exp(0.3 * s * s), steep.vector("x"))
    with pytest.raises(Misuse, match="finite.*exp"):
        limit(steep)
    with pytest.raises(Misuse, match="C-var"):
        lim.scalar("x")
    with pytest.raises(ProgramError, match="variable of that name"):
        lim.mean("nothing")
    with pytest.raises(Misuse, match="outputs"):
        lim.kernel()
    constant = 2 * prog.vector("zero", variance=0.0)
    with pytest.raises(Misuse, match="limit is taken"):
        lim.mean(constant)
    with pytest.raises(Misuse, match="positive variance"):
        limit(prog).corr("zero", "x")
    for wrong in ({"seed": -1}, {"samples": 2}, {"tol": 0.0}):
        with pytest.raises(Misuse):
            limit(prog, **wrong)


def test_accuracy_is_said():
    prog = tp.Program("rough")
    x, y = prog.vectors("x y", mean=[0, 0], cov=[[1.0, 0.3], [0.3, 1.0]])
    prog.name("a", tp.moment(lambda s, t: np.sign(s + 0.3 * t + 0.1) * np.sign(t - 0.2 * s * s), x, y))
    lim = limit(prog, tol=1e-12)
    assert any("above the tolerance 1e-12" in note for note in lim.notes)
    assert any("taken at its word" in note for note in lim.notes)
    fine = tp.Program("fine")
    fine.name("m", tp.moment(tp.tanh(fine.vector("x", mean=0.5))))
    assert limit(fine, tol=1e-10).notes == [] and limit(fine).error("m") < 1e-12


def test_gaussian_factors_are_integrated_out_given_the_others():
    """E u v cos w = (C_uv - C_uw C_vw) exp(-C_ww/2) for centred Gaussians: one opaque factor, two Gaussian ones."""
    cov = np.array([[1.2, 0.6, -0.4], [0.6, 0.9, 0.3], [-0.4, 0.3, 1.1]])
    prog = tp.Program("wick")
    u, v, w = prog.vectors("u v w", cov=cov)
    lim = limit(prog)
    e = lim.expect(lambda x, y, z: x * y * np.cos(z), u, v, w)
    assert e.value == pytest.approx((0.6 + 0.4 * 0.3) * np.exp(-1.1 / 2), rel=1e-13)
    e = lim.expect(lambda x, y, z: x**2 * y * np.sin(z), u, v, w)
    assert e.value == pytest.approx((1.2 * 0.3 + 2 * 0.6 * -0.4 - 0.16 * 0.3) * np.exp(-1.1 / 2), rel=1e-12)


def test_kinks_of_a_users_function_are_found():
    def found(f):
        return kinks(Block(f, [], [()], (), "f"))[0]

    np.testing.assert_allclose(found(lambda s: np.clip(s, -0.3, 1.234)), [-0.3, 1.234], atol=1e-8)
    np.testing.assert_allclose(found(lambda s: np.where(s > 0.5, np.sin(s), np.exp(-s * s))), [0.5], atol=1e-8)
    np.testing.assert_allclose(found(np.abs), [0.0], atol=1e-8)
    for smooth in (np.tanh, np.exp, lambda s: np.sin(9 * s), lambda s: s**3):
        assert len(found(smooth)) == 0


def test_parameters_may_differ_by_column():
    """clip at a C-var of its own for every vector of a block: kinks at different places."""
    prog = tp.Program("columns")
    S = np.array([[1.3, 0.5], [0.5, 0.8]])
    x = prog.block("x", 0, S)
    q = tp.moment(x * x)
    prog.name("y", prog.matrix("W") @ tp.nonlin(lambda s, c: np.minimum(s, c), x, params=[q]))
    cov = limit(prog).cov("y")
    for i in range(2):
        s = np.sqrt(S[i, i])
        exact = quad(lambda z, s=s: min(s * z, s * s) ** 2 * norm.pdf(z), -12, 12, points=[s], epsabs=1e-13)[0]
        assert cov[i, i] == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("function, at, flagged", [
    (np.sign, 0.0, True), (np.floor, 2.0, True), (np.sign, 0.3, False), (np.abs, 0.0, False), (np.sqrt, 0.0, False)])
def test_a_function_that_jumps_at_its_limit_is_flagged(function, at, flagged):
    """<W x, x> / n tends to 0 from both sides: its sign has no limit."""
    p = tp.Program("jump")
    W, x = p.matrix("W"), p.vector("x", variance=2.0)
    p.name("c", tp.scalar(lambda m: function(m + at), tp.inner(W @ x, x)))
    lim = tp.limit(p)
    assert lim.scalar("c") == function(at) and any("it jumps there" in note for note in lim.notes) == flagged


@pytest.mark.parametrize("function, at, flagged", [
    ("step", 0.0, True), (np.floor, 2.0, True), ("step", 0.3, False), ("relu", 0.0, False)])
def test_a_jump_where_a_vector_cancels_is_flagged(function, at, flagged):
    """W (x + u) - W x - W u is 0 but for rounding, of either sign: half of its steps are 1 at any width."""
    p = tp.Program("cancelled")
    W, x, u = p.matrix("W"), p.vector("x", variance=2.0), p.vector("u")
    h = W @ (x + u) - W @ x - W @ u + at
    p.name("c", tp.moment(lambda y: y, tp.nonlin(function, h)))
    assert any("it jumps there" in note for note in tp.limit(p).notes) == flagged


@pytest.mark.parametrize("at, flagged", [(0.0, True), (0.7, False)])
def test_beside_a_vector_that_varies_a_jump_is_flagged(at, flagged):
    """sign(h + at) z^2 with h = 0 in the limit."""
    p = tp.Program("beside")
    W, x, u = p.matrix("W"), p.vector("x"), p.vector("u")
    h = W @ (x + u) - W @ x - W @ u
    p.name("c", tp.moment(lambda y, z: np.sign(y + at) * z**2, h, W @ x))
    assert any("it jumps there" in note for note in tp.limit(p).notes) == flagged


def test_a_vector_that_is_not_constant_is_not_flagged_at_its_jump():
    p = tp.Program("apart")
    W, x, u = p.matrix("W"), p.vector("x"), p.vector("u")
    p.name("c", tp.moment(lambda y: y, tp.nonlin("step", W @ (x + 1e-3 * u) - W @ x)))
    lim = tp.limit(p)
    assert not lim.notes and lim.scalar("c") == pytest.approx(0.5, abs=1e-9)
