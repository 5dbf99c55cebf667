"""Fragments: which theorem holds (Tensor Programs I, section 4; Tensor Programs II, section A.3)."""

from __future__ import annotations

import numpy as np
import pytest

import tpcore as tp
from tpcore.program.fragment import explain
from tpcore.program.parity import Equation, first_contradiction


class Scene:
    def __init__(self):
        self.p = p = tp.Program("scene")
        self.W, self.W2 = p.matrix("W"), p.matrix("W2")
        self.x, self.v, self.u, self.b = p.vector("x"), p.vector("v"), p.vector("u"), p.vector("b", 0.0, 0.1)
        self.shifted = p.vector("s", mean=0.5)
        self.tied, self.bound = p.vectors("t1 t2", cov=[[1.0, 0.4], [0.4, 1.0]])


def forward(s):
    return s.W2 @ tp.tanh(s.W @ s.x + s.b)


def with_moment(s):
    h = s.W @ s.x
    return h / tp.moment(h * h) ** 0.5


def transposed_only(s):
    return s.W.T @ tp.relu(s.x)


def backward(s, phi=tp.gelu, slope=None):
    """Two hidden layers and their backward pass, as an engineer would write it."""
    slope = slope or (lambda h: tp.nonlin(lambda t: 1.0 * (t > 0), h))
    h1 = s.W @ s.x + s.b
    h2 = s.W2 @ phi(h1) + s.u
    return s.W.T @ ((s.W2.T @ (s.v * slope(h2))) * slope(h1))


def renamed(s):
    """The same with the transpose in front."""
    return s.W @ (s.v * tp.cos(s.W.T @ s.x))


def several_readouts(s):
    h = s.W @ s.x
    return s.W.T @ ((s.v - 2 * s.u) * tp.step(h))


def many_readouts(s):
    V = s.p.block("V", cov=np.eye(3) + 0.2)
    h = s.W @ s.p.block("X", shape=3)
    return s.W.T @ (V @ np.ones((3, 2)) + (V * tp.step(h))[:2])


def squared_moment(s):
    h = s.W @ s.x
    c = tp.moment(s.v**2)
    return s.W.T @ (c * s.v * tp.step(h))


def odd_function(s):
    return s.W.T @ tp.tanh(s.v * (s.W @ s.x) ** 2)


def even_of_odd(s):
    return s.W.T @ (s.v * tp.cos(s.v * (s.W @ s.x)))


def even_product(s):
    return s.W.T @ (s.v * s.u * s.b * (s.W @ s.x))


def tied_readouts(s):
    return s.W.T @ ((s.tied + s.bound) * (s.W @ s.x))


def wwx(s):
    return s.W.T @ (s.W @ s.x)


def wwv(s):
    return s.W @ (s.W.T @ s.v)


def squared(s):
    return s.W.T @ (s.v**2 * (s.W @ s.x))


def mean_readout(s):
    return s.W.T @ (s.shifted * (s.W @ s.x))


def correlated_readout(s):
    return s.W.T @ (s.tied * (s.W @ s.bound))


def averaged(s):
    """d(mean of x)/dh: no readout at all."""
    return s.W.T @ tp.step(s.W @ s.x)


def step_of_training(s):
    """W after one step of gradient descent, used forward again."""
    dh = s.v * tp.step(s.W @ s.x)
    return s.W @ tp.relu(s.x - 0.1 * (s.W.T @ dh))


def mixed_parity(s):
    return s.W.T @ (s.v + s.v**2 * (s.W @ s.x))


def plus_one(s):
    return s.W.T @ (s.v + 1 + 0 * (s.W @ s.x))


def hidden_product(s):
    return s.W.T @ tp.nonlin(lambda a, b: a * b, s.v, s.W @ s.x)


def relu_of_readout(s):
    return s.W.T @ tp.relu(s.v * (s.W @ s.x))


def moment_of_both(s):
    """The moment of v * u is even if both change sign."""
    return s.W.T @ (tp.moment(s.v * s.u) * s.v * (s.W @ s.x))


def hidden_gate(s):
    return s.W.T @ tp.nonlin(lambda a, b, c: a * np.cos(b) / np.sqrt(c), s.v, s.W @ s.x, params=[tp.moment(s.v * s.v)])


def hidden_square(s):
    return s.W.T @ tp.nonlin(lambda a, b: a * a * b, s.v, s.W @ s.x)


def hidden_sum(s):
    return s.W.T @ tp.nonlin(lambda a, b: a + b, s.v, s.W @ s.x)


def normalized(s):
    """Backpropagation through layer normalization, by `tp.grad`: its scalars change sign with the readout."""
    h = s.W2 @ tp.tanh(s.W @ s.x)
    h = (h - tp.moment(h)) / tp.moment(h * h) ** 0.5
    s.p.output("f", s.v, tp.relu(h))
    s.p = tp.grad(s.p, "f")


def attended(s):
    """Backpropagation through attention weights."""
    x = s.W @ s.p.block("X", cov=np.eye(3), shape=3)
    weights = tp.scalar(lambda a: np.exp(a) / np.exp(a).sum(-1, keepdims=True), tp.inner(x, x))
    s.p.output("f", s.v, tp.tanh(s.W2 @ (x @ weights)).mean())
    s.p = tp.grad(s.p, "f")


def odd_moment(s):
    """Odd by a scalar alone."""
    return s.W.T @ (tp.moment(s.v * s.x) * (s.W @ s.x))


def odd_inner(s):
    return s.W.T @ (tp.inner(s.x, s.v) * s.v * (s.W @ s.x))


def readout_forward(s):
    return s.W.T @ (s.v * (s.W @ (s.x + tp.moment(s.v * s.v) * s.x)))


CASES = {
    forward: "netsor",
    with_moment: "netsor+",
    transposed_only: "netsort",
    backward: "netsort",
    renamed: "netsort",
    several_readouts: "netsort",
    many_readouts: "netsort",
    squared_moment: "netsort",
    odd_function: "netsort",
    even_of_odd: "netsort",
    even_product: "netsort",
    tied_readouts: "netsort",
    wwx: "netsort+",
    wwv: "netsort+",
    squared: "netsort+",
    mean_readout: "netsort+",
    correlated_readout: "netsort+",
    averaged: "netsort+",
    step_of_training: "netsort+",
    mixed_parity: "netsort+",
    plus_one: "netsort+",
    hidden_product: "netsort",
    hidden_gate: "netsort",
    hidden_square: "netsort+",
    hidden_sum: "netsort+",
    normalized: "netsort",
    attended: "netsort",
    relu_of_readout: "netsort+",
    moment_of_both: "netsort",
    odd_moment: "netsort",
    odd_inner: "netsort+",
    readout_forward: "netsort+",
}


@pytest.mark.parametrize("write", CASES, ids=lambda f: f.__name__)
def test_fragment(write):
    scene = Scene()
    write(scene)
    assert scene.p.fragment == CASES[write]


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (forward, "no transposes and no scalars"),
        (with_moment, "`c3 := 1/n \u03a3 h2`"),
        (backward, "BP-like: line"),
        (wwx, "line 2, `g2 := W\u1d40 g1` multiplies g1 by W\u1d40, but g1 is not odd in zero-mean inputs"),
        (squared, "`g4 := W\u1d40 h3` multiplies h3"),
        (mixed_parity, "adds vectors that are odd and vectors that are even"),
        (hidden_sum, "applies f1, which is not known to be odd or even"),
        (relu_of_readout, "applies relu"),
        (readout_forward, "multiplies h6 by W\u1d40, but h6 is not odd"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_reason_names_the_instruction(write, words):
    scene = Scene()
    write(scene)
    assert words in explain(scene.p)


def test_parity_by_flipping_signs():
    """What the analysis calls odd is odd, at numbers: the backward pass with v -> -v."""
    rng = np.random.default_rng(5)
    W, x, v = rng.normal(size=(6, 6)), rng.normal(size=6), rng.normal(size=6)

    def tanh_of(v):
        return W.T @ np.tanh(v * (W @ x) ** 2)

    def cos_of(v):
        return W.T @ (v * np.cos(v * (W @ x)))

    for f in (tanh_of, cos_of):
        np.testing.assert_allclose(f(-v), -f(v), rtol=1e-12)


def test_equations_over_two_elements():
    consistent = [Equation(0b011, 1, 0, ""), Equation(0b110, 1, 1, ""), Equation(0b101, 0, 2, "")]
    assert first_contradiction(consistent) is None
    bad = Equation(0b101, 1, 2, "")
    assert first_contradiction([Equation(0b011, 1, 0, ""), Equation(0b110, 1, 1, ""), bad]) is bad
    assert first_contradiction([Equation(0, 1, 3, "")]).node == 3


def test_derivatives_have_the_other_parity():
    from tpcore.program.parity import activation_parity

    cases = {"tanh": "odd", "tanh'": "even", "tanh''": "odd", "gauss": "even", "gauss'": "odd", "hermite(3)": "odd",
             "hermite(3)'": "even", "hermite(2)'": "odd", "relu": "", "elu'": "", "abs": "even", "sin": "odd"}
    for name, parity in cases.items():
        assert activation_parity(tp.activations.get(name)) == parity, name
