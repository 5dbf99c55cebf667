"""Numbers as the explorer writes them: true minus, thousands with commas, powers with superscripts."""

from __future__ import annotations

import math

_SUPER = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MINUS = "−"


def minus(text: str) -> str:
    """`text` with true minus signs."""
    return text.replace("-", MINUS)


def width(n: float) -> str:
    """``n = 4,096`` without the ``n =``; infinity is ∞."""
    return "∞" if math.isinf(n) else f"{int(n):,}"


def count(n: int) -> str:
    return f"{int(n):,}"


def power(value: float, digits: int = 2, sign: bool = False) -> str:
    """``3.2 × 10⁻⁶``; plain where the exponent is between -3 and 5; 0 is 0; what is not finite is a dash."""
    if not math.isfinite(value):
        return "–"
    plus = "+" if sign and value > 0 else ""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -3 <= exponent < 5:
        places = max(0, digits - 1 - exponent)
        return plus + minus(f"{value:,.{places}f}")
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{plus}{minus(mantissa)} × 10{str(int(exponent)).translate(_SUPER)}"


def measured(value: float, error: float) -> tuple[str, str]:
    """(value, error) rounded alike: the error to two digits, the value to the error's last place."""
    if not (math.isfinite(value) and math.isfinite(error)) or error <= 0:
        return power(value, 3), ""
    if abs(value) < 1e-3 or abs(value) >= 1e5:
        return power(value, 3), power(error, 2)
    places = min(12, max(0, 1 - math.floor(math.log10(error))))
    return minus(f"{value:,.{places}f}"), f"{error:,.{places}f}"


def seconds(value: float) -> str:
    """``0.16 s``, ``70 s``, ``8 ms``."""
    if value < 0.1:
        return f"{max(1, round(1000 * value))} ms"
    return f"{value:.2f} s" if value < 1 else f"{value:.1f} s" if value < 10 else f"{value:,.0f} s"
