"""The Matrices lab without a browser: states, links, words, refusals, and a code drawer that runs as shown."""

from __future__ import annotations

import contextlib
import io
import re
import time

import numpy as np
import pytest

from tpapp import MatricesLab
from tpapp.compute import matrices as compute
from tpapp.compute import matrices_lower
from tpapp.labs.matrices_state import GLYPHS, NEXT, kind
from tpapp.plots import pairings
from tpapp.matrix_results import SpectrumRequest
from tpcore import spectra
from tpcore.errors import BudgetError

CATALAN = {2: 1, 4: 2, 6: 5, 8: 14, 10: 42}


def wait(lab, seconds: float = 30.0):
    """The lab when nothing runs any more."""
    end = time.monotonic() + seconds
    while lab.flow.done is not None:
        assert time.monotonic() < end, "still computing"
        time.sleep(0.01)
    return lab


def shown(**values) -> MatricesLab:
    lab = MatricesLab(**values)
    lab.start()
    return wait(lab)


@pytest.fixture(scope="module")
def kept():
    """``kept(width=.., ...)``: one lab for many tests, in the state that these values and the defaults say."""
    made: list = []

    def show(**values) -> MatricesLab:
        if not made:
            made.append(shown(width=16))
        lab = made[0]
        lab.flow.cancel()
        lab.state.param.update(**(lab.state.baseline("goe") | values))
        return wait(lab)

    return show


def run(code: str) -> dict:
    """What the snippet leaves behind."""
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "snippet", "exec"), names)
    assert printed.getvalue().strip()
    return names


def test_it_opens_on_its_sentence():
    lab = shown()
    s = lab.state.snapshot()
    assert lab.claim(s) == "Eigenvalues of a big random matrix are not random."
    assert (kind(s), s.width, s.draws) == ("goe", 1024, 1)
    result = lab.result("spectrum")
    assert result.gap < 0.01 and lab.spectrum.holds and lab.result("ghost").request.n == 64
    assert [row.k for row in result.moments] == list(CATALAN)
    labels = [number.label for number in lab.numbers(s)]
    assert labels == ["Width n", "Draws", "Largest CDF gap", "Time", "Method"]
    assert "limit: semicircle" in lab.spectrum.text.data["text"] and "n = 64" in lab.spectrum.text.data["text"]


@pytest.fixture(scope="module")
def visited():
    """A lab that goes from preset to preset."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrices_lower, "GAPS", 2000)
        patch.setattr(matrices_lower, "LARGEST", 200)
        yield shown()


@pytest.mark.parametrize("preset", [p for p in MatricesLab.presets if p != "million"])
def test_every_preset_shows_finite_numbers(preset, visited):
    lab = visited
    lab.choose(preset)
    assert wait(lab).state.preset == preset and not lab.flow.failed and not lab.state.changed
    for plot in lab.plots:
        for name, array in plot.data().items():
            assert np.isfinite(array).all(), name
    assert lab.claim(lab.state.snapshot()) and lab.spectrum.caption
    assert set(NEXT[preset]) <= set(lab.presets) and preset not in NEXT[preset]
    assert [question for question, _ in lab.ask_next(lab.state.snapshot())] == [
        lab.presets[key].question for key in NEXT[preset]]  # fmt: skip


def test_a_question_brings_its_preset():
    lab = shown(width=64)
    for _ in range(2):
        follows = NEXT[lab.state.preset][0]
        lab.ask_next(lab.state.snapshot())[0][1]()
        assert wait(lab).state.preset == follows


def test_every_preset_but_the_first_is_a_question_somebody_is_asked():
    asked = {key for keys in NEXT.values() for key in keys}
    assert asked == set(MatricesLab.presets) - {"goe"} and set(NEXT) == set(MatricesLab.presets)
    assert all(MatricesLab.presets[key].question.endswith("?") for key in asked)


def test_ensemble_and_entries_agree():
    lab = shown(width=16)
    lab.cards.group.value = "cauchy"
    assert (lab.state.ensemble, lab.state.entries) == ("wigner", "cauchy")
    lab.state.ensemble = "goe"
    assert lab.state.entries == "gaussian" and wait(lab).cards.group.value == "gaussian"
    lab.state.ensemble = "wigner"
    assert kind(lab.state.snapshot()) == "symmetric:gaussian"
    lab.state.entries = "student"
    assert wait(lab).nu.visible and lab.result("spectrum").request.kind == "symmetric:student"
    lab.cards.group.value = "gaussian"
    assert kind(lab.state.snapshot()) == "goe" and not wait(lab).nu.visible
    assert MatricesLab(entries="uniform").state.ensemble == "wigner"


def test_a_link_calls_the_width_n_and_comes_back():
    lab = MatricesLab(preset="coins", width=300, draws=100, seed=7, small=5, pairs=2)
    query = lab.query
    assert query["matrices.n"] == "300" and "matrices.width" not in query
    other = MatricesLab()
    other.read(query)
    assert other.state.snapshot() == lab.state.snapshot()
    for first in ({}, {"matrices.entries": "student"}, {"matrices.ensemble": "wigner"}):
        other.read(first)
        other.read({"matrices.entries": "cauchy", "matrices.ensemble": "goe"})
        assert kind(other.state.snapshot()) == "symmetric:cauchy"
        other.read({})
        assert kind(other.state.snapshot()) == "goe"
    other.read({"matrices.n": "1", "matrices.nu": "-3", "matrices.draws": "7", "matrices.entries": "<b>"})
    assert other.state.width == 2 and other.state.nu == 1.0 and other.state.draws == 1


def test_what_does_not_fit_is_refused_in_words_and_the_figure_stays():
    lab = shown(preset="coins", width=64)
    before, exported = np.array(lab.spectrum.main.data["y"]), lab.exported()
    assert "n=64," in exported[1]
    lab.state.width = 10**6
    assert lab.exported() == exported and lab.query["matrices.n"] == "1000000", "files say what their data is of"
    words = " ".join(lab.flow.failed.values())
    assert "n = 1,000,000" in words and "At most n = 5,000 fits" in words and "GOE" in words
    assert np.array_equal(lab.spectrum.main.data["y"], before)
    question, recover = lab.ask_next(lab.state.snapshot())[0]
    assert question == "Take n = 5,000, which fits"
    lab.cards.group.value = "gaussian"
    assert not wait(lab).flow.failed and lab.result("spectrum").request.n == 10**6
    assert lab.exported() == (lab.query, lab.code(lab.state.snapshot()))
    lab.state.draws = 1000
    assert "draws fit" in " ".join(lab.flow.failed.values())
    question, recover = lab.ask_next(lab.state.snapshot())[0]
    assert question == "Take 100 draws, which fit"
    lab.state.width = 64
    assert not wait(lab).flow.failed and lab.result("spectrum").draws == 1000


@pytest.mark.parametrize("entries", [name for name in GLYPHS if name != "gaussian"])
def test_a_card_says_the_reach_that_is_granted(entries):
    lab = MatricesLab(entries=entries, draws=100, width=16)
    lab.start()
    word = next(text for text, value in lab.cards.group.options.items() if value == entries)
    reach = int(re.search(r"n to ([\d,]+)", word)[1].replace(",", ""))
    compute.check(SpectrumRequest(f"symmetric:{entries}", reach, 100))
    with pytest.raises(BudgetError) as refusal:
        compute.check(SpectrumRequest(f"symmetric:{entries}", reach + 1, 100))
    assert f"n = {reach:,} fits" in str(refusal.value)
    lab.flow.cancel()


@pytest.mark.parametrize("values", [
    {"width": 300, "seed": 3}, {"width": 40, "draws": 100, "entries": "rademacher"},
    {"width": 65, "entries": "student", "nu": 2.5}, {"width": 90, "entries": "cauchy", "seed": 1},
    {"width": 30, "entries": "uniform", "draws": 10}, {"width": 50, "ensemble": "wigner"},
    {"width": 60, "ensemble": "wishart", "ratio": 2.5, "spike": 3.0, "draws": 10}, {"width": 40, "ensemble": "gue"},
    {"width": 40, "ensemble": "wishart", "entries": "rademacher", "ratio": 0.7}, {"width": 50, "ensemble": "iid"},
    {"width": 40, "ensemble": "product", "factors": 3}, {"width": 60, "ensemble": "band", "band": 5},
    {"width": 33, "entries": "sparse", "degree": 3.0, "spike": 4.0, "draws": 10, "seed": 999_999},
    {"width": 40, "spike": 2.0},
    {"width": 40, "ensemble": "iid", "entries": "cauchy"}, {"width": 30, "ensemble": "wishart", "entries": "cauchy"},
])  # fmt: skip
def test_the_code_runs_as_shown_and_gives_the_same_numbers(values, kept):
    lab = kept(**values)
    names, data = run(lab.code(lab.state.snapshot())), lab.data()
    assert np.array_equal(names["counts"], data["spectrum.counts"]) and names["counts"].sum() > 0
    assert np.allclose(names["edges"], data["spectrum.edges"], rtol=0, atol=1e-12)
    assert np.allclose(names["density"], data["spectrum.density"], rtol=1e-12)
    assert np.allclose(names["moments"], data["moments.measured"], rtol=1e-9)
    assert np.allclose(names["path"], data["eigenvalue-points.eigenvalues"], rtol=1e-9, atol=1e-9)


def test_the_limit_alone_has_its_own_code_and_moments():
    lab = shown(width=float("inf"))
    assert run(lab.code(lab.state.snapshot()))["catalan"] == list(CATALAN.values())
    assert list(lab.data()["moments.measured"]) == list(CATALAN.values())
    assert not len(lab.spectrum.main.data["y"]) and "limit alone" in lab.spectrum.caption
    lab.cards.group.value = "cauchy"
    assert not wait(lab).flow.failed and np.isinf(lab.data()["moments.measured"]).all()
    assert "∞" not in lab.moments.object.split("<tbody>")[1] and "inf" not in lab.moments.object
    lab.state.width = 20
    assert len(wait(lab).spectrum.main.data["y"])


def test_moments_of_small_gaussian_matrices_are_the_exact_ones():
    lab = shown(preset="mean")
    rows = {row.k: row for row in lab.result("spectrum").moments}
    exact = {2: 1 + 1 / 8, 4: 2 + 5 / 8 + 5 / 64}
    for k, value in exact.items():
        assert abs(rows[k].measured - value) < 5 * rows[k].error
    assert {k: row.limit for k, row in rows.items()} == CATALAN
    assert "±" in lab.moments.object


def test_the_gap_is_the_distance_of_the_eigenvalues_from_the_law():
    lab = shown(width=200, entries="rademacher", seed=5)
    values = spectra.eigenvalues("symmetric:rademacher", 200, seed=5)
    x = np.sort(values)
    cdf = 0.5 + x * np.sqrt(np.clip(4 - x * x, 0, None)) / (4 * np.pi) + np.arcsin(np.clip(x / 2, -1, 1)) / np.pi
    gap = max(np.abs(cdf - np.arange(1, 201) / 200).max(), np.abs(cdf - np.arange(200) / 200).max())
    assert lab.result("spectrum").gap == pytest.approx(gap, rel=1e-9)


def test_without_a_variance_the_range_is_fixed_and_what_lies_outside_is_counted():
    lab = shown(preset="cauchy", width=500)
    values = spectra.eigenvalues("symmetric:cauchy", 500, seed=0)
    outside = int((np.abs(values) > 8).sum())
    assert outside > 5 and f"{outside} of 500 lie beyond ±8" in lab.spectrum.caption
    assert (lab.spectrum.fig.x_range.start, lab.spectrum.fig.x_range.end) == (-8, 8)
    assert (lab.motion.fig.x_range.start, lab.motion.fig.x_range.end) == (-8, 8) and "cut off" in lab.motion.caption
    assert not lab.spectrum.holds and "semicircle: not the limit" in lab.spectrum.text.data["text"]
    assert lab.flow.result("ghost") is None and "breaks" in lab.claim(lab.state.snapshot())
    number = {item.label: item for item in lab.numbers(lab.state.snapshot())}
    assert number["Beyond ±8"].value == outside and "Largest CDF gap" not in number
    lab.choose("goe")
    assert wait(lab).spectrum.holds and lab.spectrum.fig.x_range.end < 3


def test_student_needs_two_degrees_of_freedom():
    lab = shown(width=32, entries="student", nu=3)
    assert lab.spectrum.holds and "ν = 3" in str(lab.cards.group.options)
    lab.state.nu = 1.5
    assert not wait(lab).spectrum.holds and "n^{1/1.5}" in lab.formula(lab.state.snapshot())


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_all_noncrossing_pairings_are_drawn(k):
    lab = MatricesLab(width=8, pairs=k)
    lab.start()
    drawn = re.findall(r'aria-label="([^"]+)"', lab.pairs.object)
    chords = {tuple(tuple(map(int, pair.split(" with "))) for pair in each.split(", ")) for each in drawn}
    assert len(chords) == len(drawn) == CATALAN[2 * k] and f"= {CATALAN[2 * k]}:" in lab.pairs.object
    for pairs in chords:
        assert sorted(point for pair in pairs for point in pair) == list(range(1, 2 * k + 1))
        assert not any(a < c < b < d for a, b in pairs for c, d in pairs)
    assert pairings.disc(((0, 1),)).count("<circle") == 3


def test_play_ends_at_the_last_width_that_fits(monkeypatch):
    lab = shown(preset="coins", width=16, draws=10000)
    monkeypatch.setattr(lab.dial, "_player", type("Player", (), {"stop": lambda self: None})())
    reach = compute.fits("symmetric:rademacher", 10000)
    while lab.dial.playing:
        lab.dial._tick()
        lab.flow.jobs.cancel_all()
    assert reach / 2 < lab.state.width <= reach and not lab.flow.failed
    lab.flow.cancel()
    lab.state.param.update(ensemble="goe", entries="gaussian", draws=1, width=2**17)
    monkeypatch.setattr(lab.dial, "_player", type("Player", (), {"stop": lambda self: None})())
    while lab.dial.playing:
        lab.dial._tick()
        lab.flow.jobs.cancel_all()
    assert lab.state.width == 10**6
    lab.flow.cancel()


def test_the_table_follows_the_theme_and_the_projector_has_a_higher_figure():
    lab = shown(width=512)
    light, height = lab.moments.object, lab.spectrum.fig.height
    lab.set_style("dark", projector=True)
    assert lab.moments.object != light and lab.spectrum.fig.height > height
    lab.set_style("light")
    assert lab.moments.object == light and lab.spectrum.fig.height == height


def test_nothing_in_it_needs_a_network_or_a_module_of_its_own():
    from panel.models.esm import ReactiveESM

    model = MatricesLab().root.get_root()
    models = list(model.references())
    assert len(models) > 50 and not any(isinstance(each, ReactiveESM) for each in models)
    markup = " ".join(str(getattr(each, "text", "")) for each in models)
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", markup)
