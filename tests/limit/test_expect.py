"""V, dV and pair: against published numbers, an independent quadrature, and the laws they must obey."""

from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from tpcore.activations import NAMED, custom, get, hermite, leaky_relu
from tpcore.errors import Misuse
from tpcore.limit import expect

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "G_bivariate_expectations.npz"
SETTINGS = np.array([[1, 1, 0.5], [1, 1, 0.9999], [1, 1, -0.9999], [0.01, 9, 0.3], [9, 9, -0.6], [2.5, 0.4, 0.95]])
# E phi phi at SETTINGS to 17 digits. Source: 30-digit evaluation of the closed forms (relu, step) and of a trapezoid
# rule in rotated coordinates (gelu, tanh, silu), of conditional quadrature in both orders (elu).
NUMBERS = {
    "relu": [0.30449889052211465, 0.49995015005346966, 1.5005346963514777e-07, 0.072411642575323149,
             0.34896405494930677, 0.47668186860268141],
    "step": [1 / 3, 0.49774919045259541, 0.0022508095474045968, 0.29849334201033917, 0.14758361765043329,
             0.44945868794787003],
    "gelu": [0.22729491502199153, 0.42517589886200663, -0.074774101137993362, 0.027451218234420177,
             0.23080530038494163, 0.38416881545817527],
    "tanh": [0.18632441320344809, 0.39424805160844278, -0.39424805160844278, 0.022716199225248555,
             -0.37149666615771770, 0.33656656312039707],
    "silu": [0.18316966308815955, 0.35573757230134867, -0.14421242769865131, 0.025364942840871967,
             0.025504817283240309, 0.32717467169754227],
    "elu": [0.32478364895676243, 0.64487860812734776, -0.52310426806593757, 0.056012084713002550,
            -1.1998101434541206, 0.60242236044654185],
}
CUBE = custom(lambda x: x**3, lambda x: 3 * x**2, name="cube")


def _settings():
    q1, q2, rho = SETTINGS.T
    return q1, q2, rho * np.sqrt(q1 * q2)


def _holds(estimate, exact, rtol=1e-10):
    np.testing.assert_allclose(estimate.value, exact, rtol=rtol)
    assert np.all(np.abs(estimate.value - exact) <= estimate.error + 2e-16 * np.abs(exact)), "error is too small"


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name):
    _holds(expect.pair(name, *_settings()), NUMBERS[name], rtol=1e-12)


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference numbers are not beside this checkout")
def test_reference_for_all_functions_and_derivatives():
    data = np.load(REFERENCE)
    np.testing.assert_allclose(data["v1_v2_rho"], SETTINGS)
    for name, value, slope in zip(data["names"], data["E_phi_phi"], data["E_dphi_dphi"], strict=True):
        phi = {"cube": CUBE, "lrelu0.1": leaky_relu(0.1)}.get(str(name)) or get(str(name))
        _holds(expect.pair(phi, *_settings()), value)
        if not phi.jumps:
            _holds(expect.dpair(phi, *_settings()), slope)
            bare = custom(phi.f, kinks=phi.kinks)
            _holds(expect.pair(bare, *_settings()), value)
            _holds(expect.dpair(bare, *_settings()), slope)


def _nested(f, g, q1, q2, c, m1=0.0, m2=0.0, kinks_f=(), kinks_g=()):
    """E f(u) g(v) by adaptive quadrature of the conditional expectation."""
    s1, slope, rest = np.sqrt(q1), c / q1, np.sqrt(q2 - c * c / q1)
    weight = lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi)  # noqa: E731

    def inner(x):
        centre = m2 + slope * s1 * x
        points = [p for p in ((k - centre) / rest for k in kinks_g) if -9 < p < 9]
        at = lambda y: float(g(np.array(centre + rest * y))) * weight(y)  # noqa: E731
        return quad(at, -9, 9, points=points or None, epsabs=1e-12, epsrel=1e-10, limit=200)[0]

    points = [p for p in ((k - m1) / s1 for k in kinks_f) if -9 < p < 9]
    at = lambda x: float(f(np.array(m1 + s1 * x))) * inner(x) * weight(x)  # noqa: E731
    return quad(at, -9, 9, points=points or None, epsabs=1e-11, epsrel=1e-9, limit=200)[0]


CASES = [*(n for n in NAMED if n != "leaky_relu"), "leaky_relu(0.23)", "leaky_relu(-0.6)", "hermite(3)", "hermite(4)"]


@pytest.mark.parametrize("name", CASES)
def test_pair_against_nested_quadrature(name):
    phi = get(name)
    q1, q2, c = 1.37, 0.62, -0.41
    exact = _nested(phi.f, phi.f, q1, q2, c, 0, 0, phi.kinks, phi.kinks)
    np.testing.assert_allclose(expect.pair(phi, q1, q2, c).value, exact, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("step", "sign")])
def test_slope_is_the_derivative_of_the_value(name):
    """Price's theorem: d/dc E phi(u) phi(v) = E phi'(u) phi'(v)."""
    q1, q2, c, h = 1.37, 0.62, 0.53, 1e-3
    w = np.array([1, -8, 0, 8, -1]) / (12 * h)
    value = expect.pair(name, q1, q2, c + h * np.arange(-2, 3)).value
    np.testing.assert_allclose(expect.dpair(name, q1, q2, c).value, w @ value, rtol=1e-8)


def test_two_functions_and_means():
    relu, tanh = get("relu"), get("tanh")
    args = (1.2, 0.7, 0.5, 0.3, -0.8)
    exact = _nested(relu.f, tanh.f, *args, (0.0,))
    _holds(expect.pair("relu", *args[:3], psi="tanh", m1=0.3, m2=-0.8), exact, rtol=1e-8)
    stein = 0.5 * (1 - expect.one(lambda x: np.tanh(x) ** 2, 0.7).value)
    np.testing.assert_allclose(expect.pair("identity", *args[:3], psi="tanh").value, stein, rtol=1e-12)
    np.testing.assert_allclose(expect.pair("identity", 2.0, 3.0, 1.5, m1=0.5, m2=-2).value, 0.5, rtol=1e-12)


def test_one():
    q, m = np.array([0.01, 1.0, 9.0]), np.array([[0.0], [0.7]])
    np.testing.assert_allclose(expect.one("gauss", q).value, (1 + q) ** -0.5, rtol=1e-14)
    exact = m * np.array([[float(x) for x in row] for row in _normal_cdf(m / np.sqrt(q))])
    exact += np.sqrt(q / (2 * np.pi)) * np.exp(-m * m / (2 * q))
    _holds(expect.one("relu", q, m), exact, rtol=1e-13)
    assert expect.one("cos", 0.0, 1.0).value == pytest.approx(np.cos(1.0), rel=1e-14)


def _normal_cdf(x):
    from scipy.special import ndtr

    return ndtr(x)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rho", [0.0, 1.0, -1.0])
def test_correlations_0_and_1(name, rho):
    phi, q = get(name), 1.7
    if rho == 0:
        exact = expect.one(phi, q).value ** 2
    else:
        both = custom(lambda x: phi.f(x) * phi.f(rho * x), kinks=phi.kinks)
        exact = expect.one(both, q).value
    np.testing.assert_allclose(expect.pair(phi, q, q, rho * q).value, exact, rtol=1e-10, atol=1e-14)


def test_kinks_away_from_zero():
    clip = custom(lambda x: np.clip(x, -0.5, 1.2), kinks=(-0.5, 1.2))
    q1, q2 = 1.3, 0.8
    for rho in (0.3, 0.9999, -0.97):
        c = rho * np.sqrt(q1 * q2)
        density = expect.pair(clip, q1, q2, c)
        other = custom(lambda x: x - np.maximum(x - 1.2, 0) + np.maximum(-0.5 - x, 0), kinks=(-0.5, 1.2))
        exact = _nested(clip.f, clip.f, q1, q2, c, 0, 0, clip.kinks, clip.kinks) if abs(rho) < 0.9 else None
        if exact is not None:
            _holds(density, exact, rtol=1e-9)
        np.testing.assert_allclose(density.value, expect.pair(other, q1, q2, c).value, rtol=1e-13)
        assert density.error < 1e-10
    inside = expect.dpair(custom(clip.f, lambda x: 1.0 * ((x > -0.5) & (x < 1.2)), kinks=clip.kinks), 1.0, 1.0, 1.0)
    assert inside.value == pytest.approx(_normal_cdf(1.2) - _normal_cdf(-0.5), rel=1e-12)


def test_unknown_kink_is_told_in_the_error():
    blind = custom(lambda x: np.abs(x - 0.3))
    known = expect.pair(custom(lambda x: np.abs(x - 0.3), kinks=(0.3,)), 1.0, 2.0, 0.7)
    got = expect.pair(blind, 1.0, 2.0, 0.7)
    assert abs(got.value - known.value) <= got.error and got.error > 1e-8 > known.error


def _grams(seed=0, n=60):
    """Gram matrices of rank 5 with duplicates, opposites, multiples and a zero."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5)) * rng.uniform(0.1, 3, (n, 1))
    x[7], x[20], x[11], x[4], x[19] = x[3], x[3], -x[9], 0.0, 2 * x[12]
    return x @ x.T


@pytest.mark.parametrize("name", [*CASES, "custom"])
def test_gram_is_pairwise_symmetric_and_positive(name):
    phi = custom(np.arctan) if name == "custom" else get(name)
    n = 24 if name == "elu" else 60
    sigma = _grams(n=n)
    v = expect.V(phi, sigma)
    assert np.array_equal(v, v.T) and v.error < 1e-9 * np.abs(v).max()
    eigenvalues = np.linalg.eigvalsh(v)
    assert eigenvalues[0] >= -1e-10 * eigenvalues[-1]
    i, j = np.random.default_rng(1).integers(0, n, (2, 12))
    q = np.diagonal(sigma)
    pairs = expect.pair(phi, q[i], q[j], sigma[i, j])
    np.testing.assert_allclose(v[i, j], pairs.value, rtol=1e-10, atol=1e-11 * np.abs(v).max())
    if not phi.jumps:
        v2, d = expect.V_dV(phi, sigma)
        assert np.array_equal(v, v2) and np.array_equal(d, expect.dV(phi, sigma)) and np.array_equal(d, d.T)
        pairs = expect.dpair(phi, q[i], q[j], sigma[i, j])
        np.testing.assert_allclose(d[i, j], pairs.value, rtol=1e-9, atol=1e-10 * np.abs(d).max())


def test_series_at_equal_and_at_all_different_variances():
    sigma = _grams(3)
    scale = np.sqrt(np.maximum(np.diagonal(sigma), 1e-12))
    for s in (sigma, sigma / np.outer(scale, scale)):
        exact = expect.V("erf", s)
        by_series = expect.V(custom(get("erf").f), s)
        assert (exact.method, by_series.method) == ("closed form", "series")
        np.testing.assert_allclose(by_series, exact, rtol=0, atol=2e-14)


def test_table_for_many_kinked_pairs():
    """Nearly all correlations above 0.99, where the series of a kinked function would be long."""
    sigma = 0.004 * _grams(4, n=130) + 1.7
    relu = custom(get("relu").f, kinks=(0.0,))
    by_table = expect.V(relu, sigma)
    assert by_table.method == "table"
    exact = expect.V("relu", sigma)
    assert np.abs(by_table - exact).max() <= by_table.error + exact.error < 1e-9


def test_stacks_sizes_and_large_variances():
    sigma = np.stack([_grams(5), _grams(6)])[None]
    v = expect.V("gelu", sigma)
    assert v.shape == (1, 2, 60, 60) and np.array_equal(v[0, 1], expect.V("gelu", sigma[0, 1]))
    small = expect.V("gelu", sigma[..., :3, :3])
    np.testing.assert_allclose(small, v[..., :3, :3], rtol=1e-14)
    assert expect.V("relu", np.zeros((0, 0))).shape == (0, 0) and expect.V("relu", [[2.0]])[0, 0] == 1.0
    steep = expect.V("tanh", 40 * _grams(7)[:10, :10] + 1e-3)
    reference = expect.pair("tanh", *(x.reshape(()) for x in np.array([40.0, 40.0, 30.0])))
    assert np.isfinite(steep).all() and reference.error < 1e-9


def test_zero_variances():
    sigma = np.array([[0.0, 0.0], [0.0, 2.0]])
    for name in CASES:
        phi = get(name)
        v = expect.V(phi, sigma)
        at0, mean = float(phi.f(0.0)), expect.one(phi, 2.0).value
        np.testing.assert_allclose(v[0], [at0**2, at0 * mean], atol=1e-14)
        if not phi.jumps:
            assert np.isfinite(expect.dV(phi, sigma)).all()
    np.testing.assert_allclose(expect.dV("relu", sigma), [[0.25, 0.25], [0.25, 0.5]])
    np.testing.assert_allclose(expect.dV("tanh", sigma)[0, 0], 1.0, rtol=1e-12)


def test_methods_are_told():
    assert expect.pair("gelu", 1, 1, 0.5).method == "closed form"
    assert expect.pair("tanh", 1, 1, 0.5).method == "series"
    assert expect.pair("elu", 1, 1, 0.5).method == "quadrature"
    assert expect.V("relu", np.eye(60)).method == "closed form"
    result = expect.pair("relu", 1.0, [1.0, 2.0], 0.3)
    assert result.shape == (2,) and result.error.shape == (2,) and float(result[0]) == result.value[0]
    assert type(expect.V("relu", np.eye(2)) * 2) is np.ndarray


@pytest.mark.parametrize("name", ["step", "sign"])
def test_no_derivative_of_jumps(name):
    for call in (lambda: expect.dV(name, np.eye(2)), lambda: expect.V_dV(name, np.eye(2)),
                 lambda: expect.dpair(name, 1, 1, 0.5)):
        with pytest.raises(Misuse, match="derivative in the ordinary sense"):
            call()


BAD = [[[1, 2], [2, 1]], [[-1, 0], [0, 1]], [[1, np.nan], [np.nan, 1]], [[1, 0.5], [0.4, 1]], [[0, 1], [1, 1]]]


@pytest.mark.parametrize("sigma", [*BAD, np.ones((2, 3)), [1.0], [["a"]]])
def test_invalid_covariances_are_refused(sigma):
    with pytest.raises(Misuse):
        expect.V("relu", sigma)
    if np.shape(sigma) == (2, 2) and sigma[0][1] == sigma[1][0]:
        with pytest.raises(Misuse):
            expect.pair("tanh", sigma[0][0], sigma[1][1], sigma[0][1])


def test_rounding_beyond_one_is_not_refused():
    c = np.nextafter(3.0, 4.0)
    assert expect.pair("relu", 3.0, 3.0, c).value == pytest.approx(1.5, rel=1e-14)
    assert expect.V("abs", [[3.0, -c], [-c, 3.0]])[0, 1] == pytest.approx(3.0, rel=1e-14)
    assert expect.dpair("relu", 3.0, 3.0, 3.0 - 4e-16).value == 0.5


def test_hermite_orthogonality():
    assert expect.pair(hermite(3), 1, 1, 0.4).value == pytest.approx(6 * 0.4**3, rel=1e-14)
    assert expect.dpair(hermite(3), 1, 1, 0.4).value == pytest.approx(3 * 6 * 0.4**2, rel=1e-14)
    assert abs(expect.pair(hermite(3), 1, 1, 0.4, psi=hermite(5)).value) < 1e-13
