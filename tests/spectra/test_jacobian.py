"""The law of a network's Jacobian: reference moments, closed mean and variance, real networks, every option."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from tests.spectra.every_law import check_law
from tpcore.activations import custom
from tpcore.activations.prime import prime
from tpcore.errors import Misuse
from tpcore.nets import MLP, ResNet
from tpcore.spectra.laws import PointMass, jacobian, marchenko_pastur, product, singular_values

# (phi, sigma_w^2, sigma_b^2, depth): q*, moments 1 to 4 at q*, those from |x|^2 / n = 1. Independent values, set H.
REFERENCE = {
    ("erf", 1.2, 0.05, 1): (0.40386412, (0.94475155, 2.02747663, 5.53503096, 17.02016184), (0.62375744, 1.09293351)),
    ("erf", 1.2, 0.05, 3): (0.40386412, (0.84324319, 3.42348193, 19.33294048, 126.72972355), (0.43780148, 1.07527666)),
}


def net_of(phi, square, bias, depth) -> MLP:
    return MLP(int(depth), str(phi), np.sqrt(square), np.sqrt(bias))


def spectrum(net: MLP, q0: float, n: int, seed: int, orthogonal: bool = False) -> np.ndarray:
    """Squared singular values of one network's Jacobian."""
    rng, slope, J = np.random.default_rng(seed), prime(net.phi), np.eye(n)
    x = rng.standard_normal(n)
    x *= np.sqrt(n * q0) / np.linalg.norm(x)
    for _ in range(net.depth):
        W = stats.ortho_group.rvs(n, random_state=rng) if orthogonal else rng.standard_normal((n, n)) / np.sqrt(n)
        h = net.sigma_w * W @ x + np.sqrt(net.bias_variance) * rng.standard_normal(n)
        J, x = slope.f(h)[:, None] * (net.sigma_w * W @ J), net.phi.f(h)
    return np.linalg.svd(J, compute_uv=False) ** 2


@pytest.mark.parametrize("case", REFERENCE)
def test_moments_and_fixed_points_equal_reference_values(case):
    q, fixed, moved = REFERENCE[case]
    law, other = jacobian(net_of(*case)), jacobian(net_of(*case), q0=1.0)
    assert law.variances[0] == pytest.approx(q, rel=2e-8)
    assert [law.moment(k) for k in (1, 2, 3, 4)] == pytest.approx(fixed, rel=2e-8)
    assert [other.moment(k) for k in (1, 2)] == pytest.approx(moved, rel=2e-8)


def test_the_whole_reference_table(reference):
    data = reference("H_random_matrices.npz")
    rows = zip(*(data[k] for k in ("jac_activation", "jac_vw_vb_L", "jac_qstar", "jac_moments_1_4_fixedpoint",
                                   "jac_moments_1_4_from_q0_1")), strict=True)  # fmt: skip
    for phi, (square, bias, depth), q, fixed, moved in rows:
        net = net_of(phi, square, bias, depth)
        law, other = jacobian(net), jacobian(net, q0=1.0)
        assert law.variances[0] == pytest.approx(q, rel=1e-10)
        assert [law.moment(k) for k in (1, 2, 3, 4)] == pytest.approx(fixed, rel=1e-8)
        assert [other.moment(k) for k in (1, 2, 3, 4)] == pytest.approx(moved, rel=1e-8)


CASES = [
    (("tanh", 1.7, 0.04, 4), "gaussian"),
    (("relu", 2.1, 0.0, 1), "gaussian"),
    (("relu", 1.9, 0.1, 3), "orthogonal"),
    (("leaky_relu(0.1)", 1.9, 0.1, 1), "gaussian"),
    (("gelu", 1.9, 0.1, 2), "gaussian"),
    (("tanh", 1.1, 0.01, 6), "orthogonal"),
    (("elu", 1.4, 0.02, 3), "orthogonal"),
    (("erf", 1.5, 0.05, 1), "orthogonal"),
]


@pytest.mark.parametrize("case, weights", CASES, ids=[f"{c[0]} {c[3]} {w}" for c, w in CASES])
def test_laws_and_their_means_and_variances(case, weights):
    law = jacobian(net_of(*case), weights=weights)
    assert law.error < 2e-7
    check_law(law, tolerance=1e-6 if case[3] == 1 and weights == "orthogonal" else 1e-7, mass=2e-7)
    square, depth, q = case[1], case[3], law.variances[0]
    slope = prime(net_of(*case).phi)
    mean = [integrate.quad(lambda g, k=k: slope.f(np.array([np.sqrt(q) * g]))[0] ** (2 * k) * stats.norm.pdf(g),
                           -9, 9, points=[0], limit=200)[0] for k in (1, 2)]  # fmt: skip
    chi = square * mean[0]
    assert law.chi == pytest.approx([chi] * depth, rel=1e-9) and law.moment(1) == pytest.approx(chi**depth, rel=1e-7)
    variance = depth * chi ** (2 * depth) * (mean[1] / mean[0] ** 2 - (weights == "orthogonal"))
    assert law.moment(2) - law.moment(1) ** 2 == pytest.approx(variance, rel=1e-6)


@pytest.mark.parametrize("case, weights", CASES, ids=[f"{c[0]} {c[3]} {w}" for c, w in CASES])
def test_networks_follow_the_law(case, weights):
    net = net_of(*case)
    law = jacobian(net, q0=0.8, weights=weights)
    n, draws = 200, 2
    values = np.concatenate([spectrum(net, 0.8, n, seed, weights == "orthogonal") for seed in range(draws)])
    values[values < 1e-25] = 0
    grid = law.quantile(np.linspace(0.02, 0.98, 60)) * (1 + 1e-9)

    def gap(law) -> float:
        return np.abs(np.searchsorted(np.sort(values), grid, side="right") / values.size - law.cdf(grid)).max()

    # relu's share of dead units and the width of each layer fluctuate by 1 / sqrt(n)
    assert gap(law) < (0.08 if "relu" in case[0] else 0.05)
    if "relu" not in case[0]:
        assert gap(jacobian(net_of(case[0], 1.6 * case[1], case[2], case[3]), q0=0.8, weights=weights)) > 0.06


def test_linear_networks_are_products():
    x = np.array([0.1, 0.9, 3.3])
    assert np.allclose(jacobian(MLP(3, "identity", 1.2)).pdf(x), product(3, 1.2).pdf(x))
    assert np.allclose(jacobian(MLP(1, "abs", 0.9)).cdf(x), marchenko_pastur(1, 0.9).cdf(x), atol=1e-12)
    assert jacobian(MLP(4, "identity", 1.1), weights="orthogonal").atoms == ((pytest.approx(1.1**8), 1.0),)
    # without biases the variance of tanh at sigma_w <= 1 goes to 0, and the network is linear
    law = jacobian(MLP(2, "tanh", 0.9))
    assert law.variances.tolist() == [0, 0] and np.allclose(law.cdf(x), product(2, 0.9).cdf(x))


def test_relu_by_hand():
    # one layer: half the rows of a Gaussian matrix
    law, x = jacobian(MLP(1, "relu", 1.3)), np.array([0.1, 0.5, 2.0, 4.4])
    assert law.atoms == ((0.0, pytest.approx(0.5)),)
    assert np.allclose(law.cdf(x), 0.5 + 0.5 * marchenko_pastur(0.5, 1.3).cdf(x), atol=1e-9)
    # two layers, orthogonal: a product of two free projections
    law = jacobian(MLP(2, "relu", 1.3), weights="orthogonal")
    y = np.array([0.02, 0.3, 0.8])
    assert np.allclose(law.cdf(1.3**4 * y), 0.5 + np.arcsin(np.sqrt(y)) / np.pi, atol=1e-9)


def test_hard_tanh_keeps_an_atom():
    hard = custom(lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1) * 1.0, kinks=(-1.0, 1.0))
    law = jacobian(MLP(3, hard, 1.0), q0=0.4, weights="orthogonal")
    alive = [2 * stats.norm.cdf(1 / np.sqrt(q)) - 1 for q in law.variances]
    assert dict(law.atoms)[max(at for at, _ in law.atoms)] == pytest.approx(sum(alive) - 2, rel=1e-9)
    assert law.atoms[0] == (0.0, pytest.approx(1 - min(alive))) and law.moment(0) == pytest.approx(1, abs=1e-8)
    check_law(law, tolerance=1e-7, mass=1e-7)


def test_deep_isometry_and_singular_values():
    law = jacobian(MLP(64, "tanh", 1.01, 0.01), weights="orthogonal")
    assert 0.05 < law.support[0] < law.support[1] < 1.2 and law.error < 1e-6
    roots = singular_values(law)
    assert roots.moment(2) == pytest.approx(law.moment(1), rel=1e-7) and roots.support[1] == np.sqrt(law.support[1])
    gaussian = jacobian(MLP(64, "tanh", 1.01, 0.01))
    assert gaussian.support[1] > 100 * law.support[1]


def test_every_point_converges():
    """Points next to 0, whose mass is that of zeros of phi', and beside an edge."""
    for net, q0 in ((MLP(3, "silu", 1.39, 0.0916), 1.0), (MLP(5, "gelu", 0.512, 0.0248), 0.1)):
        law = jacobian(net, q0, "orthogonal")
        assert law.error < 1e-8 and law.moment(0) == pytest.approx(1, abs=1e-8)
        assert law.moment(1) == pytest.approx(np.prod(law.chi), rel=2e-8)


def test_slopes_of_wide_layers():
    """At variance 1,000 GELU's slope is nearly 0 on the left, over hundreds of orders of magnitude."""
    net = MLP(2, "gelu", 1.0)
    law = jacobian(net, 1000.0, "orthogonal")
    values = np.concatenate([spectrum(net, 1000.0, 300, seed, True) for seed in range(2)])
    (at, mass), *others = law.atoms
    assert at == 0 and not others and 0.3 < mass < 0.5
    assert law.error < 1e-3 and law.moment(0) == pytest.approx(1, abs=1e-3)
    for x in (1e-20, 1e-6, 0.01, 0.5, 0.95):
        assert law.cdf(x) == pytest.approx((values <= x).mean(), abs=0.03)
    # and what lies below all doubles
    law = jacobian(MLP(32, "erf", 2.2, 0.3), 0.1)
    assert law.error < 1e-6 and law.cdf(0) == law.atoms[0][1] > 0.02 and law.moment(0) == pytest.approx(1, abs=1e-6)


def test_variance_zero_and_refusals():
    assert isinstance(jacobian(MLP(3, "tanh", 0.0, 0.2)), PointMass)
    with pytest.raises(Misuse, match="grows without end.*Give q0"):
        jacobian(MLP(2, "gelu", 3.0))
    assert jacobian(MLP(2, "gelu", 3.0), q0=1.0).moment(0) == pytest.approx(1, abs=2e-5)
    with pytest.raises(Misuse, match="jumps at 0"):
        jacobian(MLP(2, "sign", 1.0))
    with pytest.raises(Misuse, match="known for an MLP"):
        jacobian(ResNet(2, "relu"))
    with pytest.raises(Misuse, match="Did you mean 'orthogonal'"):
        jacobian(MLP(2), weights="orthogonale")
    with pytest.raises(Misuse, match="q0, the mean square"):
        jacobian(MLP(2), q0=-1)


@pytest.mark.parametrize("phi, square, bias, depth", [("cos", 1.0, 0.0, 2), ("gelu", 1.7, 0.04, 3)])
def test_slopes_next_to_zero_under_orthogonal_weights(phi, square, bias, depth):
    """phi' = 0 at one h: P(phi'^2 <= x) ~ x^(1/2), so that S ~ (1 + z)^-L and P(X <= x) ~ x^(1 / (L + 1))."""
    net = net_of(phi, square, bias, depth)
    law = jacobian(net, weights="orthogonal")
    q, slope = law.variances[0], prime(net.phi)
    mu = [integrate.quad(lambda g, k=k: slope.f(np.sqrt(q) * g) ** k * stats.norm.pdf(g), -9, 9, epsabs=1e-13)[0]
          for k in (2, 4)]  # fmt: skip
    chi = net.sigma_w**2 * mu[0]
    assert law.error < 1e-8 and law.atoms == ()
    assert law.moment(1) == pytest.approx(chi**depth, rel=1e-9)
    assert law.moment(2) / law.moment(1) ** 2 - 1 == pytest.approx(depth * (mu[1] / mu[0] ** 2 - 1), rel=1e-8)
    assert law.cdf(3e-15 * 7 ** (depth + 1)) / law.cdf(3e-15) == pytest.approx(7, rel=0.03)


def test_a_variance_that_vanishes_leaves_the_slope_at_zero():
    """q* = 0: phi'(0)^2 = 1/4 in both layers."""
    law = jacobian(MLP(2, "silu", 0.8, 0.0), weights="orthogonal")
    assert isinstance(law, PointMass) and law.support[0] == pytest.approx((0.64 / 4) ** 2, rel=1e-13)
    # an input that is zero stays zero, through many layers too; E phi(0)^2 = 1 does not
    law = jacobian(MLP(64, "tanh", 3.0), 0.0, "orthogonal")
    assert not law.variances.any() and law.moment(1) == pytest.approx(9.0**64, rel=1e-12)
    assert jacobian(MLP(2, "cos", 0.7), 0.0).variances == pytest.approx([0, 0.49])
    # and slopes that differ by 1e-11 are one
    law = jacobian(MLP(5, "tanh", 0.9, 1e-6), weights="orthogonal")
    assert isinstance(law, PointMass) and law.support[0] == pytest.approx(law.chi[0] ** 5, rel=1e-12)
