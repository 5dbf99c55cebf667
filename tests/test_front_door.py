"""``tp.*``: every public name is there, documented, and means what it says."""

from __future__ import annotations

import inspect
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


SIGNATURES = [
    (tp.Program.matrix, "name variance=1.0 rows=1.0 cols=1.0"),
    (tp.Program.vector, "name mean=0.0 variance=1.0 dim=1.0"),
    (tp.Program.vectors, "names mean cov"),
    (tp.Program.output, "name v y bias_variance=0.0"),
    (tp.limit, "prog seed=0 samples=None tol=None"),
    (tp.run, "prog width seed=0 method='auto'"),
    (tp.ensemble, "prog width draws seed=0 progress=None executor=None"),
    (tp.nngp, "net X X2=None"),
    (tp.ntk, "net X X2=None convention='multiplier'"),
    (tp.empirical_nngp, "net X width draws seed=0"),
    (tp.empirical_ntk, "net X width draws seed=0 convention='multiplier'"),
    (tp.sample_outputs, "net X width draws seed=0"),
    (tp.expect.V, "phi Sigma"),
    (tp.expect.dV, "phi Sigma"),
    (tp.expect.pair, "phi q1 q2 c"),
    (tp.activations.custom, "f df=None kinks=()"),
    (tp.activations.leaky_relu, "slope"),
    (tp.nets.MLP, "depth phi sigma_w sigma_b sigma_v=None"),
    (tp.nets.RNN, "phi sigma_w sigma_u sigma_b sigma_v=1.0 readout='each'"),
    (tp.nets.GRU, "sigma_w sigma_u sigma_b mu_b=0.0 phi='erf' gate='erf_sigmoid' sigma_v=1.0 readout='each'"),
    (tp.nets.LSTM, "sigma_w sigma_u sigma_b mu_b=0.0 phi='erf' gate='erf_sigmoid' sigma_v=1.0 readout='each'"),
    (tp.nets.CNN, "depth phi sigma_w sigma_b kernel_size=3 padding='same' stride=1 head='flatten'"),
    (tp.nets.BatchNormMLP, "depth phi='relu' sigma_w=1.0 sigma_b=0.0"),
    (tp.nets.ResNet, "blocks phi sigma_w sigma_b"),
    (tp.nets.Transformer, "depth sigma_u sigma_w sigma_b temperature=1.0 masked=True sigma_v=1.0 readout='each'"),
    (tp.nets.Conv, "kernel_size=3 padding='same' stride=1 sigma_w=1.0 sigma_b=0.0"),
    (tp.nets.AvgPool, "window stride=None"),
    (tp.nets.Attention, "heads=1 tied=True scaling='n' masked=False"),
    (tp.spectra.semicircle, "scale=1.0"),
    (tp.spectra.marchenko_pastur, "ratio"),
    (tp.spectra.product, "k"),
    (tp.spectra.jacobian, "net q0=None"),
    (tp.spectra.eigenvalue_histogram, "kind n edges draws=1 seed=0 ratio=1.0"),
    (tp.spectra.eigenvalues, "kind n=1000 seed=0"),
    (tp.spectra.moment_program, "k kind='goe'"),
    (tp.spectra.semicircle().moment, "k"),
    (tp.abc.Parametrization, "a b c=0.0 d=None"),
    (tp.abc.Parametrization.shift, "theta"),
    (tp.abc.sp, "L c=1"),
    (tp.abc.up, "r L"),
    (tp.abc.slice, "p x='b2' y='c' xlim ylim n=200 tie=True"),
    (tp.train.Task, "X y loss='squared'"),
    (tp.train.sgd, "p task width=1024 steps=50 lr=0.1 phi='tanh' seed=0 sigma_w=1.0"),
    (tp.train.limit, "p task steps=50 lr=0.1 phi='tanh' sigma_w=1.0"),
]


@pytest.mark.parametrize("function, promised", SIGNATURES, ids=lambda x: getattr(x, "__qualname__", ""))
def test_keywords_and_defaults_are_those_that_outside_code_relies_on(function, promised):
    have = [p for p in inspect.signature(function).parameters.values() if p.name != "self"]
    names, place = [p.name for p in have], 0
    for word in promised.split():
        name, _, default = word.partition("=")
        place = names.index(name, place)
        assert not default or repr(have[place].default) == default


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
