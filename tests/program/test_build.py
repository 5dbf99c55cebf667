"""What the operators write into a program."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import tpcore as tp
from tpcore.program import ops
from tpcore.program.graph import ancestors, arguments, consumers


def evaluate(prog, values: dict[str, np.ndarray], lengths: dict | None = None) -> list[np.ndarray]:
    """Every line on given arrays (length, *shape): an interpreter of ten lines, for the tests."""
    done: list[np.ndarray] = []
    for node in prog.nodes:
        op, arg = node.op, [done[i] for i in arguments(node.op)]
        match op:
            case ops.MatrixInput() | ops.GaussianInput():
                value = values[node.name] if node.name in values else np.ones(4)
            case ops.MatMul():
                value = np.tensordot(arg[0].T if op.transposed else arg[0], arg[1], 1)
            case ops.LinComb():
                rank = len(node.shape)
                wide = [a.reshape(len(a), *(1,) * (rank + 1 - a.ndim), *a.shape[1:]) for a in arg]
                value = sum(c * a for c, a in zip(op.coefficients, wide, strict=True))
            case ops.Mix():
                value = arg[0] @ op.matrix
            case ops.Reshape():
                value = arg[0].reshape(len(arg[0]), -1)[:, op.index]
            case ops.Stack():
                value = np.stack(arg, -1) if op.new_axis else np.concatenate(arg, -1)
            case ops.Nonlin():
                value = op.function.call(*arg)
            case ops.Moment():
                value = op.function.call(*arg).mean(0)
            case ops.Inner():
                value = np.tensordot(arg[0], arg[1], (0, 0)) / len(arg[0])
            case ops.Scalar():
                value = op.function.call(*arg)
        lead = () if node.kind == "C" else value.shape[:2] if node.kind == "A" else ((lengths or {}).get(node.dim, 4),)
        assert value.shape == (*lead, *node.shape), (node.name, value.shape, node.shape)
        done.append(value)
    return done


@pytest.fixture
def scene():
    prog = tp.Program("p")
    rng = np.random.default_rng(3)
    made = {"W": prog.matrix("W", 1.3), "x": prog.vector("x"), "y": prog.vector("y"), "X": prog.block("X", shape=3)}
    made["Y"] = prog.block("Y", cov=0.5, shape=(2, 3))
    values = {name: rng.normal(size=(4, *v.shape)) for name, v in made.items() if name != "W"}
    return prog, made, values | {"W": rng.normal(size=(4, 4))}


A = np.array([[1.0, -2.0], [0.5, 0.0], [3.0, 1.0]])
ROW = np.array([0.5, 2.0, -1.0])
EXPRESSIONS = {
    "sum": (lambda v: 2 * v["x"] + 3 * v["y"] - v["x"] / 4, lambda v: 1.75 * v["x"] + 3 * v["y"]),
    "negative": (lambda v: -(v["x"] - v["y"]), lambda v: v["y"] - v["x"]),
    "constant": (lambda v: 1 - 2 * v["x"] + 0.5, lambda v: 1.5 - 2 * v["x"]),
    "vector and block": (lambda v: v["x"] - v["Y"], lambda v: v["x"][:, None, None] - v["Y"]),
    "block and block": (lambda v: v["X"] + v["Y"] * 2, lambda v: v["X"][:, None] + 2 * v["Y"]),
    "array on the left": (lambda v: ROW * v["X"], lambda v: ROW * v["X"]),
    "NumPy number on the left": (lambda v: np.float64(2) * v["x"], lambda v: 2 * v["x"]),
    "array minus": (lambda v: ROW - v["X"], lambda v: ROW - v["X"]),
    "array times vector": (lambda v: v["x"] * A, lambda v: v["x"][:, None, None] * A),
    "divided by an array": (lambda v: v["Y"] / ROW, lambda v: v["Y"] / ROW),
    "array divided": (lambda v: ROW / v["Y"], lambda v: ROW / v["Y"]),
    "plus an array": (lambda v: v["x"] + ROW, lambda v: v["x"][:, None] + ROW),
    "product": (lambda v: v["x"] * v["y"], lambda v: v["x"] * v["y"]),
    "product of ranks": (lambda v: v["x"] * v["Y"], lambda v: v["x"][:, None, None] * v["Y"]),
    "ratio of ranks": (lambda v: v["X"] / v["Y"], lambda v: v["X"][:, None] / v["Y"]),
    "powers": (lambda v: v["x"] ** 2 + v["x"] ** 3 - v["x"] ** -1, lambda v: v["x"] ** 2 + v["x"] ** 3 - 1 / v["x"]),
    "number divided": (lambda v: 2 / v["x"], lambda v: 2 / v["x"]),
    "number to the power": (lambda v: 2 ** v["x"], lambda v: 2 ** v["x"]),
    "mix": (lambda v: v["Y"] @ A, lambda v: v["Y"] @ A),
    "mix to one": (lambda v: v["Y"] @ ROW, lambda v: v["Y"] @ ROW),
    "index": (lambda v: v["Y"][1], lambda v: v["Y"][:, 1]),
    "slice": (lambda v: v["Y"][:, 1:], lambda v: v["Y"][:, :, 1:]),
    "fancy": (lambda v: v["X"][[2, 0, 2]], lambda v: v["X"][:, [2, 0, 2]]),
    "new axis": (lambda v: v["X"][:, None] * v["X"], lambda v: v["X"][:, :, None] * v["X"][:, None]),
    "sum over a block": (lambda v: v["Y"].sum(), lambda v: v["Y"].sum((1, 2))),
    "mean over an axis": (lambda v: v["Y"].mean(0), lambda v: v["Y"].mean(1)),
    "sum over the last axis": (lambda v: v["Y"].sum(-1), lambda v: v["Y"].sum(-1)),
    "reshape": (lambda v: v["Y"].reshape(3, 2), lambda v: v["Y"].reshape(4, 3, 2)),
    "transpose": (lambda v: v["Y"].transpose(), lambda v: v["Y"].transpose(0, 2, 1)),
    "stack": (lambda v: tp.stack([v["x"], v["y"]]), lambda v: np.stack([v["x"], v["y"]], -1)),
    "join": (
        lambda v: tp.stack([v["Y"], v["Y"][:, :1]], new_axis=False),
        lambda v: np.concatenate([v["Y"], v["Y"][..., :1]], -1),
    ),
    "matrix": (lambda v: v["W"] @ v["Y"], lambda v: np.einsum("ab,bij->aij", v["W"], v["Y"])),
    "transposed matrix": (lambda v: v["W"].T @ v["x"], lambda v: v["W"].T @ v["x"]),
    "transposed twice": (lambda v: v["W"].T.T @ v["X"], lambda v: v["W"] @ v["X"]),
    "activation": (lambda v: tp.relu(v["Y"]), lambda v: np.maximum(v["Y"], 0)),
    "name of an activation": (lambda v: tp.nonlin("abs", v["x"]), lambda v: np.abs(v["x"])),
    "function of ranks": (
        lambda v: tp.nonlin(lambda a, b: np.sin(a) - b, v["x"], v["X"]),
        lambda v: np.sin(v["x"])[:, None] - v["X"],
    ),
    "boolean function": (lambda v: tp.nonlin(lambda a: a > 0, v["x"]), lambda v: 1.0 * (v["x"] > 0)),
    "function across a block": (
        lambda v: tp.nonlin(lambda h: h - h.mean(-1, keepdims=True), v["Y"]),
        lambda v: v["Y"] - v["Y"].mean(-1, keepdims=True),
    ),
    "reduction of a block": (lambda v: tp.nonlin(lambda h: h.max(-1), v["Y"]), lambda v: v["Y"].max(-1)),
    "moment": (lambda v: tp.moment(v["Y"]), lambda v: v["Y"].mean(0)),
    "moment of a function": (lambda v: tp.moment(lambda a, b: a * b, v["x"], v["X"]), lambda v: v["x"] @ v["X"] / 4),
    "inner": (lambda v: tp.inner(v["X"], v["Y"][0]), lambda v: v["X"].T @ v["Y"][:, 0] / 4),
    "inner with one": (lambda v: tp.inner(v["x"], v["X"]), lambda v: v["x"] @ v["X"] / 4),
    "scalar arithmetic": (
        lambda v: (2 - tp.moment(v["x"]) ** 2 / tp.moment(v["y"] ** 2) + 1) * 3,
        lambda v: (3 - v["x"].mean() ** 2 / (v["y"] ** 2).mean()) * 3,
    ),
    "scalar function": (lambda v: tp.scalar(np.exp, tp.moment(v["X"])), lambda v: np.exp(v["X"].mean(0))),
    "scalar activation": (lambda v: tp.tanh(tp.moment(v["X"])), lambda v: np.tanh(v["X"].mean(0))),
    "scalar item": (lambda v: tp.moment(v["Y"])[1, :2], lambda v: v["Y"].mean(0)[1, :2]),
    "scalar stack": (
        lambda v: tp.stack([tp.moment(v["x"]), tp.moment(v["y"])]),
        lambda v: np.array([v["x"].mean(), v["y"].mean()]),
    ),
    "scalar times vector": (lambda v: tp.moment(v["x"]) * v["Y"], lambda v: v["x"].mean() * v["Y"]),
    "vector over scalar": (lambda v: v["x"] / tp.moment(v["X"]), lambda v: v["x"][:, None] / v["X"].mean(0)),
    "scalar minus vector": (lambda v: tp.moment(v["x"]) - v["y"], lambda v: v["x"].mean() - v["y"]),
    "scalar over vector": (lambda v: tp.moment(v["x"]) / v["y"], lambda v: v["x"].mean() / v["y"]),
    "mix by scalars": (lambda v: v["X"] @ tp.inner(v["X"], v["X"]), lambda v: v["X"] @ (v["X"].T @ v["X"]) / 4),
    "array times scalar": (lambda v: ROW * tp.moment(v["x"]), lambda v: ROW * v["x"].mean()),
    "scalar at array": (lambda v: tp.moment(v["Y"]) @ A, lambda v: v["Y"].mean(0) @ A),
    "Nonlin+": (
        lambda v: tp.nonlin(lambda s, q: s / np.sqrt(q), v["Y"], params=[tp.moment(v["x"] ** 2)]),
        lambda v: v["Y"] / np.sqrt((v["x"] ** 2).mean()),
    ),
}


@pytest.mark.parametrize("case", EXPRESSIONS)
def test_an_expression_means_what_numpy_means(case, scene):
    prog, made, values = scene
    write, numpy = EXPRESSIONS[case]
    var = write(made)
    done = evaluate(prog, values)
    np.testing.assert_allclose(done[var.index], numpy(values), rtol=1e-12, atol=1e-14)


def test_a_chain_of_sums_is_one_lincomb(scene):
    prog, v, _ = scene
    total = 2 * v["x"] + 3 * v["y"] - (v["W"] @ v["x"]) / 4 + 1
    body = [node for node in prog.nodes if not isinstance(node.op, ops.MatrixInput | ops.GaussianInput)]
    assert [type(node.op) for node in body] == [ops.MatMul, ops.LinComb]
    assert body[-1].op.coefficients == (2.0, 3.0, -0.25, 1.0)
    assert total.kind == "G" and prog.node(total).kind == "G"


def test_a_sum_that_is_held_is_a_line_even_if_nothing_uses_it(scene):
    prog, v, _ = scene
    held = v["x"] + v["y"]
    assert prog.node(held) is prog.nodes[-1]
    length = len(prog)
    other = held + v["x"]
    assert len(prog) == length + 1 and prog.node(other).op.args == (held.index, v["x"].index)


def test_kinds(scene):
    prog, v, _ = scene
    g, h = v["W"] @ tp.relu(v["x"]), tp.relu(v["x"])
    assert (g.kind, h.kind, (g + v["x"]).kind, (g + h).kind) == ("G", "H", "G", "H")
    stacked = [tp.stack([g, v["x"]]).kind, tp.stack([g, h]).kind]
    assert (*stacked, v["Y"][0].kind, tp.moment(h).kind) == ("G", "H", "G", "C")
    assert (v["X"] @ A).kind == "G" and (v["X"] * ROW + 1).kind == "G"


def test_dimensions():
    prog = tp.Program()
    tall = prog.matrix("T", rows=2.0, cols=0.5)
    short = prog.vector("s", dim=0.5)
    image = tall @ tp.relu(short)
    back = tall.T @ image
    assert (image.dim, back.dim, prog.node("T").dim) == (2.0, 0.5, (2.0, 0.5))
    assert prog.node(tp.moment(image)).dim == 0.0


def test_blocks_and_single_vectors_give_equal_structures():
    cov = np.array([[1.0, 0.3, 0.2], [0.3, 0.7, 0.1], [0.2, 0.1, 1.5]])
    one, many = tp.Program(), tp.Program()
    W = one.matrix("W")
    single = [tp.tanh(W @ x) + x for x in one.vectors("a b c", 0.2, cov)]
    blocked = tp.tanh(many.matrix("W") @ (X := many.block("X", 0.2, cov))) + X
    groups = {node.op.group for node in one.nodes if isinstance(node.op, ops.GaussianInput)}
    assert len(groups) == 1
    np.testing.assert_array_equal(next(iter(groups)).cov, many.node("X").op.group.cov)
    np.testing.assert_array_equal(next(iter(groups)).mean, many.node("X").op.group.mean)
    assert blocked.shape == (3,) and blocked.kind == single[0].kind
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(4, 4)), rng.normal(size=(4, 3))
    together = evaluate(many, {"W": w, "X": x})[blocked.index]
    apart = evaluate(one, {"W": w, "a": x[:, 0], "b": x[:, 1], "c": x[:, 2]})
    np.testing.assert_allclose(together, np.stack([apart[s.index] for s in single], -1), rtol=1e-13)
    kinds = [type(node.op) for node in many.nodes if not isinstance(node.op, ops.MatrixInput | ops.GaussianInput)]
    lines = [type(node.op) for node in one.nodes if not isinstance(node.op, ops.MatrixInput | ops.GaussianInput)]
    assert {kind: 3 * kinds.count(kind) for kind in kinds} == {kind: lines.count(kind) for kind in lines}


def test_inputs():
    prog = tp.Program()
    u, v = prog.vectors("u, v", mean=[0.5, -1.0], cov=[[2.0, 2.0], [2.0, 2.0]], dim=3.0)
    group = prog.node(u).op.group
    assert group is prog.node(v).op.group and group.dim == 3.0
    assert [int(prog.node(w).op.columns) for w in (u, v)] == [0, 1]
    np.testing.assert_array_equal(group.mean, [0.5, -1.0])
    block = prog.block("B", mean=[[1, 2], [3, 4]], cov=0.5, shape=(2, 2))
    np.testing.assert_array_equal(prog.node(block).op.group.mean, [1, 2, 3, 4])
    np.testing.assert_array_equal(prog.node(block).op.group.cov, 0.5 * np.eye(4))
    np.testing.assert_array_equal(prog.node(block).op.columns, [[0, 1], [2, 3]])
    with pytest.raises(ValueError):
        group.cov[0, 0] = 7.0


def test_names():
    prog = tp.Program()
    x = prog.vector("x")
    a = tp.relu(x)
    assert a.name == "h1" and "h1" in prog and prog["h1"].index == a.index
    g1 = prog.vector("h1")
    assert (g1.name, a.name) == ("h1", "h1'")
    z = prog.name("z~2", 2 * x)
    assert z.name == "z~2" and prog.node("z~2").op.coefficients == (2.0,)
    again = prog.name("again", 1 * z)
    assert prog.node(again).op.args == (z.index,)
    assert prog.name("h\u0303^{2,1}", tp.relu(z)).name == "h\u0303^{2,1}"
    assert len({node.name for node in prog.nodes}) == len(prog)


def test_outputs_share_biases():
    prog = tp.Program()
    v, w, X = prog.vector("v"), prog.vector("w"), prog.block("X", shape=3)
    first = prog.output("f", v, X, bias_variance=0.1)
    assert prog.output("g", v, X[0], bias_variance=0.1).bias == first.bias
    assert prog.output("h", w, X, bias_variance=0.1).bias != first.bias
    assert prog.output("k", v, X, bias_variance=0.3, bias="own").bias == "own"
    assert list(prog.outputs) == ["f", "g", "h", "k"] and prog.outputs["f"].features == X.index


def test_a_program_knows_where_each_line_was_written():
    prog = tp.Program()
    x = prog.vector("x")
    y = tp.relu(x)
    assert [node.where.split(":")[0].endswith("test_build.py") for node in prog.nodes] == [True, True]
    assert int(prog.node(y).where.split(":")[-1]) == int(prog.node(x).where.split(":")[-1]) + 1


def test_functions_are_classified():
    prog = tp.Program()
    x, X = prog.vector("x"), prog.block("X", shape=3)
    c = tp.moment(x)
    told = {
        "product": [x * X, x / X, c * x, x**3, 1 / x],
        "even": [x**2],
        "sum": [x + c],
        "opaque": [x**0.5, tp.nonlin(np.sin, x)],
    }
    for structure, variables in told.items():
        assert [prog.node(v).op.function.structure for v in variables] == [structure] * len(variables)
    mixing = [tp.nonlin(lambda h: h - h.mean(-1, keepdims=True), X), tp.nonlin(lambda h: h[:, ::-1] * 1.0, X),
              X @ tp.inner(X, X)]
    assert all(prog.node(v).op.function.mixing for v in mixing)
    assert not prog.node(tp.nonlin(lambda a, b: a * b, x, X)).op.function.mixing
    assert prog.node(tp.relu(X)).op.function.activation is tp.relu
    assert prog.node(tp.nonlin(tp.relu, X)).op.function.activation is tp.relu


def test_functions_defined_on_part_of_the_line_are_welcome():
    prog = tp.Program()
    x = prog.vector("x")
    assert tp.nonlin(np.log, x).kind == "H"
    assert tp.nonlin(np.arccosh, x).kind == "H"


def test_graph(scene):
    prog, v, _ = scene
    y = v["W"] @ v["x"]
    z = tp.relu(y) + v["y"]
    index = {name: prog.node(name).index for name in ("W", "x", "y", "X", "Y")}
    assert ancestors(prog.nodes, [z.index]) == {index["W"], index["x"], index["y"], y.index, z.index - 1, z.index}
    assert consumers(prog.nodes)[y.index] == [z.index - 1] and consumers(prog.nodes)[index["X"]] == []


def test_copy_and_pickle():
    prog = tp.Program("p")
    W, x = prog.matrix("W"), prog.vector("x")
    held = prog.name("z", W @ x + 2 * x)
    prog.output("f", prog.vector("v"), tp.tanh(held))
    twin, far = prog.copy("q"), pickle.loads(pickle.dumps(prog))
    tp.tanh(twin["z"])
    assert (len(twin), len(prog), len(far)) == (len(prog) + 1, len(prog), len(prog))
    assert str(far) == str(prog) and far["z"].program is far and twin.title == "q"


def test_a_readout_may_be_correlated_with_what_no_output_uses():
    prog = tp.Program("WWx")
    W, x = prog.matrix("W", variance=1.0), prog.vector("x", mean=0.0, variance=1.0)
    u, v = prog.vectors("u v", mean=[0, 0], cov=[[1, 0.5], [0.5, 1]])
    z = prog.name("z", W @ (W @ x) + 2 * x)
    prog.output("f", v, tp.relu(z))
    assert str(prog).startswith("Netsor program") and prog["u"].index == u.index
