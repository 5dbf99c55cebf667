"""Predictions of the Kernels lab: accuracies against scikit-learn, laws of functions against direct solves, the tab."""

import math
import time
import warnings

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge

import tpcore as tp
from tests.app.driven import run, settled
from tpapp import KernelsLab
from tpapp.compute import kernels_functions as circle
from tpapp.compute import kernels_inputs as sources
from tpapp.compute import kernels_predict as predict
from tpapp.compute.kernels_readers import reader
from tpapp.kernel_results import Accuracy, AccuracyRequest, FunctionDrawsRequest, FunctionRequest
from tpapp.labs.kernels_predictions import LATEST, time_of
from tpapp.plots.accuracy import AccuracyPlot
from tpapp.plots.base import NotDrawable
from tpapp.plots.functions import FunctionsPlot
from tpapp.results import Net
from tpcore.data.digits import digits
from tpcore.errors import Misuse

RELU = Net.mlp(2, "relu", 1.3, 0.2)
MADE = tp.nets.MLP(2, "relu", 1.3, 0.2)


def network(**fields):
    return Net.of(fields)


def texts(plot):
    return [text for text in plot.text.data["text"] if text]


# -- accuracy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_accuracies_are_those_of_kernel_ridge(noise):
    X, y = digits(300)
    K = 30 * tp.nngp(MADE, X)
    order, sizes = np.random.default_rng(1).permutation(300), np.array([10, 40, 120])
    found = predict.correct_after(K, y, order, sizes, noise)
    for n, share in zip(sizes, found):
        train, test = order[:n], order[120:]
        ridge = KernelRidge(alpha=max(noise * np.diagonal(K).mean(), 1e-12), kernel="precomputed")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ridge.fit(K[np.ix_(train, train)], np.eye(10)[y[train]] - 0.1)
        got = ridge.predict(K[np.ix_(test, train)]).argmax(axis=1)
        assert share == pytest.approx(np.mean(got == y[test]), abs=1 / len(test)), n
    law = tp.regression.posterior(K[np.ix_(order, order)], np.eye(10)[y[order[:120]]] - 0.1,
                                  noise * np.diagonal(K).mean(), covariance=False)  # fmt: skip
    assert found[-1] == np.mean(law.mean.argmax(axis=1) == y[order[120:]])
    assert found[0] < found[1] < found[2]


def test_accuracies_stream_set_by_set_and_rule_by_rule(monkeypatch):
    monkeypatch.setattr(predict, "SIZE", 240)
    monkeypatch.setattr(predict, "_kernels", type(predict._kernels)())
    request = AccuracyRequest(RELU, ("nngp", "ntk"), 0.0, 3, 5)
    parts = list(predict.accuracy(request))
    assert len(parts) == 6 and not parts[-2].done and parts[-1].done
    assert [len(part.correct["nngp"]) for part in parts] == [1, 2, 3, 3, 3, 3] and "ntk" not in parts[2].correct
    last = parts[-1]
    assert last.count == 240 and last.tested == 240 - last.sizes[-1] == 140
    assert last.correct["ntk"].shape == (3, len(last.sizes)) and last.correct["ntk"].std() > 0
    assert predict.digit_kernel(RELU, "ntk") is predict.digit_kernel(RELU, "ntk"), "kept"
    assert np.allclose(predict.digit_kernel(RELU, "ntk"), tp.ntk(MADE, digits(240)[0]))


def test_a_kernel_without_inverse_is_refused_and_noise_helps():
    K, y = np.ones((60, 60)) - 0.5 * np.eye(60), np.arange(60) % 3
    with pytest.raises(Misuse, match="noise above 0"):
        predict.correct_after(K, y, np.arange(60), np.array([10, 30]), 0.0)
    assert predict.correct_after(K, y, np.arange(60), np.array([10, 30]), 2.0).shape == (2,)


def test_nodes_of_a_graph_are_told_apart():
    club = sources.graph()
    request = AccuracyRequest(network(net="GraphConv", depth=2, sigma_b=0.3), ("nngp",), 0.01, 12, 0, club)
    last = list(predict.accuracy(request))[-1]
    assert last.count == 34 and last.sizes[-1] == 20 and last.correct["nngp"].mean(axis=0)[-1] > 0.75
    layers = [{"layer": name} for name in ("GraphConv", "Act", "MeanPool", "Dense")]
    pooled = network(net="Sequential", layers=layers)
    with pytest.raises(Misuse, match="one output for each node"):
        predict.nodes(pooled, club)


def test_digits_are_read_in_the_form_that_the_network_takes():
    shapes = {"MLP": (64,), "CNN": (8, 8, 1), "RNN": (8, 8), "Transformer": (8, 8)}
    for net in (MADE, tp.nets.CNN(1), tp.nets.RNN(), tp.nets.Transformer(1, readout="each")):
        made, shape = predict.reads(net)
        assert shape == shapes[type(net).__name__] and tp.nngp(made, digits(3)[0].reshape(3, *shape)).shape == (3, 3)
        assert 60 <= predict.count_of(made, shape) <= 1797
    sqrt = tp.nets.Sequential(tp.nets.Attention(2, tied=False, scaling="sqrt"), tp.nets.MeanPool(), tp.nets.Dense())
    made, shape = predict.reads(sqrt)
    assert shape == (8, 8) and len(predict.sizes_for(predict.count_of(made, shape))) >= 4
    assert len(circle.grid(tp.nets.LSTM())) < len(circle.grid(MADE))
    ring = np.roll(np.eye(4), 1, 0) + np.roll(np.eye(4), -1, 0)
    tokens = tp.nets.Sequential(tp.nets.Dense(), tp.nets.Attention(), tp.nets.Dense())
    graph = tp.nets.GraphConv(1, adjacency=ring)
    refused = (tp.nets.BatchNormMLP(1), "batch normalization"), (graph, "reads nodes"), (tokens, "add MeanPool")
    for net, words in refused:
        with pytest.raises(Misuse, match=words):
            predict.reads(net)


# -- functions ------------------------------------------------------------------------------------------------------


def direct(request):
    """Mean and covariance by plain solves with kernels of the whole grid."""
    at, y = circle.data_of(request)
    X = np.sqrt(2) * np.stack([np.cos(np.r_[at, circle.grid(MADE)]), np.sin(np.r_[at, circle.grid(MADE)])], axis=1)
    K, T, n = tp.nngp(MADE, X), tp.ntk(MADE, X), len(at)
    if request.rule == "gp":
        A = K[n:, :n] @ np.linalg.inv(K[:n, :n] + request.noise * np.eye(n))
        return A @ y, K[n:, n:] - A @ K[:n, n:], K[n:, n:]
    t = request.time / np.diagonal(T).mean()
    values, vectors = np.linalg.eig(T[:n, :n])
    decay = np.eye(n) if math.isinf(t) else np.eye(n) - (vectors * np.exp(-t * values)) @ np.linalg.inv(vectors)
    A = T[n:, :n] @ np.linalg.inv(T[:n, :n]) @ np.real(decay)
    C = K[n:, n:] - A @ K[:n, n:] - K[n:, :n] @ A.T + A @ K[:n, :n] @ A.T
    return A @ y, C, K[n:, n:]


@pytest.mark.parametrize(("rule", "noise", "end"), [("gp", 0.0, math.inf), ("gp", 0.3, math.inf), ("ntk", 0.1, 0.7),
                                                    ("ntk", 0.0, math.inf)])  # fmt: skip
def test_laws_are_those_of_direct_solves(rule, noise, end):
    request = FunctionRequest(RELU, rule, "wave", 5, noise, end, 3)
    found = circle.functions(request)
    mean, cov, prior = direct(request)
    assert np.allclose(found.mean, mean, atol=1e-6) and np.allclose(found.sd**2, np.diagonal(cov), atol=1e-6)
    assert np.allclose(found.prior_sd**2, np.diagonal(prior)) and found.prior.shape == (5, circle.GRID)
    again = circle.functions(request)
    assert np.array_equal(found.posterior, again.posterior) and circle.ready(request)


def test_samples_have_the_law_and_time_zero_is_the_prior():
    many = circle.functions(FunctionRequest(RELU, "gp", "step", 6, 0.05, math.inf, 1, draws=4000))
    z = (many.posterior.mean(axis=0) - many.mean) / (many.sd / np.sqrt(4000))
    assert np.abs(z).max() < 5 and np.allclose(many.posterior.std(axis=0), many.sd, rtol=0.1)
    start = circle.functions(FunctionRequest(RELU, "ntk", "wave", 6, 0.0, 0.0, 1))
    assert np.allclose(start.mean, 0) and np.allclose(start.sd, start.prior_sd)
    assert np.allclose(start.posterior, start.prior)
    end = circle.functions(FunctionRequest(RELU, "ntk", "wave", 6, 0.0, math.inf, 1))
    assert np.abs(np.interp(end.at[0], end.angles, end.mean) - end.y[0]) < 0.05
    assert end.sd.min() < 0.05 * end.prior_sd.min()


def test_networks_are_functions_of_the_priors_variance():
    drawn = circle.function_draws(FunctionDrawsRequest(RELU, 300, 200, 2))
    sd = circle.functions(FunctionRequest(RELU, "gp", "wave", 3, 0.0, math.inf)).prior_sd
    assert drawn.f.shape == (200, circle.GRID) and drawn.f.std(axis=0).mean() == pytest.approx(sd.mean(), rel=0.15)
    assert circle.draws_that_fit(RELU, 1024) == 5 and circle.draws_that_fit(network(net="CNN", depth=2), 10**6) == 0


def test_data_are_the_first_of_one_sequence_and_noisy_as_asked():
    assert np.array_equal(circle.angles_of(30, 4)[:5], circle.angles_of(5, 4))
    calm, noisy = (circle.data_of(FunctionRequest(RELU, "gp", "bump", 30, v, math.inf, 4)) for v in (0.0, 0.25))
    assert np.array_equal(calm[0], noisy[0]) and np.allclose(calm[1], circle.target("bump", calm[0]))
    assert np.std(noisy[1] - calm[1]) == pytest.approx(0.5, rel=0.3)
    assert len(np.unique(circle.angles_of(30, 0))) == 30
    grid = np.linspace(-np.pi, np.pi, 2001)[:-1]
    assert all(0.5 < np.var(circle.target(name, grid)) < 1.4 for name in circle.TARGETS)


def test_angles_enter_as_points_of_norm_root_d():
    a = np.array([0.3, 2.0, -1.1])
    for way, shape in (("circle", (3, 2)), ("steps", (3, 8, 2)), ("image", (3, 8, 8, 2))):
        X = circle.embed(a, way)
        assert X.shape == shape and np.allclose((X**2).sum(axis=-1), 2)
    made, way = reader(tp.nets.RNN(), "angles", {w: circle.embed(a[:2], w) for w in circle.EMBEDDINGS})
    assert way == "steps" and made.readout == "last"


# -- plots ------------------------------------------------------------------------------------------------------------


def test_the_accuracy_plot():
    plot = AccuracyPlot()
    assert plot.data() == {}
    request = AccuracyRequest(RELU, ("nngp", "ntk"), 0.0, 2)
    result = Accuracy(request, np.array([10, 100]), {"nngp": np.array([[0.5, 0.9], [0.7, 1.0]])}, 300, 200)
    plot.update(result)
    here = np.isfinite(np.asarray(plot.points.data["x"], float))
    y = np.asarray(plot.points.data["y"], float)[here]
    assert y == pytest.approx([60, 95]) and np.asarray(plot.points.data["low"])[here] == pytest.approx([50, 90])
    assert texts(plot) == ["GP of the NNGP: 95.0 %"] and plot.fig.y_range.start == 40
    plot.restyle("dark", True)
    assert set(plot.data()) == {"size", "nngp"}
    bad = Accuracy(request, np.array([10]), {"nngp": np.array([[np.nan]])}, 300, 200)
    with pytest.raises(NotDrawable):
        plot.update(bad)
    plot.update(None)
    assert plot.data() == {} and texts(plot) == []


def test_the_functions_plot():
    plot = FunctionsPlot("After", name="after")
    a = np.linspace(-np.pi, np.pi, 5)
    plot.update(a, np.ones(5), np.full(5, 0.5), np.zeros((2, 5)), truth=np.cos(a), at=[0.1], y=[0.9], reach=2.0)
    assert list(plot.band.data["low"]) == [0.0] * 5 and list(plot.band.data["high"]) == [2.0] * 5
    assert texts(plot) == ["mean ± 2 s.d.", "function"]
    plot.update_networks(a, np.zeros((3, 5)), 64)
    assert "n = 64" in texts(plot) and len(plot.nets.data["ys"]) == 3
    names = {"angle", "mean", "sd", "samples", "function", "data_angle", "data", "networks"}
    assert set(plot.data()) == names
    plot.restyle("dark", True)
    plot.clear()
    assert plot.data() == {} and texts(plot) == [] and list(plot.dots.data["x"]) == []
    with pytest.raises(NotDrawable):
        plot.update(a, np.full(5, np.nan), np.ones(5), np.zeros((2, 5)))


# -- on the page -------------------------------------------------------------------------------------------------


@pytest.fixture
def lab(monkeypatch):
    monkeypatch.setattr(predict, "SIZE", 240)
    monkeypatch.setattr(predict, "_kernels", type(predict._kernels)())
    made = KernelsLab(width=64, draws=200, depth=2, figures="predictions")
    made.start()
    yield made
    made.leave()


def test_classes_on_the_page_and_in_its_code(lab):
    lab.state.noise = 0.01
    s = settled(lab, well=True)
    space, data = run(lab.code(s)), lab.data()
    for rule in ("nngp", "ntk"):
        assert space["right"][rule] == pytest.approx(data[f"accuracy.{rule}"][0, -1])
    assert {"GP, 100 inputs", "NTK, 100 inputs"} <= {number.label for number in lab.numbers(s)}
    assert "140 of 240 digits" in lab.lower.tab.accuracy.caption and "noise 0.01" in lab.lower.tab.accuracy.caption
    assert "by its kernel alone" in lab.claim(s)


@pytest.mark.parametrize("values", [{"noise": 0.1}, {"rule": "ntk", "time": 0.5, "points": 9, "target": "step"}])
def test_functions_on_the_page_and_in_its_code(lab, values):
    lab.state.param.update(task="function", **values)
    s = settled(lab, well=True)
    space, data = run(lab.code(s)), lab.data()
    assert np.allclose(space["law"].mean, data["functions-after.mean"], atol=1e-9)
    assert np.allclose(space["samples"], data["functions-after.samples"], atol=1e-6)
    assert np.allclose(space["prior"], data["functions-before.samples"], atol=1e-6)
    assert np.allclose(space["f_a"], data["functions-before.networks"])
    assert {"Error", "Sd before", "Sd after"} <= {number.label for number in lab.numbers(s)}
    assert lab.lower.tab.time.visible == (s.rule == "ntk") and "accuracy.nngp" not in lab.data()
    lab.state.width = math.inf
    settled(lab, well=True)
    assert "functions-before.networks" not in lab.data()


def test_networks_that_predict_nothing_say_so_in_words(lab):
    settled(lab, well=True)
    lab.choose("batchnorm")
    lab.state.figures = "predictions"
    s = settled(lab, well=True)
    assert "batch normalization" in lab.lower.tab.accuracy.caption and "accuracy.nngp" not in lab.data()
    lab.state.task = "function"
    s = settled(lab, well=True)
    assert "batch normalization" in lab.lower.tab.prior.caption and "functions-after.mean" not in lab.data()
    run(lab.code(s))


def test_the_time_of_a_link_goes_from_zero_to_infinity(lab):
    lab.state.param.update(task="function", rule="ntk", time=-3.0)
    s = settled(lab, well=True)
    assert time_of(s) == 0 and "Before training" in lab.claim(s) and "t = 0" in lab.lower.tab.after.title
    lab.state.time = LATEST
    assert math.isinf(time_of(lab.state.snapshot()))
    assert "t = ∞" in lab.lower.tab.after.title, "at once: kernels are kept"
    lab.state.time = 1.0
    assert time_of(lab.state.snapshot()) == 10 and lab.state.query("kernels")["kernels.time"] == "1"
