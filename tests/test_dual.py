"""Dual numbers, derivatives found by them or by differences, and activations' derivatives as activations."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import special

import tpcore as tp
from tpcore.activations.dual import Dual, push
from tpcore.activations.dual_rules import PARTIALS, SLOPES
from tpcore.activations.slope import along, knows

RNG = np.random.default_rng(3)
POINTS = {np.arccos: (-0.8, 0.8), np.arcsin: (-0.8, 0.8), np.arctanh: (-0.8, 0.8)}


def difference(call, x, direction, step=1e-3):
    weights = ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60))
    return sum(s * w * call(x + s * j * step * direction) for j, w in weights for s in (1, -1)) / step


def test_the_table_is_what_it_is_taken_for():
    assert {np.tanh, np.exp, np.sqrt, special.erf, special.expit, special.ndtr, np.cbrt} <= set(SLOPES)
    assert {np.add, np.multiply, np.true_divide, np.power, np.maximum, np.logaddexp} <= set(PARTIALS)


@pytest.mark.parametrize("ufunc", list(SLOPES), ids=lambda f: f.__name__)
def test_functions_of_one_number(ufunc):
    x, direction = RNG.uniform(*POINTS.get(ufunc, (0.2, 1.7)), (3, 4)), RNG.normal(size=(3, 4))
    with np.errstate(all="ignore"):
        everywhere = np.isfinite(ufunc(-x)).all()
    for sign in (1, -1) if everywhere else (1,):
        value, slope = push(ufunc, [sign * x], 0, direction)
        assert np.array_equal(value, ufunc(sign * x))
        np.testing.assert_allclose(slope, difference(ufunc, sign * x, direction), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("ufunc", list(PARTIALS), ids=lambda f: f.__name__)
def test_functions_of_two_numbers(ufunc):
    a, b, direction = RNG.uniform(0.3, 1.7, (3, 4)), RNG.uniform(0.3, 1.7, 4), RNG.normal(size=4)
    for which in (0, 1):
        args = [a, b]
        found = push(ufunc, args, which, direction)[1]
        moved = (lambda v, w=which: ufunc(*[v if i == w else x for i, x in enumerate(args)]))
        np.testing.assert_allclose(found, difference(moved, args[which], direction), rtol=1e-9, atol=1e-10)


M, R = RNG.normal(size=(4, 4)), RNG.normal(size=(3, 4))
ARRAYS = {
    "softmax": lambda x: (np.exp(x - x.max(-1, keepdims=True))
                          / np.exp(x - np.max(x, -1, keepdims=True)).sum(1)[:, None]),  # fmt: skip
    "batch norm": lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(np.var(x, axis=-1, keepdims=True) + 0.1),
    "where": lambda x: np.where(x > 0.1, x**2, np.sin(x)),
    "clip and minimum": lambda x: np.clip(x, -0.5, 0.6) * np.minimum(x, R) + x.clip(0.1),
    "matmul": lambda x: M @ np.swapaxes(x @ M, -1, -2) @ x,
    "einsum": lambda x: np.einsum("ij,jk,ik->i", x, M, x),
    "dot and tensordot": lambda x: np.dot(x, M) + np.tensordot(x, M, (1, 1)) * np.outer(x[:, 0], x[0]),
    "stack": lambda x: np.stack([x, R, 2 * x], axis=-1) * np.concatenate([x, R])[:3, :, None],
    "shapes": lambda x: np.moveaxis(x.reshape(3, 2, 2), 0, -1).transpose(2, 0, 1)[:, ::-1].ravel() * x.reshape(-1),
    "reductions": lambda x: x.sum(0) + np.mean(x, axis=0) + x.std(0) + np.max(x, axis=0) * x.min(0) + x.prod(0),
    "powers": lambda x: (x**2 + 1) ** x + 2.0**x + x**3 + (x**2) ** 1.5,
    "in place of an if": lambda x: (x > 0) * x + np.abs(x) + np.sign(x),
    "likes": lambda x: np.ones_like(x) + np.full_like(x, 2.0) * x + np.zeros_like(x).sum(),
    "cumulative": lambda x: np.cumsum(x, axis=1) * np.roll(x, 1) + np.broadcast_to(x[:1], (3, 4)),
    "arrays on the left": lambda x: R - x + R / (x + 9) + np.multiply(R, x) + 1.0 / (x + 9),
}


@pytest.mark.parametrize("case", list(ARRAYS))
def test_array_functions(case):
    x, direction = RNG.choice([-1, 1], (3, 4)) * RNG.uniform(0.2, 1.5, (3, 4)), RNG.normal(size=(3, 4))
    value, slope = push(ARRAYS[case], [x], 0, direction)
    assert np.allclose(value, ARRAYS[case](x), rtol=1e-14) and slope.shape == np.shape(value)
    np.testing.assert_allclose(slope, difference(ARRAYS[case], x, direction), rtol=1e-8, atol=1e-9)


def test_levels_do_not_mix():
    """d/dx [x d/dy (x y)] at y = x: 2x, and second and third derivatives of one function."""
    x = np.array([0.7, -1.3])
    inner = lambda a: a * push(lambda b: a * b, [a], 0, 1.0)[1]  # noqa: E731
    np.testing.assert_allclose(push(inner, [x], 0, 1.0)[1], 2 * x)
    first = lambda a: push(np.tanh, [a], 0, 1.0)[1]  # noqa: E731
    second = lambda a: push(first, [a], 0, 1.0)[1]  # noqa: E731
    t = np.tanh(x)
    np.testing.assert_allclose(second(x), -2 * t * (1 - t**2), rtol=1e-14)
    np.testing.assert_allclose(push(second, [x], 0, 1.0)[1], (6 * t**2 - 2) * (1 - t**2), rtol=1e-13)


def test_what_leaves_numpy_is_said_and_differenced():
    by_hand = np.vectorize(lambda s: float(s) ** 3)
    with pytest.raises((TypeError, ValueError)):
        push(by_hand, [np.ones(3)], 0, 1.0)
    with pytest.raises(TypeError):
        np.asarray(Dual(np.ones(2), np.ones(2), 1))
    x = np.linspace(-1, 2, 5)
    assert not knows(by_hand, [x], 0) and knows(np.tanh, [x], 0)
    np.testing.assert_allclose(along(by_hand, [x], 0, 1.0, exact=False), 3 * x**2, atol=1e-11)
    np.testing.assert_allclose(along(np.sin, [x], 0, 2.0, exact=False), 2 * np.cos(x), atol=1e-11)


def test_a_function_that_hides_its_value_is_not_believed():
    """Here dual numbers get through with the derivative 1 of the first term alone."""
    def hiding(s):
        return s + np.asarray(getattr(s, "value", s)) ** 2

    assert not knows(hiding, [np.linspace(0.2, 1, 5)], 0)


SMOOTH = [n for n, phi in tp.activations.NAMED.items() if not phi.jumps]


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_are_activations(name):
    phi = tp.activations.get(name)
    slope, x = tp.activations.prime(phi), np.array([-2.2, -0.7, 0.4, 1.9])
    np.testing.assert_allclose(slope.f(x), phi.df(x), rtol=1e-14)
    assert tp.activations.get(slope.name) is slope and pickle.loads(pickle.dumps(slope)) is slope
    assert slope.jumps == (name in ("relu", "abs", "leaky_relu")) and slope.growth in ("bounded",)
    if slope.jumps:
        with pytest.raises(tp.errors.Misuse, match="jumps at 0"):
            tp.activations.prime(slope)
    else:
        np.testing.assert_allclose(slope.df(x), difference(phi.df, x, 1.0), rtol=1e-8, atol=1e-9)
        assert tp.activations.prime(slope).name in (slope.name + "'", "cos")


def test_derivatives_of_a_user_s_activation():
    given = tp.activations.custom(lambda s: s**3, df=lambda s: 3 * s**2, kinks=(0.5,), name="cube")
    found = tp.activations.custom(lambda s: s**3, name="cube")
    bare = tp.activations.custom(np.vectorize(lambda s: s**3), name="cube")
    x = np.array([-1.4, 0.3, 2.0])
    for phi, rtol in ((given, 1e-15), (found, 1e-14), (bare, 1e-10)):
        slope = tp.activations.prime(phi)
        assert slope.name == "cube'" and slope.kinks == phi.kinks and not slope.jumps
        np.testing.assert_allclose(slope.f(x), 3 * x**2, rtol=rtol)
        np.testing.assert_allclose(tp.activations.prime(slope).f(x), 6 * x, rtol=1e-7)
    hermite = tp.activations.prime(tp.activations.hermite(4))
    np.testing.assert_allclose(hermite.f(x), 4 * (x**3 - 3 * x), rtol=1e-13)
    with pytest.raises(tp.errors.Misuse, match="sign"):
        tp.activations.prime(tp.activations.sign)
