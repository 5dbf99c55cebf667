"""Networks at initialization as programs, in the plain instructions of the language."""

from __future__ import annotations

import numpy as np

from tpcore.activations import NAMED
from tpcore.gallery.example import Example
from tpcore.program.build import Program
from tpcore.program.variables import inner, moment, nonlin, scalar, stack

relu, erf = NAMED["relu"], NAMED["erf"]
_I = "Tensor Programs I (arXiv 1910.12478)"


def mlp() -> Program:
    """Three hidden layers of relu with biases, on two inputs a and b of correlation 0.5."""
    prog = Program("MLP forward, two inputs")
    h = dict(zip("ab", prog.vectors("h1_a h1_b", cov=[[1.6, 0.9], [0.9, 2.0]]), strict=True))
    v = prog.vector("v", variance=1.2)
    for layer in (2, 3):
        W, b = prog.matrix(f"W{layer}", variance=1.9), prog.vector(f"b{layer}", variance=0.1)
        x = {k: prog.name(f"x{layer - 1}_{k}", relu(h[k])) for k in "ab"}
        h = {k: prog.name(f"h{layer}_{k}", W @ x[k] + b) for k in "ab"}
    for k in "ab":
        prog.output(f"f_{k}", v, prog.name(f"x3_{k}", relu(h[k])), bias_variance=0.1, bias="b")
    return prog


def rnn() -> Program:
    """h_t = W s_{t-1} + U x_t + b, s_t = erf(h_t), with one W for all four steps."""
    prog = Program("RNN, four steps")
    data = np.array([[1.0, 0.2, -0.5], [0.4, 1.1, 0.3], [0.9, -0.3, 0.8], [-0.2, 0.7, 1.0]])
    W, U = prog.matrix("W", variance=1.7), prog.block("U", cov=0.5, shape=3)
    b, v = prog.vector("b", variance=0.2), prog.vector("v", variance=1.3)
    s = None
    for t, x in enumerate(data, start=1):
        h = U @ x + b
        h = prog.name(f"h{t}", h if s is None else W @ s + h)
        s = prog.name(f"s{t}", erf(h))
        prog.output(f"f{t}", v, s)
    return prog


def softmax(logits):
    """exp(logits), normalized over the last axis."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def attention() -> Program:
    """Self-attention over three tokens, keys = queries = values k_i = W x_i, weights softmax_j(k_i . k_j / n)."""
    prog = Program("Attention, logits of 1/n")
    W, U = prog.matrix("W", variance=1.2), prog.matrix("U", variance=1.5)
    tokens = prog.vectors("x1 x2 x3", mean=[0.5, 0.2, -0.4], cov=[[1, 0.4, 0.1], [0.4, 1.2, 0.3], [0.1, 0.3, 0.8]])
    keys = [prog.name(f"k{i}", W @ x) for i, x in enumerate(tokens, start=1)]
    block = stack(keys)
    weights = prog.name("weights", scalar(softmax, inner(block, block)))
    v = prog.vector("v")
    for i in (1, 2, 3):
        z = prog.name(f"z{i}", block @ weights[i - 1] + keys[i - 1])
        y = prog.name(f"y{i}", U @ relu(z))
        prog.output(f"f{i}", v, relu(y))
    return prog


def normalize(prog: Program, name: str, h):
    """(h - <h>) / sqrt(<(h - <h>)^2>), the averages over the coordinates."""
    centred = h - moment(h)
    return prog.name(name, nonlin(over_root, centred, params=[prog.name(f"var_{name}", moment(centred * centred))]))


def over_root(c, s):
    """c / sqrt(s)."""
    return c / np.sqrt(s)


def layernorm() -> Program:
    """Two layers, relu then layer normalization: mean and variance are scalars that tend to constants."""
    prog = Program("Layer normalization")
    h1 = prog.vector("h1", mean=0.4, variance=1.7)
    W, b, v = prog.matrix("W", variance=1.5), prog.vector("b", variance=0.2), prog.vector("v")
    x1 = normalize(prog, "x1", relu(h1))
    h2 = prog.name("h2", W @ x1 + b)
    x2 = normalize(prog, "x2", relu(h2))
    prog.output("f", v, x2)
    return prog


EXAMPLES = (
    Example(
        "mlp", "MLP forward",
        "A wide network at birth is a Gaussian process: every neuron of a layer is an independent draw of one law.",
        mlp, ("h3_a", "x3_a", "h2_a", "h1_a", "h3_b"), ("h3_a", "h3_b"), "netsor", source=f"{_I}, section 5",
    ),
    Example(
        "rnn", "RNN", "One matrix at every time step, and still a Gaussian process: tied weights correlate the steps.",
        rnn, ("h4", "h3", "s4", "h2", "h1"), ("h4", "h3"), "netsor", source=f"{_I}, section 4 and Corollary 5.5",
    ),
    Example(
        "attention", "Attention (1/n logits)",
        "Softmax weights are made of inner products, and inner products tend to constants.",
        attention, ("y1", "z1", "k1", "y2"), ("y1", "y2"), "netsor+", "", ("weights",), f"{_I}, appendix D.3",
    ),
    Example(
        "layernorm", "Layer normalization",
        "Each coordinate is divided by a scalar that all of them made, and that wide networks make a constant.",
        layernorm, ("h2", "x2", "x1", "h1"), ("x2", "h2"), "netsor+", "", ("var_x1", "var_x2"), f"{_I}, appendix D.3",
    ),
)  # fmt: skip
