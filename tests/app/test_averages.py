"""The Averages lab without a browser: states, links, words, bins, exact numbers, code that runs as shown."""

from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest

from tests.app.driven import run, settled
from tpapp import AveragesLab
from tpapp.average_results import DistanceRequest, PathsRequest, SumsRequest
from tpapp.compute import averages as compute
from tpapp.compute import averages_distance
from tpapp.labs.averages_state import NAMES, NEXT
from tpapp.plots import averages_table
from tpcore import sums
from tpcore.compute.progress import Progress


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Distances at some N, of few draws."""
    monkeypatch.setattr(averages_distance, "COUNTS", (1, 4, 16, 64, 256, 1024))
    monkeypatch.setattr(averages_distance, "DRAWS", 4000)


def shown(**values) -> AveragesLab:
    lab = AveragesLab(**values)
    lab.start()
    settled(lab, well=True)
    return lab


def texts(plot) -> list[str]:
    return [text for text in plot.text.data["text"] if text]


def test_it_opens_on_its_sentence():
    lab = shown()
    s = lab.state.snapshot()
    assert lab.claim(s) == "Sums settle, and their fluctuations turn Gaussian."
    assert (s.terms, s.width, s.draws, s.rho) == ("die", 1024, 10_000, 0)
    assert texts(lab.means) == ["limit: 3.5", "N = 1,024"] and texts(lab.scaled) == ["limit: normal", "N = 1,024"]
    lines = {number.label: number for number in lab.numbers(s)}
    assert lines["Term’s μ"].value == 3.5 and lines["σ/√N"].value == pytest.approx((35 / 12 / 1024) ** 0.5)
    mean = lines["Mean of S/N"]
    assert abs(mean.value - 3.5) < 4 * mean.error
    assert abs(lines["Its s.d."].value - lines["σ/√N"].value) < 4 * lines["Its s.d."].error
    assert lines["Slope in N"].value == "−0.50" and lines["predicted"].value == "−0.50"
    assert float(lines["exactly"].value) == pytest.approx(sums.distance("die", 1024), rel=0.01)


@pytest.mark.parametrize("preset", AveragesLab.presets)
def test_every_preset_shows_finite_numbers_and_its_code_gives_them(preset):
    lab = shown(preset=preset, draws=1000)
    data, s = lab.data(), lab.state.snapshot()
    for name, array in data.items():
        assert np.isfinite(np.asarray(array, float)).all(), name
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        names = run(lab.code(s))
    assert printed.getvalue().strip()
    assert np.array_equal(names["near_mean"], data["averages-means.counts"])
    assert np.array_equal(names["near_zero"], data["averages-scaled.counts"]) and names["near_zero"].sum() > 0
    assert np.allclose(names["paths"], data["averages-mean-paths.paths"], rtol=1e-12)
    assert np.allclose(names["moments"], [row.measured for row in lab._rows[0]])
    assert ("exact" in names) == (lab._law(s).normal)
    assert set(NEXT[preset]) <= set(lab.presets) and preset not in NEXT[preset]
    assert all(question.endswith("?") for question, _ in lab.ask_next(s))
    lab.ask_next(s)[0][1]()
    assert settled(lab).preset == NEXT[preset][0]


def test_every_preset_but_the_first_is_a_question_somebody_is_asked():
    asked = {key for keys in NEXT.values() for key in keys}
    assert asked == set(AveragesLab.presets) - {"dice"} and set(NEXT) == set(AveragesLab.presets)


@pytest.mark.parametrize(("kind", "n", "rho"), [("coin", 1, 0), ("coin", 7, 0), ("die", 2, 0), ("die", 1000, 0),
                                                ("coin", 1024, 0.25), ("die", 65_536, 0.01)])  # fmt: skip
def test_bars_of_a_lattice_law_hold_whole_lattice_points(kind, n, rho):
    r = SumsRequest(kind, n, 2000, 1, 3.0, rho)
    drawn = sums.draw(kind, n, 2000, 1, correlation=rho)
    result, law = compute.summary(r, drawn), sums.terms(kind)
    for bars, values in ((result.means, drawn / n), (result.scaled, (drawn - n * law.mean) / (law.scale * n**0.5))):
        step = np.diff(np.unique(values)).min()
        cells = np.diff(bars.edges) / step
        assert np.allclose(cells, np.round(cells), atol=1e-6) and cells.min() > 0.9
        away = np.abs((values[:, None] - bars.edges) / step)
        assert away.min() > 0.4, "no value lies on an edge"
        assert bars.counts.sum() + bars.outside == 2000
        assert (bars.density * np.diff(bars.edges)).sum() == pytest.approx(1 - bars.outside / 2000)
    assert result.scaled.outside < 20


def test_coins_are_counted_exactly():
    result = compute.summary(SumsRequest("coin", 3, 4), np.array([0.0, 1.0, 1.0, 3.0]))
    assert result.mean == pytest.approx(5 / 12) and result.draws == 4
    z = (np.array([0.0, 1, 1, 3]) - 1.5) / (0.5 * 3**0.5)
    assert [row.measured for row in result.moments] == pytest.approx([np.mean(z**k) for k in (2, 3, 4, 6, 8)])
    assert [row.exact for row in result.moments[:3]] == pytest.approx([1.0, 0.0, 3 - 2 / 3])
    assert [row.normal for row in result.moments] == [1, 0, 3, 15, 105]
    assert compute.exact_powers(SumsRequest("coin", 5, 1, rho=0.25))[0] == 2.0


@pytest.mark.parametrize("place", [-2.0, 2.0])
def test_the_distance_of_draws_is_seen_on_both_sides(place):
    n, drawn = 4, np.full(9, 2.0 + place)  # four coins: z = place
    gap = compute.gap(SumsRequest("coin", n, 9), drawn)
    assert gap == pytest.approx(0.97724987)  # Phi(2)


def test_a_leader_leaves_two_heaps_of_coins_and_their_variance():
    lab = shown(preset="conspire")
    lines = {number.label: number for number in lab.numbers(lab.state.snapshot())}
    assert lines["exactly"].value == pytest.approx(0.25 * (0.25 + 0.75 / 1024))
    assert abs(lines["Var S/N"].value - lines["exactly"].value) < 4 * lines["Var S/N"].error
    assert lines["for N → ∞, ρσ²"].value == 0.0625
    assert compute.law("coin", 3.0, 0.25).places == (0.25, 0.75)
    assert texts(lab.scaled)[0] == "normal: not the limit" and "do not average out" in lab.claim(lab.state.snapshot())
    assert texts(lab.quantiles)[0] == "normal: not the limit" and not lab.quantiles.holds
    assert lab.scaled.fig.x_range.end > 50 and lab.result("sums").scaled.outside < 100
    lab.state.rho = 0.0
    assert settled(lab) and texts(lab.scaled)[0] == "limit: normal" and lab.scaled.fig.x_range.end == compute.REACH
    assert texts(lab.quantiles)[0] == "limit: normal"


@pytest.mark.parametrize(("kind", "rho"), [("exponential", 0.3), ("mixture", 0.5), ("uniform", 1.0), ("student", 0.2)])
def test_with_a_leader_the_dashed_law_is_a_density_with_the_variance_that_is_left(kind, rho):
    info = compute.law(kind, 9.0, rho)
    share = math.sqrt(rho)
    term = sums.terms(kind, 9.0)
    x = np.linspace(-60, 60, 600_001)
    y = term.pdf((x - (1 - share) * term.centre) / share) / share
    smooth = kind in ("mixture", "student")
    assert not smooth or np.allclose(np.interp(info.limit_x, x, y), info.limit_y, atol=2e-3 * y.max())
    variance = np.trapezoid(y * (x - term.mean) ** 2, x)
    assert variance == pytest.approx(info.leftover, rel=2e-3) == pytest.approx(rho * term.variance, rel=2e-3)
    assert not info.settles and not info.normal


def test_cauchy_never_settles_and_the_page_says_why():
    lab = shown(preset="cauchy")
    s = lab.state.snapshot()
    assert "law of one term" in lab.claim(s) and "e^{-|t|}" in lab.formula(s)
    (median,) = [number for number in lab.numbers(s) if number.label == "Median |S/N|"]
    assert abs(median.value - 1) < 4 * median.error and median.note == "law: 1"
    assert "limit: Cauchy again" in texts(lab.means) and not lab.mean_paths.centre.visible
    assert len(lab.distance.exact.data["x"]) == 0
    lab.state.rho = 0.5
    assert "conspiring or not" in lab.claim(settled(lab))


def test_a_mean_without_a_variance_settles_but_is_not_normal():
    lab = shown(preset="variance", draws=1000)
    s = lab.state.snapshot()
    assert "never turn Gaussian" in lab.claim(s) and "N^{1/1.5}" in lab.formula(s)
    assert texts(lab.means)[0] == "limit: 0" and texts(lab.scaled)[0] == "normal: not the limit"
    lab.state.nu = 2.0
    assert r"\sqrt{N \log N}" in lab.formula(settled(lab))
    lab.state.nu = 2.5
    s = settled(lab)
    assert lab._law(s).normal and [n.value for n in lab.numbers(s) if n.label == "predicted"] == ["−0.25"]


def test_running_sums_are_those_of_the_core_with_bands_of_two_deviations():
    r = PathsRequest("exponential", 3, 3.0, 0.2)
    result = compute.paths(r)
    assert np.allclose(result.means * result.counts, sums.running("exponential", result.counts, 30, 3, correlation=0.2))
    assert result.counts[0] == 1 and result.counts[-1] == 10**6 and len(result.means) == 30
    at = 40
    n = int(result.counts[at])
    assert result.reach[0, at] == pytest.approx(2 * math.sqrt(0.2 + 0.8 / n))
    assert result.reach[1, at] == pytest.approx(2 * math.sqrt(1 + 0.2 * (n - 1)))
    assert np.allclose(result.scaled, (result.means - 1) * np.sqrt(result.counts))


def test_distances_stream_with_their_slopes():
    steps = list(averages_distance.distances(DistanceRequest("coin", 2), Progress()))
    assert [len(step.seen) for step in steps] == [0, 1, 2, 3, 4, 5, 6]
    last = steps[-1]
    assert last.exact == pytest.approx([sums.distance("coin", n) for n in averages_distance.COUNTS])
    assert np.all(np.abs(last.measured - last.exact) < 4 * (last.noise + last.noise_error))
    assert last.slope == pytest.approx(-0.5, abs=0.01) and np.all(last.bound >= last.exact)
    heavy = list(averages_distance.distances(DistanceRequest("cauchy"), Progress()))[-1]
    assert len(heavy.exact) == 0 and math.isnan(heavy.slope) and heavy.measured[-1] > 0.3


def test_a_link_calls_the_terms_n_and_comes_back():
    lab = AveragesLab(preset="student", width=300, draws=1000, seed=7, nu=2.5, rho=0.1)
    query = lab.query
    assert query["averages.n"] == "300" and "averages.width" not in query
    other = AveragesLab()
    other.read(query)
    assert other.state.snapshot() == lab.state.snapshot()
    other.read({"averages.n": "0", "averages.nu": "-3", "averages.terms": "<b>", "averages.rho": "2"})
    assert (other.state.width, other.state.nu, other.state.terms, other.state.rho) == (1, 1.0, "die", 1.0)
    assert "N runs from 1" in other._words and "idth" not in other._words


def test_what_is_typed_wrongly_is_told_of_n():
    lab = shown(draws=1000)
    lab.dial.value.value = "many"
    assert "N must be a number from 1 to 1,000,000" in lab._words and lab.state.width == 1024
    assert lab.dial.slider.styles["--tp-words"] == "'N = 1,024'"
    lab.dial.value.value = "2M"
    assert lab.state.width == 10**6 and "N runs from 1 to 1,000,000" in lab._words


def test_the_limit_alone():
    lab = shown(width=math.inf)
    s = lab.state.snapshot()
    assert "In the limit" in lab.claim(s)
    assert not len(lab.means.main.data["x"]) and not len(lab.quantiles.points.data["x"])
    with contextlib.redirect_stdout(io.StringIO()):
        assert run(lab.code(s))["limit"] == [1, 0, 3, 15, 105]
    assert "exactly" not in lab.moments.object and lab.mean_paths.width == math.inf
    lab.state.rho = 0.5
    assert [n.value for n in lab.numbers(settled(lab)) if n.label == "Var S/N"] == [pytest.approx(0.5 * 35 / 12)]
    lab.state.width = 4
    assert settled(lab) and len(lab.means.main.data["x"])


def test_cards_choose_the_law_and_the_degrees_of_freedom_show_with_student():
    lab = shown(draws=1000)
    assert not lab.nu.visible and len(lab.cards.group.options) == len(NAMES)
    lab.cards.group.value = "student"
    assert settled(lab).terms == "student" and lab.nu.visible


def test_a_hundred_thousand_draws_stream_in():
    lab = AveragesLab(draws=100_000, terms="exponential", width=10**6)
    seen = []
    lab.scaled.update = lambda bars, n: seen.append(bars.counts.sum() + bars.outside)
    lab.start()
    settled(lab, well=True)
    assert seen[-1] == 100_000 and seen == sorted(seen)


def test_the_table_follows_the_theme_and_writes_what_does_not_exist():
    lab = shown(preset="student", draws=1000)
    light = lab.moments.object
    lab.set_style("dark", projector=True)
    assert lab.moments.object != light
    lab.set_style("light")
    assert lab.moments.object == light and "∞" in light and "–" in light
    assert averages_table.short(-0.0012) == "−0.001" and averages_table.short(104.744) == "104.74"
