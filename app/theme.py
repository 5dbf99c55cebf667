"""The design system as data: colours, type, and the stylesheets made from them.

Every colour means one thing. Each token is a pair (light, dark); in CSS it is
the variable ``--tp-<name>``, in plots `token(name, dark)`. The colour of a
width comes from one sequential map that runs toward ink, interpolated in
OKLab, and is never rescaled to the widths on show.
"""

from __future__ import annotations

import math
import re
from functools import cache
from pathlib import Path

ASSETS = Path(__file__).resolve().parent / "assets"

TOKENS: dict[str, tuple[str, str]] = {
    "bg": ("#F6F7F9", "#0D1015"),
    "surface": ("#FFFFFF", "#14181F"),
    "line": ("#E2E5EA", "#2A313C"),
    "control": ("#868D99", "#707B8C"),
    "ink": ("#13161C", "#F3F5F8"),
    "ink2": ("#454C59", "#BAC2CE"),
    "ink3": ("#626A78", "#929CAB"),
    "kernel": ("#A46100", "#F0AE3C"),
    "kernel-fill": ("#F7D9A0", "#6B4A10"),
    "feature": ("#6B35D0", "#B59CFF"),
    "feature-fill": ("#DCCFF8", "#43318A"),
    "unstable": ("#8E0F2E", "#FF6F7F"),
    "unstable-fill": ("#F2D3DA", "#46191F"),
    "trivial": ("#6B7380", "#9AA4B2"),
    "trivial-fill": ("#DFE3E8", "#39414D"),
}

WIDTH_STOPS = (
    ("#2F9FA8", "#2A7FB0", "#255B98", "#1C3A70", "#131F3D"),
    ("#2F8C96", "#3FA3C4", "#76BFE6", "#B4DAF5", "#EEF6FD"),
)
NARROW_LABEL = ("#217F88", "#2F8C96")
NARROW, WIDE = 8, 1_000_000

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
MONO = "ui-monospace, 'SF Mono', 'Cascadia Mono', 'JetBrains Mono', Menlo, 'DejaVu Sans Mono', monospace"

SIZES = {  # name: (screen, projector), as CSS lengths
    "caption": ("12px", "16px"), "caption-line": ("16px", "22px"),
    "body": ("14px", "20px"), "body-line": ("20px", "28px"),
    "claim": ("20px", "32px"), "claim-line": ("28px", "40px"),
    "value": ("24px", "34px"), "value-line": ("28px", "40px"),
    "field": ("32px", "48px"), "strip": ("72px", "96px"), "header": ("56px", "72px"),
}


def token(name: str, dark: bool = False) -> str:
    """The colour ``name`` as a hex string, in the light or the dark theme."""
    return TOKENS[name][bool(dark)]


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _gamma(channel: float) -> float:
    return 12.92 * channel if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055


def _to_oklab(colour: str) -> tuple[float, float, float]:
    r, g, b = (_linear(int(colour[i:i + 2], 16) / 255) for i in (1, 3, 5))
    long = math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    mid = math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    short = math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (0.2104542553 * long + 0.7936177850 * mid - 0.0040720468 * short,
            1.9779984951 * long - 2.4285922050 * mid + 0.4505937099 * short,
            0.0259040371 * long + 0.7827717662 * mid - 0.8086757660 * short)


def _from_oklab(lab: tuple[float, float, float]) -> str:
    lightness, a, b = lab
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    mid = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    rgb = (4.0767416621 * long - 3.3077115913 * mid + 0.2309699292 * short,
           -1.2684380046 * long + 2.6097574011 * mid - 0.3413193965 * short,
           -0.0041960863 * long - 0.7034186147 * mid + 1.7076147010 * short)
    return "#" + "".join(f"{round(255 * _gamma(min(1.0, max(0.0, c)))):02X}" for c in rgb)


@cache
def width_colour(n: float, dark: bool = False) -> str:
    """The colour of width `n` (hex) at t = log(n/8) / log(10^6/8), cut to [0, 1]; the limit's (inf) is ink."""
    if math.isinf(n):
        return token("ink", dark)
    t = math.log(max(n, NARROW) / NARROW) / math.log(WIDE / NARROW)
    stops = WIDTH_STOPS[bool(dark)]
    place = min(1.0, max(0.0, t)) * (len(stops) - 1)
    left = min(int(place), len(stops) - 2)
    low, high = _to_oklab(stops[left]), _to_oklab(stops[left + 1])
    share = place - left
    return _from_oklab(tuple(p + share * (q - p) for p, q in zip(low, high)))


@cache
def width_label_colour(n: float, dark: bool = False) -> str:
    """As `width_colour`, darkened for text where the line colour has less than 4.5:1 (narrow widths, light)."""
    colour = width_colour(n, dark)
    ground = token("surface", dark)
    return colour if contrast(colour, ground) >= 4.5 else NARROW_LABEL[bool(dark)]


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two hex colours, from 1 to 21."""
    def luminance(colour: str) -> float:
        r, g, b = (_linear(int(colour[i:i + 2], 16) / 255) for i in (1, 3, 5))
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def css_pair(pair: tuple[str, str]) -> str:
    """A (light, dark) pair as one CSS colour that follows `color-scheme`."""
    return f"light-dark({pair[0]}, {pair[1]})"


def width_css(n: float) -> str:
    """The colour of width `n` as one CSS colour for both themes."""
    return css_pair((width_colour(n, False), width_colour(n, True)))


@cache
def tokens_css(selector: str, projector: bool = False) -> str:
    """``--tp-*`` variables on `selector`."""
    rows = [f"--tp-{name}: {css_pair(pair)};" for name, pair in TOKENS.items()]
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
    found = re.search(rf'<symbol id="{re.escape(name)}"[^>]*viewBox="([^"]+)"[^>]*>(.*?)</symbol>', asset("icons.svg"), re.S)
    if found is None:
        raise KeyError(f"no icon named {name!r} in assets/icons.svg")
    return (f'<svg width="{size}" height="{size}" viewBox="{found[1]}" fill="none" stroke="currentColor" '
            f'stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">{found[2].strip()}</svg>')
