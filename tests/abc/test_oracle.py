"""Phases and predicted powers against magnitudes propagated step by step (`oracle`)."""

from __future__ import annotations

import random
from collections import Counter

import pytest

import tpcore as tp
from tests.abc.oracle import Magnitudes, draw, draw_uniform, size

DRAWS = 800


@pytest.mark.parametrize("adaptive", [False, True], ids=["sgd", "adaptive"])
def test_phases_of_random_fractions(adaptive):
    rng, seen = random.Random(11), Counter()
    for _ in range(DRAWS):
        a, b, c, d = draw(rng, adaptive)
        p, oracle = tp.abc.Parametrization(a, b, c, d), Magnitudes(a, b, c, d)
        assert p.phase == oracle.phase, (p, oracle.phase, p.reasons)
        assert p.exact
        seen[p.phase] += 1
    assert min(seen[phase] for phase in tp.abc.PHASES) > 20, seen


def test_phases_with_one_learning_rate():
    rng, seen = random.Random(12), Counter()
    for _ in range(DRAWS // 3):
        a, b, c = draw_uniform(rng)
        p, oracle = tp.abc.Parametrization(a, b, c), Magnitudes(a, b, [c] * len(a))
        assert p.phase == oracle.phase, (p, oracle.phase)
        seen[p.phase] += 1
    assert min(seen[phase] for phase in tp.abc.PHASES) > 5, seen


@pytest.mark.parametrize("adaptive", [False, True], ids=["sgd", "adaptive"])
def test_powers_of_stable_points(adaptive):
    rng, count = random.Random(13), 0
    for _ in range(DRAWS):
        a, b, c, d = draw(rng, adaptive)
        p = tp.abc.Parametrization(a, b, c, d)
        if not p.stable:
            assert not any(name.startswith("d") for name in p.exponents)
            continue
        oracle, count = Magnitudes(a, b, c, d), count + 1
        last, got = oracle.trace[-1], {name: one.power for name, one in p.exponents.items()}
        assert got["f0"] == oracle.f0 and got["df"] == last["df"] and got["gradient"] == last["gradient"], p
        for layer in range(1, p.depth + 2):
            assert got[f"dWx{layer}"] == last["own"][layer - 1], (p, layer)
        for layer in range(1, p.depth + 1):
            assert got[f"dx{layer}"] == got[f"dh{layer}"] == size(last["dx"][layer - 1]), (p, layer)
            if not adaptive:
                assert got[f"dx{layer}_kernel"] == oracle.kernel_change(layer - 1), (p, layer)
    assert count > 150


def test_the_first_step_of_unstable_points():
    """What the sentences say about when and how fast: the first violation is what the bookkeeping sees first."""
    rng, seen = random.Random(14), Counter()
    for _ in range(DRAWS):
        a, b, c, _ = draw(rng)
        p, oracle = tp.abc.Parametrization(a, b, c), Magnitudes(a, b, c)
        if p.stable or not oracle.sound:
            continue
        first = p.violated[0]
        times = [t for t, one in enumerate(oracle.trace) if one["df"] > 0 or max(map(size, one["dx"])) > 0]
        assert first.when == {1: "after the first step", 2: "after the second step"}[times[0]], (p, first)
        seen[first.when, first.name] += 1
        one = oracle.trace[times[0]]
        if len(p.violated) == 1 and first.name == "features" and p.depth == 1:
            assert first.growth == size(one["dx"][0]), p
        if len(p.violated) == 1 and first.name in ("readout", "logits"):
            assert first.growth == one["df"], p
    assert len(seen) >= 3, seen
