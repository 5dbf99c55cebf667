"""Derivatives of NumPy's and SciPy's elementwise functions, for `tpcore.activations.dual`."""

from __future__ import annotations

import numpy as np
from scipy import special

_ROOT_PI = np.sqrt(np.pi)
_ROOT_2PI = np.sqrt(2 * np.pi)
_LOG2, _LOG10 = np.log(2.0), np.log(10.0)

# f'(x) from x and y = f(x)
SLOPES = {
    np.negative: lambda x, y: -1.0,
    np.positive: lambda x, y: 1.0,
    np.conjugate: lambda x, y: 1.0,
    np.square: lambda x, y: 2.0 * x,
    np.sqrt: lambda x, y: 0.5 / y,
    np.cbrt: lambda x, y: 1.0 / (3.0 * y * y),
    np.reciprocal: lambda x, y: -y * y,
    np.absolute: lambda x, y: np.sign(x),
    np.fabs: lambda x, y: np.sign(x),
    np.exp: lambda x, y: y,
    np.exp2: lambda x, y: _LOG2 * y,
    np.expm1: lambda x, y: y + 1.0,
    np.log: lambda x, y: 1.0 / x,
    np.log2: lambda x, y: 1.0 / (_LOG2 * x),
    np.log10: lambda x, y: 1.0 / (_LOG10 * x),
    np.log1p: lambda x, y: 1.0 / (1.0 + x),
    np.sin: lambda x, y: np.cos(x),
    np.cos: lambda x, y: -np.sin(x),
    np.tan: lambda x, y: 1.0 + y * y,
    np.sinh: lambda x, y: np.cosh(x),
    np.cosh: lambda x, y: np.sinh(x),
    np.tanh: lambda x, y: 1.0 - y * y,
    np.arcsin: lambda x, y: 1.0 / np.sqrt(1.0 - x * x),
    np.arccos: lambda x, y: -1.0 / np.sqrt(1.0 - x * x),
    np.arctan: lambda x, y: 1.0 / (1.0 + x * x),
    np.arcsinh: lambda x, y: 1.0 / np.sqrt(1.0 + x * x),
    np.arctanh: lambda x, y: 1.0 / (1.0 - x * x),
    special.erf: lambda x, y: np.exp(-x * x) * (2.0 / _ROOT_PI),
    special.erfc: lambda x, y: np.exp(-x * x) * (-2.0 / _ROOT_PI),
    special.ndtr: lambda x, y: np.exp(-x * x / 2.0) / _ROOT_2PI,
    special.log_ndtr: lambda x, y: np.exp(-x * x / 2.0 - y) / _ROOT_2PI,
    special.expit: lambda x, y: y * special.expit(-x),
    special.log_expit: lambda x, y: special.expit(-x),
}


def _power_base(x, p, y):
    return p * np.power(x, p - 1.0)


def _power_exponent(x, p, y):
    return y * np.log(x)


# (df/dx, df/dz) from x, z and y = f(x, z)
PARTIALS = {
    np.add: (lambda x, z, y: 1.0, lambda x, z, y: 1.0),
    np.subtract: (lambda x, z, y: 1.0, lambda x, z, y: -1.0),
    np.multiply: (lambda x, z, y: z, lambda x, z, y: x),
    np.true_divide: (lambda x, z, y: 1.0 / z, lambda x, z, y: -y / z),
    np.power: (_power_base, _power_exponent),
    np.float_power: (_power_base, _power_exponent),
    np.arctan2: (lambda x, z, y: z / (x * x + z * z), lambda x, z, y: -x / (x * x + z * z)),
    np.hypot: (lambda x, z, y: x / y, lambda x, z, y: z / y),
    np.logaddexp: (lambda x, z, y: np.exp(x - y), lambda x, z, y: np.exp(z - y)),
    np.copysign: (lambda x, z, y: np.sign(x) * np.sign(z), lambda x, z, y: 0.0),
}
# at a tie the second argument counts: np.maximum(x, 0) has slope 0 at 0, as relu has
for _ufunc, _wins in ((np.maximum, np.greater), (np.minimum, np.less)):
    PARTIALS[_ufunc] = (
        lambda x, z, y, wins=_wins: wins(x, z) * 1.0,
        lambda x, z, y, wins=_wins: 1.0 - wins(x, z) * 1.0,
    )
PARTIALS[np.fmax], PARTIALS[np.fmin] = PARTIALS[np.maximum], PARTIALS[np.minimum]

# constant between their jumps
FLAT = {np.sign, np.floor, np.ceil, np.trunc, np.rint, np.heaviside, np.floor_divide}

# their results are no functions to differentiate
NOT_NUMBERS = {
    np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal, np.isnan, np.isfinite, np.isinf,
    np.signbit, np.logical_and, np.logical_or, np.logical_not,
}  # fmt: skip

# linear in their first argument, the others are no arrays of numbers to differentiate
LINEAR = {
    np.reshape, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.expand_dims, np.squeeze, np.ravel,
    np.broadcast_to, np.take, np.take_along_axis, np.roll, np.flip, np.cumsum, np.diff, np.repeat, np.tile,
    np.trace, np.diagonal, np.tril, np.triu, np.copy, np.real, np.nan_to_num,
}  # fmt: skip
