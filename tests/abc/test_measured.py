"""The predicted powers of n against networks that are trained (`plain`)."""

from __future__ import annotations

from fractions import Fraction as F

import pytest

import tpcore as tp
from tests.abc.plain import slopes

abc = tp.abc
HALF = F(1, 2)
# Not beside a border: there two powers that add up differ by little, and only wider networks tell them apart.
SHALLOW = {
    "NTP": abc.ntp(1),
    "muP": abc.mup(1),
    "SP": abc.sp(1),
    "UP 0.3": abc.up(F(3, 10), 1),
    "readout's facet": abc.unfold(abc.mup(1)).at(F(-1, 4), F(3, 2)),
    "features' facet": abc.unfold(abc.mup(1)).at(F(-3, 5), F(2, 5)),
    "features move there": abc.unfold(abc.mup(1)).at(F(-3, 4), F(3, 4)),
    "features move, readout from nothing": abc.unfold(abc.mup(1)).at(-HALF, F(3, 2)),
    "trivial": abc.sp(1, F(3, 2)),
    "trivial, features move": abc.Parametrization([F(-7, 10), F(7, 10)], [F(7, 10), F(7, 10)], 0),
}
DEEP = {
    "NTP, L = 2": abc.ntp(2),
    "muP, L = 2": abc.mup(2),
    "SP, L = 2": abc.sp(2),
    "UP 0.3, L = 2": abc.up(F(3, 10), 2),
    "layer 2 lags": abc.six(0, HALF, 1, -1, F(1, 3), 1),
    "features' facet, L = 2": abc.unfold(abc.mup(2)).at(F(-3, 5), F(2, 5)),
    "muP, L = 3": abc.mup(3),
    "NTP, L = 3": abc.ntp(3),
    "muP for sign descent": abc.mup(2, optimizer="adam"),
    "NTP for sign descent": abc.ntp(2, optimizer="adam"),
    "SP for sign descent": abc.sp(2, F(3, 2), optimizer="adam"),
}
NOISY = ("f0", "kernel", "ntk")  # one Gaussian draw a network; sums of second-order terms


def gaps(p, widths, seeds):
    """The largest distances of measured from predicted powers: of sizes; of f_0 and the kernels' changes."""
    got, found = slopes(p, widths, seeds, lr=0.1 if p.adaptive else 0.5), {False: 0.0, True: 0.0}
    for name, one in p.exponents.items():
        if name in got:
            kind = name.endswith(NOISY)
            found[kind] = max(found[kind], abs(got[name] - float(one)))
    return found[False], found[True]


@pytest.mark.parametrize("name", ["NTP", "muP", "UP 0.3", "features' facet", "trivial, features move"])
def test_powers_of_shallow_networks(name):
    plain, noisy = gaps(SHALLOW[name], [256, 1024, 4096], 8)
    assert plain < 0.1 and noisy < 0.25, (plain, noisy)


@pytest.mark.parametrize("name", ["muP, L = 2", "NTP for sign descent"])
def test_powers_of_deep_networks(name):
    plain, _ = gaps(DEEP[name], [64, 128, 256, 512], 6)
    assert plain < 0.15, plain


def test_unstable_networks_blow_up_as_said():
    """One step past the border the logits or the features grow with the said power."""
    fast = abc.sp(1, HALF)
    first = fast.violated[0]
    grown = slopes(fast, [256, 1024, 4096], 4, steps=1)["df"]
    assert (first.name, first.when) == ("readout", "after the first step") and abs(grown - float(first.growth)) < 0.1
    late = abc.rates([0, F(3, 2)], [F(-5, 4), 1])  # a readout that starts from next to nothing
    first = late.violated[0]
    assert (first.name, first.when, first.growth) == ("features", "after the second step", F(1, 4))
    early, later = (slopes(late, [256, 1024, 4096], 6, steps=steps)["dh1"] for steps in (1, 2))
    assert abs(early + 1 / 4) < 0.05 and abs(later - 1 / 4) < 0.1, (early, later)


@pytest.mark.verify
@pytest.mark.parametrize("name", SHALLOW)
def test_shallow_ladder(name, verify_table):
    plain, noisy = gaps(SHALLOW[name], [2**k for k in range(8, 14)], 40)
    said = f"powers of {name}, one hidden layer: distance from the predicted"
    verify_table(said, f"{plain:.3f}, f_0 and kernels {noisy:.3f}", "< 0.1, < 0.15", plain < 0.1 and noisy < 0.15)


@pytest.mark.verify
@pytest.mark.parametrize("name", DEEP)
def test_deep_ladder(name, verify_table):
    plain, noisy = gaps(DEEP[name], [2**k for k in range(8, 12)], 10)
    said = f"powers of {name}: distance from the predicted"
    verify_table(said, f"{plain:.3f}, f_0 and kernels {noisy:.3f}", "< 0.1, < 0.2", plain < 0.1 and noisy < 0.2)
