"""The Kernels lab assembled: controls and state, cards, sentences, the program, what is refused in words."""

import math

import numpy as np
import pytest

import tpcore as tp
from tests.app.driven import settled
from tpapp import KernelsLab, palette, stack
from tpapp.labs.kernels_network import FIRST, LAYERWISE
from tpapp.labs.kernels_presets import PRESETS
from tpapp.labs.kernels_state import KernelsState, inputs, net
from tpapp.compute import kernels_nets


@pytest.fixture(scope="module")
def page():
    made = KernelsLab(width=math.inf)
    made.start()
    yield made
    made.leave()


@pytest.fixture
def lab(page):
    page.choose("relu")
    page.state.param.update(width=math.inf, figures="program")
    return page


def limit(lab):
    settled(lab)
    return lab.data()["kernel-limit.kernel_limit"]


def test_every_architecture_has_a_preset_with_a_question():
    kinds = {layer for preset in PRESETS.values() for layer in _kinds(preset.values.get("net", "MLP"))}
    assert kinds >= set(palette.NETWORKS) and kinds >= {"AvgPool", "MeanPool", "Attention"}
    assert all(preset.question for key, preset in PRESETS.items() if key != "relu")
    for key, preset in PRESETS.items():
        made = KernelsState(PRESETS, preset=key)
        assert made.changed == [] and not made.fitted, "the preset's inputs are those that its network takes"
        assert made.query("kernels") == ({} if key == "relu" else {"kernels.preset": key}), "its link is short"
        assert len(kernels_nets.rows(inputs(made.snapshot()), net(made.snapshot()))) > max(made.x, made.x2)


def _kinds(text):
    found = stack.read(text) if text not in ("", "MLP") else ("MLP", {})
    return {card.kind for card in found.cards} if isinstance(found, stack.Stack) else {found[0]}


def test_links_of_the_mlp_are_as_they_were(lab):
    query = {"kernels.depth": "5", "kernels.phi": "erf", "kernels.sigma_w": "1.2", "kernels.sigma_b": "0.5",
             "kernels.width": "512",
             "kernels.draws": "400", "kernels.seed": "7", "kernels.data": "all"}
    made = KernelsState(PRESETS)
    assert made.read("kernels", query) == [] and made.query("kernels") == query
    assert (made.net, made.depth, made.phi, made.seed) == ("", 5, "erf", 7)


def test_choosing_an_architecture_shows_its_form_and_its_limit(lab):
    controls = lab.network
    lab.state.param.update(text="the value\na list", data="sentences")
    for name, kind in palette.NETWORKS.items():
        controls.kind.value = name
        s = settled(lab)
        assert not lab.flow.failed and net(s).kind == name and len(limit(lab)) > 1
        assert controls.simple.visible == (name == "MLP") and controls.named.visible == (name != "MLP")
        if name != "MLP":
            assert [w.name for w in controls.form.widgets.values()] == [field.label for field in kind.fields]
    controls.kind.value = "ResNet"
    lab.state.data = "digits"
    before = limit(lab)
    controls.form.widgets["blocks"].value = 1
    assert lab.state.net == "ResNet-d1" and not np.allclose(limit(lab), before)
    expected = tp.nngp(tp.nets.ResNet(1, "relu", 1.0, 0.1), inputs(lab.state.snapshot()).X)
    assert np.allclose(limit(lab), expected, rtol=1e-12)


def test_an_mlp_opens_as_the_layers_that_equal_it(lab):
    before = limit(lab)
    lab.network.kind.value = LAYERWISE
    assert lab.state.net == "dense~act~dense~act~dense~act~readout-b0.32" and lab.network.assembled.visible
    assert np.allclose(limit(lab), before, rtol=1e-12)
    lab.choose("deep")
    lab.network.open_layers()
    assert "at most 8 layers" in lab.strip.words.object or "at most 8 layers" in lab._words
    lab.network.kind.value = LAYERWISE
    assert lab.state.net == FIRST, "ten layers do not fit: the mock's block instead"


def test_cards_are_added_moved_changed_and_deleted(lab):
    lab.state.net = FIRST
    cards = lab.network.cards
    assert [slot.card.name for slot in cards.slots if slot.view.visible] == [
        "Dense", "ReLU", "LayerNorm", "Attention", "Dense", "ReLU", "MeanPool"]  # fmt: skip
    cards.slots[3].card.value = True
    assert cards.chosen == 3 and list(cards.form.widgets) == [
        "logits", "heads", "masked", "temperature", "sigma_k", "sigma_q", "sigma_v", "sigma_o"]  # fmt: skip
    assert cards.open in cards.slots[3].room.objects and cards.slots[3].delete.visible
    assert cards.form.widgets["sigma_q"].disabled, "keys are the queries"
    cards.form.widgets["logits"].value = "n"
    assert not cards.form.widgets["sigma_q"].disabled and "attention-ln" in lab.state.net
    cards.form.widgets["logits"].value = "tied"
    cards.form.widgets["heads"].value = 4
    assert "attention-h4" in lab.state.net
    for move, text in (("3 up 1", "act~attention-h4~layernorm"), ("2 to 3 2", "act~attention-h4~layernorm"),
                       ("2 to 4 3", "layernorm~attention-h4~dense"), ("9 up 4", "layernorm~attention-h4")):  # fmt: skip
        cards.ordered(move)
        assert text in lab.state.net
    before = limit(lab)
    cards.add("Residual")
    assert "attention-h4~res~_act~_dense-w1-b0.1~dense" in lab.state.net and cards.chosen == 4
    assert not np.allclose(limit(lab), before)
    cards.delete(4)
    assert "res" not in lab.state.net and np.allclose(limit(lab), before)
    cards.out.value = True
    cards.form.widgets["sigma_v"].value = 2.0
    assert lab.state.net.endswith("~readout-v2") and np.allclose(limit(lab), 4 * before)
    cards.slots[3].card.value = True
    lab.state.net = FIRST
    assert cards.chosen is None and not cards.slots[3].card.value, "cards that come from elsewhere are shut"
    lab.state.net += "~readout-v2"
    cards.add("Act")
    assert "pair by pair" in lab.flow.failed["state"], "an activation of a mean of activations on so many places"
    cards.add("Act")
    assert "at most 8 layers" in lab._words, "the ninth layer is refused in words"


def test_an_order_without_sense_keeps_the_last_good_figure(lab):
    lab.state.net = "dense~act~layernorm"
    before = limit(lab)
    lab.network.cards.ordered("2 to 0 1")
    assert lab.state.net == "layernorm~dense~act" and "LayerNorm" in lab.flow.failed["state"]
    assert np.array_equal(lab.data()["kernel-limit.kernel_limit"], before)
    assert lab.network.cards.slots[0].card.name == "LayerNorm", "the cards show what was asked"
    lab.network.cards.ordered("0 down 2")
    assert not lab.flow.failed
    lab.state.net = "conv~act"
    assert "MeanPool" in lab.flow.failed["state"]


def test_sentences_are_typed_and_unknown_words_refused(lab):
    lab.choose("rnn")
    lab.state.param.update(width=math.inf, figures="program")
    assert lab.given.text.visible and len(limit(lab)) == 15
    lab.given.text.value = "the value\na list of values\nthe list"
    assert len(limit(lab)) == 8 and lab.trio.names.data["label"][:3] == ["the", "value", "a"]
    lab.given.text.value = "the qqzzy"
    assert "qqzzy" in lab.flow.failed["state"] and len(lab.data()["kernel-limit.kernel_limit"]) == 8
    other = KernelsState(PRESETS)
    assert other.read("kernels", lab.query) == [] and other.text == "the qqzzy", "the text is in the link"


def test_inputs_that_were_taken_because_they_fit_are_named(lab):
    lab.network.kind.value = "GraphConv"
    assert lab.state.data == "graph" and "karate club" in lab._words and len(limit(lab)) == 34
    lab.network.kind.value = "GRU"
    assert lab.state.data == "sentences" and "sentences" in lab._words


def test_the_program_behind_the_network(lab):
    lab.choose("rnn")
    lab.state.param.update(width=math.inf, figures="program")
    settled(lab)
    text = lab.lower.tab.text.object
    program = tp.nets.RNN("erf", 1.0, 1.0, 0.1).program(inputs(lab.state.snapshot()).data)
    assert str(program).splitlines()[-1].replace("'", "&#x27;")[:60] in text
    assert "Netsor" in lab.lower.tab.view.objects[0].object
    assert "print(net.program" in lab.code(lab.state.snapshot())


def test_covariances_are_shown_as_correlations(lab):
    K = limit(lab)
    lab.state.shown = "correlation"
    C = limit(lab)
    assert np.allclose(np.diag(C), 1) and np.allclose(C, K / np.sqrt(np.outer(np.diag(K), np.diag(K))))
    lab.state.width = 64
    shown = settled(lab) and lab.data()
    assert np.allclose(shown["kernel-draw.kernel_draw"] - C, shown["kernel-difference.kernel_difference"])


def test_a_mixture_is_called_one_and_gets_no_line_of_slope(lab):
    few = "dense~act~attention-lsqrt~meanpool"
    lab.state.param.update(net=few, data="sentences", x=0, x2=1, width=64, draws=200, figures="outputs")
    s = settled(lab)
    assert "mixture" in lab.claim(s) and "mathbb{E}" in lab.formula(s)
    assert lab.result("limit").method == "sampling" and lab.result("outputs").done
    assert not len(lab.deviation.line.data["x"]), "single draws do not tend to the mean kernel"
    assert lab.result("ladder").mean[-1] > 0.02
    assert "Slope in log n" not in [number.label for number in lab.numbers(s)]


def test_outputs_that_are_all_zero_are_said_to_be(lab):
    lab.state.param.update(net="dense~act~readout-v0", width=64, draws=200, figures="outputs")
    settled(lab)
    assert not limit(lab).any() and "outputs that are all 0" in lab.flow.failed["draw"]
    lab.state.net = "dense~act"
    settled(lab)
    assert not lab.flow.failed


def test_an_error_that_nothing_estimates_is_not_made_up(lab):
    lab.state.param.update(net="BatchNormMLP")
    numbers = {number.label: number.value for number in lab.numbers(settled(lab))}
    assert numbers["Error of the limit"] == "not estimated" and numbers["Method"] == "quadrature"


def test_dead_narrow_networks_are_counted_not_drawn(lab):
    lab.state.param.update(net="dense-b0~act~layernorm", width=8, draws=400, figures="outputs")
    s = settled(lab)
    out = lab.result("outputs")
    assert out.lost > 0 and len(out.f) + out.lost == 400 and np.isfinite(out.f).all() and out.done
    assert "died" in lab.histogram.view.objects[0].object
    space: dict = {}
    exec(compile(lab.code(s), "shown", "exec"), space)  # noqa: S102 - the page's own snippet
    assert np.array_equal(space["f"], out.f)


def test_the_projector_changes_no_figure_for_good(lab):
    lab.state.figures = "outputs"
    settled(lab)
    heights = {plot.name: plot.fig.height for plot in lab.own}
    lab.set_style("light", projector=True)
    away = [line.css_classes == ["tp-away"] for line in lab.layout.lines]
    assert away == [True, False, False]  # the choice of the figure stays above it
    assert lab.histogram.fig.height > heights["outputs"] and not lab.density.view.visible
    lab.state.figures = "program"
    settled(lab)
    lab.set_style("light", projector=False)
    lab.state.figures = "outputs"
    settled(lab)
    assert {plot.name: plot.fig.height for plot in lab.own} == heights and all(plot.view.visible for plot in lab.own)
