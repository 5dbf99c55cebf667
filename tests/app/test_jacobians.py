"""The Jacobians lab: its numbers against the core, presets, refusals, links, code, the plane in hand."""

from __future__ import annotations

import numpy as np
import pytest

import tpcore as tp
from tests.app.driven import run, settled
from tpapp import JacobiansLab
from tpapp.compute import jacobians as compute
from tpapp.jacobian_results import WORDS, DrawsRequest, NetRequest
from tpapp.labs import jacobians_words as words
from tpapp.labs.jacobians_state import NEXT, PRESETS
from tpapp.plots.jacobian_ticks import log_ticks, plain_ticks
from tpcore.errors import BudgetError, Misuse
from tpcore.nets import variances as maps
from tpcore.spectra.jacobians import WORDS as CORE_WORDS

SMALL = {"width": 64, "draws": 4, "depth": 4}
EDGE = NetRequest(4, "tanh", 1.3, 0.196)


def shown(**values):
    lab = JacobiansLab(**values)
    lab.start()
    settled(lab, well=True)
    return lab


def numbers(lab) -> dict:
    return {item.label: item for item in lab.numbers(lab.state.snapshot())}


def test_it_opens_on_its_sentence():
    lab = shown()
    s = lab.state.snapshot()
    assert (s.preset, s.width, s.weights) == ("edge", 256, "gaussian") and "depth spreads" in lab.claim(s)
    law, drawn = lab.result("law"), lab.result("draws")
    assert drawn.done and drawn.singular.shape == (4, 256) and lab.result("ghost").singular.shape == (16, 32)
    assert "limit: free probability" in lab.singular.text.data["text"] and "n = 32" in lab.singular.text.data["text"]
    assert compute.gap(drawn.singular, law) < 0.02
    assert float(numbers(lab)["χ₁ there"].value) == pytest.approx(1, abs=1e-3)
    assert lab.mixed.object.count("<tr>") == 1 + len(WORDS) and "±" in lab.mixed.object
    assert len(WORDS) == len(CORE_WORDS)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_shows_finite_numbers(preset):
    lab = shown(preset=preset, width=40, draws=4)
    for plot in lab.plots:
        arrays = plot.data()
        assert arrays, plot.name
        for name, array in arrays.items():
            assert np.isfinite(array).all() or (plot is lab.plane and name == "chi"), name
    assert lab.claim(lab.state.snapshot()) and len(lab.singular.main.data["x"]) > 20
    assert set(NEXT[preset]) <= set(PRESETS) and preset not in NEXT[preset]
    assert [chip for chip, _ in lab.ask_next(lab.state.snapshot())] == [PRESETS[key].question for key in NEXT[preset]]


def test_every_preset_but_the_first_is_a_question_somebody_is_asked():
    asked = {key for keys in NEXT.values() for key in keys}
    assert asked == set(PRESETS) - {"edge"} and set(NEXT) == set(PRESETS)
    assert all(PRESETS[key].question.endswith("?") for key in asked)


@pytest.mark.parametrize("r", [EDGE, NetRequest(3, "erf", 1.7, 0.3, "orthogonal"), NetRequest(5, "relu", 1.3, 0.2),
                               NetRequest(4, "tanh", 1.6, 0.3, "gaussian", 4.0)], ids=str)  # fmt: skip
def test_the_point_agrees_with_the_law(r):
    known = compute.point(r)
    law = tp.spectra.jacobian(compute.network(r), q0=r.q0, weights=r.weights)
    assert known.mean == pytest.approx(law.moment(1), rel=1e-6)
    assert known.variance == pytest.approx(law.moment(2) - law.moment(1) ** 2, rel=1e-5)
    assert np.allclose(known.chis, law.chi, rtol=1e-8) and known.sizes[-1] == pytest.approx(known.mean)
    s = compute.law(r)
    assert s.top == pytest.approx(law.support[1] ** 0.5) and np.allclose(s.pdf, 2 * s.s * law.pdf(s.s**2))
    assert np.trapezoid(s.pdf, s.s) == pytest.approx(s.cdf[-1] - s.cdf[0], rel=0.01)


def test_draws_are_those_of_the_core_and_their_moments_are_over_their_means():
    asked = DrawsRequest(EDGE, 52, 10, 3)
    stream = list(compute.draws(asked))
    found, core = stream[-1], tp.spectra.jacobian_draws(compute.network(EDGE), 52, 10, 3)
    assert [len(part.singular) for part in stream] == [1, 9, 10] and found.done and not stream[0].done
    assert np.array_equal(found.singular, core.singular) and np.array_equal(found.sizes, core.sizes)
    mu = maps.slope_moments("tanh", maps.fixed_point("tanh", 1.3, 0.196))
    assert np.allclose(found.words[:, 3], core.mixed[:, 3] / mu[0] ** 2 / (1.69 * mu[0]) ** 2)
    ratio = mu[1] / mu[0] ** 2
    assert found.free[0] == pytest.approx(1) and found.free[4] == pytest.approx(ratio * (ratio + 1))
    lab_free, commuting = compute.free_words(EDGE)
    assert np.array_equal(lab_free, found.free) and commuting[3] > 1.05 * found.free[3]


def test_sparse_weights_are_judged_by_their_own_moments():
    lab = shown(preset="sparse", width=200, draws=16)
    drawn = lab.result("draws")
    mean, error = lab.words.means()
    assert (mean[3] - drawn.free[3]) > 5 * error[3] and not lab.singular.holds and not lab.gradients.holds
    assert "fails" in lab.claim(lab.state.snapshot()) and "Largest CDF gap" not in numbers(lab)
    dense = shown(width=200, draws=16, depth=4)
    mean, error = dense.words.means()
    assert (np.abs(mean - dense.result("draws").free) < 4.5 * error + 0.02).all()


def test_isometry_and_what_relu_cannot():
    lab = shown(preset="isometry", width=128)
    drawn = lab.result("draws").singular
    assert "isometry" in lab.claim(lab.state.snapshot()) and np.median(drawn) > 0.8 and drawn.max() < 1.6
    relu = shown(preset="relu", width=128)
    law = relu.result("law")
    assert law.atoms == ((0.0, pytest.approx(0.5)),) and "are 0" in relu.singular.caption
    assert words.relative_spread(compute.point(relu.net(relu.state.snapshot()))) == pytest.approx(8, rel=1e-3)


def test_a_point_mass_is_drawn_as_a_line():
    lab = shown(phi="tanh", sigma_w=0.9, sigma_b=0.0, weights="orthogonal", **SMALL)
    assert lab.result("law").atoms == ((pytest.approx(0.9**4), 1.0),) and not len(lab.singular.limit.data["x"])
    assert np.allclose(lab.singular.atoms.data["x"], np.log10(0.9**4))
    assert "mass 1 at 0.656" in lab.singular.text.data["text"]
    lab.state.axis = "plain"
    settled(lab, well=True)
    assert np.allclose(lab.singular.atoms.data["x"], 0.9**4)


def test_two_point_masses_leave_a_histogram():
    """One orthogonal layer of ReLU: singular values 0 and sigma_w, and nothing between."""
    lab = shown(phi="relu", weights="orthogonal", depth=1, sigma_w=3.0, sigma_b=0.6, width=16, draws=1)
    assert numbers(lab)["Method"].value == "point masses"
    assert [at for at, _ in lab.result("law").atoms] == pytest.approx([0, 3])


@pytest.mark.parametrize("log", [True, False])
def test_histograms_count_every_singular_value(log):
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.uniform(0.5, 2.0, (1, 900)), np.zeros((1, 60)), np.full((1, 40), 1e-3)], axis=1)
    found = compute.histogram(values, (0.4, 2.0), log)
    assert found.zero == 60 and found.left == (40 if log else 0)
    assert found.counts.sum() + found.left + found.zero == 1000
    step = np.diff(found.edges)
    assert np.allclose(step, step[0]) and np.sum(found.density * step) == pytest.approx(found.counts.sum() / 1000)
    assert np.isclose(found.edges, np.log10(2.0) if log else 2.0).any(), "the law's end is an edge"


def test_no_fixed_point_is_refused_in_words_with_a_way_out():
    lab = shown(phi="gelu", sigma_w=1.3, sigma_b=0.2, **SMALL)
    before = np.array(lab.singular.main.data["y"])
    lab.state.sigma_w = 1.6
    assert "must have a fixed point" in " ".join(lab.flow.failed.values())
    assert np.array_equal(lab.singular.main.data["y"], before) and list(lab.plane.here.data["x"]) == [1.6]
    question, recover = lab.ask_next(lab.state.snapshot())[0]
    assert question == "Start at q⁰ = 1"
    recover()
    s = settled(lab, well=True)
    assert s.start == "chosen" and lab.result("draws").done and "fixed point" in lab.claim(s)
    assert numbers(lab)["Fixed point q*"].value == "none" and lab.formula(s)


def test_where_the_width_does_not_fit_the_limit_is_shown_with_the_reason():
    lab = shown(**SMALL)
    lab.state.param.update(width=10**6, sigma_w=1.7)
    s = settled(lab, well=True)
    fits = compute.fits(lab.net(s), 4)
    assert lab.result("law") is not None and lab.result("point").request.sigma_w == 1.7 and lab.result("draws") is None
    assert f"At most n = {fits:,} fits with 4 layers and 4 draws" in lab._words and "1,000,000" in lab.singular.caption
    assert not len(lab.singular.main.data["x"]) and "Variance of s²" in numbers(lab)
    assert "jacobian_draws" not in lab.code(s) and lab.status(s) == "the limit alone"
    question, recover = lab.ask_next(s)[0]
    assert question == f"Take n = {fits:,}, which fits" and 500 < fits < 5000
    with pytest.raises(BudgetError):
        compute.check(DrawsRequest(EDGE, compute.fits(EDGE, 4) + 1, 4))
    compute.check(DrawsRequest(EDGE, compute.fits(EDGE, 4), 4))
    lab.state.width = 64
    assert settled(lab, well=True) and lab.result("draws").done and not lab._words


def test_the_limit_alone():
    lab = shown(width=float("inf"), depth=4)
    assert not len(lab.singular.main.data["x"]) and "limit alone" in lab.singular.caption
    assert not np.isfinite(lab.words.points.data["y"]).any() and "Variance of s²" in numbers(lab)
    assert lab.mixed.object.count("<th>") == 2  # no column for what there is not
    lab.state.width = 32
    settled(lab, well=True)
    assert lab.mixed.object.count("<th>") == 3
    assert len(lab.singular.main.data["x"]) and not len(lab.singular.ghost.data["x"])


def test_a_hand_on_the_plane_moves_the_network_and_finds_the_edge():
    lab = shown(**SMALL)
    lab.plane._on_point(2.2, 0.9)
    s = settled(lab, well=True)
    assert (s.sigma_w, s.sigma_b) == (2.2, 0.9) and list(lab.plane.here.data["x"]) == [2.2]
    lab.plane._on_point(1.32, 0.2)
    s = settled(lab, well=True)
    q = maps.fixed_point("tanh", s.sigma_w, s.sigma_b)
    assert s.sigma_w**2 * maps.slope_moments("tanh", q, (1,))[0] == pytest.approx(1, abs=2e-3)
    assert np.hypot(s.sigma_w - 1.32, s.sigma_b - 0.2) < 0.06
    lab.plane._on_point(0.0, 0.5)
    assert lab.state.sigma_w == 0.1 and settled(lab, well=True)


@pytest.mark.parametrize("phi, chi, q", [("tanh", 0.6004, 0.2171), ("relu", 0.405, 0.1513)])
def test_the_plane_is_that_of_the_fixed_points(phi, chi, q):
    plane = compute.plane(phi)
    i, j = np.abs(plane.sigma_b - 0.3).argmin(), np.abs(plane.sigma_w - 0.9).argmin()
    exact = maps.fixed_point(phi, plane.sigma_w[j], plane.sigma_b[i])
    assert plane.q[i, j] == pytest.approx(exact, rel=2e-3)
    assert exact == pytest.approx(q, abs=0.02) and plane.chi[i, j] == pytest.approx(chi, abs=0.02)
    assert dict(plane.contours)[1.0]


@pytest.mark.parametrize("values", [
    {"width": 40, "seed": 3}, {"width": 30, "weights": "orthogonal", "phi": "erf", "draws": 1},
    {"width": 24, "weights": "sparse", "depth": 2, "draws": 1}, {"width": 20, "start": "chosen", "q0": 2.5},
    {"phi": "leaky_relu(0.1)", "width": 16, "depth": 1},
])  # fmt: skip
def test_the_code_runs_as_shown_and_gives_the_same_numbers(values):
    lab = shown(**{"depth": 3} | values)
    names = run(lab.code(lab.state.snapshot()))
    data, known = lab.data(), compute.point(lab.net(lab.state.snapshot()))
    assert np.array_equal(np.ravel(names["s"]), data["singular_values"])
    assert np.allclose(names["sizes"], data["gradients.mean"])
    if values.get("weights") != "sparse":
        assert names["mean"] == pytest.approx(known.mean, rel=1e-6)
    if "q0" not in values:
        assert float(names["plane"].chi) == pytest.approx(known.chi, rel=1e-2)
    assert names["edge"] == pytest.approx(lab.result("law").top)


def test_the_limit_has_its_own_code():
    lab = shown(width=float("inf"), depth=2)
    s = lab.state.snapshot()
    assert run(lab.code(s))["mean"] == pytest.approx(compute.point(lab.net(s)).mean)


def test_a_link_brings_everything_back_and_hostile_ones_are_cut():
    lab = JacobiansLab(preset="relu", width=300, draws=16, seed=7, axis="plain", shade="q", depth=3)
    other = JacobiansLab()
    other.read(lab.query)
    assert other.state.snapshot() == lab.state.snapshot() and lab.query["jacobians.depth"] == "3"
    other.read({"jacobians.depth": "1000", "jacobians.sigma_w": "nan", "jacobians.phi": "<b>", "jacobians.q0": "-1"})
    s = other.state.snapshot()
    assert (s.depth, s.sigma_w, s.phi, s.q0) == (64, 1.3, "tanh", 0.0)


def test_order_chaos_and_a_far_start_have_their_sentences():
    said = {preset: JacobiansLab(preset=preset) for preset in ("order", "chaos", "far", "orthogonal")}
    claims = {preset: lab.claim(lab.state.snapshot()) for preset, lab in said.items()}
    assert claims["order"].startswith("Order: gradients vanish") and claims["chaos"].startswith("Chaos")
    assert "first layers shrink" in claims["far"] and "nonlinearity" in claims["orthogonal"]
    with pytest.raises(Misuse, match="fixed point"):
        compute.point(NetRequest(3, "silu", 2.5, 0.5))


def test_ticks_are_round_and_inside():
    assert log_ticks(-4.2, 0.9)[1] == ["10⁻⁴", "0.01", "1"] and plain_ticks(0, 4.51)[1][:2] == ["0", "1"]
    for low, high in ((-5.2, 0.7), (-0.4, 0.25), (-0.02, 0.03), (-80.0, -60.0), (3.0, 4.1)):
        places, texts = log_ticks(low, high)
        assert 2 <= len(places) <= 9 and len(set(texts)) == len(texts)
        assert all(low - 1e-9 <= p <= high + 1e-9 for p in places)


def test_the_styles_follow():
    lab = shown(**SMALL)
    light, height = lab.mixed.object, lab.singular.fig.height
    lab.set_style("dark", projector=True)
    assert lab.mixed.object != light and lab.singular.fig.height > height
    lab.set_style("light")
    assert lab.mixed.object == light and lab.singular.fig.height == height
