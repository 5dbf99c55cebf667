"""Every misuse is a ProgramError that names the instruction, the line, what came and what to do."""

from __future__ import annotations

import numpy as np
import pytest

import tpcore as tp
from tpcore.errors import Misuse, ProgramError
from tpcore.program.check import check_program


class Scene:
    """Variables of every kind, to misuse."""

    def __init__(self):
        self.p = p = tp.Program("scene")
        self.W, self.W2, self.R = p.matrix("W"), p.matrix("W2"), p.matrix("R", rows=2.0, cols=0.5)
        self.x, self.v, self.long = p.vector("x"), p.vector("v"), p.vector("long", dim=2.0)
        self.X, self.Y = p.block("X", shape=3), p.block("Y", shape=(2, 4))
        self.y = self.W @ self.x
        self.c = tp.moment(self.x * self.x)
        self.foreign = tp.Program("other").vector("x")


def declare_output(s, *args, **options):
    s.p.output("f", *args, **options)


def use_readout(s):
    s.W @ s.v
    s.p.output("f", s.v, s.y)
    check_program(s.p)


def share_bias(s):
    s.p.output("f", s.v, s.y, bias_variance=0.1)
    s.p.output("g", s.v, s.y, bias_variance=0.2)


def correlated_readout(s):
    u, w = s.p.vectors("u w", cov=[[1.0, 0.3], [0.3, 1.0]])
    s.p.output("f", w, s.W @ u)
    str(s.p)


def shifted_readout(s):
    s.p.output("f", s.p.vector("w", mean=0.2), s.y)


def read_readout(s):
    s.p.output("f", s.v, s.v)
    str(s.p)


CASES = {
    # matrices
    "matrix times matrix": (lambda s: s.W @ s.W2, "MatMul", "W @ (W2 @ x)"),
    "matrix times scalar": (lambda s: s.W @ s.c, "MatMul", "c * (W @ x)"),
    "matrix times array": (lambda s: s.W @ np.ones(3), "MatMul", "prog.vector"),
    "matrix times number": (lambda s: 2 * s.W, "LinComb", "variance"),
    "matrix times foreign": (lambda s: s.W @ s.foreign, "MatMul", "one program"),
    "matrix plus vector": (lambda s: s.W + s.x, "LinComb", "W @ x + W.T @ x"),
    "matrix plus matrix": (lambda s: s.W + s.W.T, "LinComb", "W\u1d40"),
    "array times matrix": (lambda s: np.ones((2, 2)) * s.W, "Nonlin", "can only multiply vectors"),
    "vector times matrix": (lambda s: s.x @ s.W, "MatMul", "W.T @ x"),
    "wrong columns": (lambda s: s.R @ s.long, "MatMul", "W.T @ x"),
    "wrong transpose": (lambda s: s.R.T @ s.x, "MatMul", "2n"),
    "matrix of activation": (lambda s: tp.relu(s.W), "Nonlin", "phi(W @ x)"),
    "entry of a matrix": (lambda s: s.W[0], "Reshape", "W @ x"),
    # vectors
    "vector at vector": (lambda s: s.x @ s.y, "MatMul", "tp.inner"),
    "other lengths": (lambda s: s.x + s.long, "LinComb", "dim"),
    "other programs": (lambda s: s.x + s.foreign, "LinComb", "'other'"),
    "product of other programs": (lambda s: s.x * s.foreign, "Nonlin", "Program"),
    "blocks that do not broadcast": (lambda s: s.X + s.Y, "LinComb", "X[:, None]"),
    "products that do not broadcast": (lambda s: s.X * s.Y, "Nonlin", "broadcast"),
    "array of another shape": (lambda s: s.X * np.ones(4), "LinComb", "(4,)"),
    "list": (lambda s: s.X * [1, 2, 3], "LinComb", "np.asarray"),
    "text": (lambda s: s.x + "1", "LinComb", "'1'"),
    "complex": (lambda s: 1j * s.x, "LinComb", "1j"),
    "nan": (lambda s: s.x * np.nan, "LinComb", "finite"),
    "divided by zero": (lambda s: s.x / 0, "LinComb", "zero"),
    "mix of one vector": (lambda s: s.x @ np.ones((3, 3)), "Mix", "tp.stack"),
    "mix of another size": (lambda s: s.X @ np.ones((4, 3)), "Mix", "(3, m)"),
    "mix from the left": (lambda s: np.ones((3, 3)) @ s.X, "Mix", "X @ A.T"),
    "mix by one scalar": (lambda s: s.X @ s.c, "Nonlin+", "*"),
    "coordinate": (lambda s: s.x[0], "Reshape", "tp.run"),
    "column out of range": (lambda s: s.X[3], "Reshape", "(3,)"),
    "sum over coordinates": (lambda s: s.x.sum(), "Mix", "tp.moment(x)"),
    "axis out of range": (lambda s: s.X.mean(1), "Mix", "axis"),
    "reshape": (lambda s: s.X.reshape(2, 2), "Reshape", "(3,)"),
    "transposed vector": (lambda s: s.x.T, "Trsp", "tp.inner"),
    "stack of other shapes": (lambda s: tp.stack([s.x, s.X]), "Stack", "new_axis"),
    "stack of nothing": (lambda s: tp.stack([]), "Stack", "empty"),
    "stack of vector and scalar": (lambda s: tp.stack([s.x, s.c]), "Stack", "C-var"),
    # scalars
    "scalar as vector": (lambda s: tp.nonlin(np.tanh, s.c), "Nonlin", "params=[...]"),
    "vector as parameter": (lambda s: tp.nonlin(lambda a, b: a * b, s.x, params=[s.y]), "Nonlin+", "G-var"),
    "number as parameter": (lambda s: tp.nonlin(lambda a, b: a * b, s.x, params=[2.0]), "Nonlin+", "function itself"),
    "moment of a scalar": (lambda s: tp.moment(s.c), "Moment", "average already"),
    "moment of two": (lambda s: tp.moment(s.x, s.y), "Moment", "tp.inner"),
    "inner of a scalar": (lambda s: tp.inner(s.x, s.c), "Inner", "C-var"),
    "inner of matrices of vectors": (lambda s: tp.inner(s.Y, s.x), "Inner", "reshape"),
    "scalar of a vector": (lambda s: tp.scalar(np.exp, s.x), "Scalar", "tp.moment"),
    "scalar of nothing": (lambda s: tp.scalar(np.exp), "Scalar", "none"),
    "scalar divided by zero": (lambda s: s.c / 0, "Scalar", "zero"),
    "item of a scalar": (lambda s: s.c[0], "Scalar", "()"),
    "nonlin of nothing": (lambda s: tp.nonlin(np.tanh), "Nonlin", "tp.scalar"),
    "no function": (lambda s: tp.nonlin(3, s.x), "Nonlin", "np.tanh"),
    "activation of two": (lambda s: tp.nonlin("relu", s.x, s.y), "Nonlin", "2 arguments"),
    # symbols are no numbers
    "bool": (lambda s: bool(s.x), "bool", "np.where"),
    "if": (lambda s: 1 if s.c else 0, "bool", "symbol"),
    "comparison": (lambda s: s.x > 0, "Comparison", "tp.step"),
    "float": (lambda s: float(s.c), "float", "tp.limit(prog)"),
    "iteration": (lambda s: list(s.X), "iteration", "X[0]"),
    "np.tanh": (lambda s: np.tanh(s.x), "np.tanh", "tp.tanh(x)"),
    "np.exp of a vector": (lambda s: np.exp(s.x), "np.exp", "Use tp.nonlin(np.exp, x)"),
    "abs": (lambda s: abs(s.x), "abs", "tp.abs(x)"),
    "abs of a scalar": (lambda s: abs(s.c), "abs", "tp.scalar(np.abs, c)"),
    "whole division": (lambda s: s.x // 2, "Operator", "tp.nonlin(lambda s: s // 2, x)"),
    "remainder by a scalar": (lambda s: 2 % s.c, "Operator", "tp.scalar"),
    "np.exp of a scalar": (lambda s: np.exp(s.c), "np.exp", "tp.scalar(np.exp"),
    "np.sum": (lambda s: np.sum(s.X), "np.sum", "tp.moment"),
    "np.dot": (lambda s: np.dot(s.x, s.x), "np.dot", "tp.inner"),
    "np.stack": (lambda s: np.stack([s.x, s.x]), "np.stack", "tp.stack"),
    "np.asarray": (lambda s: np.asarray(s.x), "np.asarray", "tp.run"),
    "np.add.reduce": (lambda s: np.add.reduce(s.X), "np.add", "symbol"),
    # functions
    "function of floats": (lambda s: tp.nonlin(lambda t: t if t > 0 else 0.0, s.x), "Nonlin", "np.where"),
    "constant": (lambda s: tp.nonlin(lambda t: 1.0, s.x), "Nonlin", "np.full_like"),
    "average in a function": (lambda s: tp.nonlin(lambda t: t - t.mean(), s.x), "Nonlin", "tp.moment"),
    "sorted": (lambda s: tp.nonlin(lambda t: np.sort(t, axis=0), s.X), "Nonlin", "coordinatewise"),
    "random": (lambda s: tp.nonlin(lambda t: t + np.random.randn(*t.shape), s.x), "Nonlin", "random"),
    "complex values": (lambda s: tp.nonlin(lambda t: t * 1j, s.x), "Nonlin", "real"),
    "wrong number of arguments": (lambda s: tp.nonlin(lambda a, b: a, s.x), "Nonlin", "TypeError"),
    "sum in a moment": (lambda s: tp.moment(np.sum, s.x), "Moment", "one value for each point"),
    # inputs
    "asymmetric": (lambda s: s.p.vectors("a b", cov=[[1, 0.5], [0.4, 1]]), "Input", "symmetric"),
    "indefinite": (lambda s: s.p.vectors("a b", cov=[[1, 1.1], [1.1, 1]]), "Input", "Singular is allowed"),
    "not square": (lambda s: s.p.block("B", cov=np.ones((2, 3))), "Input", "square"),
    "covariance of another size": (lambda s: s.p.block("B", cov=np.eye(2), shape=3), "Input", "side 3"),
    "mean of another size": (lambda s: s.p.vectors("a b", mean=[1, 2, 3]), "Input", "one number or 2"),
    "no shape": (lambda s: s.p.block("B", cov=1.0), "Input", "shape"),
    "empty block": (lambda s: s.p.block("B", shape=(2, 0)), "Input", "at least 1"),
    "negative variance": (lambda s: s.p.vector("a", variance=-1.0), "Input", "variance"),
    "negative matrix variance": (lambda s: s.p.matrix("A", variance=-1.0), "Input", "variance"),
    "no rows": (lambda s: s.p.matrix("A", rows=0.0), "Input", "rows"),
    "no dim": (lambda s: s.p.vector("a", dim=-2.0), "Input", "dim"),
    # names
    "name twice": (lambda s: s.p.vector("x"), "Input", "unique"),
    "name twice in vectors": (lambda s: s.p.vectors("a a"), "Input", "twice"),
    "name with a space": (lambda s: s.p.vector("a b"), "Input", "letter"),
    "number as name": (lambda s: s.p.vector(3), "Input", "letter"),
    "taken name": (lambda s: s.p.name("x", s.y), "Name", "unique"),
    "second name": (lambda s: s.p.name("x2", s.x), "Name", "1 * x"),
    "foreign name": (lambda s: s.p.name("z", s.foreign), "Name", "this program"),
    "unknown name": (lambda s: s.p["lang"], "Look-up", "long"),
    "foreign variable": (lambda s: s.p.node(s.foreign), "Look-up", "this program"),
    # outputs
    "output of a matrix": (lambda s: declare_output(s, s.v, s.W), "Output 'f'", "A-var"),
    "readout made in the program": (lambda s: declare_output(s, s.y, s.y), "Output 'f'", "input vector"),
    "readout block": (lambda s: declare_output(s, s.X, s.y), "Output 'f'", "one input vector"),
    "readout of another length": (lambda s: declare_output(s, s.long, s.y), "Output 'f'", "same length"),
    "negative bias": (lambda s: declare_output(s, s.v, s.y, bias_variance=-1), "Output 'f'", "bias_variance"),
    "foreign readout": (lambda s: declare_output(s, s.foreign, s.y), "Output 'f'", "one program"),
    "output with a variable's name": (lambda s: s.p.output("x", s.v, s.y), "Output 'x'", "unique"),
    "shared bias of two variances": (share_bias, "Output 'g'", 'bias="b2"'),
    "readout of nonzero mean": (shifted_readout, "Output 'f'", "tp.inner"),
    "readout used": (use_readout, "MatMul 'g", "nothing else may use it"),
    "readout correlated": (correlated_readout, "Output 'f'", "independent"),
    "readout read out": (read_readout, "Output 'f'", "read out"),
}


@pytest.mark.parametrize("case", CASES)
def test_misuse(case):
    act, instruction, word = CASES[case]
    scene = Scene()
    with pytest.raises(ProgramError) as caught:
        act(scene)
    message = str(caught.value)
    assert message.startswith(instruction)
    assert ", line " in message.split(":")[0]
    assert word in message
    assert isinstance(caught.value, Misuse) and isinstance(caught.value, TypeError)


def test_the_message_quotes_the_line():
    s = Scene()
    with pytest.raises(ProgramError, match=r"^MatMul, line \d+ `h = s\.W @ s\.W2`: the right operand must be a vector"):
        h = s.W @ s.W2
        del h


def test_a_failed_instruction_leaves_no_line():
    s = Scene()
    before = len(s.p)
    for act, _, _ in CASES.values():
        if act in (use_readout, share_bias, correlated_readout, shifted_readout, read_readout):
            continue
        with pytest.raises(ProgramError):
            act(s)
    assert len(s.p) == before and not s.p.outputs


def test_a_program_is_checked_when_it_is_printed_and_the_line_is_the_culprits():
    s = Scene()
    s.p.output("f", s.v, s.y)
    str(s.p)
    culprit = s.W @ s.v
    with pytest.raises(ProgramError, match=r"culprit = s\.W @ s\.v"):
        str(s.p)
    assert culprit.kind == "G"


def test_functions_leave_their_arguments_as_they_are():
    def doubled(s):
        s *= 2
        return s

    prog = tp.Program("in place")
    x = prog.vector("x", variance=1.3)
    with pytest.raises(ProgramError, match="must leave its arguments as they are"):
        tp.nonlin(doubled, x)
