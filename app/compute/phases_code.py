"""Snippets that reproduce what the Phases lab shows."""

from __future__ import annotations

from fractions import Fraction

from tpapp.compute import phases
from tpapp.phase_results import PictureRequest, PointRequest
from tpcore.abc.numbers import show


def point(request: PointRequest) -> str:
    """Lines that make `p`."""
    p = phases.point(request)
    if request.on_path and request.optimizer == "sgd":
        return f"p = tp.abc.up({show(Fraction(request.path).limit_denominator(1000))}, L={request.depth})\n"
    kind = "tp.abc.adaptive" if p.adaptive else "tp.abc.Parametrization"
    rates = f'"{p.c}"' if p.uniform else _row(p.rates)
    if request.d:
        rows = f"a={_row(p.a)},\n    b={_row(p.b)},\n    c={_bare(rates)},\n    d={_row(p.scales)}"
        return f"p = tp.abc.Parametrization(\n    {rows})\n"
    return f"p = {kind}(\n    a={_row(p.a)},\n    b={_row(p.b)},\n    c={_bare(rates)})\n"


def _row(values) -> str:
    return "[" + ", ".join(_bare(f'"{value}"') for value in values) + "]"


def _bare(text: str) -> str:
    """Whole numbers and short decimals without quotes; fractions stay strings, which are exact."""
    inner = text.strip('"')
    if text.startswith("["):
        return text
    value = Fraction(inner)
    return f"{float(value):g}" if (value * 1000).denominator == 1 else f'"{inner}"'


def code(request: PointRequest, picture: PictureRequest) -> str:
    """A snippet for the verdict and the picture."""
    lines = "import tpcore as tp\n\n" + point(request) + "print(p.phase, p.r)\nprint(*p.reasons, sep=\"\\n\")\n"
    lines += "for one in p.conditions:\n    print(one.formula, one.value, one.holds)\n\n"
    if picture.kind == "facets":
        return lines + ("picture = tp.abc.unfold(p)\nfor facet in picture.facets:\n    for edge in facet.edges:\n"
                        "        print(edge.phase, edge.start, edge.end, edge.label)\n"
                        "across = picture.cross(*picture.where(p)) if p.moves else None\n")  # fmt: skip
    if picture.kind == "six":
        return lines + ("for x, y in ((\"c1\", \"c2\"), (\"c3\", \"b3\")):  # c_U, c_W; c_V, b_V\n"
                        "    picture = tp.abc.slice(p.shift([-a for a in p.a]), x, y)\n    for edge in picture.edges:\n"
                        "        print(edge.phase, edge.start, edge.end, edge.label)\n")  # fmt: skip
    x, y = phases.axes(picture)
    tie = repr(phases.TIES[picture.tie])
    return lines + (f'picture = tp.abc.slice(p, "{x}", "{y}", {phases.LIMITS}, {phases.LIMITS}, tie={tie})\n'
                    "for edge in picture.edges:\n"
                    "    print(edge.phase, edge.start, edge.end, edge.label)\n")  # fmt: skip
