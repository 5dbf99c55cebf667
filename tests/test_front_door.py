"""``tp.*``: every public name is there, documented, and means what it says."""

from __future__ import annotations

import subprocess
import sys
import types

import numpy as np
import pytest

import tpcore as tp

NAMES = [name for name in tp.__all__ if name not in tp.activations.NAMED]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_documented(name):
    assert (getattr(tp, name).__doc__ or "").strip()


@pytest.mark.parametrize("module", [tp.expect, tp.nets, tp.spectra, tp.agreement, tp.data], ids=lambda m: m.__name__)
def test_everything_public_in_a_module_is_documented(module):
    names = getattr(module, "__all__", None) or [n for n in vars(module) if not n.startswith("_")]
    own = [getattr(module, n) for n in names]
    for thing in own:
        if isinstance(thing, (type, types.FunctionType)) and thing.__module__.startswith("tpcore"):
            assert (thing.__doc__ or "").strip(), thing


def test_functions_that_share_a_name_with_a_package_are_the_functions():
    assert callable(tp.limit) and not isinstance(tp.limit, types.ModuleType)
    from tpcore.limit.estimate import Estimate

    assert Estimate is tp.Estimate and callable(tp.limit)


def test_activations_act_on_arrays_and_on_variables():
    assert tp.relu(np.array([-1.0, 2.0])).tolist() == [0.0, 2.0]
    prog = tp.Program("p")
    assert isinstance(tp.relu(prog.vector("x")), tp.Var)


def test_the_first_lines_of_the_front_door():
    prog = tp.Program("WWx")
    W = prog.matrix("W", variance=1.0)
    x = prog.vector("x", mean=0.0, variance=1.0)
    u, v = prog.vectors("u v", mean=[0, 0], cov=[[1, 0.5], [0.5, 1]])
    z = prog.name("z", W @ (W @ x) + 2 * x)
    a = tp.relu(z)
    b = tp.nonlin(lambda s, t: s * np.tanh(t), z, x)
    m = prog.name("m", tp.moment(a * a))
    c = tp.nonlin(lambda s, q: s / np.sqrt(q), a, params=[m])
    prog.output("f", v, c)
    assert prog.fragment == "netsor+" and "z := " in str(prog)
    lim = tp.limit(prog)
    assert lim.cov("z") == pytest.approx(5.0) and lim.cov("z", "x") == pytest.approx(2.0)
    assert lim.scalar("m") == pytest.approx(2.5) and lim.kernel() == pytest.approx(np.ones((1, 1)))
    assert float(lim.expect(lambda s, t: s * t, "z", "x")) == pytest.approx(2.0)
    run = tp.run(prog, width=1000, seed=0)
    assert run["z"].shape == (1000,) and abs(run.scalar("m") - 2.5) < 0.6 and isinstance(run.output("f"), float)
    assert prog.node(b).kind == "H"


def test_importing_it_is_quick_to_the_heavy_libraries():
    code = ("import sys, tpcore; "
            "print([m for m in ('scipy.stats', 'panel', 'distributed', 'sklearn') if m in sys.modules])")  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
