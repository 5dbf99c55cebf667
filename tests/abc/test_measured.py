"""The predicted powers of n against networks that are trained (`plain`)."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest

import tpcore as tp
from tests.abc.plain import X, Y, rms, slopes
from tpcore.train import Task, ladder

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
QUARTER, WIDE = F(1, 4), {2**k: 24 for k in range(7, 14)}
# A point, the quantity that its first violated condition names, the steps after which that shows, networks by width. In
# the second step of the last the first one's n^(-1/4) stands beside n^(1/4): only wide networks tell them apart.
UNSTABLE = {
    "SP with learning rate n^(-1/2), L = 1": (abc.sp(1, HALF), "df", 1, WIDE),
    "SP with learning rate n^(-1/2), L = 2": (abc.sp(2, HALF), "df", 1, WIDE),
    "NTP, its readout times n^(1/4)": (abc.Parametrization([0, HALF, QUARTER], [0, 0, 0]), "f0", 0, WIDE),
    "muP with learning rate n^(1/4)": (abc.Parametrization(abc.mup(2).a, abc.mup(2).b, -QUARTER), "dh2", 1, WIDE),
    "a readout from next to nothing": (
        abc.rates([0, F(3, 2)], [F(-5, 4), 1]), "dh1", 2, {2**k: 24 for k in range(11, 18)}
    ),
}  # fmt: skip
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
    both = abc.Parametrization([F(-9, 10), F(4, 5)], [F(9, 10), F(-1, 10)], 0)  # features, and with them the logits
    first, grown = both.violated[0], slopes(both, [64, 256, 1024], 4, steps=1)
    assert first.name == "features" and abs(grown["dh1"] - float(first.growth)) < 0.1 and grown["df"] < 0.6, grown
    late = abc.rates([0, F(3, 2)], [F(-5, 4), 1])  # a readout that starts from next to nothing
    first = late.violated[0]
    assert (first.name, first.when, first.growth) == ("features", "after the second step", F(1, 4))
    early, later = (slopes(late, [256, 1024, 4096], 6, steps=steps)["dh1"] for steps in (1, 2))
    assert abs(early + 1 / 4) < 0.05 and abs(later - 1 / 4) < 0.1, (early, later)


# ---- the long ladder: networks of `tpcore.train`, which are held to `plain` weight by weight -----------------------

SEEDS = {2**7: 192, 2**8: 192, 2**9: 128, 2**10: 96, 2**11: 64, 2**12: 48, 2**13: 32}
STORED = {2**7: 32, 2**8: 32, 2**9: 24, 2**10: 16, 2**11: 10, 2**12: 6, 2**13: 3}  # every hidden matrix is stored


def trained(p, seeds, steps=4, **options) -> dict[int, dict[str, list[float]]]:
    """Width -> quantity -> its size in every network, after `steps` steps."""
    rows: dict[int, dict[str, list[float]]] = {}
    for n, count in seeds.items():
        found = rows.setdefault(n, {})
        runs = ladder(p, Task(X, Y), [n], range(count), steps, at=[0, steps], record=[0, steps],
                      ntk=not p.adaptive, **options)  # fmt: skip
        for run in runs:
            one = {name: values[-1] for name, values in run.delta.items()} | {"f0": rms(run.f[0])}
            if not p.adaptive:
                one |= {"ntk": rms(run.ntk[-1]), "dntk": rms(run.ntk[-1] - run.ntk[0])}
            for name, size in one.items():
                found.setdefault(name, []).append(size)
    return rows


def fitted(rows: dict[int, dict[str, list[float]]]) -> dict[str, float]:
    """Slopes of log root mean square against log width; a width counts as its number of networks."""
    found, logs = {}, np.log(list(rows))
    for name in next(iter(rows.values())):
        sizes = [max(rms(row[name]), 1e-300) for row in rows.values()]
        weights = np.sqrt([len(row[name]) for row in rows.values()])
        found[name] = float(np.polyfit(logs, np.log(sizes), 1, w=weights)[0])
    return found


@pytest.mark.verify
@pytest.mark.parametrize("name", [*SHALLOW, *DEEP])
def test_ladder(name, verify_table):
    """Every quantity that training records, f_0 and kernels among them, widths 2^7 to 2^13, after four steps."""
    p = (SHALLOW | DEEP)[name]
    if p.adaptive:
        got = fitted(trained(p, STORED, lr=0.1, optimizer="sign"))
        start = abc.Parametrization(p.a, p.b, 0)  # with the same f_0, and no matrix stored
        got["f0"] = fitted(trained(start, SEEDS, steps=0, lr=0.0))["f0"]
    else:
        got = fitted(trained(p, SEEDS, lr=0.5))
    gap = {one: abs(got[one] - float(p.exponents[one])) for one in got if one in p.exponents}
    worst = max(gap, key=gap.get)
    said = f"powers of {name}{', one hidden layer' * (name in SHALLOW)}: largest distance from the predicted"
    verify_table(said, f"{gap[worst]:.3f} ({worst}, of {len(gap)})", "< 0.1", gap[worst] < 0.1)
    assert len(gap) > 6 * p.depth


@pytest.mark.verify
@pytest.mark.parametrize("name", UNSTABLE)
def test_ladder_of_what_blows_up(name, verify_table):
    """The first condition that fails says what grows, when, and like which power."""
    p, quantity, steps, seeds = UNSTABLE[name]
    got = fitted(trained(p, seeds, steps=steps, lr=0.5))[quantity]
    first = p.violated[0]
    verify_table(f"{name}: {first.sentence}", f"power {got:.3f}", f"{float(first.growth):.3f} +- 0.1",
                 abs(got - float(first.growth)) < 0.1)  # fmt: skip
