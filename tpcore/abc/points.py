"""Parametrizations that have a name, and ways to write one."""

from __future__ import annotations

from fractions import Fraction

from tpcore import checks
from tpcore.abc import exponents as ex
from tpcore.abc.numbers import exponent, exponents
from tpcore.abc.parametrization import Parametrization
from tpcore.errors import Misuse

HALF = Fraction(1, 2)
OPTIMIZERS = ("sgd", "adam")
DEEPEST = 100


def _depth(L) -> int:
    return checks.integer("The number L of hidden layers", L, 1, DEEPEST)


def sp(L: int, c=1, *, optimizer: str = "sgd") -> Parametrization:
    """The standard parametrization, as frameworks initialize: weights N(0, 1/fan_in), one learning rate n^(-c).

    c = 1 is the largest stable learning rate of SGD at every depth; for Adam it is 3/2 (1 where L = 1): `largest_rate`.
    """
    depth = _depth(L)
    a, b = [0] * (depth + 1), [0] + [HALF] * depth
    if checks.choice("The optimizer", optimizer, OPTIMIZERS) == "adam":
        return adaptive(a, b, c)
    return Parametrization(a, b, c)


def ntp(L: int, *, optimizer: str = "sgd") -> Parametrization:
    """The tangent-kernel parametrization: weights N(0, 1) behind 1/sqrt(fan_in) multipliers (1 for the input)."""
    depth = _depth(L)
    a, b = [0] + [HALF] * depth, [0] * (depth + 1)
    if checks.choice("The optimizer", optimizer, OPTIMIZERS) == "adam":
        return adaptive(a, b, [HALF] + [1] * (depth - 1) + [HALF])
    return Parametrization(a, b, 0)


def mup(L: int, *, optimizer: str = "sgd") -> Parametrization:
    """The maximal update parametrization: every layer learns as much as stability allows."""
    depth = _depth(L)
    if checks.choice("The optimizer", optimizer, OPTIMIZERS) == "adam":
        return adaptive([0] * depth + [1], [0] + [HALF] * (depth - 1) + [0], [0] + [1] * (depth - 1) + [0])
    return Parametrization([-HALF] + [0] * (depth - 1) + [HALF], [HALF] * (depth + 1), 0)


def mfp() -> Parametrization:
    """The mean-field parametrization of one hidden layer: f is a mean over neurons; muP up to the symmetry."""
    return Parametrization([0, 1], [0, 0], -1)


def up(r, L: int) -> Parametrization:
    """UP_r, 0 <= r <= 1/2: the straight path from muP (r = 0) to NTP (r = 1/2); its features change like n^(-r)."""
    depth, (r, _) = _depth(L), exponent("r", r)
    if not 0 <= r <= HALF:
        raise Misuse("The path UP_r has 0 <= r <= 1/2", f"r = {float(r):g}", "muP is at r = 0, NTP at r = 1/2")
    return Parametrization([r - HALF] + [r] * (depth - 1) + [HALF], [HALF - r] * (depth + 1), 0)


def rates(b, c) -> Parametrization:
    """No multipliers (a = 0): variances n^(-2 b_l) at the start and a learning rate n^(-c_l) for each layer."""
    b, _ = exponents("b", b)
    c, _ = exponents("c", c)
    return Parametrization([0] * len(b), b, c)


def six(b_U, b_W, b_V, c_U, c_W, c_V) -> Parametrization:
    """The six numbers of a network with two hidden layers, f = V phi(W phi(U xi)).

    U, W and V start with variances n^(-2 b) and learn with rates n^(-c). muP is b = (0, 1/2, 1), c = (-1, 0, 1).
    """
    return rates([b_U, b_W, b_V], [c_U, c_W, c_V])


def adaptive(a, b, c) -> Parametrization:
    """For Adam, sign descent and other coordinatewise optimizers: d_l is such that they see gradients of size one.

    d_l = a_l + a_{L+1} + b_{L+1} for l <= L, d_{L+1} = a_{L+1} (Tensor Programs IVb).
    """
    p = Parametrization(a, b, c)
    return Parametrization(a, b, c, ex.faithful(p.a, p.b))
