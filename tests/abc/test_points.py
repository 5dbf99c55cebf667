"""Named parametrizations, conditions in words, the symmetry, numbers."""

from __future__ import annotations

import json
import random
from fractions import Fraction as F

import numpy as np
import pytest

import tpcore as tp
from tests.abc.oracle import Magnitudes, draw

abc = tp.abc
HALF = F(1, 2)


def by_name(p, name, group="stable"):
    return next(one for one in p.conditions if (one.name, one.group) == (name, group))


@pytest.mark.parametrize("L", [1, 2, 3, 5])
def test_documented_facts(L):
    """Tensor Programs IV, table 1 and theorem 3.8; r of SP is 1/2, for one hidden layer 3/2."""
    sp, ntp, mup = abc.sp(L), abc.ntp(L), abc.mup(L)
    assert (sp.phase, sp.r) == ("kernel", F(3, 2) if L == 1 else HALF)
    assert (ntp.phase, ntp.r) == ("kernel", HALF) and ntp.kernel_parts == (True, tuple(range(1, L + 1)))
    assert (mup.phase, mup.r) == ("feature", 0) and mup.maximal and mup.layer_r == (0,) * L
    assert ntp.starts_random and sp.starts_random and not mup.starts_random
    assert not ntp.maximal and sp.kernel_parts == ((True, ()) if L == 1 else (True, tuple(range(2, L + 1))))
    low = abc.sp(L, 0.5)
    assert (low.phase, low.r) == ("unstable", 1 if L == 1 else 0)
    assert abc.sp(L, 2).phase == "trivial" and abc.sp(L, 2).trivial and not abc.sp(L, 2).moves


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("L", [1, 2, 4])
def test_adaptive_and_largest_rates(L, optimizer):
    """Tensor Programs IVb: muP and NTP; and of any one rate, the largest that is stable."""
    assert abc.mup(L, optimizer=optimizer).maximal
    ntp = abc.ntp(L, optimizer=optimizer)
    assert (ntp.phase, ntp.r, ntp.starts_random) == ("kernel", HALF, True)
    best = abc.largest_rate(abc.sp(L, F(-7, 3), optimizer=optimizer))
    assert best == abc.sp(L, F(3, 2) if optimizer == "adam" and L > 1 else 1, optimizer=optimizer)
    mup = abc.mup(L, optimizer=optimizer)
    assert best.phase == "kernel" and abc.largest_rate(mup) == mup
    faster = abc.Parametrization(best.a, best.b, best.c - F(1, 1000), best.d)
    slower = abc.Parametrization(best.a, best.b, best.c + F(1, 1000), best.d)
    assert (faster.phase, slower.phase) == ("unstable", "trivial")


def test_mean_field_is_mup():
    assert abc.mfp().maximal and abc.mfp().equivalent(abc.mup(1)) and abc.mfp().shift(-HALF) == abc.mup(1)
    assert not abc.mfp().equivalent(abc.ntp(1)) and not abc.mfp().equivalent(abc.mup(2))


@pytest.mark.parametrize("L", [1, 2, 3])
@pytest.mark.parametrize("r", [0, F(1, 7), 0.3, HALF])
def test_the_path(L, r):
    p = abc.up(r, L)
    assert p.r == F(str(r)) and p.phase == ("feature" if r == 0 else "kernel") and p.layer_r == (p.r,) * L
    assert p.kernel_parts == (True, tuple(range(1, L + 1))) and p.maximal == (r == 0)
    assert abc.up(0, L) == abc.mup(L) and abc.up(0.5, L) == abc.ntp(L)


def test_the_six_numbers():
    """Without multipliers: muP is the top corner; the same rates everywhere blow up after one step.

    Features come first: where they grow too, tanh networks' logits grow like n^0.7 in that step, not like n.
    """
    top = abc.six(0, 0.5, 1, -1, 0, 1)
    assert top.maximal and top.equivalent(abc.mup(2)) and top.canonical() == abc.mup(2)
    naive = abc.six(0, 0.5, 0.5, 0, 0, 0)
    assert [one.name for one in naive.violated] == ["features", "readout", "logits"]
    assert naive.reasons[0] == "The features of layer 2 grow like n^0.5 after the first step."
    assert naive.reasons[1] == "The logits can grow like n after the first step: the readout's update is too large."
    both = abc.Parametrization([F(-7, 10), F(-1, 5), HALF], [F(7, 10), F(7, 10), F(1, 5)], [F(-1, 5), -HALF, F(2, 5)])
    assert both.first_layer_r == (F(-9, 10), F(-6, 5)), "the lower layer grows so for every activation"
    assert both.reasons[0] == "The features of layer 1 grow like n^0.9 after the first step."
    assert abc.six(0, 0.5, 0.5, 0, 1, 1).equivalent(abc.ntp(2))


def test_conditions_name_what_fails_and_when():
    slow = abc.sp(2, 0.5)
    assert [(one.name, one.when, one.growth) for one in slow.violated] == [
        ("readout", "after the first step", HALF),
        ("logits", "after the first step", HALF),
    ]
    p = abc.Parametrization([0, 0, 0.25], [-0.5, 0.75, 0], 1)
    assert p.reasons[:3] == [
        "The preactivations of layer 1 grow like n^0.5 at initialization.",
        "The preactivations of layer 2 vanish at initialization: "
        "they are n^-0.25 times the size of the features before them.",
        "The logits grow like n^0.25 at initialization.",
    ]
    late = abc.Parametrization([F(-2, 5), F(2, 5)], [F(2, 5), F(3, 5)], F(1, 5))
    assert late.phase == "kernel"
    late = abc.rates([0, 1.25], [-1.125, 1])
    assert late.violated[0].when == "after the second step" and late.violated[0].growth == F(1, 8)
    assert late.reasons == ["The features of layer 1 grow like n^0.125 after the second step."]
    kernel = abc.ntp(1)
    assert [one.formula for one in kernel.conditions if one.group == "stable"] == [
        "a_1 + b_1 = 0", "a_2 + b_2 ≥ 1/2", "r ≥ 0", "2 a_2 + c ≥ 1", "a_2 + b_2 + r ≥ 1"]  # fmt: skip
    assert by_name(kernel, "features").latex == r"r \ge 0" and by_name(kernel, "features", "features").holds is False
    assert all(one.sentence for one in kernel.conditions if one.holds)


def test_reasons_say_what_moves():
    assert abc.ntp(2).reasons == [
        "The function moves, the features freeze: they change like n^-0.5.",
        "The readout's and layers 1 and 2's updates make the kernel.",
        "The function starts as a nonzero Gaussian process.",
    ]
    assert abc.mup(2).reasons[1] == "Every layer moves as much as it can: this is muP, up to the symmetry."
    lag = abc.six(0, 0.5, 1, F(-2, 3), 0, 1)
    assert lag.phase == "feature"
    assert "Layer 1 lags: its own update moves its preactivations by n^(-1/3) only." in lag.reasons
    still = abc.Parametrization([F(-7, 10), F(7, 10)], [F(7, 10), F(7, 10)], 0)
    assert still.phase == "trivial" and still.r == 0 and "no output sees it" in still.reasons[1]
    assert "nonlinear operator" in abc.ntp(2, optimizer="adam").reasons[1]


def test_an_adaptive_optimizer_must_see_gradients_of_size_one():
    p = abc.mup(1, optimizer="adam")
    off = abc.Parametrization(p.a, p.b, p.c, [1.5, 1])
    assert off.phase == "unstable" and "gradients of layer 1 that grow like n^0.5" in off.reasons[0]
    large = abc.adaptive([0, 1], [0, 0.5], [0, 0])
    assert [one.name for one in large.violated] == ["gradients"] and "grow like n^0.5" in large.reasons[0]


@pytest.mark.parametrize("adaptive", [False, True], ids=["sgd", "adaptive"])
def test_the_symmetry_changes_nothing(adaptive):
    rng = random.Random(3)
    for _ in range(60):
        p = abc.Parametrization(*draw(rng, adaptive))
        theta = [F(rng.randint(-9, 9), 7) for _ in p.a]
        for q in (p.shift(theta), p.shift(theta[0]), p.canonical()):
            assert q.phase == p.phase and q.layer_r == p.layer_r and q.equivalent(p)
            assert q.phase == Magnitudes(q.a, q.b, q.rates, q.scales).phase
            assert [one.holds for one in q.conditions] == [one.holds for one in p.conditions]
            kept = [name for name in p.exponents if name not in ("gradient",)]
            assert {k: q.exponents[k].power for k in kept} == {k: p.exponents[k].power for k in kept}
        other = abc.Parametrization(p.a, p.b, [*p.rates[:-1], p.rates[-1] + F(1, 7)], p.d)
        assert not other.equivalent(p)


def test_the_symmetry_keeps_one_rate():
    q = abc.ntp(2).shift(F(1, 3))
    assert q.uniform and q.c == F(-2, 3) and q.canonical() == abc.ntp(2)
    assert abc.ntp(2).shift([0, 1, 0]).c == (0, -2, 0)


@pytest.mark.parametrize("number", [HALF, 0.5, "1/2", "0.5", np.float64(0.5), 0.1 + 0.4])
def test_numbers(number):
    p = abc.Parametrization([0, number], [0, 0], np.int64(0))
    assert p == abc.ntp(1) and hash(p) == hash(abc.ntp(1)) and p.exact and p.a[1] == HALF


def test_floats_hold_within_their_tolerance_and_fractions_exactly():
    assert abc.Parametrization([0, 0.5 + 3e-10], [0, 0], 0).phase == "kernel"
    assert abc.Parametrization([0, 0.5 + 3e-8], [0, 0], 0).phase == "trivial"
    assert abc.Parametrization([0, 0.5 - 3e-8], [0, 0], 0).phase == "unstable"
    tiny = F(1, 10**12)
    assert abc.Parametrization([0, HALF + tiny], [0, 0], 0).phase == "trivial"
    assert abc.Parametrization([0, HALF - tiny], [0, 0], 0).phase == "unstable"
    thirds = abc.Parametrization([1 / 3, 1 / 3], [-1 / 3, 1 / 6], 1 / 3)
    assert thirds.exact and thirds.phase == "kernel" and thirds.r == F(3, 2)


@pytest.mark.parametrize("p", [abc.ntp(2), abc.six(0, 0.5, 1, -1, 0, 1), abc.mup(2, optimizer="adam"), abc.up("2/7", 1),
                               abc.Parametrization([0, 2**0.5], [0, 0.1], 0)], ids=repr)  # fmt: skip
def test_a_description_brings_it_back(p):
    again = abc.Parametrization(**json.loads(json.dumps(p.spec())))
    assert again.phase == p.phase and again.equivalent(p) and (again == p or not p.exact)
    assert repr(again) == repr(p) and repr(p).startswith("Parametrization(a=[")


def test_phases_are_their_names():
    assert abc.Phase.KERNEL == "kernel" and f"{abc.ntp(1).phase}" == "kernel" and {"kernel": 1}[abc.ntp(1).phase] == 1
    assert [str(one) for one in abc.PHASES] == ["unstable", "trivial", "kernel", "feature"]


def test_predictions_come_with_words():
    found = abc.ntp(2).exponents
    assert found["dx2"].sentence == "The change of layer 2's features scales like n^-0.5."
    assert float(found["dntk"]) == -1.0 and found["dWx3"].power == 0 and found["dW2"].power == F(-3, 2)
    assert found["W2_norm"].power == 0 and found["W2_frobenius"].power == HALF and found["W3_norm"].power == 0
    assert "df" not in abc.sp(2, 0).exponents and abc.sp(2, 0).exponents["f0"].power == 0
