"""Programs at the edge: zeros, copies, constants, 0/0, numbers out of range. A law or words, no error of NumPy's."""

import warnings

import numpy as np
import pytest

import tpcore as tp
from tpcore.errors import Misuse, Unsupported
from tpcore.program.tangent import tangent


def layernorm(p, x, epsilon=0.0):
    centred = x - tp.moment(x)
    return tp.nonlin(lambda s, q: s / np.sqrt(q + epsilon), centred, params=[tp.moment(centred * centred)])


def zero_input(p, W):
    return W.T @ tp.tanh(W @ p.vector("x", variance=0.0))


def constant_vector(p, W):
    return W.T @ tp.relu(W @ p.vector("x", mean=1.0, variance=0.0))


def copies(p, W):
    x, y, z = p.vectors("x y z", cov=np.ones((3, 3)))
    for v in (x, y, x - y, x, z):
        h = W @ v
    return W.T @ tp.nonlin(lambda a, b: np.tanh(a + b), h, W @ (x + y))


def cancelled(p, W):
    x = p.vector("x")
    return W.T @ tp.nonlin(lambda a, b: np.tanh(a) * np.exp(-b * b), W @ (x - x), W @ x)


def unit_of_two(p, W):
    x, y = p.vectors("x y")
    return W @ tp.nonlin(lambda a, b: a / np.sqrt(a * a + b * b), W @ x, W @ y)


def unit_of_three(p, W):
    a, b, c = (W @ x for x in p.vectors("x y z", cov=np.eye(3)))
    return W @ tp.nonlin(lambda a, b, c: np.maximum(a, 0) / np.sqrt(a * a + b * b + c * c), a, b, c)


def tiny(p, W):
    return W.T @ tp.relu(W @ p.vector("x", variance=1e-300))


def almost_equal(p, W):
    x, y = p.vectors("x y", cov=[[1, 1 - 1e-15], [1 - 1e-15, 1]])
    return W @ tp.nonlin(lambda a, b: np.maximum(a, b), W @ x, W @ y)


def safe_layernorm(p, W):
    return W.T @ layernorm(p, W @ p.vector("x", variance=0.0), 1e-5)


def unsafe_layernorm(p, W):
    return W @ layernorm(p, W @ p.vector("x", variance=0.0))


def constant_layernorm(p, W):
    return W @ layernorm(p, p.vector("x", mean=2.0, variance=0.0))


def overflow(p, W):
    return W @ tp.nonlin(lambda s: s * s, W @ p.vector("x", variance=1e200))


def explosive(p, W):
    return W @ tp.nonlin(lambda s: np.exp(s * s), W @ p.vector("x"))


def not_a_number(p, W):
    return W @ tp.nonlin(lambda s: np.sqrt(s), W @ p.vector("x"))


def nowhere(p, W):
    return W @ tp.nonlin(lambda s, t: s * np.nan + t, W @ p.vector("x"), p.vector("y"))


FINE = [zero_input, constant_vector, copies, cancelled, unit_of_two, unit_of_three, tiny, almost_equal, safe_layernorm]
REFUSED = [unsafe_layernorm, constant_layernorm, overflow, explosive, not_a_number, nowhere]


def built(write):
    p = tp.Program(write.__name__)
    p.name("out", write(p, p.matrix("W", variance=1.3)))
    p.name("m", tp.inner(p["out"], p["out"]))
    return p


@pytest.mark.parametrize("write", FINE)
def test_a_law(write):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lim = tp.limit(built(write), samples=2**10)
        assert np.isfinite([lim.mean("out"), lim.cov("out"), lim.scalar("m"), lim.error("m")]).all()
        assert np.isfinite(lim.sample(5)["out"]).all()
    expected = {"zero_input": 0.0, "constant_vector": 1.3 * 1.3 / 2 + (1.3 / 2) ** 2, "safe_layernorm": 0.0,
                "unit_of_two": 1.3 / 2, "unit_of_three": 1.3 / 6}.get(write.__name__)
    if expected is not None:
        assert abs(lim.scalar("m") - expected) < 3 * lim.error("m") + 1e-12


@pytest.mark.parametrize("write", REFUSED)
def test_or_words(write):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((Misuse, Unsupported), match="must|finite|defined") as caught:
            lim = tp.limit(built(write), samples=2**10)
            lim.mean("out")
    assert len(str(caught.value)) > 60


def test_the_tangent_kernel_of_a_batch_normalized_network():
    """Rough integrals of 0/0 at the origin must not stop the choice of engine."""
    X = np.random.default_rng(0).normal(size=(3, 4))
    prog = tangent(tp.nets.BatchNormMLP(2, "relu").program(X), "f")
    try:
        lim = tp.limit(prog, samples=2**10)
    except Misuse as error:  # three samples: the mean square of 1 / deviation is infinite
        assert "must be finite in the limit" in str(error)
    else:
        assert np.isfinite(np.asarray(lim.scalar(prog.nodes[-1].name))).all()


@pytest.mark.parametrize("fn", [lambda s: 1 / s, lambda s: np.abs(s) ** -0.5])
def test_a_function_without_a_value_at_zero_is_not_the_zero_function(fn):
    prog = tp.Program("pole")
    y = prog.name("y", tp.nonlin(fn, prog.vector("x")))
    with pytest.raises(tp.errors.Misuse, match="must be finite|must be defined"):
        tp.limit(prog).cov(y)


def test_an_infinite_second_moment_is_refused():
    prog = tp.Program("growth")
    y = prog.name("y", tp.nonlin(lambda s: np.exp(s * s / 4), prog.vector("x")))
    with pytest.raises(tp.errors.Misuse, match="must be finite"):
        tp.limit(prog).cov(y)


@pytest.mark.parametrize("frequency", [100.0, 50.2654824574])
def test_an_oscillation_in_step_with_the_nodes_is_found_out(frequency):
    prog = tp.Program("fast")
    y = prog.name("y", tp.nonlin(lambda s: np.sin(frequency * s), prog.vector("x")))
    lim = tp.limit(prog)
    assert abs(lim.cov(y) - 0.5) <= 2 * lim.error(y)
