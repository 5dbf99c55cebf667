"""How exponents are written in figures and tables: a₁ + b₁ = 0, n⁻⁰·², ½; names and looks of the four phases."""

from __future__ import annotations

import re
from html import escape

PHASES = ("unstable", "trivial", "kernel", "feature")
NAMES = {"unstable": "Unstable", "trivial": "Trivial", "kernel": "Kernel regime", "feature": "Feature learning"}
UNDER = {"unstable": "", "trivial": "f never moves", "kernel": "features freeze like n^-r", "feature": "features move"}
HALVES = {0.5: "½", -0.5: "−½", 1.5: "3/2", -1.5: "−3/2"}
_LOW = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_HIGH = str.maketrans("0123456789-.r", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻·ʳ")
_INDEX = re.compile(r"([abcd])_(?:\{(\d+)\}|(\d))")
_POWER = re.compile(r"n\^(\((-?[\d/]+)\)|-?(?:[\d.]*\d|r))")


def plain(text: str) -> str:
    """A formula of `tp.abc` in plain characters: ``a_1 + b_1 ≥ 1/2`` becomes ``a₁ + b₁ ≥ ½``, ``n^-0.2`` ``n⁻⁰·²``."""
    text = _INDEX.sub(lambda m: m[1] + (m[2] or m[3]).translate(_LOW), text.replace("'", "’"))
    text = _POWER.sub(lambda m: f"n^({m[2]})" if m[2] else "n" + m[1].translate(_HIGH), text)
    return re.sub(r"\b1/2\b", "½", re.sub(r"(\d) ([abcd])", r"\1\2", text)).replace("-", "−")


def markup(text: str) -> str:
    """The same as HTML, with real subscripts and powers."""
    text = _INDEX.sub(lambda m: f"<i>{m[1]}</i><sub>{m[2] or m[3]}</sub>", escape(text.replace("'", "’")))
    text = _POWER.sub(lambda m: f"<i>n</i><sup>{(m[2] or m[1])}</sup>", text)
    text = re.sub(r"(?<![\w<>/&])([cr])(?![\w>;])", r"<i>\1</i>", text)
    return re.sub(r"\b1/2\b", "½", text.replace("2 <i>", "2<i>")).replace("-", "−").replace("muP", "μP")


def number(value: float, places: int = 2) -> str:
    """``−0.20``; no minus before zero."""
    text = f"{value:.{places}f}"
    return (text[1:] if float(text) == 0 and text.startswith("-") else text).replace("-", "−")


def tick(value: float) -> str:
    return HALVES.get(value, f"{value:g}".replace("-", "−"))
