"""Every architecture: its description, its program, its parameters, and what it refuses."""

import json
import pickle

import numpy as np
import pytest

import tpcore as tp
from tests.cases import ARCHITECTURES, RING, images, parametrized, points, sequences
from tpcore.activations import custom
from tpcore.errors import Misuse, Unsupported
from tpcore.nets import (  # noqa: F401 (names that repr prints)
    CNN, GRU, LSTM, MLP, RNN, Act, Attention, AvgPool, BatchNorm, BatchNormMLP, Conv, Dense, Flatten, GraphConv,
    LayerNorm, LayerNormMLP, MeanPool, Residual, ResNet, Sequential, Transformer, from_spec,
)


@parametrized(ARCHITECTURES)
def test_a_description_goes_through_json_and_back(case):
    again = from_spec(json.loads(json.dumps(case.net.spec())))
    assert again == case.net and hash(again) == hash(case.net) and type(again) is type(case.net)
    assert eval(repr(case.net)) == case.net
    assert pickle.loads(pickle.dumps(case.net)) == case.net


def test_equality_sees_every_field():
    nets = [case.net for case in ARCHITECTURES]
    assert len(set(nets)) == len(nets)
    assert GRU(1.0, 1.0, 0.3) != GRU(1.0, 1.0, {"z": 0.3, "r": 0.3, "h": 0.4}) and LSTM() != GRU()
    other = RING.copy()
    other[0, 1] = other[1, 0] = 2.0
    assert GraphConv(2, "relu", 1.3, 0.2, RING) != GraphConv(2, "relu", 1.3, 0.2, other)


@parametrized(ARCHITECTURES)
def test_every_parameter_is_in_the_program(case):
    """A rate in the multiplier convention is what the program's own law says: the variance of an entry, times n."""
    built = case.net.build(case.net.read(case.X))
    prog = built.program
    for parameter in built.parameters:
        if parameter.role == "readout bias":
            assert {o.bias for o in built.features} == {parameter.name}
            assert parameter.multiplier == pytest.approx(built.features[0].bias_variance * len(built.features) ** 2)
            continue
        op = prog.node(parameter.name).op
        variance = op.variance if parameter.role == "matrix" else op.group.cov
        np.testing.assert_allclose(variance, parameter.multiplier * np.eye(len(np.atleast_2d(variance))), rtol=1e-12)
    inputs = {node.name for node in prog.nodes if type(node.op).__name__ in ("MatrixInput", "GaussianInput")}
    trained = {p.name for p in built.parameters}
    untrained = {"v"} if case.id == "sequential-bare" else set()
    assert inputs - trained - {"zero", "1"} == untrained


FRAGMENTS = {"layernorm": "netsor+", "resnet": "netsor", "batchnorm": "netsor", "cnn-mean": "netsor", "graph": "netsor",
             "transformer": "netsor+", "attention": "netsor+", "rnn": "netsor", "gru": "netsor", "lstm": "netsor"}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_fragments(name):
    case = next(case for case in ARCHITECTURES if case.id == name)
    prog = case.net.program(case.X)
    assert prog.fragment == FRAGMENTS[name] and "Input" in str(prog) or str(prog)


def test_weights_are_tied():
    """One matrix for all steps of all sequences, one for each tap of a convolution."""
    prog = RNN("erf", 1.3, 0.9, 0.3).program(sequences((5, 3, 4)))
    assert [n.name for n in prog.nodes if n.kind == "A"] == ["W1"]
    prog = CNN(3, "relu", 1.0, 0.1).program(images())
    assert sum(n.kind == "A" for n in prog.nodes) == 2 * 9
    assert sum(n.kind == "A" for n in GRU().program(sequences()).nodes) == 3
    assert sum(n.kind == "A" for n in LSTM().program(sequences()).nodes) == 4


def test_many_features_enter_by_their_span():
    X = np.random.default_rng(0).normal(size=(4, 500))
    prog = Sequential(Dense(1.3, 0.2), Act("erf"), Dense()).program(X)
    assert prog.node("W1").shape == (4,)
    h = prog.var(next(n.index for n in prog.nodes if type(n.op).__name__ == "Nonlin") - 1)
    np.testing.assert_allclose(tp.limit(prog).cov(h.name), 1.69 * X @ X.T / 500 + 0.04, rtol=1e-12)


def test_a_cell_is_a_layer():
    net = Sequential(RNN("erf", 1.1, 0.9, 0.2), LSTM(), MeanPool(), Dense(1.1, 0.2))
    assert from_spec(json.loads(json.dumps(net.spec()))) == net
    assert net.program(sequences()).fragment == "netsor"
    a, b = Sequential(RNN("erf", 1.3, 0.9, 0.3)), RNN("erf", 1.3, 0.9, 0.3)
    np.testing.assert_allclose(tp.nngp(a, sequences()), tp.nngp(b, sequences()), rtol=1e-12)
    for readout in ("each", "last", "mean"):
        own = RNN("tanh", 1.1, 0.9, 0.2, 1.3, readout)
        net = Sequential(RNN("tanh", 1.1, 0.9, 0.2, readout=readout), Dense(1.3, None))
        assert from_spec(json.loads(json.dumps(net.spec()))) == net
        for kernel in (tp.nngp, tp.ntk, lambda *args: tp.empirical_ntk(*args, 16, 2)):
            np.testing.assert_allclose(kernel(net, sequences()), kernel(own, sequences()), rtol=1e-9)


def test_random_logits_have_a_program_for_each_width():
    net = Sequential(Attention(tied=False, scaling="sqrt"), MeanPool(), Dense())
    assert net.program(sequences(), width=64).fragment == "netsor+"
    with pytest.raises(Unsupported, match="random weights.*width=n"):
        net.program(sequences())
    with pytest.raises(Misuse, match="tied=False"):
        Attention(scaling="sqrt")


S, D = sequences(), Dense()
ORDERS = {
    "act first": (lambda: Sequential(Act("relu"), D), "neurons.*weights before"),
    "norm first": (lambda: Sequential(LayerNorm(), D), "neurons"),
    "batch norm first": (lambda: Sequential(BatchNorm(), D), "neurons"),
    "residual first": (lambda: Sequential(Residual(D), D), "neurons"),
    "no layers": (lambda: Sequential(), "at least one layer"),
    "only pooling": (lambda: Sequential(MeanPool()), "layer with weights"),
    "conv after pooling": (lambda: Sequential(Conv(), MeanPool(), Conv(), D), "needs positions.*Put it before"),
    "pool after flatten": (lambda: Sequential(Conv(), Flatten(), MeanPool(), D), "needs positions"),
    "attention after pooling": (lambda: Sequential(D, MeanPool(), Attention(), D), "needs positions"),
    "pooling after a cell's last step": (lambda: Sequential(RNN(readout="last"), MeanPool(), D), "needs positions"),
    "branch that pools": (lambda: Residual(RNN(readout="mean")), "keep the positions"),
    "cell after pooling": (lambda: Sequential(D, MeanPool(), RNN(), D), "needs positions"),
    "batch norm after flatten": (lambda: Sequential(Conv(), Flatten(), BatchNorm(), D), "before Flatten"),
    "residual after flatten": (lambda: Sequential(Conv(), Flatten(), Residual(D), D), "directly behind Flatten"),
    "residual that shrinks": (lambda: Residual(Conv(padding="valid")), "keep the positions"),
    "residual that strides": (lambda: Residual(Conv(stride=2)), "keep the positions"),
    "residual that pools": (lambda: Residual(MeanPool()), "keep the positions"),
    "empty residual": (lambda: Residual(), "at least one layer"),
    "a class": (lambda: Sequential(Dense), "Call it"),
    "a name": (lambda: Sequential("Dense"), "made of layers"),
    "a network": (lambda: Sequential(MLP(2)), "made of layers"),
    "too many": (lambda: Sequential(*[D] * 300), "at most 256"),
    "points into conv": (lambda: CNN(1).program(points()), "positions"),
    "points into attention": (lambda: Sequential(Attention(), D).program(points()), "positions"),
    "line into square window": (lambda: CNN(1, kernel_size=(3, 3)).program(images(2, (5,))), "as many axes"),
    "window too large": (lambda: CNN(1, kernel_size=7, padding="valid").program(images()), "at least as many"),
    "ragged flatten": (lambda: Sequential(Conv(2), Flatten(), D).program(S), "one size"),
    "graph of another size": (lambda: GraphConv(1, adjacency=RING).program(points(5, 3)), "each node"),
    "no graph": (lambda: GraphConv(2), "adjacency"),
    "directed graph": (lambda: GraphConv(2, adjacency=np.triu(np.ones((3, 3)))), "symmetric"),
    "negative graph": (lambda: GraphConv(2, adjacency=-np.ones((3, 3))), "at least 0"),
    "images into rnn": (lambda: RNN().program(images()), "sequences"),
    "uneven features": (lambda: RNN().program([np.ones((2, 3)), np.ones((2, 4))]), "as many features"),
    "empty sequence": (lambda: RNN().program([np.ones((2, 3)), np.ones((0, 3))]), "at least one step"),
    "batch of one": (lambda: BatchNormMLP(1).program([points(3), points(1)]), "at least two"),
    "infinite": (lambda: RNN().program([[[1.0, np.inf]]]), "finite"),
    "unknown gate": (lambda: GRU({"z": 1, "r": 1, "i": 1}), "gate"),
    "missing gate": (lambda: GRU({"z": 1, "r": 1}), "h"),
    "mean without biases": (lambda: GRU(1, 1, None, 0.3), "means must be 0"),
    "odd readout": (lambda: RNN(readout="first"), "last"),
    "negative": (lambda: RNN("erf", -1), "sigma_w"),
    "deep": (lambda: ResNet(10**9), "at most"),
    "odd padding": (lambda: CNN(1, padding="full"), "padding"),
    "no window": (lambda: Conv(0), "kernel_size"),
    "masked": (lambda: Transformer(1, masked="yes"), "True or False"),
    "no temperature": (lambda: Transformer(1, temperature=0), "temperature"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_misuse_is_refused_in_words(name):
    make, word = ORDERS[name]
    with pytest.raises(Misuse, match=word):
        make()


def _deep(depth):
    layer = {"layer": "Dense"}
    for _ in range(depth):
        layer = {"layer": "Residual", "layers": [layer]}
    return {"net": "Sequential", "layers": [{"layer": "Dense"}, layer]}


HOSTILE = [
    None, 3, [], "MLP", {}, {"net": None}, {"net": ["MLP"]}, {"net": "Network"}, {"net": "Sequential"},
    {"net": "Sequential", "layers": None}, {"net": "Sequential", "layers": "Dense"},
    {"net": "Sequential", "layers": [3]},
    {"net": "Sequential", "layers": [{}]}, {"net": "Sequential", "layers": [{"layer": "Cell"}]},
    {"net": "Sequential", "layers": [{"layer": "Dense", "self": 1}]},
    {"net": "Sequential", "layers": [{"layer": "RNN", "net": 1}]},
    {"net": "Sequential", "layers": [{"layer": "Dense"}] * 10_000}, {"net": "Sequential", "layers": [], "extra": 1},
    {"net": "Sequential", "layers": [{"layer": "Dense", "sigma_w": "1"}]}, _deep(500), _deep(9),
    {"net": "MLP", "depth": 2, "phi": {"a": 1}}, {"net": "MLP", "depth": "2"}, {"net": "CNN", "depth": 1e9},
    {"net": "CNN", "depth": 2, "kernel_size": [3, 3, 3]}, {"net": "CNN", "depth": 2, "kernel_size": 10**9},
    {"net": "GRU", "sigma_w": {"z": 1, "r": 1, "h": True}},
    {"net": "LSTM", "sigma_b": {"i": 1, "f": 1, "o": 1, "g": "1"}},
    {"net": "GRU", "sigma_w": [1, 2, 3]}, {"net": "GRU", "sigma_w": {"z": float("nan"), "r": 1, "h": 1}},
    {"net": "GraphConv", "depth": 2, "adjacency": "ring"}, {"net": "GraphConv", "depth": 2, "adjacency": [[1, 2], [3]]},
    {"net": "GraphConv", "depth": 2, "adjacency": []}, {"net": "Transformer", "depth": 1, "readout": 3},
    {"net": "RNN", "phi": "hermite(1e99)"}, {"net": "RNN", "gate": "erf"}, {"net": "LSTM", "gate": 2},
    {"net": "Sequential", "layers": [{"layer": "Attention", "heads": 10**9}]},
    {"net": "Sequential", "layers": [{"layer": "AvgPool", "window": True}]},
]


@pytest.mark.parametrize("spec", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_descriptions_are_refused_in_words(spec):
    with pytest.raises(Misuse) as caught:
        from_spec(spec)
    assert 20 < len(str(caught.value)) < 600


def test_a_user_function_has_no_description():
    def mine(x):
        return np.sin(x) * x

    for net in (RNN(custom(mine)), Sequential(D, Residual(Act(custom(mine)), D), D), GRU(gate=custom(mine))):
        assert net == net and net != RNN()
        with pytest.raises(Misuse, match="names.*own"):
            net.spec()
