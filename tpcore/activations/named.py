"""The activations that have names.

Formulas stand in the table's last column; values come from NumPy's and
SciPy's vectorized functions.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf, erfc, expit, ndtr

from tpcore import checks
from tpcore.activations.activation import Activation

_ROOT_PI = np.sqrt(np.pi)
_ROOT_2PI = np.sqrt(2 * np.pi)


def _positive(x):
    return (x > 0).astype(x.dtype)


def _gelu_slope(x):
    return ndtr(x) + x * np.exp(-x * x / 2) / x.dtype.type(_ROOT_2PI)


def _sigmoid_slope(x):
    return expit(x) * expit(-x)


def _silu_slope(x):
    gate = expit(x)
    return gate * (1 + x * expit(-x))


def _elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _erf_slope(x):
    return np.exp(-x * x) * x.dtype.type(2 / _ROOT_PI)


def _tanh_slope(x):
    """1 - tanh^2 = 4 e / (1 + e)^2 with e = exp(-2 |x|), which does not cancel."""
    e = np.exp(-2 * np.abs(x))
    return 4 * e / (1 + e) ** 2


def leaky_relu(slope: float = 0.01) -> Activation:
    """x for x > 0, slope * x otherwise; any real slope (0 is relu, -1 is abs, 1 the identity)."""
    slope = checks.real("the slope of leaky_relu", slope)
    return Activation(
        f"leaky_relu({slope:g})" if float(f"{slope:g}") == slope else f"leaky_relu({slope!r})",
        lambda x: np.where(x > 0, x, slope * x).astype(x.dtype, copy=False),
        lambda x: np.where(x > 0, 1.0, slope).astype(x.dtype, copy=False),
        kinks=(0.0,),
        params=(slope,),
        form="leaky_relu",
        degree=1.0,
        growth="linear",
        latex=rf"\operatorname{{lrelu}}_{{{slope:g}}}",
        doc="x if x > 0 else slope * x",
    )


def _hermite_values(k: int, x: np.ndarray) -> np.ndarray:
    """He_k(x) by He_{j+1} = x He_j - j He_{j-1}."""
    before, here = np.zeros_like(x), np.ones_like(x)
    for j in range(k):
        before, here = here, x * here - j * before
    return here


def hermite(k: int) -> Activation:
    """He_k, the probabilists' Hermite polynomial of degree k: He_2(x) = x^2 - 1. E He_k(g)^2 = k! for g ~ N(0, 1)."""
    k = checks.integer("the degree of hermite", k, 0, 60)
    return Activation(
        f"hermite({k})",
        lambda x: _hermite_values(k, x),
        lambda x: k * _hermite_values(k - 1, x) if k else np.zeros_like(x),
        params=(float(k),),
        form="hermite",
        degree={0: 0.0, 1: 1.0}.get(k),
        growth="bounded" if k == 0 else "linear" if k == 1 else "polynomial",
        latex=rf"\mathrm{{He}}_{{{k}}}",
        doc=f"He_{k}(x), probabilists' Hermite polynomial",
    )


def _entry(name, function, derivative, growth, doc, **more) -> Activation:
    return Activation(name, function, derivative, growth=growth, doc=doc, **more)


_AT_0 = {"kinks": (0.0,)}
_TABLE = [
    _entry("identity", lambda x: x.copy(), np.ones_like, "linear", "x", form="identity", degree=1.0),
    _entry("relu", lambda x: np.maximum(x, 0), _positive, "linear", "max(x, 0)", form="relu", degree=1.0, **_AT_0),
    _entry("elu", _elu, lambda x: np.exp(np.minimum(x, 0)), "linear", "x if x > 0 else exp(x) - 1", **_AT_0),
    _entry("abs", np.abs, np.sign, "linear", "|x|", form="abs", degree=1.0, **_AT_0),
    _entry("step", _positive, None, "bounded", "1 if x > 0 else 0", form="step", jumps=True, degree=0.0, **_AT_0),
    _entry("sign", np.sign, None, "bounded", "x / |x|, 0 at 0", form="sign", jumps=True, degree=0.0, **_AT_0),
    _entry("erf", erf, _erf_slope, "bounded", "2/sqrt(pi) int_0^x exp(-t^2) dt", form="erf"),
    _entry("erf_sigmoid", lambda x: erfc(-x) / 2, lambda x: _erf_slope(x) / 2, "bounded", "(1 + erf(x))/2",
           form="erf_sigmoid"),
    _entry("tanh", np.tanh, _tanh_slope, "bounded", "tanh(x)", latex=r"\tanh"),
    _entry("sigmoid", expit, _sigmoid_slope, "bounded", "1/(1 + exp(-x))"),
    _entry("gelu", lambda x: x * ndtr(x), _gelu_slope, "linear", "x Phi(x), exact", form="gelu"),
    _entry("silu", lambda x: x * expit(x), _silu_slope, "linear", "x/(1 + exp(-x))"),
    _entry("softplus", lambda x: np.logaddexp(x, 0).astype(x.dtype, copy=False), expit, "linear", "log(1 + exp(x))"),
    _entry("sin", np.sin, np.cos, "bounded", "sin(x)", form="sin", latex=r"\sin"),
    _entry("cos", np.cos, lambda x: -np.sin(x), "bounded", "cos(x)", form="cos", latex=r"\cos"),
    _entry("gauss", lambda x: np.exp(-x * x / 2), lambda x: -x * np.exp(-x * x / 2), "bounded", "exp(-x^2/2)",
           form="gauss"),
]

NAMED: dict[str, Activation] = {entry.name: entry for entry in _TABLE}
NAMED["leaky_relu"] = leaky_relu(0.01)
ALIASES = {"logistic": "sigmoid"}
FAMILIES = {"leaky_relu": (leaky_relu, float), "hermite": (hermite, int)}
