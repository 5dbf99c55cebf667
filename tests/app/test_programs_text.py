"""Programs as text: what the parser takes, what it refuses in words; Python and the page write the same program."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

import tpcore as tp
from tpapp.compute import programs_text as text
from tpapp.compute.programs_back import lines_of
from tpapp.compute.programs_build import FUNCTIONS, build
from tpapp.compute.programs_listing import compiled
from tpapp.labs.programs_builder import CURVES, KINDS
from tpcore.errors import Misuse

EVERY = """W=matrix(variance=1.3); x=vector(mean=0.7,variance=0.8); u,v=vectors(mean=[0,0.2],cov=[[1,.5],[.5,1.1]]);
X=block(cov=.5,shape=3); h=W.T@x; y=W@relu(h); q=moment(y*y); z=(y-2*x+1)/sqrt(q); p=u^2*v; m=max(u,v); s=X@[1,-1,.5];
X0=X[0]; ss=sum(X); mm=mean(X); k=stack(u,v); d=d_tanh(u); l=leaky_relu(u,0.1); e=hermite(v,3); i=inner(u,v);
j=2*i+tanh(i)-1/q; g=-(u+v)*0.5; c=max(u,i); o=x-q; r=vector(); f=output(r,z,bias_variance=.1)""".replace("\n", "")


def written(source: str) -> tp.Program:
    return build(text.lines(source))[0]


def run(code: str) -> dict:
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "snippet", "exec"), names)  # noqa: S102 - the test runs what the page shows
    return names


def test_every_instruction_of_the_language_has_words():
    prog, code = build(text.lines(EVERY))
    kinds = {type(node.op).__name__ for node in prog.nodes}
    assert kinds == {"MatrixInput", "GaussianInput", "MatMul", "LinComb", "Mix", "Reshape", "Stack", "Nonlin", "Moment",
                     "Inner", "Scalar"}  # fmt: skip
    assert len(code) >= 20 and prog.outputs["f"].bias_variance == 0.1 and prog.fragment == "netsort+"
    assert any(node.op.params for node in prog.nodes if type(node.op).__name__ == "Nonlin")


def test_python_writes_the_same_program():
    prog, code = build(text.lines(EVERY))
    names = run('import numpy as np\nimport tpcore as tp\nprog = tp.Program("own")\n' + "\n".join(code))
    first, second = tp.run(prog, 200, seed=4), tp.run(names["prog"], 200, seed=4)
    assert len(prog.nodes) == len(names["prog"].nodes)
    for name in ("z", "p", "m", "s", "k", "d", "l", "e", "g", "c", "o"):
        assert np.array_equal(first[name], second[name]), name
    assert first.scalar("j") == second.scalar("j") and first.output("f") == second.output("f")


def test_arithmetic_means_what_it_says():
    prog = written("x=vector();y=vector();a=2*x-y/4;b=x-(y-x);c=-x^2;d=2^-2*x;e=x-y-x;t=(x+y)*(x-y);w=tp.relu(x)")
    r = tp.run(prog, 50, seed=1)
    x, y = r["x"], r["y"]
    expected = {"a": 2 * x - y / 4, "b": 2 * x - y, "c": -(x**2), "d": x / 4, "e": -y, "t": x * x - y * y,
                "w": np.maximum(x, 0)}  # fmt: skip
    for name, value in expected.items():
        assert np.allclose(r[name], value, atol=1e-12), name


@pytest.mark.parametrize("source, words", [
    ("W=matrix();y=W@W", "the right operand must be a vector"),
    ("W=matrix();x=vector();y=W+x", "an A-var (matrix) can only multiply vectors"),
    ("x=vector();y=x@x", "the left operand of @ must be a matrix"),
    ("W=matrix(rows=2);x=vector();y=W.T@x", "as long as the matrix has columns, 2n"),
    ("x=vector();x=x", "names must be unique"),
    ("y=relu(x)", "a name must be that of an earlier line"),
    ("x=vector();y=foo(x)", "a function must be one of those known"),
    ("x=vector();v=vector();f=output(v,x);y=v*x", "v is the readout of output 'f'"),
    ("x=vector();y=2", "must give a variable"),
    ("x=matrix(variance=-1)", "at least 0"),
    ("a,b=vectors(cov=[[1,2],[2,1]])", "positive semidefinite"),
    ("x=vector(dim=1000)", "between 1/64 and 64"),
    ("x=vector();m=moment(x);y=x+relu(m,x)", "relu takes 1 variable"),
    ("x=vector();y=sum(x)", "run over the vectors of a block"),
    ("x=vector();y=1e5^1e5*x", "a number too large to compute with"),
    ("x=vector();y=1/0*x", "Got a division by zero"),
    ("x=vector(variance=1e308)", "Got 1e308"),
    ("W=matrix(rows=[1,2])", "rows must be a number"),
    ("X=block(shape=1.5)", "shape must be a whole number"),
    ("X=block(shape=2);c=X[5]", "shape (2,). Got 5."),
    ("X=block(shape=8);A=stack(X,X,X,X,X,X,X,X);B=stack(A,A,A,A,A,A,A,A)", "at most 256 vectors"),
    ("x=vector();y=" + "(" * 13 + "2*x" + ")" * 13, "nested 12 deep"),
    ("x=vector();y=x" + "+x" * 300, "names, numbers and signs"),
])  # fmt: skip
def test_type_errors_come_in_words_with_the_line(source, words):
    with pytest.raises(Misuse) as refusal:
        written(source)
    said = str(refusal.value)
    assert words in said and ".py" not in said and "`" not in said, said


def test_a_sign_in_an_exponent_counts():
    code = compiled("x=vector();y=2^-x;z=2^-2*x").listing.code
    assert code[2:] == ('y = prog.name("y", 2**(-x))', 'z = prog.name("z", 2**(-2) * x)')


def test_parentheses_nest_as_deep_as_is_said():
    for opened, closed in (("(", ")"), ("tanh(", ")")):
        made = compiled(f"x=vector();y={opened * 12}2*x{closed * 12}").listing
        assert made.lines[-1].views == ("y",)


@pytest.mark.parametrize("source", [
    "x=vector();y=__import__('os').system('true')", "x=vector();y=x.__class__", "x=vector();y=(lambda:0)()",
    "x=vector();y=x if 1 else x",
    "x=vector();y=[x for x in x]", "x=vector();y=x[x]", "x=vector();y=open(x)", "x=vector();y=eval(x)",
    "x=vector();y=exec", "prog=vector()",
    "x=vector();y=prog._nodes", "x=vector();y=x.T.T.__dict__", "lambda=vector()", "x=vector();y=\u202ex",
    "é=vector()", "x=vector();y=x(",
    "x=vector();y=)", "x=vector();y=", "=", ";;;=", "x", "x=vector(mean=1e30)", "x=vector();y=x*1e999",
    "x=vector();y=" + "(" * 60 + "x" + ")" * 60,
    "x=vector();y=" + "-" * 900 + "x", "x=vector();y=" + "x+" * 400 + "x;z=" + "tanh(" * 40 + "x" + ")" * 40,
    "x=vector();y=x^9^9",
    "x=vector();y=x[99999999999]", "X=block(shape=100000)",
    "x=vector();" + ";".join(f"y{i}=tanh(x)" for i in range(80)),
    "x=vector(mean=[1,2,3,4,5,6,7,8,9])", "x=vector();y=x@[[1],[2,3]]", "x=vector();y=hermite(x,1000)",
    "x" * 5000 + "=vector()", "x=vector(x=1)",
    "x=vector();y=np.exp(x)", "tp=vector()", "x=vector();relu=tanh(x)", "x=vector(mean=1,mean=2)",
    "x=vector();y=2**100*x**0.5**2",
])  # fmt: skip
def test_hostile_text_is_refused_and_nothing_of_it_runs(source):
    with pytest.raises(Misuse) as refusal:
        compiled(source)
    assert len(str(refusal.value)) > 10


@pytest.mark.parametrize("name", [e.name for e in tp.gallery.EXAMPLES])
def test_the_gallery_comes_back_as_text_that_writes_the_same_program(name):
    prog = tp.gallery.get(name).build()
    lines = lines_of(prog)
    if lines is None:
        assert name in ("attention", "layernorm", "compressed-sensing")  # functions of their own
        return
    other = written(";".join(lines))
    assert len(other.nodes) == len(prog.nodes) and other.fragment == prog.fragment
    first, second = tp.run(prog, 80, seed=2), tp.run(other, 80, seed=2)
    for a, b in zip(prog.nodes, other.nodes):
        if a.kind in "GH":
            assert np.allclose(first[a.index], second[b.index], rtol=1e-9, atol=1e-12), a.name
        elif a.kind == "C":
            assert np.allclose(first.scalar(a.index), second.scalar(b.index), rtol=1e-9, atol=1e-12), a.name


def test_lines_of_the_builder_are_of_the_language():
    for first, slots, template in KINDS.values():
        vectors = iter(("x", "y"))
        operands = [{"A": "W", "C": "c", "B": "X", "f": "tanh"}.get(slot) or next(vectors) for slot in slots]
        line = template.format(*operands, new=f"{first}9", new2="v9")
        written(f"W=matrix();x=vector();y=vector();c=moment(y);X=block(cov=1,shape=2);{line}")
    assert set(CURVES) < set(FUNCTIONS)
    written("x=vector();" + ";".join(f"y{i}={name}(x)" for i, name in enumerate(CURVES)))
