"""Slices: polygons, edges and grids against the classification of single points."""

from __future__ import annotations

import random
from fractions import Fraction as F

import numpy as np
import pytest

import tpcore as tp
from tests.abc.oracle import Magnitudes, draw, draw_uniform

abc = tp.abc
HALF = F(1, 2)
SIX = abc.six(0, 0.5, 1, -1, 0, 1)
CASES = {
    "default": (abc.mup(1), {}),
    "figure 5": (abc.mup(1), {"x": "a1", "y": "a2+b2", "xlim": ("-3/4", "3/4"), "ylim": (0.25, 1.5)}),
    "across": (abc.up("1/5", 1), {"x": "a2", "y": "a2+b2", "xlim": (0.25, 1.25), "ylim": (0.25, 1.5)}),
    "deep": (abc.mup(3), {"x": "a2", "y": "c"}),
    "deep hidden": (abc.ntp(3), {"x": "b2", "y": "b3"}),
    "readout tied": (abc.mup(2), {"x": "b3", "y": "c", "tie": "readout"}),
    "readout tied by a": (abc.mup(2), {"x": "a3", "y": "a1", "tie": "readout", "xlim": (-1, 1)}),
    "untied": (abc.mup(1), {"x": "a1", "y": "b1", "tie": False}),
    "untied readout": (abc.mup(1), {"x": "b1", "y": "b2", "tie": False}),
    "six numbers": (SIX, {"x": "b3", "y": "c3"}),
    "six numbers, rates": (SIX, {"x": "c1", "y": "c2", "xlim": (-2, 1)}),
    "adam": (abc.mup(2, optimizer="adam"), {"x": "c2", "y": "b3"}),
    "adam, readout tied": (abc.ntp(2, optimizer="adam"), {"x": "c3", "y": "b3", "tie": "readout"}),
    "adam, scales free": (abc.mup(1, optimizer="adam"), {"x": "d1", "y": "c1", "tie": False}),
    "floats": (abc.Parametrization([0, 0.5 + 2e-10], [0, 2**0.5 / 2], 0), {"x": "a1", "y": "b2"}),
}


@pytest.fixture(scope="module", params=CASES, ids=lambda name: name.replace(" ", "-"))
def view(request):
    p, options = CASES[request.param]
    return abc.slice(p, **{"n": 41, **options})


def inside(corners, x, y):
    """Winding test of a convex polygon, counterclockwise, borders included."""
    pairs = zip(corners, [*corners[1:], corners[0]], strict=True)
    return len(corners) > 2 and all((x1 - x0) * (y - y0) >= (x - x0) * (y1 - y0) for (x0, y0), (x1, y1) in pairs)


def test_the_grid_is_the_classification(view):
    rng = np.random.default_rng(0)
    for i, j in rng.integers(0, 41, (60, 2)):
        p = view.at(view.x[j], view.y[i])
        assert abc.PHASES[view.codes[i, j]] == p.phase, (view.x[j], view.y[i], p)
        assert Magnitudes(p.a, p.b, p.rates, p.scales).phase == p.phase or not p.exact


def test_polygons_are_the_classification(view):
    rng = random.Random(1)
    (x0, x1), (y0, y1) = view.xlim, view.ylim
    stable = view.regions[1:]
    for _ in range(60):
        x, y = x0 + (x1 - x0) * F(rng.randint(1, 996), 997), y0 + (y1 - y0) * F(rng.randint(1, 996), 997)
        expected = stable[0].phase if stable and inside(stable[0].vertices, x, y) else "unstable"
        assert view.at(x, y).phase == expected, (x, y)


def test_edges_and_corners_are_the_classification(view):
    for edge in view.edges:
        for share in (F(1, 97), F(1, 2), F(90, 91)):
            x, y = (s + share * (e - s) for s, e in zip(edge.start, edge.end, strict=True))
            p = view.at(x, y)
            assert p.phase == edge.phase, edge
            tight = {one.name for one in p.conditions if one.group == "stable" and one.tight}
            assert set(edge.conditions) <= tight, edge
        assert edge.border == bool(edge.conditions) == bool(edge.equations)
        if edge.border and len(view.stable) > 2:  # beyond it nothing is stable
            (ax, ay), (bx, by) = edge.start, edge.end
            out = ((by - ay) / 1000, (ax - bx) / 1000)
            middle = ((ax + bx) / 2 + out[0], (ay + by) / 2 + out[1])
            assert view.at(*middle).phase == "unstable", edge
    for point, phase in view.corners:
        assert view.at(*point).phase == phase


def test_random_slices_have_every_kind_of_edge():
    rng, seen = random.Random(5), set()
    for _ in range(25):
        if rng.random() < 0.5:
            p = abc.Parametrization(*draw(rng))
            x, y = rng.sample([f"{letter}{i}" for letter in "ac" for i in range(1, p.depth + 2)], 2)
        else:
            a, b, c = draw_uniform(rng)
            p = abc.Parametrization(a, b, c)
            x, y = rng.sample(["a1", f"b{p.depth + 1}", f"a{p.depth + 1}", "c"], 2)
        view = abc.slice(p, x, y, (-2, 3), (-2, 3), n=5)
        for region in view.regions[1:]:
            seen.add((len(region.vertices) > 2, str(region.phase)))
        test_edges_and_corners_are_the_classification(view)
        test_polygons_are_the_classification(view)
    assert {(True, "trivial"), (True, "kernel")} <= seen, seen


def test_the_polygon_of_figure_5():
    """L = 1, c = 0, a_2 = 1/2: the corners muP = MFP and NTP, and what the edges are called."""
    view = abc.slice(abc.mup(1), "a1", "a2+b2", ("-3/4", "3/4"), ("1/4", "3/2"))
    assert dict(view.corners)[-HALF, F(1)] == "feature" and dict(view.corners)[F(0), HALF] == "kernel"
    edges = {edge.label: edge for edge in view.edges if edge.border}
    assert {label: (str(e.phase), e.equations) for label, e in edges.items()} == {
        "features move": ("feature", ("a_1 = -0.5",)),
        "readout initialized maximally": ("kernel", ("a_1 + a_2 + b_2 = 0.5",)),
        "a Gaussian process at init": ("kernel", ("a_2 + b_2 = 0.5",)),
    }
    assert set(view.stable) == {(-HALF, F(3, 2)), (-HALF, F(1)), (F(0), HALF), (F(3, 4), HALF), (F(3, 4), F(3, 2))}
    assert view.regions[1].phase == "kernel" and view.labels == ("a_1", "a_2 + b_2") and view.here == (-HALF, 1)
    assert view.contour(HALF) == [((-F(1, 4), F(3, 2)), (-F(1, 4), F(1))), ((-F(1, 4), F(1)), (F(0), HALF))]


def test_an_untied_slice_is_almost_all_unstable():
    view = abc.slice(abc.mup(1), "a1", "b1", tie=False)
    assert (view.codes > 0).mean() < 0.01 and len(view.stable) == 2
    assert view.edges[0].conditions == ("input",) and view.edges[0].equations == ("a_1 + b_1 = 0",)


@pytest.mark.parametrize("name", ["deep", "readout tied", "readout tied by a", "six numbers", "adam, readout tied"])
def test_the_tie_holds(name):
    p, options = CASES[name]
    q = abc.slice(p, **options, n=2).at(F(1, 7), F(3, 8))
    assert all(one.holds for one in q.conditions if one.name.startswith(("input", "hidden", "faithful")))
    assert (q.readout_step == 1) == ("readout" in name) or name == "six numbers"
    for coordinate, value in ((options["x"], F(1, 7)), (options["y"], F(3, 8))):
        rows = {"a": q.a, "b": q.b, "c": q.rates}
        assert rows[coordinate[0]][int(coordinate[1:] or 1) - 1] == value


def test_a_click_finds_the_border():
    view = abc.slice(abc.mup(1), "a1", "a2+b2", ("-3/4", "3/4"), ("1/4", "3/2"))
    assert view.snap(-0.49, 1.01) == (-HALF, 1) and view.at(*view.snap(-0.49, 1.01)).maximal
    on_edge = view.snap(-0.51, 1.234)
    assert on_edge[0] == -HALF and view.at(*on_edge).phase == "feature" and abs(on_edge[1] - F("1.234")) < F(1, 90)
    slanted = view.snap(-0.21, 0.7)
    assert sum(slanted) == HALF and view.at(*slanted).phase == "kernel"
    assert view.snap(0.123, 0.9) == (F("0.123"), F("0.9"))
    assert view.snap(-0.49, 1.01, within=0) == (F("-0.49"), F("1.01"))


def test_distances_from_a_border():
    view = abc.slice(abc.mup(1), "a1", "a2+b2", ("-3/4", "3/4"), ("1/4", "3/2"))
    found = view.distance([-0.6, -0.3, 0.5, 0.0, -0.25], [1.25, 1.25, 0.9, 0.5, 0.5])
    assert found == pytest.approx([0.1, 0.2, 0.4, 0.0, 0.125 * 2**0.5 * 1.0])
    assert view.distance(0.2, 0.8) == pytest.approx(0.3) and abc.slice(abc.sp(1, 9), "a1", "b2").distance(0, 0) == 0.5
    far = abc.unfold(abc.mup(1))
    assert far.distance(-0.25, 0.75) == pytest.approx(0.125**0.5) and far.distance(-0.5, 1.2) == 0
    assert view.distance(-0.25, 0.75) == 0
    assert abc.slice(abc.mup(1), "a1", "b2", (0, 1), (1, 2)).distance(0.5, 1.5) == float("inf")


def test_a_slice_has_forty_thousand_points_and_its_polygons():
    view = abc.slice(abc.mup(3), "a1", "c")
    assert view.codes.shape == (200, 200) and view.edges and view.corners
