"""The two facets of nontrivial points in one picture, and the slice across them."""

from __future__ import annotations

import random
from fractions import Fraction as F

import pytest

import tpcore as tp
from tests.abc.oracle import Magnitudes

abc = tp.abc
HALF = F(1, 2)
LIKE = {
    "figure 5": abc.mup(1),
    "shifted": abc.mfp(),
    "deep": abc.ntp(3),
    "standard": abc.sp(2),
    "six numbers": abc.six(0, 0.5, 1, -1, 0, 1),
    "lagging": abc.six(0, 0.5, 1, F(-2, 3), 0, 1),
    "adam": abc.mup(2, optimizer="adam"),
    "adam, one rate": abc.sp(2, 1.5, optimizer="adam"),
}


@pytest.fixture(scope="module", params=LIKE, ids=lambda name: name.replace(" ", "-"))
def picture(request):
    return abc.unfold(LIKE[request.param])


def points(picture, count=40):
    rng = random.Random(4)
    (x0, x1), (y0, y1) = picture.xlim, picture.ylim
    for _ in range(count):
        yield x0 + (x1 - x0) * F(rng.randint(0, 60), 60), y0 + (y1 - y0) * F(rng.randint(0, 60), 60)


def test_everything_stable_is_nontrivial_and_maps_back(picture):
    seen = set()
    for x, y in points(picture):
        p = picture.at(x, y)
        assert Magnitudes(p.a, p.b, p.rates, p.scales).phase == p.phase != "trivial"
        assert tuple(r - p.r for r in p.layer_r) == picture.levels
        seen.add(str(p.phase))
        if p.stable:
            assert picture.where(p) == (x, y) and picture.where(p.shift(F(2, 7))) == (x, y)
            name, held = picture.facet(x, y).name, [one.holds for one in p.conditions if one.group == "nontrivial"]
            assert held[0 if name == "readout" else 1]
    assert {"kernel", "unstable"} <= seen


def test_facets_share_the_hinge(picture):
    ends = {picture.hinge, picture.hinge[::-1]}
    labels = ["readout initialized maximally", "readout updated maximally"]
    for facet, label in zip(picture.facets, labels, strict=True):
        shared = [edge for edge in facet.edges if (edge.start, edge.end) in ends]
        assert [edge.label for edge in shared] == [label]
        sides = [x + y - picture.fold for x, y in facet.plane.stable]
        assert min(sides) == 0 if facet.name == "readout" else max(sides) == 0
        assert {edge.label for edge in facet.edges if edge.border} >= {label, "a Gaussian process at init"}
        for edge in facet.edges:
            middle = tuple((s + e) / 2 for s, e in zip(edge.start, edge.end, strict=True))
            assert picture.at(*middle).phase == edge.phase
    for x, y in picture.hinge:  # both facets give the same point
        assert picture.facets[0].plane.at(x, y) == picture.facets[1].plane.at(x, y)


def test_features_move_on_one_border_of_each_facet(picture):
    for facet in picture.facets:
        moving = [edge for edge in facet.edges if edge.phase == "feature"]
        assert [edge.label for edge in moving] == ["features move"] or (picture.p.adaptive and facet.name == "readout")
        assert facet.plane.regions[1].phase == "kernel"
    assert picture.at(*picture.hinge[0]).phase == "feature" and picture.at(*picture.hinge[1]).starts_random
    for start, end in picture.contour(F(1, 3)):
        assert picture.at(*start).r == picture.at(*end).r == F(1, 3)
    assert picture.contour(F(1, 3))


def test_the_slice_across_shows_the_trivial_side(picture):
    at = tuple(s + F(2, 5) * (e - s) for s, e in zip(*picture.hinge, strict=True))
    view = picture.cross(*at, n=50)
    assert view.at(*view.here).phase == picture.at(*at).phase == "kernel"
    assert view.ylim == picture.ylim and view.here[1] == at[1]
    assert view.regions[1].phase == "trivial" and {str(e.phase) for e in view.edges if e.border} >= {"kernel"}
    assert {"readout updated maximally", "readout initialized maximally"} <= {e.label for e in view.edges}
    far = (at[0] - 1, at[1] - 1)  # on the other facet, straight out from there
    out = picture.cross(*far, n=2)
    assert out.here[1] == at[1] and out.here[0] > view.here[0] and out.at(*out.here).phase == "kernel"


def test_named_points():
    assert abc.unfold(abc.mup(1)).named == {"muP": (-HALF, 1), "NTP": (0, HALF), "SP": (HALF, HALF)}
    assert abc.unfold(abc.mup(2)).named == {"muP": (-HALF, 1), "NTP": (0, HALF)}
    assert abc.unfold(abc.sp(2)).named == {"SP": (0, HALF)} and abc.unfold(abc.sp(2)).path == []
    view = abc.unfold(abc.ntp(2))
    assert [view.at(*point) for point in view.path] == [abc.mup(2), abc.ntp(2)]
    assert view.where(abc.up("1/5", 2)) == (-F(3, 10), F(4, 5)) and view.at("-3/10", "4/5") == abc.up("1/5", 2)
    assert abc.unfold(abc.mfp()).labels == ("a_1 + c/2", "a_2 + b_2") and view.labels == ("a_1", "a_3 + b_3")
    six = abc.unfold(LIKE["six numbers"])
    assert six.labels == ("c_1/2", "b_3") and six.cross(0, HALF, n=2).labels == ("c_3", "b_3")
    assert six.at(*six.named["muP"]) == LIKE["six numbers"] and six.at(0, HALF).rates == (0, 1, 1)
    adam = abc.unfold(abc.mup(2, optimizer="adam"))
    assert adam.named == {"muP": (0, 1), "NTP": (HALF, HALF)}
    assert adam.at(HALF, HALF).equivalent(abc.ntp(2, optimizer="adam"))


def test_figure_5_written_out():
    """The lines that bound the two facets for L = 1 and c = 0, from Tensor Programs IV."""
    front, back = abc.unfold(abc.mup(1)).facets
    assert front.condition == "2 a_2 + c = 1" and back.condition == "a_2 + b_2 + r = 1"
    assert {e.label: e.equations for e in front.edges if e.border} == {
        "features move": ("r = 0",),
        "readout initialized maximally": ("a_2 + b_2 + r = 1",),
        "a Gaussian process at init": ("a_2 + b_2 = 1/2",),
    }
    p = abc.unfold(abc.mup(1)).at(F(-3, 5), F(2, 5))
    assert (p.a, p.b, p.c) == ((F(-1, 4), F(17, 20)), (F(1, 4), F(-1, 10)), 0) and p.a[1] + p.b[1] + p.a[0] == HALF
    assert all(y == HALF + p0.b[1] for p0, y in [(p, F(2, 5))])


def test_a_click_on_a_facet_finds_its_border():
    view = abc.unfold(abc.mup(1))
    assert view.at(*view.snap(-0.51, 1.02)).maximal
    x, y = view.snap(-0.76, 0.75)
    assert view.at(x, y).phase == "feature" and view.facet(x, y).name == "features"
