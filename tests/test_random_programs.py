"""Random programs: the limit, by both engines, against draws with stored matrices at several widths.

Of every program: each C-var's mean over the draws against its limit at every width (z-scores, with an allowance for
the bias of order 1/n), and the deviations of single draws from the limit, which must fall like n^(-1/2).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

import tpcore as tp
from tests.random_programs import draw
from tpcore.limit.particles.interpret import particles
from tpcore.program.untie import untie

RUNS = [("dense", 64, 48), ("dense", 256, 32), ("dense", 1024, 12), ("lazy", 16_384, 10)]
FORWARD, BOTH_WAYS = (0, 2, 3, 6, 7, 8, 13, 17), (2, 3, 6, 7, 8, *range(9, 19), 21, 22, 23)
LONG = 50
BAND = (-0.64, -0.38)
HIGHEST = 4.5


@cache
def limit_of(seed: int, transposes: bool = True):
    prog = draw(seed, transposes)
    return prog, tp.limit(prog)


def c_vars(prog) -> list[str]:
    return [node.name for node in prog.nodes if node.kind == "C"]


def flat(of, names) -> np.ndarray:
    return np.concatenate([np.ravel(of(name)) for name in names])


def errors(lim, names) -> np.ndarray:
    return flat(lambda name: np.broadcast_to(lim.error(name), np.shape(lim.scalar(name))), names)


def deviations(prog, names, limits, method, width, draws, seed):
    """Of every draw and C-var at this width, (draws, C-vars)."""
    ens = tp.ensemble(prog, width, draws, seed=seed, method=method)
    values = np.concatenate([ens.values(name).reshape(draws, -1) for name in names], axis=1)
    return values - limits


def compare(prog, lim, seed: int, runs=RUNS) -> tuple[float, float, str]:
    """The largest z-score, the slope of the deviations in the width, and where the largest score is."""
    names = c_vars(prog)
    limits, error = flat(lim.scalar, names), errors(lim, names)
    labels = [name for name in names for _ in range(np.size(lim.scalar(name)))]
    worst, sizes, unit = (0.0, ""), [], None
    for method, width, draws in runs:
        dev = deviations(prog, names, limits, method, width, draws, 100 + seed)
        spread = dev.std(axis=0, ddof=1)
        t = np.abs(dev.mean(axis=0)) / (spread / np.sqrt(draws) + 2 * error + (1 + np.abs(limits)) / width)
        z = stats.norm.isf(stats.t.sf(t, draws - 1))  # of a spread that so few draws estimate
        worst = max(worst, (float(z.max()), f"{labels[z.argmax()]} at {width}"))
        unit = spread if unit is None else unit
        live = unit > 1e-6
        sizes.append(np.sqrt(np.mean((dev[:, live] / unit[live]) ** 2)))
    slope = np.polyfit(np.log([width for _, width, _ in runs]), np.log(sizes), 1)[0]
    return worst[0], float(slope), worst[1]


def kernel_fits(prog, lim) -> bool:
    """The kernel of the output v^T y / sqrt(n) + b is Var v E y^2 + Var b, those of the generator."""
    out = prog.outputs["f"]
    y = prog.nodes[out.features].name
    expected = 1.2 * (lim.cov(y, y) + lim.mean(y) ** 2) + out.bias_variance
    return abs(float(np.squeeze(lim.kernel())) - expected) < 1e-9 + 5 * float(np.max(lim.error("f") + lim.error(y)))


def holds(prog, lim, seed: int) -> None:
    score, slope, where = compare(prog, lim, seed)
    assert score < HIGHEST, f"z = {score:.1f}: {where}\n{prog}"
    assert BAND[0] < slope < BAND[1], f"slope {slope:.3f}\n{prog}"
    assert not prog.outputs or kernel_fits(prog, lim)


@pytest.mark.parametrize("seed", BOTH_WAYS)
def test_programs_that_go_both_ways_have_their_limit(seed):
    holds(*limit_of(seed), seed)


@pytest.mark.parametrize("seed", FORWARD)
def test_programs_without_transposes_have_their_limit(seed):
    prog, lim = limit_of(seed, transposes=False)
    assert prog.fragment == "netsor+"
    holds(prog, lim, seed)


@pytest.mark.parametrize("seed", BOTH_WAYS)
def test_both_engines_agree(seed):
    """The particles' own error bars cover their distance from whatever `tp.limit` has chosen."""
    prog, lim = limit_of(seed)
    sampled = particles(prog, seed, None, None)
    names = c_vars(prog)
    apart = np.abs(flat(lim.scalar, names) - flat(sampled.scalar, names))
    bar = errors(lim, names) + errors(sampled, names)
    assert (apart < 5 * bar + 1e-7).all(), (names, apart, bar)  # sampled bases are in single precision


def test_the_naive_rule_is_right_where_the_fragment_says():
    """With every W^T a matrix of its own: the same limit for BP-like programs, another for many others."""
    wrong = []
    for prog, lim in map(limit_of, BOTH_WAYS):
        names = c_vars(prog)
        bar = errors(lim, names)
        if prog.fragment.startswith("netsort") and bar.max() < 1e-4:  # by quadrature
            naive = tp.limit(untie(prog))
            apart = np.abs(flat(lim.scalar, names) - flat(naive.scalar, names))
            if prog.fragment == "netsort":
                assert (apart < 5 * bar + 1e-9).all(), (prog, names, apart)
            else:
                wrong.append((apart > 10 * bar + 1e-3).any())
    assert len(wrong) >= 6 and np.mean(wrong) > 0.3, wrong


def test_every_instruction_and_fragment_is_drawn():
    progs = [draw(seed, way) for way, seeds in ((True, BOTH_WAYS), (False, FORWARD)) for seed in seeds]
    kinds = {type(node.op).__name__ for prog in progs for node in prog.nodes}
    assert kinds >= {"MatMul", "LinComb", "Mix", "Reshape", "Stack", "Nonlin", "Moment", "Inner", "Scalar"}
    assert {prog.fragment for prog in progs} == {"netsor+", "netsort", "netsort+"}
    assert any(node.op.params for prog in progs for node in prog.nodes if type(node.op).__name__ == "Nonlin")
    labels = {node.op.function.label for prog in progs for node in prog.nodes if type(node.op).__name__ == "Nonlin"}
    assert labels >= {"relu", "abs", "sign", "tanh", "sin", "larger", "gate", "chosen"}, labels
    assert str(draw(5)) == str(draw(5)) and str(draw(5)) != str(draw(6))


@pytest.mark.verify
@pytest.mark.parametrize("way", [True, False], ids=["both ways", "forward"])
def test_a_hundred_random_programs(way, verify_table):
    """Of a hundred programs with about twenty C-vars each, at four widths: no score above 5.5, no slope off."""
    found = [compare(prog := draw(seed, way), tp.limit(prog), seed) for seed in range(1000, 1000 + LONG)]
    scores, slopes = np.array([f[0] for f in found]), np.array([f[1] for f in found])
    where = found[int(scores.argmax())][2]
    measured = f"largest z {scores.max():.1f} ({where}), slopes {slopes.min():.2f} to {slopes.max():.2f}"
    ok = scores.max() < 5.5 and slopes.min() > -0.7 and slopes.max() < -0.35 and abs(np.median(slopes) + 0.5) < 0.02
    name = f"{LONG} random programs {'with' if way else 'without'} transposes"
    verify_table(name, measured, "z below 5.5, slopes about -1/2", bool(ok))
