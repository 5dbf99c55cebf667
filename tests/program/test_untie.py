"""`untie`: the same lines, with a matrix of its own in place of every transpose."""

from __future__ import annotations

import numpy as np
import pytest

import tpcore as tp
from tests.program.test_build import evaluate
from tpcore.program import ops
from tpcore.program.untie import untie


def program():
    prog = tp.Program("p")
    x, v = prog.vector("x", 0.4, 1.3), prog.vector("v", dim=0.5)
    W, U = prog.matrix("W", 1.7, rows=0.5), prog.matrix("U", 0.6)
    y = prog.name("y", W @ tp.tanh(x) + 1)
    z = prog.name("z", W.T @ y)
    m = prog.name("m", tp.moment(z * x))
    prog.name("u", tp.nonlin(lambda s, c: s * c, U.T @ z, params=[m]))
    prog.output("f", v, y)
    return prog


def by_name(prog, values):
    return dict(zip([n.name for n in prog.nodes], evaluate(prog, values), strict=True))


def test_only_matrices_used_both_ways_are_doubled():
    prog = program()
    free = untie(prog)
    assert [n.name for n in free.nodes if n.name not in prog] == ["W~"]
    twin = free.node("W~")
    assert twin.dim == (1.0, 0.5) and twin.op.variance == pytest.approx(0.85)
    assert free.node("z").op.matrix == twin.index and not free.node("z").op.transposed
    assert [n.op.transposed for n in free.nodes if isinstance(n.op, ops.MatMul)] == [False, False, True]
    assert prog.fragment == "netsort+" and free.fragment == "netsort"
    assert "W~ y" in str(free) and "transposes untied" in str(free)


def test_the_values_are_those_of_the_program_with_the_matrix_put_in():
    prog = program()
    rng = np.random.default_rng(2)
    sizes = {"W": (4, 4), "U": (4, 4), "x": 4, "v": 4}
    values = {name: rng.normal(size=size) for name, size in sizes.items()}
    tied, free = by_name(prog, values), untie(prog)
    again = by_name(free, values | {"W~": values["W"].T})
    for name in tied:
        np.testing.assert_allclose(again[name], tied[name], rtol=1e-14)
    other = by_name(free, values | {"W~": rng.normal(size=(4, 4))})
    assert abs(other["z"] - tied["z"]).max() > 0.1


def test_the_program_itself_stays_and_both_run_at_any_width():
    prog = program()
    before = str(prog)
    free = untie(prog)
    assert str(prog) == before and str(untie(free)).split("\n")[1:] == str(free).split("\n")[1:]
    run = tp.run(free, 500, seed=1, method="dense")
    # W~ y has the law of a fresh matrix: variance sigma^2 rows / cols E y^2
    assert run["z"].var() == pytest.approx(0.85 * (run["y"] ** 2).mean(), rel=0.2)


def test_the_law_differs_where_the_transpose_matters():
    prog = tp.Program("W W^T x")
    x, W = prog.vector("x", 0.0, 1.5), prog.matrix("W", 1.2)
    prog.name("z", W @ (W.T @ x))
    tied, free = (tp.run(p, 2000, seed=3) for p in (prog, untie(prog)))
    assert np.mean(tied["z"] * tied["x"]) == pytest.approx(1.2 * 1.5, rel=0.1)
    assert abs(np.mean(free["z"] * free["x"])) < 0.2
