"""Networks in links, stacks as outlines, the forms of inputs, the rows of a kernel, estimates of time."""

import inspect
import json
import random
import time

import numpy as np
import pytest

import tpcore as tp
from tpapp import outline, palette, stack
from tpapp.compute import kernels, kernels_code, kernels_cost, kernels_inputs, kernels_nets
from tpapp.labs.kernels_presets import PRESETS
from tpapp.labs.kernels_state import KernelsState, inputs, net, net_of, pair
from tpapp.results import KernelLimitRequest, Net, OutputsRequest
from tpcore.errors import Misuse
from tpcore.nets import spec

SMALL = kernels.digits((0, 4), 2)
TEXT = "a list of values\nthe value"
NETS = {
    "MLP": "",
    **{name: stack.network_text(name, kind.defaults()) for name, kind in palette.NETWORKS.items() if name != "MLP"},
    "block": "dense~act~layernorm~attention-h2-m1~dense~act~meanpool",
    "branch": "dense~res~_act-gelu~_dense-w1~act-erf",
    "pooled": "conv-k2~act~avgpool~flatten", "random": "dense~act~attention-lsqrt~meanpool",
    "cell": "rnn-fidentity~meanpool",
    "batch": "dense~batchnorm~act", "nodes": "graph~act~meanpool~readout-v2-b0.5",
}  # fmt: skip


def state(name, **values):
    data = "graph" if name in ("GraphConv", "nodes") else "sentences" if name in palette.NETWORKS else "digits"
    made = KernelsState(PRESETS, net=NETS[name], text=TEXT, **{"data": data} | values)
    return made.snapshot()


def small(name):
    """A network with few inputs of the kind that it takes."""
    made = net(state(name))
    X = {"graph": kernels_inputs.graph(), "sequences": kernels_inputs.sentences(TEXT)}.get(kernels_nets.forms(made)[0])
    X = kernels_inputs.shaped(SMALL, "images") if X is None and kernels_nets.forms(made)[0] == "images" else X
    return made, SMALL if X is None else X


def random_stack(rng: random.Random, count: int = 0) -> stack.Stack:
    """Any layers, in any order; 1 to 8 unless told."""
    cards = []
    for _ in range(count or rng.randint(1, 8)):
        kind = rng.choice(list(palette.LAYERS.values()))
        values = {f.name: rng.choice(list(f.choices)) if f.choices else
                  rng.randint(max(1, int(f.bounds[0])), int(min(f.bounds[1], 3))) if f.whole else
                  round(rng.uniform(max(f.bounds[0], 0.1), min(f.bounds[1], 2.0)), 2) for f in kind.fields}
        cards.append(stack.Card.of(kind.name, **values))
        if kind.name == "Residual":
            cards += outline.BRANCH
    return stack.Stack(tuple(cards), stack.Card.of("Readout", sigma_v=round(rng.uniform(0.5, 2), 2), sigma_b=0.0))


# -- links -------------------------------------------------------------------------------------------------------


def test_every_stack_and_every_network_comes_back_from_its_link():
    rng = random.Random(3)
    for _ in range(200):
        made = random_stack(rng)
        text = made.text()
        assert stack.read(text) == made and len(text) <= 600
        assert all(c.isalnum() or c in "~-_." for c in text), "nothing that a link has to escape"
    for name, kind in palette.NETWORKS.items():
        if name == "MLP":
            continue
        values = {f.name: (list(f.choices)[-1] if f.choices else f.bounds[1]) for f in kind.fields}
        assert stack.read(stack.network_text(name, values)) == (name, values)
        assert stack.read(name) == (name, kind.defaults())


@pytest.mark.parametrize(
    "text, words",
    [("", "known layers"), ("<script>", "known layers"), ("dense~" * 9 + "act", "at most 8"),
     ("dense-w1e999", "number from"), ("dense-wnan", "number from"), ("act-eval", "one of"),
     ("RNN-d3", "has the parameters"), ("_dense", "residual branch"),
     ("dense~readout~act", "behind all"), ("res~" + "_act~" * 5 + "act", "at most 4"), ("CNN-d1.5", "whole"),
     ("res~_res~_act", "one deep"), ("conv-k" + "9" * 40, "number from")],
)  # fmt: skip
def test_hostile_links_are_refused_in_words(text, words):
    with pytest.raises(Misuse, match=words):
        stack.read(text)
    lab = KernelsState(PRESETS, depth=7)
    said = lab.read("kernels", {"kernels.net": text, "kernels.depth": "3"}) if text else ["empty"]
    assert said and (not text or lab.depth == 7 and lab.net == ""), "the page is as it was"


def test_an_order_without_sense_is_refused_and_a_long_link_cut():
    lab = KernelsState(PRESETS)
    for text in ("layernorm~dense", "dense~meanpool~attention", "act"):
        assert "The page is as it was" in lab.read("kernels", {"kernels.net": text})[0] and lab.net == ""
    assert "longer than 600" in lab.read("kernels", {"kernels.net": "dense~act~" * 100})[0]


def test_equal_descriptions_are_equal_networks():
    a = Net.of({"net": "RNN", "phi": "erf", "sigma_w": 1.0})
    assert a == Net.of({"sigma_w": 1.0, "net": "RNN", "phi": "erf"}) and json.loads(a.spec) == a.fields
    assert net_of("RNN-w1.2") == net_of("RNN-w1.20") != net_of("RNN")


@pytest.mark.parametrize("name", [name for name in palette.NETWORKS])
def test_a_network_opened_as_layers_is_the_same_network(name):
    made, X = small(name)
    layers = kernels_nets.as_layers(made)
    opened = outline.from_layers(layers) if layers else None
    if name in ("BatchNormMLP", "LayerNormMLP", "Transformer"):  # nine layers; a layer of its own
        assert opened is None
        return
    again = Net.of(opened.spec())
    K, L = (kernels.kernel_limit(KernelLimitRequest(X, each)).K for each in (made, again))
    assert np.allclose(K, L, rtol=1e-9, atol=1e-9 * np.abs(K).max() if name not in ("GRU", "LSTM") else 3e-2)


def test_every_parameter_has_a_control():
    """Of layers and of named networks, as `tpcore` knows them; a graph comes with the inputs."""
    for kinds, made in ((palette.LAYERS, spec.LAYERS | spec.CELLS), (palette.NETWORKS, spec.NETWORKS)):
        for name, kind in kinds.items():
            if name in ("MLP", "Residual"):
                continue
            given = inspect.signature(made[name].__init__).parameters.values()
            known = {p.name for p in given if p.kind is p.POSITIONAL_OR_KEYWORD} - {"self", "adjacency"}
            if name in spec.CELLS and kinds is palette.LAYERS:
                known -= {"sigma_v", "readout"}  # states have no readout
            fields = {field.name for field in kind.fields}
            assert known == (fields - {"logits"} | {"tied", "scaling"} if "logits" in fields else fields), name


def test_parameters_reach_the_network():
    text = "conv-s2~act~avgpool-k3-s1~attention-k0.5-q2-v1.5-o0.7~meanpool"
    made = stack.read(text)
    assert made.text() == text and outline.from_layers(made.spec()["layers"]) == made
    assert stack.read("avgpool-k3~dense").spec()["layers"][0]["stride"] is None
    X = kernels_inputs.shaped(SMALL, "images")
    by_hand = tp.nets.Sequential(
        tp.nets.Conv(3, "same", 2, 1.41, 0.32), tp.nets.Act("relu"), tp.nets.AvgPool(3, 1),
        tp.nets.Attention(sigma_k=0.5, sigma_q=2.0, sigma_v=1.5, sigma_o=0.7), tp.nets.MeanPool(),
        tp.nets.Dense(1.0, 0.0))  # fmt: skip
    K = kernels.kernel_limit(KernelLimitRequest(X, net_of(text))).K
    assert np.allclose(K, tp.nngp(by_hand, X.data), rtol=1e-12)


# -- stacks as outlines ------------------------------------------------------------------------------------------


def test_cards_move_as_in_an_outline():
    made = stack.read("dense~res~_act-gelu~_dense-w1~act~meanpool")
    moves = {(0, "down"): "res~_act-gelu~_dense-w1~dense~act~meanpool",
             (4, "up"): "dense~act~res~_act-gelu~_dense-w1~meanpool",
             (1, "up"): "res~_act-gelu~_dense-w1~dense~act~meanpool",
             (2, "up"): "dense~act-gelu~res~_dense-w1~act~meanpool",
             (2, "out"): "dense~res~_dense-w1~act-gelu~act~meanpool",
             (4, "in"): "dense~res~_act-gelu~_dense-w1~_act~meanpool",
             (3, "down"): "dense~res~_act-gelu~dense-w1~act~meanpool",
             (5, "down"): made.text(), (0, "in"): made.text()}  # fmt: skip
    for (k, way), text in moves.items():
        found, place = outline.moved(made, k, way)
        assert found.text() == text and found.cards[place].kind == made.cards[k].kind
    assert outline.dropped(made, 1, 6)[0].text() == "dense~act~meanpool~res~_act-gelu~_dense-w1"
    assert outline.dropped(made, 4, 2)[0].text() == "dense~res~_act~_act-gelu~_dense-w1~meanpool"
    assert outline.removed(made, 1)[0].text() == "dense~act~meanpool"
    with pytest.raises(Misuse, match="at most 8"):
        outline.added(stack.read("~".join(["dense"] * 8)), "Act", None)


def test_moves_lose_no_card():
    rng = random.Random(5)
    for _ in range(300):
        made = random_stack(rng)
        k = rng.randrange(len(made.cards))
        ways = [lambda way=way: outline.moved(made, k, way)[0] for way in ("up", "down", "in", "out")]
        moved, before = [], rng.randint(0, len(made.cards))
        for move in (*ways, lambda: outline.dropped(made, k, before)[0]):
            try:
                moved.append(move())
            except Misuse as refusal:  # a branch or a stack that would be too long
                assert "at most" in str(refusal)
        for found in moved:
            assert sorted(map(str, (c.kind for c in found.cards))) == sorted(c.kind for c in made.cards)
            assert stack.read(found.text()) == found


# -- inputs ------------------------------------------------------------------------------------------------------


def test_inputs_take_the_form_that_the_network_needs():
    for name, shape in (("MLP", (24, 64)), ("block", (24, 8, 8)), ("pooled", (24, 8, 8, 1))):
        X = inputs(state(name, data="digits"))
        assert X.X.shape == shape and np.array_equal(X.X.reshape(24, 64), kernels.digits().X)
    X = inputs(state("RNN"))
    assert [len(x) for x in X.X] == [4, 2] and X.steps == (("a", "list", "of", "values"), ("the", "value"))
    assert np.allclose(X.X[0][1], tp.data.words().sentence("list")[0])
    assert len(inputs(state("MLP", data="sentences"))) == 6, "an MLP sees words"
    X = inputs(state("GraphConv"))
    assert X.adjacency.sum() == 2 * 78 and X.labels[0] != X.labels[-1] and X.labels == tuple(sorted(X.labels))


def test_a_network_gets_inputs_that_fit_and_says_so():
    made = KernelsState(PRESETS, net="GraphConv")
    assert made.data == "graph" and "karate club" in made.fitted
    made.net = "RNN"
    assert made.data == "sentences" and "sentences" in made.fitted
    made.param.update(net="CNN", data="graph")
    assert made.data == "digits"
    made.net = ""
    assert made.data == "digits" and not made.fitted


@pytest.mark.parametrize("text, words", [("", "1 to 6 sentences"), ("one\n" * 7, "1 to 6 sentences"),
                                         ("qqzzy", "among the"), ("the " * 17, "at most 16")])  # fmt: skip
def test_sentences_that_cannot_be_shown_are_refused_in_words(text, words):
    with pytest.raises(Misuse, match=words):
        kernels_inputs.sentences(text)


# -- rows of kernels ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
def test_rows_and_pairs_are_those_of_the_kernel(name):
    """The rows counted from the layers are the kernel's; two rows by themselves have the same covariance."""
    made, X = small(name)
    rows, limit = kernels_nets.rows(X, made), kernels.kernel_limit(KernelLimitRequest(X, made))
    assert limit.K.shape == (len(rows),) * 2 and len(set(rows.names)) == len(rows)
    estimated = not getattr(kernels_nets.network(made, X), "batched", False)
    assert 0 < limit.error < 0.05 if estimated else np.isnan(limit.error), "an error that nothing estimates is none"
    i, j = min(1, len(rows) - 1), len(rows) - 1
    chosen = kernels_nets.pair(X, made, i, j)
    K = np.asarray(tp.nngp(kernels_nets.network(made, X), chosen.data))[np.ix_(chosen.rows, chosen.rows)]
    loose = name in ("GRU", "LSTM", "random")
    assert np.allclose(K, limit.K[np.ix_([i, j], [i, j])], rtol=0.1 if loose else 1e-7)


def test_too_many_rows_are_refused_in_words():
    with pytest.raises(Misuse, match="MeanPool"):
        kernels_nets.rows(kernels_inputs.shaped(kernels.digits(), "images"), net_of("conv~act"))


def test_rows_have_names():
    s = state("RNN")
    rows = kernels_nets.rows(inputs(s), net(s))
    assert rows.labels == ("a", "list", "of", "values", "the", "value") and rows.names[5] == "6 · value, step 2"
    assert rows.items == (0, 0, 0, 0, 1, 1) and pair(s._replace(x=99, x2=2)) == (5, 2)


# -- code, time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
def test_the_shown_code_runs_and_gives_the_figures_numbers(name):
    made, X = small(name)
    i, j = 0, len(kernels_nets.rows(X, made)) - 1
    space: dict = {}
    text = kernels_code.code(X, made, width=16, draws=6, seed=2, i=i, j=j)
    exec(compile(text, "shown", "exec"), space)  # noqa: S102 - the page's own snippet
    assert np.array_equal(space["K"], kernels.kernel_limit(KernelLimitRequest(X, made)).K)
    *_, sample = kernels.outputs(OutputsRequest(X, made, i, j, 16, 6, 2))
    assert np.array_equal(space["f"][:, [0, -1]], sample.f) and len(sample.f) + sample.lost == 6
    assert max(map(len, text.splitlines())) <= 90


def test_estimates_of_time_are_of_the_right_order():
    for name in ("RNN", "block", "GraphConv"):
        made, X = small(name)
        draw = tp.empirical_nngp
        draw(kernels_nets.network(made, X), X.data, 256, 2)
        start = time.perf_counter()
        draw(kernels_nets.network(made, X), X.data, 256, 20)
        taken = time.perf_counter() - start
        assert kernels_cost.seconds(made, X, 256, 20) / 20 < taken < 20 * kernels_cost.seconds(made, X, 256, 20)


def test_what_takes_too_long_is_refused_with_the_width_that_fits():
    X = kernels_inputs.shaped(kernels.digits(), "images")
    made = net_of("CNN-d4")
    assert kernels_cost.seconds(made, X, 10**6) > kernels_cost.SECONDS
    with pytest.raises(Misuse) as refusal:
        kernels_cost.check(made, X, 10**6)
    fits = kernels_cost.widest(made, X)
    assert f"n = {fits:,}" in str(refusal.value) and kernels_cost.seconds(made, X, fits) <= kernels_cost.SECONDS
    assert kernels_cost.seconds(made, X, fits + 1) > kernels_cost.SECONDS
    with pytest.raises(Misuse, match="NNGP"):
        kernels_cost.check(made, X, 64, "ntk")


def test_the_listing_is_the_programs_own():
    made, X = small("RNN")
    found = kernels_nets.listing(X, made, 0, 5)
    program = kernels_nets.network(made).program([X.X[0], X.X[1]])
    assert list(found.shown) == [line[:160] for line in str(program).splitlines()] and found.fragment == "Netsor"
    assert kernels_nets.fragment(*small("block")) == "Netsor⁺"
