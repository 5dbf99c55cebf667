"""Exponents as exact fractions, and how they are written."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from numbers import Integral, Rational, Real

import numpy as np

from tpcore.errors import Misuse

TOLERANCE = Fraction(1, 10**9)
LARGEST = 100
_SIMPLE, _ROUNDING = 1000, 1e-12
_WRITTEN = re.compile(r"[-+]?\d{1,9}(/\d{1,9}|\.\d{0,18})?")


def exponent(what: str, value) -> tuple[Fraction, bool]:
    """`value` as a fraction, and whether it is exact.

    Whole numbers, fractions and strings such as ``"1/2"`` are exact; so is a float within rounding error of a fraction
    with a denominator of at most 1,000 (0.1 * 3 is 3/10). Any other float is kept to its last bit and is not exact:
    equalities then hold within 1e-9.
    """
    must = f"{what} must be a number: whole, a fraction or a float, between -{LARGEST} and {LARGEST}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (Real, str)):
        raise Misuse(must, repr(value))
    try:
        exact = isinstance(value, (Integral, Rational, str))
        if isinstance(value, str) and not _WRITTEN.fullmatch(value.strip()):
            raise ValueError
        number = Fraction(value.strip() if isinstance(value, str) else value if exact else float(value))
    except (ValueError, OverflowError, ZeroDivisionError):
        raise Misuse(must, repr(value), "Write 0.5, Fraction(1, 2) or '1/2'") from None
    if abs(number) > LARGEST:
        raise Misuse(must, repr(value))
    if not exact:
        near = number.limit_denominator(_SIMPLE)
        exact = abs(near - number) <= _ROUNDING * max(1, abs(number))
        number = near if exact else number
    return number, exact


def exponents(what: str, values) -> tuple[tuple[Fraction, ...], bool]:
    """A sequence of numbers as fractions, and whether all of them are exact."""
    if isinstance(values, str) or not np.iterable(values) or isinstance(values, (dict, set)):
        raise Misuse(f"{what} must be a list of numbers, one per layer", repr(values), "[0, 0.5] for one hidden layer")
    pairs = [exponent(f"{what}[{i}]", value) for i, value in enumerate(values)]
    return tuple(number for number, _ in pairs), all(exact for _, exact in pairs)


def show(value: Fraction | float) -> str:
    """A number as a reader would write it: 0.5, -2, 1/3, 0.123."""
    value = Fraction(value)
    if (value * 1000).denominator == 1:
        return f"{float(value):.10g}"
    if value.denominator <= 99:
        return str(value)
    return f"{float(value):.3g}"


def power(value: Fraction | float) -> str:
    """n to the power `value`: "n^0.5", "n^(1/3)", "n", "1"."""
    text = show(value)
    if text in ("0", "-0", "1"):
        return "n" if text == "1" else "1"
    return f"n^({text})" if "/" in text else f"n^{text}"


def index(layer: int) -> str:
    """A layer's number as a subscript, also where it has two digits."""
    return f"{layer}" if layer < 10 else f"{{{layer}}}"


def rounded(value: float) -> Fraction:
    """The nearest fraction with a small denominator: where a hand that points at `value` means to point."""
    return Fraction(value).limit_denominator(_SIMPLE) if math.isfinite(value) else Fraction(0)
