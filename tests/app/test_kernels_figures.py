"""Depth dynamics and eigenvalues of the Kernels lab: computations, plots, the tabs on a page, their code."""

import math

import numpy as np
import pytest

import tpcore as tp
from tests.app.driven import run, settled
from tpapp import KernelsLab, plots
from tpapp.compute import kernels_depth as depths
from tpapp.compute import kernels_inputs as sources
from tpapp.compute import kernels_spectrum as spectra
from tpapp.kernel_results import DepthDrawsRequest, DepthRequest, Eigenvalues, Fate
from tpapp.plots.base import NotDrawable
from tpapp.plots.depth import CorrelationMap, DepthPlot
from tpapp.plots.eigenvalues import KernelEigenvalues, TraceShare
from tpapp.results import Net

DIGITS = sources.digits((0, 1, 4, 7), 2)
TANH = Net.mlp(6, "tanh", 1.7, 0.3, 0.8)


def network(**fields):
    return Net.of(fields)


def there(plot):
    """The points that are there; rows that fill up a block are nowhere."""
    here = np.isfinite(np.asarray(plot.points.data["x"], float))
    return {name: [v for v, shown in zip(values, here) if shown] for name, values in plot.points.data.items()}


def texts(plot):
    return [text for text in plot.text.data["text"] if text]


# -- computations -----------------------------------------------------------------------------------------------


def test_depth_of_an_mlp_is_that_of_shallower_networks():
    """Preactivations of layer l are the outputs of the network with l - 1 hidden layers and the hidden weights."""
    found = list(depths.depth(DepthRequest(DIGITS, TANH, 1, 5)))
    assert found[0].fate is None and found[-1].fate is not None, "the limit first, then what repetition leads to"
    last = found[-1]
    assert last.what == "periods" and last.names == tuple("123456") and last.beyond.shape[1] == 3
    for layer in range(2, 7):
        K = tp.nngp(tp.nets.MLP(layer - 1, "tanh", 1.7, 0.3), DIGITS.X)[np.ix_([1, 5], [1, 5])]
        assert last.variance[layer - 1] == pytest.approx(np.diag(K), rel=1e-9)
        assert last.correlation[layer - 1] == pytest.approx(K[0, 1] / np.sqrt(K[0, 0] * K[1, 1]), rel=1e-9)
    deeper = tp.nngp(tp.nets.MLP(9, "tanh", 1.7, 0.3), DIGITS.X[[1, 5]])
    row = last.beyond[last.beyond[:, 0] == 10][0]
    assert row[1:] == pytest.approx([deeper[0, 0], deeper[0, 1] / np.sqrt(deeper[0, 0] * deeper[1, 1])], rel=1e-9)
    fixed = np.interp(last.fate.correlation, last.map_c, last.map_next)
    assert fixed == pytest.approx(last.fate.correlation, abs=1e-3) and last.fate.phase == "chaos"


def test_networks_stand_beside_their_limit_and_equal_seeds_are_equal():
    request = DepthRequest(DIGITS, TANH, 1, 5)
    limit = list(depths.depth(request))[-1]
    drawn = list(depths.depth_draws(DepthDrawsRequest(request, 1000, 20, 3)))[-1]
    again = list(depths.depth_draws(DepthDrawsRequest(request, 1000, 20, 3)))[-1]
    assert drawn.done and drawn.variance.shape == (20, 6, 2) and np.array_equal(drawn.correlation, again.correlation)
    error = drawn.correlation.std(axis=0, ddof=1) / np.sqrt(20) + 2e-3
    assert (np.abs(drawn.correlation.mean(axis=0) - limit.correlation) / error).max() < 4
    assert drawn.places.tolist() == limit.places.tolist()


@pytest.mark.parametrize(("net", "inputs", "what", "last"), [
    (network(net="CNN", depth=1, sigma_b=0.1), sources.digits((0, 1), 2, form="images"), "layers", "readout"),
    (network(net="ResNet", blocks=2), DIGITS, "layers", "readout"),
    (network(net="RNN", sigma_b=0.2), sources.sentences("a list is a value\na list is a type"), "steps", "5"),
    (network(net="RNN", readout="last"), sources.sentences("a list is a value\na list is a type"), "steps", "5"),
    (network(net="GraphConv", depth=2, sigma_b=0.1), sources.graph(), "layers", "readout"),
    (network(net="BatchNormMLP", depth=2), DIGITS, "periods", "2"),
])  # fmt: skip
def test_every_kind_of_network_has_a_depth(net, inputs, what, last):
    request = DepthRequest(inputs, net, 0, 1)
    found = list(depths.depth(request))[-1]
    assert found.what == what and found.names[-1] == last and np.isfinite(found.variance).all()
    assert (np.abs(found.correlation) <= 1).all() and len(found.names) == len(found.places) == len(found.variance)
    assert (found.fate is not None) == depths.repeats(request) and bool(found.why) == (found.fate is None)
    drawn = list(depths.depth_draws(DepthDrawsRequest(request, 64, 3)))[-1]
    assert drawn.variance.shape == (3, *found.variance.shape) and drawn.correlation.shape == (3, len(found.places))
    assert depths.draws_that_fit(request, 64) >= 2 > depths.draws_that_fit(request, 10**9)


def test_steps_are_the_joint_kernel_over_all_steps():
    inputs, net = sources.sentences("a list is a value\na list is a type"), network(net="RNN", sigma_b=0.2)
    K = tp.nngp(tp.nets.RNN(sigma_b=0.2), inputs.data)
    two = list(depths.depth(DepthRequest(inputs, net, 1, 6)))[-1]
    assert two.correlation == pytest.approx([K[t, 5 + t] / np.sqrt(K[t, t] * K[5 + t, 5 + t]) for t in range(5)])
    one = list(depths.depth(DepthRequest(inputs, net, 1, 3)))[-1]
    assert one.correlation == pytest.approx([K[t, 3] / np.sqrt(K[t, t] * K[3, 3]) for t in range(5)])
    assert "step 4" in one.pair


def test_phases_are_told_by_the_slope():
    phases = [Fate("settled", 1, 1, chi).phase for chi in (0.7, 1.004, 1.3, math.inf)]
    assert phases == ["order", "edge", "chaos", "chaos"]


def test_eigenvalues_floor_and_effective_rank():
    rng = np.random.default_rng(2)
    A = rng.standard_normal((12, 3))
    found = spectra.eigenvalues(A @ A.T, width=100)
    singular = np.linalg.svd(A, compute_uv=False) ** 2
    assert found.values[:3] == pytest.approx(singular) and found.known.tolist() == [True] * 3 + [False] * 9
    assert found.rank == pytest.approx(singular.sum() ** 2 / (singular**2).sum()) and found.width == 100
    assert found.share[2] == pytest.approx(1) and found.share[0] == pytest.approx(singular[0] / singular.sum())
    assert spectra.eigenvalues(np.eye(7)).rank == pytest.approx(7)
    sampled = spectra.eigenvalues(np.diag([5.0, 1.0, 0.02]), error=0.01)
    assert sampled.known.tolist() == [True, True, False], "what is within the error of a sampled kernel is not known"
    assert spectra.eigenvalues(np.zeros((3, 3))).rank == 0


# -- plots --------------------------------------------------------------------------------------------------------


def test_the_depth_plot_shows_limit_networks_and_what_would_follow():
    plot = DepthPlot("Correlation", name="c", label="correlation", symbol="c*")
    assert plot.data() == {} and texts(plot) == []
    beyond = np.array([[3, 4, 5], [0.3, 0.25, 0.2]])
    plot.update_limit([1, 2, 3], ("1", "2", "3"), np.array([0.6, 0.4, 0.3]), beyond=beyond, fixed=0.1, bounds=(0, 1.05))
    assert plot.star.visible and plot.star.location == 0.1 and "c* = 0.100" in texts(plot)
    assert list(plot.tail.data["y"]) == [0.3, 0.25, 0.2] and there(plot)["x"] == []
    values = np.array([[0.6, 0.5, 0.2], [0.6, 0.3, 0.4]])
    plot.update(values, 64)
    dots = there(plot)
    assert dots["y"] == pytest.approx([0.6, 0.4, 0.3]) and dots["high"][1] == pytest.approx(0.6)
    assert "n = 64" in texts(plot)
    assert set(plot.data()) == {"place", "limit", "beyond_place", "beyond", "mean", "two_sd"}
    plot.restyle("dark", True)
    assert there(plot)["y"] == pytest.approx([0.6, 0.4, 0.3])
    plot.update(None, math.inf)
    assert there(plot)["y"] == [] and "mean" not in plot.data()
    with pytest.raises(NotDrawable, match="not finite"):
        plot.update(np.array([[np.nan, 1, 1]]), 64)


def test_a_pair_has_full_and_open_dots_and_names_of_layers_stand_aslant():
    plot = DepthPlot("Variance", name="q", label="variance", symbol="q*")
    plot.update_limit([0, 1, 2], ("inputs", "Dense", "relu"), np.array([[1, 2], [2, 3], [1, 1.5]]))
    plot.update(np.ones((4, 3, 2)), 32)
    dots = there(plot)
    assert len(dots["y"]) == 6 and dots["fill"][0] == dots["colour"][0] != dots["fill"][-1]
    assert plot.fig.xaxis[0].major_label_orientation == 0.9
    assert list(plot.second.data["y"]) == [2, 3, 1.5] and plot.fig.y_range.end == pytest.approx(1.35 * 3)


def test_the_map_and_the_way_along_it():
    plot = CorrelationMap()
    c = np.linspace(-1, 1, 5)
    plot.update(c, c / 2 + 0.1, [0.8, 0.5, 0.35], 0.2, 1.3)
    assert list(plot.way.data["x"]) == [0.8, 0.8, 0.5, 0.5, 0.35]
    assert list(plot.way.data["y"]) == [0.8, 0.5, 0.5, 0.35, 0.35]
    assert list(plot.end.data["x"]) == [0.2] and "slope 1.30 at c = 1" in texts(plot)
    plot.update(c, c, [0.8], None, math.inf)
    assert "slope ∞ at c = 1" in texts(plot) and list(plot.end.data["x"]) == []
    plot.update(None, None, None, None, 0.0)
    assert plot.data() == {} and texts(plot) == []


def test_eigenvalues_at_the_floor_are_open_triangles():
    plot, share = KernelEigenvalues(), TraceShare()
    limit = Eigenvalues(np.array([4.0, 1.0, 1e-17, -1e-17]), 1e-14, 1.5)
    network = Eigenvalues(np.array([4.2, 0.9, 0.1, 0.05]), 1e-14, 1.6, width=512)
    for figure in (plot, share):
        figure.update_limit(limit)
    dots = there(plot)
    assert dots["marker"] == ["inverted_triangle"] * 2 and dots["y"] == [1e-14] * 2 and plot.floor.visible
    assert list(plot.line.data["y"]) == [4.0, 1.0] and "▽ zero, within error" in texts(plot)
    for figure in (plot, share):
        figure.update(network)
        figure.restyle("dark", True)
    assert there(plot)["marker"].count("circle") == 4 and plot.fig.y_range.start > 0
    assert texts(share) == ["effective rank 1.50, limit", "effective rank 1.60, n = 512"]
    assert set(plot.data()) == set(share.data()) == {"limit", "network"} and plot.data()["limit"][3] == -1e-17
    plot.update(None)
    assert set(plot.data()) == {"limit"}


def test_heatmaps_are_labelled_by_words_upright_and_by_few_names_sideways():
    trio = plots.Kernels()
    words = ("the", "value", "of", "a", "list", "sequence")
    trio.inputs(words)
    axis = trio.limit.fig.xaxis[0]
    other = trio.limit.fig.yaxis[0]
    assert axis.major_label_orientation == "vertical" and other.major_label_orientation == "horizontal"
    assert list(axis.major_label_overrides.values()) == list(words), "every word has its place"
    assert trio.limit.fig.min_border_left > 60
    frames = [plot.fig.min_border_left + plot.fig.min_border_right for plot in trio.plots]
    assert len(set(frames)) == 1, "three equal frames"
    trio.inputs(("Mr. Hi",) * 4 + ("Officer",) * 3)
    assert axis.major_label_orientation == "horizontal" and other.major_label_orientation == "vertical"
    trio.inputs(tuple("0011"))
    assert axis.major_label_orientation == "horizontal" == other.major_label_orientation
    assert trio.limit.fig.min_border_left == 24


# -- on the page ----------------------------------------------------------------------------------------------------


@pytest.fixture
def lab():
    made = KernelsLab(width=64, draws=200, depth=4, phi="tanh", figures="depth")
    made.start()
    yield made
    made.leave()


def test_the_depth_tab_shows_what_its_code_computes(lab):
    s = settled(lab, well=True)
    space, data = run(lab.code(s)), lab.data()
    q, c, c_n = space["q"], space["c"], space["c_n"]
    assert np.allclose(data["depth-correlation.limit"][:, 0], c[1:-1:2], rtol=1e-12)
    assert np.allclose(data["depth-variance.limit"], q[1:-1:2], rtol=1e-12)
    assert np.allclose(data["depth-correlation.mean"][:, 0], c_n.mean(axis=0)[1:-1:2], rtol=1e-12)
    labels = [number.label for number in lab.numbers(s)]
    assert {"Correlation, first", "Slope χ", "Depth scale"} <= set(labels)
    assert lab.claim(s).startswith(("Order", "Chaos", "At the edge")) and "order" in lab.formula(s)
    lab.state.width = math.inf
    s = settled(lab, well=True)
    assert "depth-correlation.mean" not in lab.data() and "empirical" not in lab.code(s)


def test_the_eigenvalues_tab_shows_what_its_code_computes(lab):
    lab.state.figures = "eigenvalues"
    s = settled(lab, well=True)
    space, data = run(lab.code(s)), lab.data()
    assert np.allclose(data["eigenvalues.limit"], space["values"], atol=1e-12)
    assert np.allclose(data["eigenvalues.network"], space["values_n"], atol=1e-12)
    assert "Effective rank" in [number.label for number in lab.numbers(s)] and lab.claim(s)
    lab.state.kernel = "ntk"
    settled(lab, well=True)
    assert "Θ" in lab.lower.tab.values.title
    lab.state.width = math.inf
    settled(lab, well=True)
    assert "eigenvalues.network" not in lab.data()


def test_only_the_tab_that_is_shown_is_computed(lab):
    settled(lab, well=True)
    assert "outputs" not in lab.flow.results and {"depth", "depth-draws"} <= set(lab.flow.results)
    lab.state.figures = "outputs"
    settled(lab, well=True)
    assert "depth" not in lab.flow.results and "outputs" in lab.flow.results
    names = {name.split(".")[0] for name in lab.data()}
    assert "outputs" in names and "depth-variance" not in names


@pytest.mark.parametrize("preset", ["rnn", "cnn", "graph", "batchnorm"])
def test_presets_of_other_architectures_have_depth_and_code(lab, preset):
    lab.choose(preset)
    lab.state.param.update(figures="depth", width=16, draws=200)
    s = settled(lab, well=True)
    space, data = run(lab.code(s)), lab.data()
    if preset == "rnn":
        first = data["depth-variance.limit"][:, 0]
        assert np.allclose(first, np.diagonal(space["K_steps"])[: len(first)])
    elif preset != "batchnorm":
        assert np.allclose(data["depth-correlation.limit"][:, 0], space["c"], rtol=1e-12)
    assert (lab.lower.tab.map.view.styles == {}) is False and lab.lower.tab.map.data() == {}
