"""Forward and backward passes, and a step of gradient descent, written by hand.

The adjoint of a vector v is vbar = n dtheta/dv for a scalar theta that is a
moment, and sqrt(n) df/dv for an output f = v^T y / sqrt(n): so both are vectors
with entries of order 1, W x backpropagates by W^T, and df/dW = ybar x^T / n.
"""

from __future__ import annotations

import numpy as np

from tpcore.activations import NAMED
from tpcore.gallery.example import Example
from tpcore.program.build import Program
from tpcore.program.variables import inner, nonlin

tanh = NAMED["tanh"]
_SLIDES = "Golikov's slides on Tensor Programs, eq. 15; Tensor Programs II (arXiv 2006.14548), section A.3"


def tanh_slope(z):
    """The derivative of tanh."""
    return 1 - np.tanh(z) ** 2


def _square_backprop(title: str, mean: float) -> Program:
    prog = Program(title)
    W, h1 = prog.matrix("W", variance=1.2), prog.vector("h1", mean=0.3, variance=0.8)
    v = prog.vector("v", mean=mean, variance=0.7)
    x1 = prog.name("x1", 0.5 * h1**2)
    h2 = prog.name("h2", W @ x1)
    dh2 = prog.name("dh2", v * h2)
    dx1 = prog.name("dx1", W.T @ dh2)
    dh1 = prog.name("dh1", dx1 * h1)
    prog.name("x1dx1", inner(x1, dx1))
    prog.name("q", inner(dh1, dh1))
    return prog


def square_zero_mean() -> Program:
    """Backprop through phi(z) = z^2/2 twice: dh2 = v phi'(h2), dx1 = W^T dh2, dh1 = dx1 phi'(h1), E v = 0."""
    return _square_backprop("Backprop of z²/2, readout of mean 0", 0.0)


def square_with_mean() -> Program:
    """The same with E v = 0.6: E phi'' v = E v, so dx1 contains sigma^2 E v times x1."""
    return _square_backprop("Backprop of z²/2, readout of mean 0.6", 0.6)


def mlp_backward() -> Program:
    """Backward pass of a network of three hidden layers of tanh: two matrices, each met both ways."""
    prog = Program("MLP backward")
    h = prog.vector("h1", variance=1.6)
    v = prog.vector("v", variance=0.9)
    matrices, pre = {}, {1: h}
    for layer in (2, 3):
        matrices[layer] = prog.matrix(f"W{layer}", variance=1.5)
        x = prog.name(f"x{layer - 1}", tanh(h))
        h = pre[layer] = prog.name(f"h{layer}", matrices[layer] @ x + prog.vector(f"b{layer}", variance=0.1))
    back = v
    for layer in (3, 2, 1):
        back = prog.name(f"dh{layer}", back * nonlin(tanh_slope, pre[layer]))
        if layer > 1:
            back = prog.name(f"dx{layer - 1}", matrices[layer].T @ back)
    prog.name("q", inner(back, back))
    return prog


def mup_step(rate: float = 0.7, target: float = 1.0) -> Program:
    r"""One step of gradient descent in the maximal update parametrization, and the new output.

    h1 = U xi, x1 = tanh(h1), h2 = W x1, x2 = tanh(h2), f = <V, x2> and the loss
    (f - target)^2 / 2, with |xi|^2 = 1.2. With the adjoints of f the step is
    U - rate chi dh1 xi^T, V - rate chi x2, W - rate chi dh2 x1^T / n, where chi = f - target.

    Parameters
    ----------
    rate : float
        Learning rate.
    target : float
        The label of the one input.
    """
    size = 1.2
    prog = Program("One step of gradient descent, muP")
    h1, W, V = prog.vector("h1", variance=size), prog.matrix("W", variance=1.4), prog.vector("V")
    x1 = prog.name("x1", tanh(h1))
    h2 = prog.name("h2", W @ x1)
    x2 = prog.name("x2", tanh(h2))
    chi = prog.name("chi", prog.name("f", inner(V, x2)) - target)
    dh2 = prog.name("dh2", V * nonlin(tanh_slope, h2))
    dx1 = prog.name("dx1", W.T @ dh2)
    dh1 = prog.name("dh1", dx1 * nonlin(tanh_slope, h1))
    new_h1 = prog.name("h1_new", h1 - (rate * size) * chi * dh1)
    new_x1 = prog.name("x1_new", tanh(new_h1))
    new_h2 = prog.name("h2_new", W @ new_x1 - rate * chi * inner(x1, new_x1) * dh2)
    new_x2 = prog.name("x2_new", tanh(new_h2))
    prog.name("f_new", inner(V - rate * chi * x2, new_x2))
    return prog


EXAMPLES = (
    Example(
        "square-zero-mean", "Backprop of z²/2, E v = 0",
        "Backpropagation from a readout of mean zero: every transpose may be taken for a fresh matrix.",
        square_zero_mean, ("dx1", "x1", "dh1", "dh2"), ("dx1", "x1"), "netsort", "", ("x1dx1", "q"), _SLIDES,
    ),
    Example(
        "square-with-mean", "Backprop of z²/2, E v ≠ 0",
        "Give the readout a mean, and the gradient remembers what came forward.",
        square_with_mean, ("dx1", "x1", "dh1", "dh2"), ("dx1", "x1"), "netsort+",
        "It says that the gradient is independent of the activation; in truth dx1 contains sigma squared E v times x1.",
        ("x1dx1", "q"), _SLIDES,
    ),
)  # fmt: skip

STEPS = (
    Example(
        "mlp-backward", "MLP backward",
        "The gradient of a wide network: its coordinates look like a Gaussian times the slope of the activation.",
        mlp_backward, ("dh1", "dx1", "dh2", "h1"), ("dx1", "x1"), "netsort", "", ("q",),
        "Tensor Programs II (arXiv 2006.14548), section A.3: the gradient independence assumption",
    ),
    Example(
        "mup-step", "One muP training step",
        "After one step of training the features have moved, and they remember the gradient that moved them.",
        mup_step, ("h2_new", "h2", "x2_new", "h1_new", "dh2"), ("h2_new", "h2"), "netsort+",
        "It misses what the moved features carry back through W, so the new features and the new output are wrong.",
        ("f", "f_new"), "Tensor Programs IV (arXiv 2011.14522): maximal updates, and the limit of their training",
    ),
)  # fmt: skip
