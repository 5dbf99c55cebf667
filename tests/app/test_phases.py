"""The Phases lab without a browser: pictures, verdicts, hands, links, words, and a code drawer that runs as shown."""

from __future__ import annotations

import contextlib
import io
import time
from fractions import Fraction

import numpy as np
import pytest

import tpcore as tp
from tpapp import PhasesLab
from tpapp.compute import phases as compute
from tpapp.compute import phases_pictures as pictures
from tpapp.compute import phases_train as trains
from tpapp.labs.phases_state import NEXT, on_path
from tpapp.labs.phases_words import checks, pill
from tpapp.phase_results import PictureRequest, PointRequest, TrainRequest
from tpapp.plots.phase_text import markup, plain
from tpcore.errors import Misuse

UP, UP2 = PointRequest(1, path=0.2), PointRequest(2, path=0.2)
SP = {"depth": 2, "a": "0, 0, 0", "b": "0, 1/2, 1/2"}
FAST = {"steps": 3, "lr": 0.1}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Narrow networks, few of them: the widths themselves are tested on their own."""
    monkeypatch.setattr(trains, "widths", lambda point: (16, 32, 64, 128, 256))
    monkeypatch.setattr(trains, "SEEDS", (2, 2, 1, 1, 1))


def wait(lab, seconds: float = 30.0):
    end = time.monotonic() + seconds
    while lab.flow.done is not None:
        assert time.monotonic() < end, "still computing"
        time.sleep(0.01)
    return lab


def shown(**values) -> PhasesLab:
    lab = PhasesLab(**(FAST | values))
    lab.start()
    return wait(lab)


def phase(lab) -> str:
    return compute.verdict(lab.point(lab.state.snapshot())).phase


# -- pictures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [
    PictureRequest("facets", UP), PictureRequest("across", UP), PictureRequest("slice", UP),
    PictureRequest("facets", PointRequest(3, "adam", 0.1)), PictureRequest("across", PointRequest(2, "adam", 0.3)),
    PictureRequest("six", UP2, "c1", "c2"), PictureRequest("six", UP2, "c3", "b3"),
    PictureRequest("six", PointRequest(2, "sign", 0.3), "c1", "c2"),
    PictureRequest("slice", PointRequest(**SP, c="1"), "b3", "c"), PictureRequest("facets", PointRequest(**SP, c="1")),
])  # fmt: skip
def test_polygons_and_laws_say_the_phases_of_points(request_):
    """Random points: the polygon that holds one, and the laws that its pointer reads, against the classification."""
    picture, plane = pictures.picture(request_), compute.plane(request_)
    rng = np.random.default_rng(3)
    (x0, x1), (y0, y1) = picture.xlim, picture.ylim
    for x, y in zip(rng.uniform(x0, x1, 40), rng.uniform(y0, y1, 40)):
        p = plane.at(float(x), float(y))
        if plane.distance(float(x), float(y)) < 0.01:
            continue
        inside = [a.phase for a in picture.areas if pictures._inside(a, np.array([x]), np.array([y]))[0]]
        assert (inside[0] if inside else "unstable") == p.phase
        other = picture.fold is not None and x + y < picture.fold
        for law, one in zip(picture.other if other else picture.laws, p.conditions, strict=True):
            value = min(a * x + b * y + k for a, b, k in law.terms)
            if not one.name.startswith("faithful"):
                assert value == pytest.approx(float(one.value), abs=1e-9) and law.formula == one.formula


def test_borders_of_the_unfolded_picture_are_those_of_figure_5():
    """Tensor Programs IV, figure 5: features move at a_1 = -1/2, f starts as a Gaussian process at NTP and SP."""
    picture = pictures.picture(PictureRequest("facets", UP))
    feature = [b for b in picture.borders if b.phase == "feature"]
    assert {b.label for b in feature} == {"features move"} and all(b.weight == 2 for b in feature)
    assert {b.start for b in feature} | {b.end for b in feature} >= {(-0.5, 1.0), (-0.5, 1.5)}
    assert {(m.name, m.at, m.phase) for m in picture.marks} == {
        ("μP = MFP", (-0.5, 1.0), "feature"), ("NTP", (0.0, 0.5), "kernel"), ("SP", (0.5, 0.5), "kernel")}  # fmt: skip
    assert picture.path == ((-0.5, 1.0), (0.0, 0.5)) and picture.labels == ("a_1", "a_2 + b_2")
    across = pictures.picture(PictureRequest("across", UP))
    assert [a.phase for a in across.areas] == ["trivial"]
    assert sorted((b.phase, b.weight) for b in across.borders) == [("kernel", 2), ("kernel", 2)]


def test_a_hand_means_the_border_near_it_and_a_point_is_where_it_was_put():
    facets = PictureRequest("facets", UP)
    for x, y, want in ((-0.51, 1.21, "feature"), (0.4, 0.93, "kernel"), (0.5, 0.1, "unstable"), (-0.7, 0.3, "kernel")):
        request = PointRequest(1, **compute.pick(facets, x, y))
        assert compute.verdict(request).phase == want
        assert np.hypot(*(np.array(compute.here(facets, request)[:2]) - (x, y))) < 0.04
    across = PictureRequest("across", UP)
    assert compute.verdict(PointRequest(1, **compute.pick(across, 1.1, 1.2))).phase == "trivial"
    x, y, on = compute.here(facets, PointRequest(1, a="-0.3, 0.8", b="0.3, 0.4", c="0"))
    assert (round(x, 9), round(y, 9), on) == (-0.3, 1.2, False)  # seen from the facet, not on it


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "sign"])
def test_the_path_goes_from_mup_to_ntp(depth, optimizer):
    p = {r: compute.point(PointRequest(depth, optimizer, r)) for r in (0.0, 0.3, 0.5)}
    family = "sgd" if optimizer == "sgd" else "adam"
    assert p[0.0].maximal and p[0.5].equivalent(tp.abc.ntp(depth, optimizer=family))
    assert p[0.3].r == Fraction(3, 10) and p[0.3].phase == "kernel"
    found = compute.named(depth, optimizer)
    largest = next(name for name in found if name.startswith("SP"))
    assert found["μP"].maximal and found[largest].stable and not found["SP, c = 0"].stable


def test_six_numbers_are_the_same_training_without_multipliers():
    """The podcast's muP: b = (0, 1/2, 1), c = (-1, 0, 1); UP_r by hand: b_V = 1 - r, c_U = 2 r - 1, c_W = 2 r."""
    mup = compute.six_texts(PointRequest(2, path=0.0))
    assert mup == {"b_U": "0", "b_W": "0.5", "b_V": "1", "c_U": "-1", "c_W": "0", "c_V": "1"}
    found = compute.six_texts(UP2)
    assert [found[name] for name in ("b_V", "c_U", "c_W", "c_V")] == ["0.8", "-0.6", "0.4", "1"]
    six = compute.point(PointRequest(2, **compute.from_six(found)))
    assert six.equivalent(compute.point(UP2)) and six == tp.abc.six(*(found[f"{x}_{y}"] for x in "bc" for y in "UWV"))
    picture = PictureRequest("six", UP2, "c1", "c2")
    assert compute.here(picture, UP2) == (-0.6, 0.4, True) and pictures.picture(picture).labels == ("c of U", "c of W")
    at = compute.point(PointRequest(2, **compute.pick(picture, 0.7, 1.1)))
    assert (at.a, at.rates[:2], at.b[2]) == ((0, 0, 0), (Fraction(7, 10), Fraction(11, 10)), Fraction(4, 5))


@pytest.mark.parametrize("exponents, name, step, power", [
    ({"a": "-0.3, 0.4", "b": "0.3, -0.3", "c": "0.2"}, "f", 0, 0.4),
    ({"a": "0, 0.5", "b": "0, 0.4", "c": "-0.3"}, "df", 1, 0.3),
    ({"a": "-0.7, 0.5", "b": "0.7, 0.6", "c": "0"}, "dh1", 1, 0.3),
    ({"a": "-0.9, 0.8", "b": "0.9, -0.1", "c": "0"}, "dh1", 1, 1.1),
])  # fmt: skip
def test_what_blows_up_first_grows_like_its_predicted_power(monkeypatch, exponents, name, step, power):
    monkeypatch.undo()
    point = PointRequest(1, **exponents)
    what = compute.growth(compute.point(point))
    assert (what.name, what.step, what.power) == (name, step, pytest.approx(power))
    *_, last = trains.training(TrainRequest(point, "curve", "tanh", 0.05, 3, 0, (128, 512, 2048), (24, 24, 24)))
    assert abs(last.growth.slope - power) < max(0.05, 3 * last.growth.slope_error) < 0.25
    assert compute.growth(compute.point(UP)) is None and compute.verdict(point).growth == what


def test_gradients_of_another_size_are_not_faithful():
    p = PointRequest(1, "adam", 0.2)
    seen = compute.point(PointRequest(1, "adam", d="0.8, 1", path=0.2))
    assert seen.phase == "kernel" and compute.texts(seen)["d"] == "" == compute.texts(compute.point(p))["d"]
    assert compute.point_texts(p)["d"] == "0.8, 1"
    verdict_ = compute.verdict(PointRequest(1, "adam", 0.2, d="0.8, 0"))
    assert verdict_.phase == "unstable" and "gradients of layer 2" in verdict_.reasons[0] and verdict_.growth is None
    assert compute.here(PictureRequest("facets", p), PointRequest(1, "adam", 0.2, d="0, 0"))[2] is False


def test_words():
    assert plain("a_1 + b_{12} ≥ 1/2, n^-0.2, n^(1/3), 2 a_2") == "a₁ + b₁₂ ≥ ½, n⁻⁰·², n^(1/3), 2a₂"
    assert markup("a_1 + b_1 = 0") == "<i>a</i><sub>1</sub> + <i>b</i><sub>1</sub> = 0"
    assert markup("2 a_2 + c ≥ 1").endswith("<i>c</i> ≥ 1") and "<sup>−0.2</sup>" in markup("like n^-0.2.")
    table = checks(compute.verdict(PointRequest(**SP, c="0.5")))
    assert table.count("✓") == 5 and table.count("✕") == 4 and "2<i>a</i><sub>3</sub> + <i>c</i> ≥ 1" in table
    assert 'data-phase="unstable"' in pill(compute.verdict(PointRequest(**SP, c="1/2")))


# -- the lab -----------------------------------------------------------------------------------------------------


def test_it_opens_on_its_sentence():
    lab = shown()
    s = lab.state.snapshot()
    assert lab.claim(s) == "The function moves, the features freeze: they change like n⁻⁰·²."
    assert "Kernel regime" in lab.pill.object and "−0.20" in lab.powers.object and lab.dial.value.value == "0.20"
    assert "min(a_2" in lab.formula(s) and lab.result("training").done
    assert list(lab.diagram.here.data["x"]) == [-0.3] and list(lab.across.here.data["y"]) == [0.8]
    for plot in lab.plots:
        for name, array in plot.data().items():
            assert np.isfinite(array).all(), name


@pytest.mark.parametrize("preset", list(PhasesLab.presets))
def test_every_preset_is_a_question_and_a_verdict(preset):
    lab = PhasesLab(preset=preset)
    want = {"up": "kernel", "mup": "feature", "ntp": "kernel", "largest": "kernel", "blowup": "unstable",
            "still": "trivial", "lazy": "feature", "deep": "kernel", "lag": "feature", "adam": "kernel",
            "six": "feature"}  # fmt: skip
    assert phase(lab) == want[preset] and not lab.state.changed
    s = lab.state.snapshot()
    assert lab.claim(s) and lab.formula(s) and lab.numbers(s)
    assert set(NEXT[preset]) <= set(lab.presets) - {preset}
    assert all(question.endswith("?") for question, _ in lab.ask_next(s))
    assert preset == "up" or any(preset in asked for asked in NEXT.values())


def test_a_click_is_a_verdict_at_once():
    lab = shown()
    for x, y, want in ((0.5, 0.1, "unstable"), (-0.505, 1.3, "feature"), (0.3, 1.1, "kernel"), (-0.8, 0.3, "kernel")):
        lab._picked(x, y, True)
        assert phase(lab) == want and not lab.flow.failed and not on_path(lab.state)
    lab._picked_across(1.2, 1.3, True)
    assert phase(lab) == "trivial" and lab.dial.value.value == "off path"
    lab.dial.step(1)
    assert on_path(lab.state) and lab.state.path == 0.2


def test_the_dial_walks_the_path_and_refuses_in_words():
    lab = shown(path=0.0)
    for _ in range(3):
        lab.dial.press(1)
    assert lab.state.path == pytest.approx(0.15) and lab.dial.value.value == "0.15"
    lab.dial.press(-1)
    assert lab.state.path == pytest.approx(0.1)
    lab.dial.value.value = "μP"
    assert lab.state.path == 0.0 and lab.dial.value.value == "0.00"
    lab.dial.value.value = "0.7"
    assert "from 0 to 1/2" in lab.strip.words.object and lab.state.path == 0.0
    lab.dial.slider.value = 50
    assert lab.state.path == 0.5 and phase(lab) == "kernel" and "NTP" in lab.pill.object
    lab.dial.reduced_motion = True
    lab.dial.toggle()
    assert lab.state.path == 0.0 and not lab.dial.playing


def test_a_link_brings_the_state_back():
    lab = PhasesLab(preset="largest", b="0, 1/2, 0.7", c="0.9", x="b3", y="a3+b3", tie="none", phi="erf", lr=0.25)
    query = lab.query
    assert query["phases.b"] == "0, 1/2, 0.7" and query["phases.y"] == "a3+b3" and query["phases.preset"] == "largest"
    other = PhasesLab()
    other.read(query)
    assert other.state.snapshot() == lab.state.snapshot()
    other.read({"phases.path": "0.35", "phases.depth": "3"})
    assert other.state.path == 0.35 and on_path(other.state) and other.state.x == ""
    other.read({"phases.path": "9", "phases.depth": "77", "phases.task": "<b>"})
    assert other.state.path == 0.5 and other.state.depth == 1


def test_another_depth_or_optimizer_goes_back_to_the_path():
    lab = PhasesLab(a="-0.3, 0.8", b="0.3, 0.4", c="0", x="a1", y="c")
    lab.state.depth = 3
    assert on_path(lab.state) and (lab.state.x, lab.state.y) == ("", "") and phase(lab) == "kernel"
    lab.state.optimizer = "adam"
    assert phase(lab) == "kernel" and lab.state.lr == 0.02


@pytest.mark.parametrize("values, words", [
    ({"a": "0, x"}, "a must be numbers from −100 to 100, with commas between them. Got “x” in place 2. Try -0.3, 0.5"),
    ({"a": "1, 2, 3"}, "a must be 2 numbers, one for each hidden layer and one for the readout. Got 3: “1, 2, 3”"),
    ({"c": "0,,1"}, "Got nothing in place 2. Try 0, or empty the field."), ({"b": "0.5"}, "Start b must be 2 numbers"),
    ({"c": "0, 1, 2"}, "or one for all. Got 3"), ({"optimizer": "adam", "d": "1/0, 0"}, "“1/0” in place 1. Try 0.8, 1"),
    ({"b": "0.5; 0.5"}, "commas between them"), ({"b": "nan, 0"}, "Got “nan” in place 1. Try 0.3, 0.3"),
    ({"view": "slice", "x": "b2", "y": "b2"}, "free of each other"),
    ({"view": "slice", "x": "z9"}, "must be an exponent"),
    ({"a": "1000, 1"}, "from −100 to 100"),
])  # fmt: skip
def test_bad_exponents_are_refused_in_words_and_the_figure_stays(values, words):
    lab = shown()
    before = list(lab.diagram.borders.data["x0"])
    lab.state.param.update(**values)
    said = " ".join(lab.flow.failed.values())
    assert words in said and "Got" in said and "Fraction(" not in said and "[0]" not in said
    assert str(list(lab.diagram.borders.data["x0"])) == str(before)
    lab.reset()
    assert not wait(lab).flow.failed


def test_fields_and_named_points_set_the_exponents():
    lab = shown()
    assert lab.fields["a"].value == "-0.3, 0.5" and lab.go.value == "on the path"
    lab.fields["b"].value = "0.3, 0.9"
    assert lab.state.b == "0.3, 0.9" and phase(lab) == "kernel" and lab.go.value == "elsewhere"
    lab.go.value = "SP, c = 0"
    assert phase(lab) == "unstable" and lab.fields["c"].value == "0"
    lab.go.value = "MFP"
    assert phase(lab) == "feature"
    lab.fields["a"].value = "−½, ½"
    assert lab.fields["a"].value == "-0.5, 0.5" and not lab.flow.failed


def test_after_a_refusal_the_text_that_was_there_is_taken_again():
    lab = shown()
    text = lab.fields["a"].value
    for typed, refused in (("x", True), (text, False)):
        lab.fields["a"].value = typed
        assert bool(lab.flow.failed) is refused
    wait(lab)


def test_the_view_of_six_numbers_has_fields_of_its_own():
    lab = shown(path=0.2)
    lab.state.view = "six"
    wait(lab)
    assert lab.state.depth == 2 and phase(lab) == "kernel" and lab.across.view.visible
    assert lab.numbers_["c_W"].value == "0.4" and lab.numbers_["b_V"] in lab.point_box.objects[0].objects
    lab.numbers_["c_U"].value, lab.numbers_["b_V"].value, lab.numbers_["c_W"].value = "-1", "1", "0"
    assert (lab.state.a, lab.state.b, lab.state.c) == ("0, 0, 0", "0, 0.5, 1", "-1, 0, 1") and "μP" in lab.pill.object
    lab._picked_across(1.5, 1.6, True)
    assert phase(lab) == "trivial" and lab.numbers_["c_V"].value == "1.5" and not lab.flow.failed
    lab.numbers_["c_V"].value = "x"
    assert "Got “x” in place 3" in " ".join(lab.flow.failed.values())
    lab.numbers_["c_V"].value = "1.5"
    assert not lab.flow.failed
    lab.numbers_["c_V"].value = "x"
    lab.state.depth = 3
    assert lab.state.view == "facets" and on_path(lab.state) and not wait(lab).flow.failed


def test_play_waits_until_the_networks_have_shown_something():
    seen = []
    lab = PhasesLab(**FAST)
    lab.dial._seen = lambda: bool(seen)
    for expected in [0.2] * 5 + [0.25]:  # patience ends
        lab.dial._tick()
        assert lab.state.path == expected
    seen.append("the slope")
    lab.dial._tick()
    assert lab.state.path == pytest.approx(0.3)


def test_training_shows_what_diverged_and_measures_powers():
    lab = shown(**SP, c="0", view="slice", x="b3", y="c", lr=2.0, steps=20)
    r = lab.result("training")
    assert r.diverged is not None and np.isfinite(r.diverged.loss).all() and r.diverged.stopped > 0
    assert any("✕" in text for text in lab.loss.text.data["text"]) and "✕ has diverged" in lab.loss.caption
    lab = shown(path=0.5, steps=5)
    (only,) = lab.result("training").ladders
    assert only.predicted == -0.5 and -1 < only.slope < -0.1
    assert f"{abs(only.slope):.2f}" in lab.powers.object


def test_measured_powers_are_the_predicted_ones(monkeypatch):
    """Lessons of Tensor Programs IV, table 1, at the lab's own widths: 0 and -0.2, to 0.1."""
    monkeypatch.undo()
    for r in (0.0, 0.2):
        request = trains.request(PointRequest(1, path=r), "curve", "tanh", 0.5, 10, 0)
        assert request.widths[-1] == 16384
        *_, last = trains.training(request)
        assert last.done and last.ladders[0].slope == pytest.approx(-r, abs=0.1)


def test_it_is_the_features_that_are_measured():
    """Layer 2 lags: its own update acts like n^-0.5, yet its features move, as those below do."""
    point = PointRequest(2, a="-0.5, 0.25, 0.5", b="0.5, 0.25, 0.5", c="0")
    *_, last = trains.training(TrainRequest(point, "curve", "tanh", 0.5, 8, 0, (64, 192, 512), (3, 3, 3)))
    assert [one.predicted for one in last.ladders] == [0.0, 0.0]
    assert max(abs(one.slope) for one in last.ladders) < 0.12 and last.done and last.diverged is None


def test_the_limit_has_the_loss_that_networks_have_in_the_mean():
    """NTP, where f_0 is Gaussian: the mean loss of 60 networks is that of the mean and half the variance more."""
    request = TrainRequest(PointRequest(1, path=0.5), "curve", "tanh", 0.5, 4, 0, (512,), (60,))
    runs = list(tp.train.ladder(compute.point(request.point), trains.task("curve"), [512], range(60), 4, 0.5, "tanh"))
    losses = np.array([run.loss for run in runs])
    curve = trains.limit(request).curve
    z = (losses.mean(axis=0) - curve.loss) / (losses.std(axis=0, ddof=1) / np.sqrt(len(losses)))
    assert np.abs(z).max() < 3
    assert not trains.has_limit(PointRequest(1, "adam", 0.2)) and not trains.has_limit(PointRequest(4, path=0.0))


@pytest.mark.parametrize("optimizer", ["adam", "sign"])
def test_adaptive_optimizers_have_a_limit_where_features_move(optimizer):
    request = TrainRequest(PointRequest(1, optimizer, 0.0), "curve", "tanh", 0.02, 8, 0, (2048,), (6,))
    assert trains.has_limit(request.point)
    runs = tp.train.ladder(compute.point(request.point), trains.task("curve"), [2048], range(6), 8, 0.02, "tanh",
                           optimizer=optimizer)
    losses = np.array([run.loss for run in runs])
    error = losses.std(axis=0, ddof=1) / np.sqrt(len(losses))
    assert np.all(np.abs(losses.mean(axis=0) - trains.limit(request).curve.loss) < 4 * error + 0.01)


@pytest.mark.parametrize("values", [{}, SP | {"c": "1", "view": "slice", "x": "b3", "y": "c"},
                                    {"optimizer": "adam", "lr": 0.02},
                                    {"optimizer": "sign", "lr": 0.02, "d": "0.8, 1"}, {"preset": "six"},
                                    {"a": "-1/3, 0.5", "b": "1/3, 0.7"}])  # fmt: skip
def test_the_code_runs_as_shown(values):
    lab = PhasesLab(**(FAST | values))
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(lab.code(lab.state.snapshot()), "snippet", "exec"), names)
    assert names["p"] == compute.point(lab.point(lab.state.snapshot()))
    assert str(names["p"].phase) in printed.getvalue() and len(names["runs"]) == 7


def test_no_point_is_refused_by_name():
    with pytest.raises(Misuse, match="commas"):
        compute.point(PointRequest(1, a="0,"))
