"""Poles of functions of one variable, found by looking closer and closer at where they are largest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tpcore.errors import Misuse

_REACH, _SHIFT = 7.0, 0.0123
_STEPS = np.array([1e-5, 1e-6, 1e-7])


def exponent(size: Callable, at: float = _SHIFT, half: float = _REACH, weight: Callable | None = None) -> float:
    """p, where ``size`` grows about like 1 / |z - k|^p next to where it is largest in [at - half, at + half]; else 0.

    Parameters
    ----------
    size : callable
        Of points (P,); not negative.
    at, half : float
        The middle and half the length of the interval; powers are read at 1e-8 to 1e-6 of its length.
    weight : callable, optional
        Multiplies `size` in the first look, so that a pole is found beside growth outwards.
    """
    steps, least = half / _REACH * _STEPS, half * 1e-13
    with np.errstate(all="ignore"):
        while half > least:
            z = at + np.linspace(-half, half, 2001)
            seen = size(z) * (1.0 if weight is None else weight(z))
            if not np.isfinite(seen).all():
                at = z[np.argmin(np.isfinite(seen))]
                break
            at, half, weight = z[np.argmax(seen)], half / 400, None
        powers = [np.diff(np.log10(size(at + side * steps))).min() for side in (-1.0, 1.0)]
    return float(np.nanmax([*powers, 0.0]))


def density(z: np.ndarray) -> np.ndarray:
    """A weight for `exponent` where z is standard Gaussian."""
    return np.exp(-z * z / 2)


def refuse(through: str, power: float) -> None:
    """Say that the average through a function with such a pole is refused."""
    raise Misuse(
        f"The expectation through {through} must be finite",
        f"a function that grows like 1 / |z - k|^p, p = {power:.2f}, next to a point k",
        "From p = 1 on the average is infinite or undefined, from 0.7 on it is not found: bound it "
        "there, as x / (x^2 + 1e-6) does for 1 / x",
    )
