"""Activations: values, derivatives, facts, the resolver, and user-defined ones."""

import pickle

import numpy as np
import pytest
from mpmath import mp

import tpcore as tp
from tpcore import activations
from tpcore.activations import NAMED, Activation, custom, get, hermite, leaky_relu
from tpcore.errors import Misuse

API_NAMES = (
    "identity relu leaky_relu elu abs step sign erf erf_sigmoid tanh sigmoid gelu silu softplus sin cos gauss".split()
)
MP = {
    "identity": lambda x: x,
    "relu": lambda x: max(x, mp.mpf(0)),
    "leaky_relu": lambda x: x if x > 0 else x * mp.mpf(0.01),
    "elu": lambda x: x if x > 0 else mp.expm1(x),
    "abs": abs,
    "step": lambda x: mp.mpf(x > 0),
    "sign": mp.sign,
    "erf": mp.erf,
    "erf_sigmoid": lambda x: (1 + mp.erf(x)) / 2,
    "tanh": mp.tanh,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "gelu": lambda x: x * mp.ncdf(x),
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "sin": mp.sin,
    "cos": mp.cos,
    "gauss": lambda x: mp.exp(-x * x / 2),
}
POINTS = np.array([-12.3, -7.1, -2.3, -0.31, -1e-3, 0.0, 1e-3, 0.47, 1.9, 6.2, 15.7])


def test_every_name_of_the_front_door_exists():
    assert set(NAMED) == set(API_NAMES)
    for name in API_NAMES:
        assert isinstance(getattr(tp, name), Activation)


@pytest.mark.parametrize("name", API_NAMES)
def test_values_and_derivatives_against_mpmath(name):
    phi = NAMED[name]
    with mp.workdps(120):
        exact = [float(MP[name](mp.mpf(float(x)))) for x in POINTS]
        np.testing.assert_allclose(phi.f(POINTS), exact, rtol=3e-14, atol=1e-300)
        if phi.df is not None:
            smooth = POINTS[POINTS != 0] if phi.kinks else POINTS
            slope = [float(mp.diff(MP[name], mp.mpf(float(x)), h=mp.mpf(10) ** -12)) for x in smooth]
            np.testing.assert_allclose(phi.df(smooth), slope, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("phi", [*NAMED.values(), hermite(3), leaky_relu(-0.7)], ids=lambda p: p.name)
def test_facts_hold(phi):
    x = np.linspace(-4, 4, 33) + 0.01
    if phi.degree is not None:
        np.testing.assert_allclose(phi(2.3 * x), 2.3**phi.degree * phi(x), rtol=1e-14)
    if phi.growth == "bounded":
        assert np.abs(phi(np.array([-1e8, 1e8]))).max() < 1.5
    if phi.growth == "linear":
        assert np.abs(phi(np.array([-1e8, 1e8]))).max() <= 1e8
    assert phi.jumps == (phi.name in ("step", "sign")) and (phi.df is None) == phi.jumps
    assert get(phi.name).f(1.3) == phi(1.3) and get(phi) is phi
    assert phi.f(np.float32([0.5])).dtype == np.float32 and phi.f(np.array([1, 2])).dtype == np.float64


def test_hermite_polynomials():
    np.testing.assert_allclose(hermite(5)(1.7), 1.7**5 - 10 * 1.7**3 + 15 * 1.7, rtol=1e-14)
    np.testing.assert_allclose(hermite(4).df(1.7), 4 * (1.7**3 - 3 * 1.7), rtol=1e-14)


def test_get_reads_parameters():
    assert get("logistic") is get("sigmoid")
    assert get("leaky_relu(0.3)").params == (0.3,) and get(" hermite( 2 ) ")(3.0) == 8.0
    assert get(leaky_relu(1 / 3).name).params == (1 / 3,)


BAD = [("rellu", "'relu'"), ("hermite", "parameter"), (3, "name"), ("hermite(x)", "number")]


@pytest.mark.parametrize("bad, word", BAD)
def test_get_refuses_in_words(bad, word):
    with pytest.raises(Misuse, match=word):
        get(bad)


def test_applied_to_a_variable_it_records_itself():
    class Var:
        def _apply_activation(self, phi):
            return "recorded", phi

    assert activations.tanh(Var()) == ("recorded", NAMED["tanh"])


def test_custom_compiled_and_not_agree():
    phi = custom(lambda x: np.where(x > 0.5, np.sin(x), x**2), kinks=[0.5])
    x = np.random.default_rng(0).normal(size=(3, 30_000))
    np.testing.assert_allclose(phi(x), np.where(x > 0.5, np.sin(x), x**2), rtol=1e-13)
    assert phi.function.compiled is True and phi.jumps
    plain = custom(lambda x: np.array([float(np.tanh(v)) for v in x.ravel()]).reshape(x.shape))
    np.testing.assert_allclose(plain(x), np.tanh(x), rtol=1e-15)
    assert plain.function.compiled is False


def test_custom_facts():
    phi = custom(lambda x: np.maximum(x - 1, 0), lambda x: 1.0 * (x > 1), kinks=(1,), name="late")
    assert (phi.name, phi.kinks, phi.jumps) == ("late", (1.0,), False)
    assert custom(lambda x: np.floor(x), kinks=(0, 1)).jumps
    assert custom(lambda x: 2.0)(np.zeros((2, 3))).shape == (2, 3)
    assert custom(np.cbrt, kinks=(0,)).jumps is False


@pytest.mark.parametrize("f", [lambda x: 1 if x > 0 else 0, lambda x: x.sum(axis=0), lambda x: x + 1j, 3])
def test_custom_refuses(f):
    with pytest.raises(Misuse):
        custom(f)


def _shape(x):
    return np.tanh(x) + x


def test_pickles_by_name_or_by_function():
    for phi in [*NAMED.values(), leaky_relu(0.1234567), hermite(3)]:
        again = pickle.loads(pickle.dumps(phi))
        assert again is phi or (again.name, again.params, again.form) == (phi.name, phi.params, phi.form)
    assert pickle.loads(pickle.dumps(get("relu"))) is get("relu")
    own = custom(_shape, kinks=(0.5,), name="relu")
    own(np.ones(60_000))  # compiled now
    again = pickle.loads(pickle.dumps(own))
    assert again.kinks == (0.5,) and again is not get("relu")
    np.testing.assert_array_equal(again(np.arange(3.0)), _shape(np.arange(3.0)))
