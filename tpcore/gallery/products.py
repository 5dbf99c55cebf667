"""Products of one matrix, of its transpose, and of functions: where the naive rule holds and where it breaks.

The naive rule takes W^T for an independent matrix of the same law. It is right
in programs that look like backpropagation (Tensor Programs II, arXiv
2006.14548, section A.3) and wrong elsewhere: Z^{W x} = hatZ + dotZ, and dotZ
(Tensor Programs III, arXiv 2009.10685; IV, arXiv 2011.14522) is what it drops.
"""

from __future__ import annotations

from tpcore.activations import NAMED
from tpcore.gallery.example import Example
from tpcore.program.build import Program
from tpcore.program.variables import inner

relu, step, tanh = NAMED["relu"], NAMED["step"], NAMED["tanh"]
_NETSOR = "Tensor Programs I (arXiv 1910.12478), section 4"
_TRANSPOSE = "Tensor Programs III (arXiv 2009.10685), the Master Theorem with transposes"
_BACK = "Tensor Programs II (arXiv 2006.14548), section A.3: what is not like backpropagation"


def wwx() -> Program:
    """y = W W x, W of variance 1.3, x ~ N(0.7, 0.8): Cov(W W x, W x) = 1.3 E Z^{Wx} Z^x = 0."""
    prog = Program("W W x")
    W, x = prog.matrix("W", variance=1.3), prog.vector("x", mean=0.7, variance=0.8)
    Wx = prog.name("Wx", W @ x)
    prog.name("WWx", W @ Wx)
    return prog


def two_matrices() -> Program:
    """y = W V x with two independent matrices: the same law as W W x."""
    prog = Program("W V x")
    W, V = prog.matrix("W", variance=1.3), prog.matrix("V", variance=1.3)
    Vx = prog.name("Vx", V @ prog.vector("x", mean=0.7, variance=0.8))
    prog.name("WVx", W @ Vx)
    return prog


def w_relu_wx() -> Program:
    """y = W relu(W x), E x = Var x = 1: Cov(y, W x) = sigma^2 E relu(Z^{Wx}) E Z^x, correlation 0.40."""
    prog = Program("W relu(W x)")
    W, x = prog.matrix("W", variance=1.4), prog.vector("x", mean=1.0, variance=1.0)
    Wx = prog.name("Wx", W @ x)
    prog.name("y", W @ relu(Wx))
    return prog


def wwt() -> Program:
    """y = W W^T x, mean sigma^2 mu(x)."""
    prog = Program("W Wᵀ x")
    W, x = prog.matrix("W", variance=1.3), prog.vector("x", mean=0.7, variance=0.8)
    Wtx = prog.name("Wtx", W.T @ x)
    y = prog.name("y", W @ Wtx)
    prog.name("xy", inner(x, y))
    return prog


def wtw() -> Program:
    """y = W^T W x for W of 2n x n: W^T has variance sigma^2 rows/cols = 2 sigma^2, and y - 2 sigma^2 x is noise."""
    prog = Program("Wᵀ W x, twice as many rows as columns")
    W, x = prog.matrix("W", variance=0.6, rows=2.0), prog.vector("x", mean=-0.5, variance=1.5)
    Wx = prog.name("Wx", W @ x)
    y = prog.name("y", W.T @ Wx)
    prog.name("xy", inner(x, y))
    return prog


def w_wtv() -> Program:
    """y = W (W^T v), v of mean 0: sigma^2 v + noise, so E y v = sigma^2 E v^2 and Var y = 2 sigma^4 E v^2."""
    prog = Program("W (Wᵀ v)")
    W, v = prog.matrix("W", variance=1.2), prog.vector("v", variance=0.9)
    Wtv = prog.name("Wtv", W.T @ v)
    y = prog.name("y", W @ Wtv)
    prog.name("vy", inner(v, y))
    return prog


def wt_v2wx() -> Program:
    """y = W^T (v^2 * W x): dotZ = sigma^2 E v^2 Z^x."""
    prog = Program("Wᵀ (v² W x)")
    W, v, x = prog.matrix("W", variance=1.2), prog.vector("v", variance=0.9), prog.vector("x", mean=0.4, variance=1.1)
    g = prog.name("g", v**2 * prog.name("Wx", W @ x))
    y = prog.name("y", W.T @ g)
    prog.name("xy", inner(x, y))
    return prog


def wt_step() -> Program:
    """y = W^T step(W v): E v y = sigma sqrt(E v^2 / (2 pi)), though step' is 0 wherever it exists."""
    prog = Program("Wᵀ step(W v)")
    W, v = prog.matrix("W", variance=1.5), prog.vector("v", variance=0.8)
    g = prog.name("g", step(prog.name("Wv", W @ v)))
    y = prog.name("y", W.T @ g)
    prog.name("vy", inner(v, y))
    return prog


def tanh_wwt() -> Program:
    """z = tanh(W W^T x): the moment of a bounded function sees the memory too."""
    prog = Program("tanh(W Wᵀ x)")
    W, x = prog.matrix("W", variance=1.3), prog.vector("x", mean=0.7, variance=0.8)
    y = prog.name("y", W @ prog.name("Wtx", W.T @ x))
    z = prog.name("z", tanh(y))
    prog.name("zx", inner(z, x))
    return prog


EXAMPLES = (
    Example(
        "wwx", "W W x", "Multiply twice by one matrix: the second image knows nothing of the first.",
        wwx, ("WWx", "Wx", "x"), ("WWx", "Wx"), "netsor", source=_NETSOR,
    ),
    Example(
        "two-matrices", "W W̃ x", "With a fresh matrix the law is that of W W x: reuse did no harm there.",
        two_matrices, ("WVx", "Vx", "x"), ("WVx", "Vx"), "netsor", source=_NETSOR,
    ),
    Example(
        "w-relu-wx", "W relu(W x)",
        "Here reuse does show: one matrix met two vectors of nonzero inner product, so its images are correlated.",
        w_relu_wx, ("y", "Wx", "x"), ("y", "Wx"), "netsor", source=_NETSOR,
    ),
    Example(
        "wwt", "W Wᵀ x", "Go through a matrix and back, and you meet yourself: the image holds a copy of x.",
        wwt, ("y", "x", "Wtx"), ("y", "x"), "netsort+",
        "It says that y has mean zero and is independent of x; in truth y contains sigma squared times x.",
        ("xy",), _TRANSPOSE,
    ),
    Example(
        "wtw", "Wᵀ W x", "The same the other way round, with a rectangular matrix: the copy counts rows per column.",
        wtw, ("y", "x", "Wx"), ("y", "x"), "netsort+",
        "It says that y has mean zero and is independent of x; in truth y contains 2 sigma squared times x.",
        ("xy",), f"{_TRANSPOSE}; Tensor Programs I (arXiv 1910.12478), appendix F: dimensions that differ",
    ),
    Example(
        "w-wtv", "W (Wᵀ v)",
        "A readout of mean zero that meets the matrix again: no mean betrays the naive rule, but it is wrong.",
        w_wtv, ("y", "v", "Wtv"), ("y", "v"), "netsort+",
        "The mean is right, yet it halves the variance and misses that y contains sigma squared times v.",
        ("vy",), _BACK,
    ),
    Example(
        "wt-v2wx", "Wᵀ (v² W x)",
        "It looks like backpropagation, but v enters squared: the readout's sign no longer protects it.",
        wt_v2wx, ("y", "x", "g", "Wx"), ("y", "x"), "netsort+",
        "It misses the part sigma squared times E v squared times x, so mean, variance and correlation are wrong.",
        ("xy",), _BACK,
    ),
    Example(
        "wt-step", "Wᵀ step(W v)",
        "Automatic differentiation sees a flat step and finds no memory; Stein's lemma finds all of it.",
        wt_step, ("y", "v", "Wv", "g"), ("y", "v"), "netsort+",
        "It says that y is independent of v; in truth their correlation is 0.49.",
        ("vy",), f"{_TRANSPOSE}; Stein's lemma in place of derivatives",
    ),
    Example(
        "tanh-wwt", "tanh(W Wᵀ x)", "Any function of an image with memory has the wrong law under the naive rule.",
        tanh_wwt, ("z", "y", "x"), ("z", "x"), "netsort+",
        "It gives z a symmetric law; in truth z leans to the side of x.",
        ("zx",), _TRANSPOSE,
    ),
)  # fmt: skip
