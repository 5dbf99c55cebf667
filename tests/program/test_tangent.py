"""The tangent kernel from forward and backward lines: against gradients by differences, and against `tp.ntk`."""

from __future__ import annotations

import numpy as np
import pytest

import tpcore as tp
from tests.program.test_build import evaluate
from tpcore.program import ops
from tpcore.program.influence import Influence
from tpcore.program.tangent import apart, tangent

STEP = 1e-3
RNG = np.random.default_rng(12)
X = RNG.normal(size=(3, 5))


def parameters(prog, values, sizes):
    """Gradients of the output "f" in the standard normal parameters behind every input, by differences."""
    out = prog.outputs["f"]
    n = sizes[prog.nodes[out.features].dim]

    def outputs(moved):
        done = evaluate(prog, moved, sizes)
        return np.ravel(done[out.readout] @ done[out.features].reshape(n, -1)) / np.sqrt(n)

    def slope(name, direction):
        total = 0.0
        for j, w in ((1, 2 / 3), (2, -1 / 12)):
            for sign in (1, -1):
                total = total + sign * w * outputs(values | {name: values[name] + sign * j * STEP * direction})
        return total / STEP

    gradients = []
    for node in prog.nodes:
        if node.kind == "A":
            rows, cols = (sizes[d] for d in node.dim)
            for i, j in np.ndindex(rows, cols):
                unit = np.zeros((rows, cols))
                unit[i, j] = np.sqrt(node.op.variance / cols)
                gradients.append(slope(node.name, unit))
    groups = {id(n.op.group): n.op.group for n in prog.nodes if hasattr(n.op, "group")}
    for group in groups.values():
        values_, vectors_ = np.linalg.eigh(group.cov)
        factor = vectors_ * np.sqrt(np.maximum(values_, 0))
        members = [n for n in prog.nodes if getattr(n.op, "group", None) is group]
        for alpha in range(sizes[group.dim]):
            for z in range(factor.shape[1]):
                total = 0.0
                for node in members:
                    unit = np.zeros((sizes[group.dim], *node.shape))
                    unit[alpha] = factor[np.asarray(node.op.columns), z]
                    total = total + slope(node.name, unit)
                gradients.append(total)
    return np.array(gradients)


def check(prog, seed=3, sizes=None, rtol=1e-8):
    """The program's kernel on given arrays against <grad f_a, grad f_b>."""
    sizes = sizes or {1.0: 4}
    rng = np.random.default_rng(seed)
    values = {}
    for node in prog.nodes:
        if node.kind == "A":
            values[node.name] = rng.normal(size=[sizes[d] for d in node.dim])
        elif hasattr(node.op, "group") and not node.name.startswith("1"):
            values[node.name] = rng.normal(size=(sizes[node.dim], *node.shape))
    gradients = parameters(prog, values, sizes)
    expected = gradients.T @ gradients + prog.outputs["f"].bias_variance
    made = tangent(prog, "f")
    ones = {n.name: np.ones(sizes[n.dim]) for n in made.nodes if n.name.startswith("1")}
    ran = dict(zip([n.name for n in made.nodes], evaluate(made, values | ones, sizes), strict=True))
    count = len(expected)
    np.testing.assert_allclose(ran["ntk"].reshape(count, count), expected, rtol=rtol, atol=rtol * expected.max())
    return made, ran


def mlp(**more):
    return tp.nets.MLP(depth=2, phi="tanh", sigma_w=1.3, sigma_b=0.4, **more).program(X)


def recurrent(mean=False):
    """Tied W and b, three steps of two sequences; an output at every step."""
    prog = tp.Program("recurrent")
    u = prog.block("u", cov=np.eye(6) + 0.3, shape=(3, 2))
    W, b, v = prog.matrix("W", 1.4), prog.vector("b", variance=0.5), prog.vector("v", variance=2.0)
    states, s = [], None
    for t in range(3):
        s = tp.erf(u[t] + b if s is None else W @ s + u[t] + b)
        states.append(s)
    every = tp.stack(states)
    prog.output("f", v, every.mean(-1) if mean else every, bias_variance=0.3)
    return prog


def test_an_mlp():
    made, ran = check(mlp())
    parts = [n.name for n in made.nodes if n.name.startswith("ntk_")]
    assert parts == ["ntk_v", "ntk_W2", "ntk_b2", "ntk_h1"]
    np.testing.assert_allclose(ran["ntk"], sum(ran[p] for p in parts), rtol=1e-14)


def test_tied_weights_have_cross_terms():
    check(recurrent())
    check(recurrent(mean=True))


def test_what_meets_is_differentiated_apart():
    """Norms across a block's vectors, attention, vectors used twice, groups with covariances, W and W^T."""
    prog = tp.Program("mixed")
    x, y = prog.vectors("x y", cov=[[1.2, 0.5], [0.5, 0.8]])
    W, v = prog.matrix("W", 0.9), prog.vector("v")
    Z = tp.stack([x, W @ tp.tanh(y), W.T @ tp.sin(x)])
    A = tp.scalar(lambda c: np.exp(c) / np.exp(c).sum(-1, keepdims=True), tp.inner(Z, Z))
    H = tp.nonlin(lambda h: h - h.mean(-1, keepdims=True), Z @ A) * y - 2 * x + 0.5 * y
    m = tp.moment(H**2)
    prog.output("f", v, tp.nonlin(lambda s, q: s / np.sqrt(q + 1), H, params=[m])[[2, 0]])
    made, _ = check(prog, rtol=1e-7)
    assert sum(n.name.startswith("dh") or n.name.startswith("dg") for n in made.nodes) > 0


def test_dimensions_that_differ():
    prog = tp.Program("bottleneck")
    x = prog.block("x", cov=0.7, shape=2)
    W, U, b = prog.matrix("W", 1.4, rows=0.5), prog.matrix("U", 1.1, cols=0.5), prog.vector("b", variance=0.3, dim=0.5)
    prog.output("f", prog.vector("v"), tp.tanh(U @ tp.tanh(W @ x + b)))
    check(prog, sizes={1.0: 6, 0.5: 3})
    prog = tp.Program("narrow readout")
    x, W = prog.block("x", cov=0.7, shape=2), prog.matrix("W", 1.4, rows=0.5)
    prog.output("f", prog.vector("v", variance=1.7, dim=0.5), tp.tanh(W @ x))
    check(prog, sizes={1.0: 6, 0.5: 3})


@pytest.mark.parametrize("phi", ["relu", "erf", "tanh"])
@pytest.mark.parametrize("sigma_b", [None, 0.3])
def test_the_limit_is_the_recursion_s(phi, sigma_b):
    net = tp.nets.MLP(depth=3, phi=phi, sigma_w=1.3, sigma_b=sigma_b, sigma_v=0.8)
    found = tp.limit(tangent(net.program(X), "f")).scalar("ntk")
    np.testing.assert_allclose(found, tp.ntk(net, X), rtol=1e-9)


def test_the_draws_are_those_of_the_empirical_kernel():
    net = tp.nets.MLP(depth=2, phi="erf", sigma_w=1.2, sigma_b=0.3)
    made = tangent(net.program(X), "f")
    ours = np.array([tp.run(made, 64, seed=s, keep=()).scalar("ntk") for s in range(150)])
    theirs = tp.empirical_ntk(net, X, width=64, draws=150, seed=5)
    spread = np.sqrt((ours.var(0) + theirs.var(0)) / 150)
    assert np.abs((ours.mean(0) - theirs.mean(0)) / spread).max() < 4
    assert np.allclose(np.log(ours.var(0) / theirs.var(0)), 0, atol=0.7)


def test_other_conventions_by_weights():
    net = tp.nets.MLP(depth=2, phi="erf", sigma_w=1.2, sigma_b=0.3)
    rates = {"W2": 1.0, "b2": 1.0, "v": 1.0, "f": 1.0, "h1": X @ X.T / X.shape[1] + 1.0}
    found = tp.limit(tangent(net.program(X), "f", rates)).scalar("ntk")
    np.testing.assert_allclose(found, tp.ntk(net, X, convention="variance"), rtol=1e-10)
    readout = tangent(net.program(X), "f", {"W2": 0, "b2": 0, "h1": 0})
    np.testing.assert_allclose(tp.limit(readout).scalar("ntk"), tp.nngp(net, X), rtol=1e-10)


def test_one_pass_for_a_batch_and_one_a_step_for_a_sequence():
    made = tangent(mlp(), "f")
    assert sum(isinstance(n.op, ops.MatMul) and n.op.transposed for n in made.nodes) == 1
    for prog, sizes in ((mlp(), [3]), (recurrent(), [2, 2, 2]), (recurrent(mean=True), [2])):
        nodes = list(prog.nodes)
        assert [len(g) for g in apart(nodes, Influence(nodes, prog.outputs["f"].features))] == sizes


def test_misuse_in_words():
    prog = mlp()
    for call, words in [
        (lambda: tangent(prog, "g"), "Did you mean"),
        (lambda: tangent(prog, "x1"), "tp.moment(x1)"),
        (lambda: tangent(prog, "f", {"W7": 1.0}), "'W7'"),
        (lambda: tangent(prog, "f", {"h1": np.eye(2)}), "over its columns"),
        (lambda: tangent(prog, "f", {"W2": -1.0}), "at least 0"),
    ]:
        with pytest.raises(tp.errors.Misuse) as error:
            call()
        assert words in str(error.value), str(error.value)
    jumping = tp.nets.MLP(depth=1, phi="sign").program(X)
    with pytest.raises(tp.errors.Misuse, match="jump"):
        tangent(jumping, "f")
