"""The listing, against Programs 1 and 2 of Tensor Programs I (arXiv 1910.12478, section 4)."""

from __future__ import annotations

import numpy as np

import tpcore as tp
from tpcore.program.listing import rows

MLP = """\
Netsor program "MLP computation on network input x"
Input   W1x : G(n)             N(0, 1)
Input   b1 : G(n)              N(0, 0.1)
Input   W2 : A(2n, n)          N(0, 2/n)
Input   b2 : G(2n)             N(0, 0.1)
Input   v : G(2n)              N(0, 1)
    1:  h1 := W1x + b1 : G(n)  LinComb
    2:  x1 := tanh(h1) : H(n)  Nonlin
    3:  h~2 := W2 x1 : G(2n)   MatMul
    4:  h2 := h~2 + b2 : G(2n)  LinComb
    5:  x2 := tanh(h2) : H(2n)  Nonlin
Output  f = v\u1d40 x2 / \u221a(2n)"""

RNN = """\
Netsor program "RNN"
Input   Ux11 : G(n)                    N(0, 1)
Input   Ux21 : G(n)                    N(0, 1), covariance 0.5 with Ux11
Input   Ux12 : G(n)                    N(0, 1), covariance 0.2 with Ux11, 0.1 with Ux21
Input   Ux22 : G(n)                    N(0, 1), covariance -0.3 with Ux21, 0.4 with Ux12
Input   W : A(n, n)                    N(0, 1.5/n)
Input   b : G(n)                       N(0, 0.1)
Input   v : G(n)                       N(0, 1)
    1:  h11 := Ux11 + b : G(n)         LinComb
    2:  s11 := erf(h11) : H(n)         Nonlin
    3:  h~21 := W s11 : G(n)           MatMul
    4:  h21 := h~21 + Ux21 + b : G(n)  LinComb
    5:  s21 := erf(h21) : H(n)         Nonlin
    6:  h12 := Ux12 + b : G(n)         LinComb
    7:  s12 := erf(h12) : H(n)         Nonlin
    8:  h~22 := W s12 : G(n)           MatMul
    9:  h22 := h~22 + Ux22 + b : G(n)  LinComb
   10:  s22 := erf(h22) : H(n)         Nonlin
Output  y11 = v\u1d40 s11 / \u221an
Output  y21 = v\u1d40 s21 / \u221an
Output  y12 = v\u1d40 s12 / \u221an
Output  y22 = v\u1d40 s22 / \u221an"""

COV = np.array([[1.0, 0.5, 0.2, 0.0], [0.5, 1.0, 0.1, -0.3], [0.2, 0.1, 1.0, 0.4], [0.0, -0.3, 0.4, 1.0]])


def mlp() -> tp.Program:
    prog = tp.Program("MLP computation on network input x")
    W1x, b1 = prog.vector("W1x"), prog.vector("b1", variance=0.1)
    W2, b2 = prog.matrix("W2", variance=2.0, rows=2.0), prog.vector("b2", variance=0.1, dim=2.0)
    v = prog.vector("v", dim=2.0)
    x1 = prog.name("x1", tp.tanh(prog.name("h1", W1x + b1)))
    h2 = prog.name("h2", prog.name("h~2", W2 @ x1) + b2)
    prog.output("f", v, prog.name("x2", tp.tanh(h2)))
    return prog


def rnn() -> tp.Program:
    prog = tp.Program("RNN")
    embedded = dict(zip(("11", "21", "12", "22"), prog.vectors("Ux11 Ux21 Ux12 Ux22", cov=COV), strict=True))
    W, b, v = prog.matrix("W", 1.5), prog.vector("b", variance=0.1), prog.vector("v")
    for sequence in "12":
        h = prog.name(f"h1{sequence}", embedded[f"1{sequence}"] + b)
        s = prog.name(f"s1{sequence}", tp.erf(h))
        g = prog.name(f"h~2{sequence}", W @ s)
        prog.name(f"s2{sequence}", tp.erf(prog.name(f"h2{sequence}", g + embedded[f"2{sequence}"] + b)))
    for step in ("11", "21", "12", "22"):
        prog.output(f"y{step}", v, prog[f"s{step}"])
    return prog


def squeeze(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_program_1():
    assert squeeze(str(mlp())) == squeeze(MLP)


def test_program_2():
    assert str(rnn()) == RNN


def test_columns_are_aligned():
    lines = str(rnn()).splitlines()[1:12]
    rules = ["N(", "N(", "N(", "N(", "N(", "N(", "N(", "LinComb", "Nonlin", "MatMul", "LinComb"]
    assert len({line.index(rule) for line, rule in zip(lines, rules, strict=True)}) == 1


def test_every_instruction_has_its_form():
    prog = tp.Program("all")
    W, x, X = prog.matrix("W", rows=0.5), prog.vector("x", mean=1.0), prog.block("X", cov=0.5, shape=(2, 3))
    K = prog.block("K", mean=[0.0, 1.0], cov=[[1, 0.2], [0.2, 1]])
    y = prog.name("y", W.T @ (W @ x))
    prog.name("lin", 2 * x - y / 4 - 1)
    prog.name("mixed", prog.name("row", X[1]) @ np.ones((3, 4)))
    prog.name("total", K.sum())
    prog.name("mean", K.mean())
    prog.name("one", X[1, 2])
    prog.name("flat", X.reshape(6))
    prog.name("pair", tp.stack([x, y]))
    prog.name("long", tp.stack([K, K], new_axis=False))
    m = prog.name("m", tp.moment(y))
    far = prog.vector("far", dim=2.0)
    prog.name("w", tp.moment(np.abs, far))
    prog.name("d", tp.inner(far, far))
    prog.name("p", y * x)
    prog.name("q", tp.nonlin(lambda s, c: s * c, x, params=[m]))
    prog.name("S", tp.inner(K, K))
    prog.name("t", tp.scalar(np.exp, m))
    prog.name("u", 2 / m)
    prog.name("z", W @ X)
    listed = {row.name: row for row in rows(prog)}
    T = "\u1d40"
    expected = {
        "W": ("", "A(n/2, n)", "Input", "N(0, 1/n)"),
        "x": ("", "G(n)", "Input", "N(1, 1)"),
        "X": ("", "G(n) x 2 x 3", "Input", "iid N(0, 0.5)"),
        "K": ("", "G(n) x 2", "Input", "N(m, K), K 2 x 2"),
        "1": ("", "G(n)", "Input", "all 1"),
        "y": (f"W{T} g1", "G(n)", "MatMul", ""),
        "lin": ("2 x - 0.25 y - 1", "G(n)", "LinComb", ""),
        "row": ("X[columns 3, 4, 5]", "G(n) x 3", "Block", ""),
        "mixed": ("row [3 x 4]", "G(n) x 4", "LinComb", ""),
        "total": ("sum(K)", "G(n)", "LinComb", ""),
        "mean": ("mean(K)", "G(n)", "LinComb", ""),
        "one": ("X[1, 2]", "G(n)", "Block", ""),
        "flat": ("X as 6", "G(n) x 6", "Block", ""),
        "pair": ("(x, y)", "G(n) x 2", "Block", ""),
        "long": ("(K | K)", "G(n) x 4", "Block", ""),
        "m": ("1/n \u03a3 y", "C", "Moment", ""),
        "w": ("1/(2n) \u03a3 absolute(far)", "C", "Moment", ""),
        "d": (f"far{T} far / (2n)", "C", "Moment", ""),
        "p": ("y * x", "H(n)", "Nonlin", ""),
        "q": ("f1(x; m)", "H(n)", "Nonlin+", ""),
        "S": (f"K{T} K / n", "C x 2 x 2", "Moment", ""),
        "t": ("exp(m)", "C", "Scalar", ""),
        "u": ("2 / m", "C", "Scalar", ""),
        "z": ("W X", "G(n/2) x 2 x 3", "MatMul", ""),
    }
    found = {name: (row.text, row.type, row.rule, row.law) for name, row in listed.items() if name in expected}
    assert found == expected


def test_a_linear_combination_with_an_h_var_is_a_nonlin():
    prog = tp.Program()
    x = prog.vector("x")
    z = prog.name("z", x + tp.relu(x))
    (row,) = [row for row in rows(prog) if row.name == "z"]
    assert (row.rule, row.type, z.kind) == ("Nonlin", "H(n)", "H")


def test_rows_are_inputs_then_the_body_then_outputs():
    prog = tp.Program()
    y = tp.relu(prog.vector("x"))
    late = prog.vector("late")
    prog.output("f", prog.vector("v"), y * late, bias_variance=0.3)
    listed = rows(prog)
    assert [row.name for row in listed] == ["x", "late", "v", "h1", "h2", "f"]
    assert [row.line for row in listed] == [0, 0, 0, 1, 2, 0]
    assert [row.kind for row in listed] == ["G", "G", "G", "H", "H", ""]
    assert [row.index for row in listed] == [0, 2, 4, 1, 3, -1] or [row.index for row in listed][-1] == -1
    assert listed[-1].text == "v\u1d40 h2 / \u221an + N(0, 0.3)" and listed[3].where
