"""`tp.grad` against central differences of the program's own values, every instruction and function."""

from __future__ import annotations

import numpy as np
import pytest

import tpcore as tp
from tests.program.test_build import EXPRESSIONS, evaluate

STEP = 1e-3
SKIP = {"boolean function"}


def values_for(prog, seed=5):
    """Arrays for all inputs, four coordinates each, bounded away from kinks and zero."""
    rng = np.random.default_rng(seed)
    found = {}
    for node in prog.nodes:
        if node.kind == "A":
            found[node.name] = rng.normal(size=(4, 4))
        elif node.name in ("x", "y", "X", "Y", "v", "Z"):
            found[node.name] = rng.choice([-1, 1], (4, *node.shape)) * rng.uniform(0.3, 1.6, (4, *node.shape))
    return found


def slopes(prog, values, objective, name):
    """n d objective / d input, entry by entry, by fourth-order central differences."""
    base, out = values[name], np.empty(values[name].shape)
    for at in np.ndindex(base.shape):
        total = 0.0
        for j, w in ((1, 2 / 3), (2, -1 / 12)):
            for sign in (1, -1):
                moved = base.copy()
                moved[at] += sign * j * STEP
                total += sign * w * objective(evaluate(prog, values | {name: moved}))
        out[at] = total / STEP
    return 4 * out


def scene():
    prog = tp.Program("p")
    made = {"W": prog.matrix("W", 1.3), "x": prog.vector("x"), "y": prog.vector("y"), "X": prog.block("X", shape=3)}
    made["Y"] = prog.block("Y", cov=0.5, shape=(2, 3))
    return prog, made


def assert_gradients(prog, objective, cotangent=None, positive=False, rtol=2e-9):
    """tp.grad of a C-var against differences, in all inputs it depends on; how many those are."""
    back = tp.grad(prog, objective, cotangent)
    values = values_for(prog)
    if positive:
        values = {k: v if v.ndim == 2 and k == "W" else np.abs(v) for k, v in values.items()}
    index = prog.node(objective).index
    weight = 1.0 if cotangent is None else cotangent
    ran = {node.name: value for node, value in zip(back.nodes, evaluate(back, values), strict=True)}
    checked = 0
    for name in values:
        if name == "W":
            continue
        expected = slopes(prog, values, lambda done: float(np.sum(weight * done[index])), name)
        if "d" + name in ran:
            scale = max(np.abs(expected).max(), 1.0)
            np.testing.assert_allclose(ran["d" + name], expected, rtol=rtol, atol=rtol * scale)
            checked += 1
        else:
            assert np.abs(expected).max() < 1e-9
    return checked


@pytest.mark.parametrize("case", [name for name in EXPRESSIONS if name not in SKIP])
def test_every_expression(case):
    prog, made = scene()
    result = EXPRESSIONS[case][0](made)
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 1.5, result.shape)
    if result.kind == "C":
        objective = tp.scalar(lambda c: np.sum(np.sin(c) * weights), result)
    else:
        objective = tp.moment(tp.nonlin("sin", (result * weights) if result.shape else result).sum()
                              if result.shape else tp.nonlin("sin", result))
    steep = case in ("powers", "number to the power", "number divided", "array divided")
    assert assert_gradients(prog, objective, positive=case == "powers", rtol=1e-7 if steep else 2e-9) >= 1
