"""Kernels layer by layer: against truncated networks, against networks of finite width; order, chaos and their edge."""

import numpy as np
import pytest

import tpcore as tp
from tpcore.errors import Misuse
from tpcore.kernels import chaos
from tpcore.kernels.depth import empirical_through, entries, stack_of, through

nets = tp.nets
RNG = np.random.default_rng(4)
X = RNG.standard_normal((4, 5))
SENTENCES = [RNG.standard_normal((3, 5)), RNG.standard_normal((4, 5))]
IMAGES = RNG.standard_normal((3, 4, 4, 2))
RING = np.roll(np.eye(4), 1, 0) + np.roll(np.eye(4), -1, 0)
CASES = {
    "mlp": (nets.MLP(3, "relu", 1.3, 0.2, 0.8), X),
    "mlp erf": (nets.MLP(2, "erf", 1.7, None), X),
    "layernorm": (nets.LayerNormMLP(2, "erf", 1.3, 0.2), X),
    "batchnorm": (nets.BatchNormMLP(2, "relu", 1.3, 0.2), X),
    "resnet": (nets.ResNet(2, "relu", 1.3, 0.2), X),
    "cnn": (nets.CNN(2, "relu", 1.3, 0.2), IMAGES),
    "cnn, pooled": (nets.CNN(2, "erf", 1.3, 0.2, head="mean"), IMAGES),
    "graph": (nets.GraphConv(2, "relu", 1.2, 0.1, RING), X),
    "transformer": (nets.Transformer(1, sigma_b=0.1), SENTENCES),
}


@pytest.mark.parametrize("name", CASES)
def test_every_layer_is_the_output_of_the_network_cut_there(name):
    net, inputs = CASES[name]
    stages, stack = through(net, inputs), stack_of(net)
    assert len(stages) == len(stack) + 1 and stages[0].name == "inputs" and stages[-1].name == "readout"
    for k in range(1, len(stack) + 1):
        cut = np.asarray(tp.nngp(nets.Sequential(*stack[:k]), inputs))
        assert np.allclose(stages[k].K, cut, atol=1e-12 * np.abs(cut).max()), stages[k].name
    whole = np.asarray(tp.nngp(net, inputs))
    assert np.allclose(stages[-1].K, whole, rtol=1e-9)


def test_the_inputs_stand_first_and_a_program_stands_in_where_covariances_do_not_decide():
    assert np.allclose(through(nets.MLP(1), X)[0].K, X @ X.T / 5)
    skip = nets.Sequential(nets.Dense(1.2, 0.1), nets.Residual(nets.Act("relu")), nets.Dense(0.9, 0.3))
    stages = through(skip, X)  # x + relu(x): the two are not independent
    A = stages[1].K
    assert not np.allclose(stages[2].K, A + tp.nngp(nets.Sequential(nets.Dense(1.2, 0.1), nets.Act("relu")), X))
    assert np.allclose(stages[-1].K, tp.nngp(skip, X), rtol=1e-9)
    z = np.linalg.cholesky(A) @ np.random.default_rng(0).standard_normal((4, 400_000))
    assert np.allclose(stages[2].K, (z + np.maximum(z, 0)) @ (z + np.maximum(z, 0)).T / 400_000, atol=0.03)


@pytest.mark.parametrize("name", ["mlp", "batchnorm", "cnn", "cnn, pooled", "graph", "transformer"])
def test_finite_networks_tend_to_the_limit_behind_every_layer(name):
    net, inputs = CASES[name]
    n, draws = 400, 40
    limit, drawn = through(net, inputs), empirical_through(net, inputs, n, draws, seed=3)
    assert [s.name for s in limit] == [s.name for s in drawn]
    for stage, exact in zip(drawn[1:], limit[1:]):
        assert stage.K.shape == (draws, *exact.K.shape)
        error = stage.K.std(axis=0, ddof=1) / np.sqrt(draws) + 2.0 * np.abs(exact.K).max() / n
        assert (np.abs(stage.K.mean(axis=0) - exact.K) / error).max() < 5, stage.name
    outputs = tp.empirical_nngp(net, inputs, n, draws, seed=3)
    assert outputs.std(axis=0).max() / drawn[-1].K.std(axis=0).max() == pytest.approx(1, abs=0.5)


def test_entries_are_those_of_the_pooled_while_there_are_positions():
    flat, mean = (through(CASES[name][0], IMAGES) for name in ("cnn", "cnn, pooled"))
    q, c = entries(flat, 0, 2)
    layout, K = flat[1].layout, flat[1].K
    block = K[layout.item(0), layout.item(2)]
    own = [np.diagonal(K[layout.item(k), layout.item(k)]).mean() for k in (0, 2)]
    assert q[1] == pytest.approx(own) and c[1] == pytest.approx(np.diagonal(block).mean() / np.sqrt(own[0] * own[1]))
    _, pooled = entries(mean, 0, 2)
    own = [mean[1].K[layout.item(k), layout.item(k)].mean() for k in (0, 2)]
    assert pooled[1] == pytest.approx(mean[1].K[layout.item(0), layout.item(2)].mean() / np.sqrt(own[0] * own[1]))
    last = flat[-1].K
    assert q[-1] == pytest.approx([last[0, 0], last[2, 2]])
    many = empirical_through(CASES["cnn"][0], IMAGES, 32, 3, seed=1)
    q, c = entries(many, 0, 2)
    assert q.shape == (3, len(many), 2) and c.shape == (3, len(many)) and (np.abs(c) <= 1).all()


def test_recurrent_networks_are_refused_in_words():
    with pytest.raises(Misuse, match="goes on in steps"):
        through(nets.RNN(), SENTENCES)


def fixed_point(phi, slope, w, b):
    """q*, c* and chi by Gauss-Legendre quadrature on [-8, 8], independent of the recursion."""
    z, weights = np.polynomial.legendre.leggauss(160)
    z, weights = 8 * z, weights * np.exp(-32 * z**2)
    weights = weights / weights.sum()
    q, c = 1.0, 0.6
    for _ in range(400):
        q = w**2 * weights @ phi(np.sqrt(q) * z) ** 2 + b**2
    for _ in range(150):
        u = np.sqrt(q) * z[:, None]
        v = np.sqrt(q) * (c * z[:, None] + np.sqrt(max(1 - c**2, 0)) * z[None, :])
        c = (w**2 * weights @ (phi(u) * phi(v)) @ weights + b**2) / q
    return q, c, w**2 * weights @ slope(np.sqrt(q) * z) ** 2


@pytest.mark.parametrize(("w", "b", "phase"), [(1.9, 0.3, "chaos"), (0.9, 0.2, "order")])
def test_the_orbit_ends_where_quadrature_says(w, b, phase):
    q, c, chi = fixed_point(np.tanh, lambda z: 1 - np.tanh(z) ** 2, w, b)
    found = chaos.orbit(chaos.piece_of(nets.MLP(2, "tanh", w, b, 0.7)), np.array([[1.3, 0.4], [0.4, 0.8]]))
    assert found.settled and found.fate == "settled"
    assert (found.variance, found.correlation, found.slope) == pytest.approx((q, c, chi), rel=1e-6)
    assert (chi > 1) == (phase == "chaos") and (c < 0.99) == (phase == "chaos")
    piece = chaos.piece_of(nets.MLP(2, "tanh", w, b))
    assert chaos.correlation_map(piece, q, [found.correlation])[0] == pytest.approx(found.correlation, rel=1e-9)
    near = chaos.correlation_map(piece, q, [1 - 1e-4, 1.0])
    assert (near[1] - near[0]) / 1e-4 == pytest.approx(chi, rel=1e-3)


def test_the_orbit_is_the_network_of_growing_depth():
    net = nets.MLP(4, "erf", 1.5, 0.25, 0.6)
    stages = through(net, X[:2])
    path = chaos.orbit(chaos.piece_of(net), stages[1].K, 6).path
    assert path.shape == (7, 2, 2)
    for k in range(4):
        assert np.allclose(path[k], stages[1 + 2 * k].K, rtol=1e-12)


def test_fates():
    K = np.array([[1.1, 0.5], [0.5, 0.9]])
    for net, fate in ((nets.MLP(2, "relu", 1.6, 0.3), "grows"), (nets.MLP(2, "relu", 1.0, 0.0), "vanishes"),
                      (nets.MLP(2, "relu", 1.2, 0.3), "settled"), (nets.ResNet(3, "relu", 1.0), "grows")):  # fmt: skip
        assert chaos.orbit(chaos.piece_of(net), K).fate == fate
    assert chaos.orbit(chaos.piece_of(nets.MLP(2, "step", 1.0, 0.2)), K).slope == np.inf
    relu = chaos.orbit(chaos.piece_of(nets.MLP(2, "relu", 1.2, 0.3)), K)
    assert (relu.variance, relu.slope) == pytest.approx((0.09 / (1 - 0.72), 0.72))


def test_what_repeats_is_found():
    layernorm = nets.LayerNormMLP(3, "erf", 1.3, 0.2)
    assert [type(layer).__name__ for layer in chaos.piece_of(layernorm)] == ["LayerNorm", "Act", "Dense"]
    assert chaos.piece_of(nets.ResNet(3, "relu")) == (nets.ResNet(3, "relu").stack[1],)
    two = nets.Sequential(nets.Dense(1.1), nets.Act("erf"), nets.Dense(0.9), nets.Act("relu"), nets.Dense())
    assert len(chaos.piece_of(two)) == 4 and chaos.piece_of(two)[-1] == nets.Dense(1.1)
    for net in (nets.CNN(2), nets.BatchNormMLP(2), nets.GraphConv(2, adjacency=RING)):
        with pytest.raises(Misuse, match="every input alone"):
            chaos.piece_of(net)
