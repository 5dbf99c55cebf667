"""The design system as CSS: variables, parts of the stylesheet, icons.

A colour token of tpapp.colours is the CSS variable ``--tp-<name>``, written as
one ``light-dark()`` pair that follows `color-scheme`, also inside shadow roots.
"""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path

from tpapp.colours import THEMES, TOKENS, width_colour

ASSETS = Path(__file__).resolve().parent / "assets"

FONT = ("-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', 'Helvetica Neue', "
        "Arial, system-ui, sans-serif")
MONO = "ui-monospace, 'SF Mono', 'Cascadia Mono', 'JetBrains Mono', Menlo, 'DejaVu Sans Mono', monospace"

SIZES = {  # name: (screen, projector), as CSS lengths
    "caption": ("12px", "16px"), "caption-line": ("16px", "22px"),
    "body": ("14px", "20px"), "body-line": ("20px", "28px"),
    "claim": ("20px", "32px"), "claim-line": ("28px", "40px"),
    "value": ("24px", "34px"), "value-line": ("28px", "40px"),
    "field": ("32px", "48px"), "strip": ("72px", "96px"), "header": ("56px", "72px"),
}


def token_css(name: str) -> str:
    """A token as one CSS colour for both themes."""
    return f"light-dark({TOKENS['light'][name]}, {TOKENS['dark'][name]})"


def width_css(n: float) -> str:
    """The colour of width `n` as one CSS colour for both themes."""
    if math.isinf(n):
        return token_css("ink")
    light, dark = (width_colour(n, theme) for theme in THEMES)
    return f"light-dark({light}, {dark})"


def width_track_css(widths: tuple[int, ...]) -> str:
    """The width map along a track with equal steps between `widths`: stops for ``linear-gradient``."""
    return ", ".join(f"{width_css(n)} {100 * i / (len(widths) - 1):.2f}%" for i, n in enumerate(widths))


@cache
def tokens_css(selector: str, projector: bool = False) -> str:
    """``--tp-*`` variables on `selector`."""
    rows = [f"--tp-{name}: {token_css(name)};" for name in TOKENS["light"]]
    rows += [f"--tp-{name}: {sizes[projector]};" for name, sizes in SIZES.items()]
    rows += [f"--tp-font: {FONT};", f"--tp-mono: {MONO};"]
    return f"{selector} {{\n  " + "\n  ".join(rows) + "\n}\n"


def sizes_css(selector: str) -> str:
    """The projector's type sizes on `selector`."""
    rows = [f"--tp-{name}: {sizes[1]};" for name, sizes in SIZES.items()]
    return f"{selector} {{ {' '.join(rows)} }}\n"


@cache
def asset(name: str) -> str:
    """The text of a file in app/assets."""
    return (ASSETS / name).read_text(encoding="utf-8")


@cache
def part(name: str) -> str:
    """One part of assets/lab.css: what stands under its line ``/* @part name */``."""
    pieces = re.split(r"/\* @part ([\w-]+)[^*]*\*/\n", asset("lab.css"))
    parts = dict(zip(pieces[1::2], pieces[2::2]))
    return parts[name]


@cache
def icon(name: str, size: int = 16) -> str:
    """A stroked icon of assets/icons.svg as inline SVG, decorative (hidden from assistive technology)."""
    symbol = rf'<symbol id="{re.escape(name)}"[^>]*viewBox="([^"]+)"[^>]*>(.*?)</symbol>'
    found = re.search(symbol, asset("icons.svg"), re.S)
    if found is None:
        raise KeyError(f"no icon named {name!r} in assets/icons.svg")
    attributes = {"width": size, "height": size, "viewBox": found[1], "fill": "none", "stroke": "currentColor",
                  "stroke-width": "1.5", "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true"}
    given = " ".join(f'{key}="{value}"' for key, value in attributes.items())
    return f'<svg xmlns="http://www.w3.org/2000/svg" {given}>{found[2].strip()}</svg>'
