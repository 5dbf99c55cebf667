"""The Matrices lab's ensembles and lower figures, without a browser: what they show, say, and measure again by code."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.app.test_matrices import CATALAN, kept, run, shown, wait  # noqa: F401 - a fixture among them
from tpapp import MatricesLab
from tpapp.compute import matrices_code, matrices_lower
from tpapp.labs import matrices_words as words
from tpapp.labs.matrices_state import MatricesState, given, kind, request
from tpapp.matrix_results import DEFAULTS
from tpapp.plots import pairings
from tpcore import spectra


def test_entries_stay_with_an_ensemble_that_has_them(kept):
    lab = kept(width=16, ensemble="wishart")
    lab.cards.group.value = "rademacher"
    assert kind(lab.state.snapshot()) == "wishart:rademacher"
    lab.state.ensemble = "iid"
    assert kind(wait(lab).state.snapshot()) == "iid:rademacher" and lab.plane in lab.plots
    lab.cards.group.value = "gaussian"
    assert kind(wait(lab).state.snapshot()) == "iid"
    lab.state.ensemble = "gue"
    assert kind(wait(lab).state.snapshot()) == "gue" and lab.plane not in lab.plots
    lab.cards.group.value = "sparse"
    assert kind(wait(lab).state.snapshot()) == "symmetric:sparse" and lab.knobs.knobs["degree"].visible
    other = MatricesLab()
    other.read({"matrices.preset": "disc", "matrices.entries": "uniform"})
    assert kind(other.state.snapshot()) == "iid:uniform"
    other.read({"matrices.ensemble": "wishart", "matrices.ratio": "9", "matrices.spike": "1.5"})
    assert other.state.ratio == 4.0 and other.state.spike == 1.5
    assert other.query["matrices.ratio"] == "4" and other.query["matrices.ensemble"] == "wishart"


def test_the_atom_of_a_tall_matrix_is_told_and_drawn(kept):
    lab = kept(width=80, ensemble="wishart", ratio=2.5)
    result = lab.result("spectrum")
    assert (result.zeros, result.total, result.counts.sum()) == (120, 200, 80) and result.gap < 0.05
    assert "mass 0.6 at 0" in lab.spectrum.notes.data["text"] and "120 zeros" in lab.spectrum.caption
    assert np.sum(result.density * np.diff(result.edges)) == pytest.approx(0.4)
    rows = {row.k: row.limit for row in result.moments}
    assert rows[3] == pytest.approx(1 + 3 * 2.5 + 2.5**2) and "Narayana" in lab.moments.object


@pytest.mark.parametrize(("values", "place"), [
    ({"spike": 2.0}, 2.5), ({"ensemble": "wishart", "ratio": 0.5, "spike": 1.5}, 2.5 * (1 + 0.5 / 1.5)),
    ({"ensemble": "iid", "spike": 1.6}, 1.6), ({"entries": "uniform", "spike": 2.0}, 2.5),
])  # fmt: skip
def test_a_spike_is_marked_where_it_should_be_and_where_it_is(values, place, kept):
    lab = kept(width=256, draws=10, **values)
    law, result = lab.result("law")[0], lab.result("spectrum")
    assert law.outlier == pytest.approx(place) and len(result.marks) == 10
    assert np.mean(result.marks) == pytest.approx(place, abs=0.12) and lab.spectrum.fig.x_range.end > place
    assert list(lab.spectrum.flag.data["x"]) == [law.outlier] and "leaves the bulk" in lab.claim(lab.state.snapshot())
    lab.state.spike = 0.6
    weak = wait(lab).result("spectrum")
    assert not weak.marks and "hides" in lab.claim(lab.state.snapshot())
    assert "below" in {item.label: item.note for item in lab.numbers(lab.state.snapshot())}["Spike’s threshold"]


def test_eigenvalues_in_the_plane_and_their_moduli():
    lab = shown(preset="disc", width=100, seed=2)
    z = spectra.eigenvalues("iid", 100, seed=2)
    assert np.allclose(np.sort_complex(lab.data()["plane.re"] + 1j * lab.data()["plane.im"]), np.sort_complex(z))
    r = np.sort(np.abs(z))
    gap = max(np.abs(r**2 - np.arange(1, 101) / 100).max(), np.abs(r**2 - np.arange(100) / 100).max())
    assert lab.result("spectrum").gap == pytest.approx(gap) and "Moduli" in lab.spectrum.title
    lab.choose("disc-cauchy")
    assert not wait(lab).plane.holds and not lab.spectrum.holds and "disc breaks" in lab.claim(lab.state.snapshot())


@pytest.mark.parametrize(("values", "slot"), [
    ({"figures": "spacing", "width": 64}, "spacing"),
    ({"figures": "spacing", "width": 64, "ensemble": "gue"}, "spacing"),
    ({"figures": "spacing", "width": 64, "ensemble": "wishart", "ratio": 2.0}, "spacing"),
    ({"figures": "spacing", "width": 8, "ensemble": "wishart", "ratio": 0.05}, "spacing"),
    ({"figures": "largest", "width": 64, "ensemble": "gue"}, "largest"),
    ({"figures": "largest", "width": 10**6, "ensemble": "wishart", "ratio": 0.5}, "largest"),
    ({"figures": "largest", "width": 300, "spike": 2.0}, "largest"),
    ({"figures": "largest", "width": 32, "entries": "student"}, "largest"),
])  # fmt: skip
def test_lower_figures_measure_what_their_code_measures(values, slot, monkeypatch, kept):
    monkeypatch.setattr(matrices_lower, "GAPS", 2000)
    monkeypatch.setattr(matrices_lower, "LARGEST", 300)
    lab = kept(**values)
    sample, s = lab.result(slot), lab.state.snapshot()
    assert not lab.flow.failed and lab.claim(s)
    snippet = matrices_lower.spacing_code if slot == "spacing" else matrices_lower.largest_code
    names = run("import numpy as np\nimport tpcore as tp\n"
                f"law = {matrices_code.law_code(kind(s), DEFAULTS | given(s))}\n" + snippet(request(s)))  # fmt: skip
    scaled = (names.get("top", 0) - sample.centre) / sample.scale
    measured = names["gaps"] if slot == "spacing" else names.get("largest", scaled)
    assert np.allclose(np.sort(measured), sample.values, rtol=1e-9, atol=1e-9)
    if sample.distance is not None:
        assert sample.distance < 1.9 / np.sqrt(len(sample.values))
        assert abs(sample.mean - sample.expected) < 4 * sample.error + 0.1
    else:
        assert sample.curves[0].role == "other" and "not the limit" in sample.curves[0].name


def test_where_a_lower_figure_has_nothing_to_show_it_says_so(kept):
    lab = kept(ensemble="iid", width=32, figures="spacing")
    assert not lab.flow.failed and "no order" in lab.lower.tab.plot.caption and not lab.lower.tab.numbers(lab.state)
    lab.state.figures = "largest"
    assert "choose another" in wait(lab).lower.tab.plot.caption


@pytest.mark.parametrize("values", [{}, {"ensemble": "wishart", "ratio": 0.5}, {"ensemble": "product", "factors": 2}])
def test_moments_are_programs_whose_limits_count_cycles(values, kept):
    lab = kept(width=64, figures="moments", pairs=3, **values)
    rows = lab.result("moments").rows
    assert all(abs(row.limit - row.count) < 1e-9 * row.count and np.isfinite(row.finite) for row in rows)
    names = run(lab.code(lab.state.snapshot()))
    assert np.allclose(names["finite"], [row.finite for row in rows]) and len(names["limits"]) == 5
    assert lab.lower.tab.cycles.object.count("<figure>") == 5 and list(lab.data()["programs.k"]) == [r.k for r in rows]
    lab.state.width = float("inf")
    assert wait(lab).result("moments").n is None and not lab.flow.failed


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_all_cycles_are_drawn(k):
    found = matrices_lower.cycles(k)
    said, drawing = pairings.cycles(found, rows=True)
    walks = re.findall(r'aria-label="cycle ([\d ]+)"', drawing)
    assert len(set(walks)) == len(walks) == CATALAN[2 * k] and f"= {CATALAN[2 * k]} cycle" in said
    for walk in walks:
        steps = walk.split()
        assert len(steps) == 2 * k + 1 and steps[0] == steps[-1] and len(set(steps)) == k + 1


def test_the_limit_alone_of_every_ensemble(kept):
    for ensemble in ("gue", "band", "wishart", "product", "iid"):
        lab = kept(width=float("inf"), ensemble=ensemble)
        moments = run(lab.code(lab.state.snapshot()))["catalan"]
        assert np.allclose(moments, lab.data()["moments.limit"], rtol=1e-9) and not len(lab.spectrum.main.data["y"])


@pytest.mark.parametrize("ensemble, degree, apart", [
    ("wigner", 1.0, True), ("wigner", 4.0, True), ("wigner", 8.0, False), ("wishart", 2.0, True),
    ("wishart", 8.0, False), ("band", 4.0, True), ("product", 1.0, True), ("product", 6.0, False),
])  # fmt: skip
def test_sparse_matrices_are_said_to_repel_only_where_they_do(ensemble, degree, apart):
    chosen = {"ensemble": ensemble, "entries": "sparse", "degree": degree, "band": 40}
    s = MatricesState(**chosen, width=300, figures="spacing").snapshot()
    assert ("coincide" in words.claim(s, None)) == apart and ("repel:" in words.claim(s, None)) != apart
    values = spectra.eigenvalues(kind(s), 300, draws=6, **given(s))
    gaps = spectra.spacings(np.sqrt(values) if ensemble == "product" else values)
    assert (np.mean(gaps < 0.02) > 0.005) == apart  # those that repel: 0.0003


def test_words_name_the_law_that_is_left():
    few = {name: words.claim(MatricesState(ensemble=name, entries="sparse", width=32, draws=1000).snapshot(), None)
           for name in ("wigner", "wishart", "iid", "product")}  # fmt: skip
    assert all("graph’s shape" in said for said in few.values())
    assert "semicircle" in few["wigner"] and "Marchenko" in few["wishart"] and "disc" in few["iid"]
    assert "semicircle" not in few["wishart"] + few["iid"] + few["product"]
    narrow = MatricesState(ensemble="band", band=1, width=16, draws=1000).snapshot()
    assert "come close" not in words.claim(narrow, None)
    heavy = MatricesState(ensemble="band", entries="student", nu=1.5, band=3).snapshot()
    assert "(2w + 1)^{1/1.5}" in words.formula(heavy, None)
    a = spectra.matrix("band:student", 60, seed=1, nu=1.5, band=3)
    b = spectra.matrix("symmetric:student", 60, seed=1, nu=1.5)
    inside = a != 0
    assert np.allclose(a[inside] * 7 ** (1 / 1.5), b[inside] * 60 ** (1 / 1.5))
