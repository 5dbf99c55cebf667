"""Measured phases: what powers say, a coarse region against the classification, how it lies over the picture."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tpapp import PhasesLab
from tpapp.compute import phases, phases_region as regions, phases_train as trains
from tpapp.phase_results import PictureRequest, PointRequest
from tpcore.compute.progress import Progress


@pytest.mark.parametrize("powers, phase", [
    ({"f0": -0.3, "df": 0.01, "dh1": -0.2, "dx": -0.2}, "kernel"),
    ({"f0": 0.02, "df": -0.02, "dh1": 0.01, "dx": -0.02}, "feature"),
    ({"f0": 0.2, "df": 0.0, "dh1": -0.5, "dx": -0.5}, "unstable"),
    ({"f0": -0.2, "df": 0.3, "dh1": -0.5, "dx": -0.5}, "unstable"),
    ({"f0": -0.2, "df": -0.1, "dh1": 0.1, "dx": 0.0}, "unstable"),
    ({"f0": -0.5, "df": -0.4, "dh1": 0.0, "dx": 0.0}, "trivial"),
    ({"f0": -0.5, "df": 0.0, "dh1": -0.3, "gradient": 0.3, "dx": -0.3}, "unstable"),
    ({"h1": 0.3, "f0": -0.1, "df": -0.4, "dh1": -0.9, "dx": -0.9}, "unstable"),
    ({"h1": 0.0, "h2": -0.3, "f0": -0.1, "df": -0.4, "dh1": -0.9, "dx": -0.9}, "unstable"),
    ({"h1": -0.01, "h2": 0.02, "f0": -0.1, "df": -0.4, "dh1": -0.9, "dx": -0.9}, "trivial"),
    ({"f0": -0.5, "df": float("-inf"), "dh1": float("-inf"), "dx": float("-inf")}, "trivial"),
])  # fmt: skip
def test_measured_powers_say_the_phase(powers, phase):
    assert regions.decide(powers) == phase


def test_widths_span_a_factor_of_16():
    for depth in (1, 3):
        request = regions.request(PictureRequest("facets", PointRequest(depth)), "tanh", 0)
        assert request.widths[-1] == 16 * request.widths[0] and request.side >= 12


def test_a_coarse_region_agrees_away_from_its_borders():
    """Of both facets: 16 points, of which those farther than 0.1 from a border are as predicted but for one at most."""
    picture = PictureRequest("facets", PointRequest(1, path=0.2))
    request = regions.RegionRequest(picture, "tanh", 0, 4, (64, 256, 1024))
    seen = list(regions.region(request))
    last = seen[-1]
    assert [len(one.probes) for one in seen] == list(range(1, 17)) and last.total == 16
    assert {probe.predicted for probe in last.probes} == {"kernel", "unstable"}
    assert last.clear >= 10 and last.agree >= last.clear - 1 and len(last.misses) == last.clear - last.agree
    plane = phases.plane(picture)
    for probe in last.probes:
        assert plane.at(*probe.at).phase == probe.predicted
        assert probe.far == pytest.approx(float(plane.distance(*probe.at)))


@pytest.mark.parametrize("start, phase", [(0.95, "kernel"), (1.14, "unstable")])
def test_a_readout_that_outgrows_its_start_is_measured_at_once(start, phase):
    """Adam on the readout's facet: its update is n^-1, too large beside a start of n^-1.14 though it is still small."""
    picture = PictureRequest("facets", PointRequest(1, "adam", path=0.2))
    p = phases.plane(picture).at(0.66, start)
    assert p.phase == phase and regions._measure(p, regions.request(picture, "tanh", 0), Progress())[0] == phase


@pytest.mark.parametrize("depth, x", [(1, "b1"), (2, "b2")])
def test_without_a_tie_what_grows_or_vanishes_at_the_start_is_measured(depth, x):
    """Nearly all of such a slice is unstable, as is what is measured; the first layer, or the second."""
    picture = PictureRequest("slice", PointRequest(depth, path=0.2), x, "c", "none")
    *_, last = regions.region(regions.RegionRequest(picture, "tanh", 0, 3, (32, 128, 512)))
    assert last.clear >= 8 and last.agree == last.clear
    assert sum(f"h{depth} n^" in one.words for one in last.probes) >= 4


def test_the_measured_region_lies_over_its_picture_alone(monkeypatch):
    monkeypatch.setattr(trains, "widths", lambda point: (16, 32, 64, 128, 256))
    monkeypatch.setattr(regions, "SIDE", 2)
    monkeypatch.setattr(regions, "SHALLOW", (16, 64, 256))
    lab = PhasesLab(steps=3)
    lab.start()
    lab._measure()
    end = time.monotonic() + 30
    while lab.flow.done is not None and time.monotonic() < end:
        time.sleep(0.01)
    assert np.isfinite(lab.diagram.probes.data["x"]).sum() == 4 and "of " in lab.misses.object
    assert any(line.label == "Phases agree" for line in lab.numbers(lab.state.snapshot()))
    assert "measured.phase" in lab.diagram.data() and lab.measure.name == "Hide the measured phases"
    lab._picked(0.4, 0.9, True)  # another point of the same picture
    assert lab.result("region") is not None
    lab.state.view = "slice"
    assert not np.isfinite(lab.diagram.probes.data["x"]).any() and lab.misses.object == ""
    assert lab.measure.name == "Measure this region"
    lab.state.view = "facets"
    assert lab.measure.name == "Hide the measured phases"
    lab._measure()
    assert not np.isfinite(lab.diagram.probes.data["x"]).any()
