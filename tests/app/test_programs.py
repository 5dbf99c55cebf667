"""The Programs lab without a browser: states, links, lines, the builder, refusals, and code that runs as shown."""

from __future__ import annotations

import contextlib
import io
import math
import re
import time

import numpy as np
import pytest

import tpcore as tp
from tpapp import ProgramsLab
from tpapp.compute import programs as compute
from tpapp.compute.programs_listing import listing
from tpapp.labs import programs_words as words
from tpapp.labs.programs_state import NEXT, OWN, PRESETS, TRANSPOSE, line_of, views_of
from tpapp.plots.coordinates import CoordinatesPlot
from tpapp.plots.listing import bracket_paths

HEAVY = ("mup-step", "compressed-sensing", "amp")  # limits of several seconds


def wait(lab, seconds: float = 60.0):
    """The lab when nothing runs any more."""
    end = time.monotonic() + seconds
    while lab.flow.done is not None:
        assert time.monotonic() < end, "still computing"
        time.sleep(0.01)
    return lab


def shown(**values) -> ProgramsLab:
    lab = ProgramsLab(**({"draws": 20} | values))
    lab.start()
    return wait(lab)


def run(code: str) -> dict:
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "snippet", "exec"), names)  # noqa: S102 - the test runs what the page shows
    assert printed.getvalue().strip()
    return names


def test_it_opens_on_its_sentence():
    lab = shown(draws=200)
    s = lab.state.snapshot()
    assert lab.claim(s) == "Every coordinate of a big program looks like an independent draw of Z."
    made = listing(s.program)
    assert made.fragment == "NetsorT+" and line_of(s, made).number == 5 and views_of(s, made) == ("g", "x")
    rows = {(row.average.kind, *row.average.views): row for row in lab.result("theory").truths}
    assert rows["variance", "g"].value == pytest.approx(0.75) and rows["variance", "g"].wrong
    assert rows["scalar", "theta"].value == pytest.approx(0.3287, abs=1e-4)
    assert "<s>0.5000</s>" in lab.averages.object and "wrong" in lab.averages.object
    assert "0.5\\, Z^{x}" in lab.rule.object and "keeps a memory of x" in lab.words.object
    assert list(lab.list.group.options.values()) == [1, 2, 3, 4, 5, 6, 7] and lab.list.group.value == 5
    assert "N\\28 0, 0.75\\29" in lab.list.group.stylesheets[-1]
    labels = {n.label for n in lab.numbers(s)}
    assert labels >= {"Width n", "Draws", "Execution", "Deviation, var g", "Theorem", "Method"}


@pytest.mark.parametrize("preset", [p for p in PRESETS if p not in HEAVY])
def test_every_preset_shows_finite_numbers(preset):
    lab = shown(preset=preset, width=1000, draws=1)
    s = lab.state.snapshot()
    assert not lab.flow.failed and not set(lab.state.changed) - {"width", "draws"}
    theory = lab.result("theory")
    assert theory.done and theory.facts.done and theory.truths
    for name, array in lab.data().items():
        assert np.isfinite(np.asarray(array, float)).all(), name
    assert len(lab.coordinates.main.data["x"]) or lab.coordinates._atoms
    assert set(NEXT[preset]) <= set(PRESETS) and preset not in NEXT[preset] and lab.claim(s)
    assert len(lab.ask_next(s)) == 3


def test_every_question_is_asked_somewhere():
    asked = {key for keys in NEXT.values() for key in keys}
    assert asked | {"transpose", OWN, "two-matrices"} == set(PRESETS) == set(NEXT)
    assert all(PRESETS[key].question.endswith("?") for keys in NEXT.values() for key in keys)


@pytest.mark.parametrize("source", [TRANSPOSE, "wt-step", "semicircle", "attention", "mlp", "layernorm",
                                    "compressed-sensing"])  # fmt: skip
def test_every_line_is_told_in_words_and_brings_a_vector(source):
    made = listing(source)
    state = ProgramsLab(program=source).state
    for line in made.lines:
        title, text, formula = words.explain(line, made)
        assert title and text and formula.count("{") == formula.count("}") and formula.count("$") in (0, 2)
        plain = re.sub(r"\\big\(.*?\\big\)\^\{\d\}", "", formula).replace("Z^{", "")
        assert "^{" not in plain or "dot" in formula or "_{" in formula
        state.step = line.number
        x, y = views_of(state, made)
        assert x in made.views and y in made.views and x != y and made.line_of(x).dim == made.line_of(y).dim
        if line.views:
            assert x == line.views[0]


def test_stepping_and_playing_the_lines(monkeypatch):
    lab = shown(width=64, draws=1)
    lab.player.press(-1)
    assert wait(lab).state.step == 4 and lab.list.group.value == 4
    assert lab.coordinates.fig.xaxis.axis_label.startswith("y")
    atom, = lab.coordinates._atoms
    assert atom[0] == 0 and atom[1] == pytest.approx(0.5, abs=0.01)
    shares = lab.coordinates.stems.data["y"]
    assert len(shares) == 1 and "Line 4" in lab.words.object
    lab.list.group.value = 2
    assert lab.state.step == 2 and wait(lab).result("theory").x == "x"
    monkeypatch.setattr(lab.player, "_player", type("Player", (), {"stop": lambda self: None})())
    for _ in range(20):
        if lab.player._player is not None:
            lab.player._tick()
    assert lab.player._player is None and wait(lab).state.step == 7 and lab.player.play.name == "Play lines"
    lab.dial.reduced_motion = True
    lab.player.toggle()
    assert lab.state.step == 1 and lab.player._player is None
    wait(lab)


def test_variables_can_be_chosen_and_stepping_takes_them_back():
    lab = shown(width=64, draws=1)
    lab.selects["x"].value = "z"
    assert wait(lab).state.x == "z" and lab.result("theory").x == "z" and lab.state.step == 5
    lab.selects["y"].value = "h"
    assert wait(lab).result("theory").y == "h"
    assert lab.pair.fig.xaxis.axis_label == "h" and lab.pair.fig.yaxis.axis_label == "z"
    lab.player.press(1)
    assert wait(lab).state.x == lab.state.y == "" and lab.result("theory").x == "z" and lab.state.step == 6


def test_links_name_the_program_the_width_and_the_step():
    lab = ProgramsLab(preset="wwt", width=300, step=4)
    assert lab.query == {"programs.program": "wwt", "programs.width": "300", "programs.step": "4"}
    other = ProgramsLab()
    other.read(lab.query)
    assert other.state.snapshot() == lab.state.snapshot()
    own = ProgramsLab(program="x=vector();y=tanh(x)", width=50)
    assert own.query == {"programs.program": "x=vector();y=tanh(x)", "programs.width": "50"}
    other.read(own.query)
    assert other.state.snapshot() == own.state.snapshot() and other.state.preset == OWN
    other.read({})
    assert other.state.preset == "transpose" and other.state.program == TRANSPOSE
    long = ";".join(["x=vector()", *(f"y{i}=tanh(x)" for i in range(1, 40))])
    other.read({"programs.program": long})
    assert len(listing(other.state.program).lines) == 40


@pytest.mark.parametrize("hostile", ["x=vector();y=__import__('os')", "<script>", "x" * 9000, "x=vector();y=x@x",
                                     "nothing", "=", "x=vector(;"])  # fmt: skip
def test_a_hostile_link_is_left_out_in_words(hostile):
    lab = ProgramsLab()
    lab.start()
    lab.read({"programs.program": hostile, "programs.step": "1e9", "programs.x": "<b>", "programs.width": "-5",
              "programs.draws": "1"})  # fmt: skip
    assert listing(wait(lab).state.program) and lab._words
    assert lab.state.width == 8 and lab.state.x == ""
    assert not lab.flow.failed and "<script>" not in lab.strip.words.object


def test_building_a_program_line_by_line():
    lab = shown(preset=OWN, width=200, draws=1)
    b = lab.builder
    assert b.box.visible and b.line.value == "h2=W@h"
    b.add()
    assert wait(lab).state.program.endswith(";h2=W@h") and lab.state.step == 4 and not b.words.object
    b.kind.value = "MatMul Wᵀ x"
    assert b.line.value == "g=W.T@h2"
    b.slots[1].value = "W"
    b.add()
    assert "the right operand must be a vector" in b.words.object and "role=\"alert\"" in b.words.object
    assert lab.state.program.endswith(";h2=W@h")
    b.line.value = "y = tanh(h2) * x"
    b.add()
    assert wait(lab).state.program.endswith(";y=tanh(h2)*x") or lab.state.program.endswith(";y = tanh(h2) * x")
    assert not b.words.object and lab.result("theory").x == "y"
    for kind in ("Moment of a product", "Nonlin+ with a scalar", "Correlated input vectors", "Block of vectors",
                 "Vector of a block", "LinComb", "Nonlin of one vector", "Scalar of scalars", "Matrix", "Input vector",
                 "MatMul W x", "Moment of a vector", "Mix of a block", "Block of input vectors",
                 "Nonlin of two vectors", "Matrix", "Input vector", "Input vector"):  # fmt: skip
        b.kind.value = "Matrix"
        b.kind.value = kind
        if kind == "MatMul W x":
            b.slots[0].value, b.slots[1].value = "W", "x"
        if kind == "Moment of a product":  # that of h and tanh(h2) x is 0, by which nothing can be divided
            b.slots[0].value = b.slots[1].value = "y"
        b.add()
        assert not b.words.object, (kind, b.line.value, b.words.object)
    wait(lab)
    assert len(listing(lab.state.program).editable) >= 20 and not lab.flow.failed
    names = run(lab.code(lab.state.snapshot()))
    lim = tp.limit(listing_program(lab.state.program))
    for view in ("y", "z", "p"):
        assert names["lim"].mean(view) == pytest.approx(lim.mean(view), abs=1e-9)
        assert names["lim"].cov(view) == pytest.approx(lim.cov(view), rel=1e-9)
    before = lab.state.program
    b.remove()
    assert lab.state.program == before.rpartition(";")[0]
    b.undo()
    assert lab.state.program == before
    b.restart()
    assert lab.state.program == "x=vector()" and not wait(lab).flow.failed
    b.undo()
    assert lab.state.program == before
    wait(lab)


def listing_program(source: str):
    from tpapp.compute.programs_listing import compiled

    return compiled(source).prog


def test_a_program_of_the_gallery_can_be_changed():
    lab = shown(preset="wwt", width=100, draws=1)
    assert lab.builder.start.visible and not lab.builder.box.visible
    lab.builder.copy()
    wait(lab)
    assert lab.state.preset == OWN and lab.builder.box.visible
    assert listing(lab.state.program).editable == listing("wwt").editable
    assert not lab.flow.failed
    assert shown(preset="attention", width=50, draws=1).builder.start.disabled


def test_what_does_not_fit_is_refused_in_words_before_it_starts(monkeypatch):
    lab = shown(width=64, draws=1)
    kept = np.array(lab.coordinates.main.data["y"])
    monkeypatch.setattr(compute, "MEMORY", 2e6)
    lab.state.width = 500_000
    said = " ".join(lab.flow.failed.values())
    fits = int(re.search(r"At most n = ([\d,]+) fits", said)[1].replace(",", ""))
    assert "n = 500,000" in said and 1000 < fits < 500_000 and np.array_equal(lab.coordinates.main.data["y"], kept)
    question, recover = lab.ask_next(lab.state.snapshot())[0]
    assert question == f"Take n = {fits:,}, which fits"
    recover()
    assert not wait(lab).flow.failed and lab.state.width == fits


@pytest.mark.parametrize("values", [{}, {"preset": "wtw", "seed": 3}, {"preset": "mlp", "width": 100},
                                    {"program": "X=block(cov=1,shape=3);y=X@[1,2,3];z=X[1]*y"}, {"width": math.inf}])
def test_the_code_runs_as_shown_and_gives_the_same_numbers(values):
    lab = shown(**({"width": 400, "draws": 1} | values))
    s = lab.state.snapshot()
    names, made = run(lab.code(s)), listing(s.program)
    x, _ = views_of(s, made)
    found = lab.result("theory").facts.moments[x]
    assert names["lim"].mean(x) == pytest.approx(found.mean, abs=1e-9)
    assert names["lim"].cov(x) == pytest.approx(found.variance, rel=1e-9)
    if s.width < math.inf:
        assert np.array_equal(names["run"][x], lab.coordinates.data()["coordinates"])
    else:
        assert "run" not in names and "limit alone" in lab.averages.object + lab.table_head.object


def test_the_histogram_has_area_one_with_its_point_masses():
    plot = CoordinatesPlot()
    from tpapp.compute.programs_shapes import smoothed

    z = np.maximum(np.random.default_rng(2).normal(0.3, 1.1, 2**16), 0)
    plot.update_limit(smoothed(z), name="y")
    plot.update(z[:5000], 5000, "y")
    edges, bars, shares = plot._heights()
    assert float(bars @ np.diff(edges)) + shares[0][1] == pytest.approx(1, abs=2e-3) and shares[0][0] == 0
    assert shares[0][1] == pytest.approx((z[:5000] == 0).mean())


def test_brackets_join_the_lines_that_share_a_matrix():
    brackets = listing(TRANSPOSE).brackets
    assert brackets == (("W", (3, 5)),)
    passes = {k: "".join(bracket_paths(k, brackets)) for k in range(1, 8)}
    assert not passes[2] and not passes[6] and "V34" in passes[3] and "M7 0V34" in passes[4] and "M7 0V17" in passes[5]


def test_theme_projector_and_nothing_from_elsewhere():
    from panel.models.esm import ReactiveESM

    lab = shown(width=64, draws=1)
    light, height = lab.averages.object, lab.coordinates.fig.height
    lab.set_style("dark", projector=True)
    assert lab.averages.object != light and lab.coordinates.fig.height > height
    lab.set_style("light")
    assert lab.averages.object == light and lab.coordinates.fig.height == height
    models = list(ProgramsLab().root.get_root().references())
    assert len(models) > 50 and not any(isinstance(each, ReactiveESM) for each in models)
    markup = " ".join(str(getattr(each, "text", "")) + str(getattr(each, "stylesheets", "")) for each in models)
    assert "http" not in re.sub(r"http(://|%3A//)www\.w3\.org/\S+", "", markup)


def test_of_two_second_figures_one_is_shown_however_often_one_changes():
    lab = shown(width=64, draws=1)
    lab.root.get_root()
    for view in ("pair", "error", "pair", "error", "pair"):
        lab.state.view = view
        lab._show_words()
        for plot, seen in ((lab.pair, view == "pair"), (lab.errors, view == "error")):
            assert plot.fig.visible == plot.head.visible == seen, (view, plot.name)
    lab.flow.cancel()
