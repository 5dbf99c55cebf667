"""The Training lab without a browser: presets, the moment, links, words, what diverges, a code drawer that runs."""

from __future__ import annotations

import contextlib
import io
import math
from types import SimpleNamespace

import numpy as np
import pytest

from tests.app.driven import run, settled
from tpapp import TrainingLab
from tpapp.compute import training as compute
from tpapp.compute import training_widths as widths
from tpapp.labs import training_words as words
from tpapp.labs.training_state import LAST, NEXT

FAST = {"steps": 12, "width": 64}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Narrow networks, few of them, and few particles: the numbers are tested on their own."""
    monkeypatch.setattr(widths, "SHALLOW", (16, 32, 64))
    monkeypatch.setattr(widths, "DEEP", (16, 32, 64))
    monkeypatch.setattr(widths, "COUNTS", (2, 2, 2))
    monkeypatch.setattr(compute, "SAMPLES", 2**9)
    monkeypatch.setattr(compute, "count", lambda width, depth: 3)


def shown(**values) -> TrainingLab:
    lab = TrainingLab(**(FAST | values))
    lab.start()
    settled(lab)
    return lab


def drawn_is_finite(lab) -> bool:
    return all(np.isfinite(array).all() for plot in lab.plots for array in plot.data().values())


def test_it_opens_on_its_sentence():
    lab = shown()
    s = lab.state.snapshot()
    assert lab.claim(s).startswith("In μP function and features both move") and "features rest" in lab.claim(s)
    assert "Feature learning" in lab.pill.object and lab.table.object.count("…") == 0
    assert set(lab.machines()) == {"kernel", "network", "feature"} and lab.status(s) == "3 of 3 networks"
    assert [number.label for number in lab.numbers(s)][:2] == ["To the kernel limit", "To the feature limit"]
    assert all(number.error > 0 for number in lab.numbers(s)[:2])
    assert drawn_is_finite(lab) and len(lab.widths.data()) == 6
    assert "thin: 2 more" in lab.outputs["network"].caption and len(lab.outputs["network"].others.data["xs"]) == 2


def test_presets_are_questions():
    assert all(preset.question.endswith("?") for key, preset in TrainingLab.presets.items() if key != "sine")
    assert set(NEXT) == set(TrainingLab.presets) == {"sine"} | {key for asked in NEXT.values() for key in asked}
    lab = TrainingLab()
    for key in lab.presets:
        lab.state.choose(key)
        s = lab.state.snapshot()
        assert not lab.state.changed and key not in NEXT[key]
        assert lab.claim(s) and lab.formula(s).startswith("$") and len(lab.ask_next(s)) == 3


@pytest.mark.parametrize("task", ["parity", "single-index", "digits", "words"])
def test_every_task_is_drawn(task):
    lab = shown(task=task, phi="relu")
    assert not lab.flow.failed and drawn_is_finite(lab)
    dots = lab.outputs["kernel"].dots.data
    assert len(dots["x"]) == len(lab.outputs["kernel"].data()["place"])
    assert lab.outputs["kernel"].fig.xaxis[0].axis_label


def test_a_moment_of_the_training():
    lab = shown()
    at = compute.frames(12)
    lab.state.moment = 3
    s = settled(lab)
    machine = lab.machines()["network"]
    line = lab.outputs["network"].sources["line"].data["y"]
    assert np.array_equal(line, machine.f[3][8:]) and list(lab.loss.here.data["x"]) == [at[3]]
    assert f"step <b>{at[3]}</b>" in lab.clock.words.object and lab.clock.slider.value == 3
    assert lab.state.query("training") == {"training.steps": "12", "training.width": "64", "training.moment": "3"}
    K = np.asarray(lab.kernels["network"].image.data["image"][0])
    order = compute.task(s.task)
    assert order is not None and not np.allclose(K, K.T, atol=1e-4)
    still = np.asarray(lab.kernels["kernel"].image.data["image"][0])
    assert np.allclose(still, still.T, atol=1e-6)
    lab._pointed(11.4)
    assert lab.state.moment == 11
    lab.clock.press(5)
    assert lab.state.moment == LAST
    lab.dial.reduced_motion = True
    lab.clock.toggle()
    assert lab.state.moment == 0
    lab.clock.toggle()
    assert lab.state.moment == 1


def test_the_start_is_below_the_diagonal_and_the_present_above():
    lab = shown(kernel="tangent")
    machine, order = lab.machines()["network"], lab.kernels["network"]._scene.order
    image = np.asarray(lab.kernels["network"].image.data["image"][0])
    K = machine.kernels["tangent"]
    assert image[0, 5] == pytest.approx(K[0][order[0], order[5]], rel=1e-5)
    assert image[5, 0] == pytest.approx(K[-1][order[5], order[0]], rel=1e-5)
    assert "Tangent kernel" in lab.kernels["kernel"].title and "tangent" in lab.alignment.caption


def test_lazy_words_and_the_readout():
    lab = shown(r=0.5, width=64)
    s = lab.state.snapshot()
    assert "freeze like 1/√n" in lab.claim(s) and "γ = √n = 8" in lab.pill.object
    assert "band ± 2 s.d." in lab.outputs["kernel"].caption and len(lab.outputs["kernel"].band.data["x"]) == 41
    assert lab.outputs["feature"].caption == "γ = 8 at infinite width, from 0" and "γ = nʳ" in lab.widths.caption
    lab.state.param.update(r=0.2, trains="readout")
    settled(lab)
    assert lab.outputs["feature"].caption == "γ = 2.3 at infinite width" and len(lab.result("widths").limits) == 3
    assert "the readout trains" in lab.outputs["kernel"].caption and r"\mathbb E" in lab.formula(lab.state.snapshot())
    assert "n⁻⁰·²" in lab.claim(lab.state.snapshot())


def test_the_limits_alone():
    lab = shown(width=math.inf)
    s = lab.state.snapshot()
    assert set(lab.machines()) == {"kernel", "feature"} and lab.status(s) == "The limits alone"
    assert not lab.outputs["network"].view.visible and "n =" not in lab.table.object
    assert "network" not in lab.code(s) and lab.claim(s)
    assert lab.outputs["feature"].caption == "μP at infinite width"
    lab.state.width = 32
    settled(lab)
    assert lab.outputs["network"].view.visible and "n = 32" in lab.table.object
    lab.state.param.update(width=math.inf, r=0.3)
    settled(lab)
    assert lab.outputs["feature"].caption == "γ = ∞: the kernel limit"
    known = lab.machines()
    assert np.allclose(known["feature"].f, known["kernel"].f, atol=1e-10)


def test_features_pay_only_beside_a_kernel_limit_that_learns():
    """A learning rate past the kernel's edge, not yet past all bounds, is no praise of features."""
    machine = lambda loss, test: SimpleNamespace(loss=np.array(loss), test_loss=np.array([test]))  # noqa: E731
    feature = machine([0.2, 0.01], 0.01)
    assert "Learned features pay" in words.pays({"kernel": machine([0.2, 0.05], 0.3), "feature": feature})
    assert words.pays({"kernel": machine([0.2, 800.0], 900.0), "feature": feature}) == ""


def test_divergence_is_said_in_words_and_never_drawn():
    lab = shown(task="sine", lr=4.0, r=0.5, steps=60, width=256)
    s = lab.state.snapshot()
    assert lab.claim(s).startswith("At η = 4 training diverges: the kernel limit at step")
    assert "diverged at step" in lab.outputs["kernel"].caption and "diverged" in lab.table.object
    assert drawn_is_finite(lab) and np.abs(lab.outputs["kernel"].sources["line"].data["y"]).max() < 100
    assert [number.label for number in lab.numbers(s)][0] == "To the feature limit"
    assert "kernel ✕" in lab.loss.text.data["text"] and lab.loss.fig.y_range.end < 1e3


def test_words_of_all_who_diverge():
    class One:
        def __init__(self, name, diverged):
            self.name, self.diverged = name, diverged

    class S:
        lr = 7.0

    ended = [One("kernel", 3), One("network", 9)]
    assert words.diverged(S, ended, [One("feature", None)]) == (
        "At η = 7 training diverges: the kernel limit at step 3 and the network at step 9. "
        "The feature-learning limit does not.")  # fmt: skip
    assert [words.percent(x) for x in (0.021, 0.63)] == ["2.1\u00a0%", "63\u00a0%"] and words.small(0.0104) == "0.010"


def test_a_link_brings_the_state_back():
    lab = TrainingLab(preset="parity", r=0.25, seed=7, moment=4, depth=2, kernel="tangent", width=512)
    other = TrainingLab()
    other.read(lab.query)
    assert other.state.snapshot() == lab.state.snapshot() and lab.query["training.r"] == "0.25"
    other.read({"training.task": "<b>", "training.r": "7", "training.steps": "1e9", "training.moment": "-3"})
    assert (other.state.task, other.state.r, other.state.steps, other.state.moment) == ("sine", 0.5, 300, 0)


def test_a_network_too_wide_is_refused_in_words():
    lab = shown(width=1_000_000)
    assert "memory" in " ".join(lab.flow.failed.values()) and "fits" in " ".join(lab.flow.failed.values())
    lab.state.width = 32
    settled(lab, well=True)


@pytest.mark.parametrize("values", [{"r": 0.35}, {"r": 0.35, "width": math.inf},
                                    {"trains": "readout", "depth": 2, "r": 0.5}])  # fmt: skip
def test_the_code_runs_as_shown_and_gives_the_figures_numbers(values):
    lab = shown(**values)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        names = run(lab.code(lab.state.snapshot()))
    for name, machine in lab.machines().items():
        found = names[name]
        assert np.allclose(found.f[found.recorded], machine.f[:, : found.task.count])
        assert np.allclose(found.alignment()[[0, -1]], machine.alignment["features"][[0, -1]])
    assert printed.getvalue().count("training of") == len(lab.machines())
