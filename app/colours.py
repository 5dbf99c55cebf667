"""The colours of the explorer: tokens, the width map, and the maps of heatmaps.

A width has one colour everywhere: t = log(n / 8) / log(10^6 / 8) on five anchors, interpolated in
OKLab (Ottosson 2020) and never rescaled to the widths shown.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from bokeh.palettes import Cividis256

THEMES = ("light", "dark")

TOKENS: dict[str, dict[str, str]] = {
    "light": {
        "bg": "#F6F7F9",
        "surface": "#FFFFFF",
        "line": "#E2E5EA",
        "control": "#868D99",
        "ink": "#13161C",
        "ink2": "#454C59",
        "ink3": "#626A78",
        "kernel": "#A46100",
        "kernel-fill": "#F7D9A0",
        "feature": "#6B35D0",
        "feature-fill": "#DCCFF8",
        "unstable": "#8E0F2E",
        "unstable-fill": "#F2D3DA",
        "trivial": "#6B7380",
        "trivial-fill": "#DFE3E8",
    },
    "dark": {
        "bg": "#0D1015",
        "surface": "#14181F",
        "line": "#2A313C",
        "control": "#707B8C",
        "ink": "#F3F5F8",
        "ink2": "#BAC2CE",
        "ink3": "#929CAB",
        "kernel": "#F0AE3C",
        "kernel-fill": "#6B4A10",
        "feature": "#B59CFF",
        "feature-fill": "#43318A",
        "unstable": "#FF6F7F",
        "unstable-fill": "#46191F",
        "trivial": "#9AA4B2",
        "trivial-fill": "#39414D",
    },
}

WIDTH_ANCHORS: dict[str, tuple[str, ...]] = {
    "light": ("#2F9FA8", "#2A7FB0", "#255B98", "#1C3A70", "#131F3D"),
    "dark": ("#2F8C96", "#3FA3C4", "#76BFE6", "#B4DAF5", "#EEF6FD"),
}
WIDTH_LOW, WIDTH_HIGH = 8, 1_000_000
NARROW_LABEL = "#217F88"  # light: the narrowest line colour has only 3:1 on white, text needs 4.5:1

_BRBG = (
    "#543005", "#8c510a", "#bf812d", "#dfc27d", "#f6e8c3", "#f5f5f5",
    "#c7eae5", "#80cdc1", "#35978f", "#01665e", "#003c30",
)  # fmt: skip
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def rgb(hex_colour: str) -> np.ndarray:
    """sRGB in [0, 1] of ``#RRGGBB``."""
    return np.array([int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def to_hex(colour: np.ndarray) -> str:
    """``#RRGGBB`` of sRGB in [0, 1], clipped to the gamut."""
    return "#" + "".join(f"{int(round(255 * float(c))):02X}" for c in np.clip(colour, 0, 1))


def to_oklab(colour: np.ndarray) -> np.ndarray:
    """OKLab of sRGB in [0, 1]."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return _TO_LAB @ np.cbrt(_TO_LMS @ linear)


def from_oklab(lab: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] of OKLab (may leave the gamut)."""
    linear = np.linalg.solve(_TO_LMS, np.linalg.solve(_TO_LAB, lab) ** 3)
    positive = np.maximum(linear, 0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * positive ** (1 / 2.4) - 0.055)


def interpolate(anchors: tuple[str, ...], t: float) -> str:
    """The colour at t in [0, 1] of equally spaced anchors, linear in OKLab."""
    place = min(max(float(t), 0.0), 1.0) * (len(anchors) - 1)
    left = min(int(place), len(anchors) - 2)
    a, b = to_oklab(rgb(anchors[left])), to_oklab(rgb(anchors[left + 1]))
    return to_hex(from_oklab(a + (place - left) * (b - a)))


def width_position(n: float) -> float:
    """t = log(n / 8) / log(10^6 / 8), clipped to [0, 1]; infinity is 1."""
    if math.isinf(n):
        return 1.0
    return min(max(math.log(max(n, 1) / WIDTH_LOW) / math.log(WIDTH_HIGH / WIDTH_LOW), 0.0), 1.0)


@lru_cache(maxsize=1024)
def width_colour(n: float, theme: str = "light") -> str:
    """The colour of width n, the same in every figure."""
    return interpolate(WIDTH_ANCHORS[theme], width_position(n))


def width_label(n: float, theme: str = "light") -> str:
    """The colour of text about width n: the line's own unless that has less than 4.5:1 on the surface."""
    colour = width_colour(n, theme)
    if contrast(colour, TOKENS[theme]["surface"]) >= 4.5:
        return colour
    return NARROW_LABEL if theme == "light" else interpolate((colour, TOKENS["dark"]["ink"]), 0.25)


def width_gradient(theme: str = "light", stops: int = 17) -> str:
    """The width map as CSS stops ``#.. 0%, #.. 6.25%, ...`` for the dial's track."""
    places = [i / (stops - 1) for i in range(stops)]
    return ", ".join(f"{interpolate(WIDTH_ANCHORS[theme], t)} {100 * t:g}%" for t in places)


@lru_cache(maxsize=256)
def width_ramp(n: float, theme: str = "light", steps: int = 64) -> tuple[str, ...]:
    """The colour of width n from transparent to nearly opaque, ``#RRGGBBAA``."""
    colour = width_colour(n, theme)
    return tuple(f"{colour}{int(round(235 * (i / (steps - 1)) ** 0.8)):02X}" for i in range(steps))


@lru_cache(maxsize=4)
def grey_ramp(theme: str = "light", steps: int = 17) -> tuple[str, ...]:
    """From surface to ink: the map of input images."""
    ends = (TOKENS[theme]["surface"], TOKENS[theme]["ink"])
    return tuple(interpolate(ends, i / (steps - 1)) for i in range(steps))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    c = rgb(colour)
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2), 1 to 21."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


VALUES: tuple[str, ...] = tuple(Cividis256)
DIFFERENCES: tuple[str, ...] = tuple(interpolate(_BRBG, i / 254) for i in range(255))
