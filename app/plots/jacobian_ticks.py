"""Ticks of axes that carry log10 of a quantity, and of plain ones, as places and words."""

from __future__ import annotations

import math

import numpy as np

from tpapp.plots import format as fmt

_SUPER = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def log_ticks(low: float, high: float, most: int = 5) -> tuple[list[float], list[str]]:
    """Ticks between 10^low and 10^high, at their log10: powers of ten, or round numbers where these are few."""
    span = high - low
    if span > 1.6:
        step = max(1, math.ceil(span / most))
        places = [float(k) for k in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1) if k % step == 0]
        return places, [_decade(int(k)) for k in places]
    if span > 0.5:
        low_k, high_k = math.floor(low), math.ceil(high)
        heads = (1, 2, 5) if span > 0.8 else (1, 1.5, 2, 3, 5, 7)
        values = [m * 10.0**k for k in range(low_k, high_k + 1) for m in heads]
    else:
        values, _ = plain_ticks(10**low, 10**high, most)
    values = [v for v in values if v > 0 and low - 1e-9 <= math.log10(v) <= high + 1e-9]
    return [math.log10(v) for v in values], [_number(v) for v in values]


def plain_ticks(low: float, high: float, most: int = 5) -> tuple[list[float], list[str]]:
    """Round numbers between low and high."""
    rough = (high - low) / most
    if not rough > 0:
        return [low], [_number(low)]
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(m * unit for m in (1, 2, 2.5, 5, 10) if m * unit >= rough * (1 - 1e-9))
    places = np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step
    return places.tolist(), [_number(round(p / step) * step) for p in places]


def _decade(k: int) -> str:
    return {0: "1", 1: "10", -1: "0.1", 2: "100", -2: "0.01"}.get(k, "10" + str(k).translate(_SUPER))


def _number(value: float) -> str:
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return fmt.minus(f"{float(f'{value:.6g}'):,.6g}")
    return fmt.power(value, 2)
