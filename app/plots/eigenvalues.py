"""Eigenvalues of a kernel, largest first, on a logarithmic axis, and the share of the trace in the first of them."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, HoverTool, LogTicker, Range1d, Span

from tpapp.plots import format as fmt
from tpapp.plots.base import Plot, finite, write

BLOCK = 64
TENS = CustomJSTickFormatter(code="""
    const power = Math.round(Math.log10(tick)), digits = "⁰¹²³⁴⁵⁶⁷⁸⁹"
    if (power >= -2 && power <= 3) return String(+tick.toPrecision(1))
    return "10" + (power < 0 ? "⁻" : "") + [...String(Math.abs(power))].map((d) => digits[+d]).join("")
""")


class KernelEigenvalues(Plot):
    """The limit's eigenvalues dashed, a network's as dots; what is not above rounding stands at the floor, open."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 238):
        super().__init__("Eigenvalues", name="eigenvalues", theme=theme, projector=projector)
        self._limit = self._draw = None
        self.line = ColumnDataSource({"x": [], "y": []})
        self.points = ColumnDataSource({k: [] for k in ("x", "y", "colour", "marker", "fill", "words")})
        fig = self.axes(height=height, x_range=Range1d(0, 1), y_range=Range1d(1e-3, 1), x_label="number k",
                        y_axis_type="log")  # fmt: skip
        fig.yaxis[0].ticker = fig.ygrid[0].ticker = LogTicker(desired_num_ticks=5, mantissas=[1], num_minor_ticks=0)
        fig.yaxis[0].formatter = TENS.clone()
        self.floor = Span(dimension="width", location=1e-9, line_width=1, line_dash=[2, 3], visible=False)
        self.paint(self.floor, line_color="ink3")
        fig.add_layout(self.floor)
        dots = fig.scatter("x", "y", source=self.points, size=6, marker="marker", fill_color="fill",
                           line_color="colour")  # fmt: skip
        self.theory(fig, self.line)
        fig.add_tools(HoverTool(renderers=[dots], tooltips=[("number", "@x"), ("eigenvalue", "@words")]))
        fig.toolbar_location = None
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update_limit(self, result) -> None:
        """The limit's `Eigenvalues`: sets the axes, takes the network's away."""
        self._limit, self._draw = result, None
        finite("The limit’s eigenvalues", result.values)
        self._fit()

    def update(self, result) -> None:
        """A network's `Eigenvalues`; None takes them away."""
        self._draw = result
        if result is not None:
            finite("The network’s eigenvalues", result.values)
        self._fit()

    def _fit(self) -> None:
        both = [r for r in (self._limit, self._draw) if r is not None]
        known = np.concatenate([r.values[r.known] for r in both]) if both else np.zeros(0)
        cut = any((~r.known).any() for r in both)
        floor = max((r.floor for r in both if (~r.known).any()), default=0.0)
        top, least = (float(known.max()), float(known.min())) if len(known) else (1.0, 1e-3)
        low = min(floor, least) / 3 if cut else least / 2
        self.fig.y_range.update(start=max(low, 1e-300), end=4 * top)
        self.fig.x_range.update(start=0.0, end=max((len(r.values) for r in both), default=1) + 1.0)
        self.floor.update(location=floor if cut else 1e-9, visible=cut)
        self._dots()

    def _dots(self) -> None:
        style, rows = self.style, {name: [] for name in self.points.data}
        if self._limit is not None:
            known = self._limit.known
            k = np.arange(1, len(known) + 1)
            self.line.data = {"x": k[known], "y": self._limit.values[known]}
            self._rows(rows, k[~known], self._limit.values[~known], np.zeros((~known).sum(), bool), style.token("ink"))
        if self._draw is not None:
            r = self._draw
            self._rows(rows, np.arange(1, len(r.values) + 1), r.values, r.known, style.width(r.width))
        write(self.points, rows, BLOCK)
        self._relabel()

    def _rows(self, rows, k, values, known, colour) -> None:
        floor = self.floor.location
        rows["x"] += k.tolist()
        rows["y"] += np.where(known, values, floor).tolist()
        rows["colour"] += [colour] * len(k)
        rows["marker"] += ["circle" if yes else "inverted_triangle" for yes in known]
        rows["fill"] += [colour if yes else self.style.token("surface") for yes in known]
        rows["words"] += [fmt.power(v, 3) for v in values]

    def _relabel(self) -> None:
        rows = [("limit", self.style.token("ink"))] if self._limit is not None else []
        if self._draw is not None:
            rows.append((f"n = {fmt.width(self._draw.width)}", self.style.width_text(self._draw.width)))
        if self.floor.visible:
            rows.append(("▽ zero, within error", self.style.token("ink3")))
        self.corner(self.text, self.fig, rows)
        self.push()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._dots()

    def data(self) -> dict[str, np.ndarray]:
        named = {"limit": self._limit, "network": self._draw}
        return {name: r.values for name, r in named.items() if r is not None}


class TraceShare(Plot):
    """How much of the kernel's trace the first k eigenvalues hold; the effective rank marked."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 238):
        super().__init__("Share of the trace", name="trace-share", theme=theme, projector=projector)
        self._limit = self._draw = None
        self.limit, self.draw = (ColumnDataSource({"x": [], "y": []}) for _ in range(2))
        self.ranks = ColumnDataSource({"x": [], "y": [], "colour": []})
        write(self.ranks, self.ranks.data)
        fig = self.axes(height=height, x_range=Range1d(0, 1), y_range=Range1d(0, 104), x_label="first k eigenvalues",
                        y_label="% of the trace")  # fmt: skip
        line = fig.line("x", "y", source=self.draw)
        self.paint(line.glyph, line_color=lambda s: s.width(self._draw.width if self._draw else 8),
                   line_width=lambda s: s.line(2))  # fmt: skip
        self.theory(fig, self.limit)
        fig.scatter("x", "y", source=self.ranks, size=9, marker="triangle", fill_color="colour", line_color="colour",
                    level="overlay")  # fmt: skip
        self.text = self.labels(fig, text_align="right", text_baseline="bottom")
        self.build(fig)

    def update_limit(self, result) -> None:
        """The limit's `Eigenvalues`; takes the network's away."""
        self._limit, self._draw = result, None
        self._redraw()

    def update(self, result) -> None:
        """A network's `Eigenvalues`; None takes them away."""
        self._draw = result
        self._redraw()

    def _redraw(self) -> None:
        both = [r for r in (self._limit, self._draw) if r is not None]
        for source, r in ((self.limit, self._limit), (self.draw, self._draw)):
            source.data = {"x": [], "y": []} if r is None else {
                "x": np.arange(len(r.values) + 1), "y": 100 * np.concatenate([[0.0], r.share])}  # fmt: skip
        self.fig.x_range.end = max((len(r.values) for r in both), default=1) + 0.5
        self.repaint()
        colours = [self._colour(r) for r in both]
        write(self.ranks, {"x": [r.rank for r in both], "y": [2.0] * len(both), "colour": colours})
        rows = []
        for r in both:
            whose = "limit" if r.width is None else f"n = {fmt.width(r.width)}"
            colour = self.style.token("ink") if r.width is None else self.style.width_text(r.width)
            rows.append((f"effective rank {fmt.power(r.rank, 3)}, {whose}", colour))
        step = self.style.px(18)
        write(self.text, {
            "x": [self.fig.x_range.end] * len(rows), "y": [0.0] * len(rows), "text": [text for text, _ in rows],
            "colour": [colour for _, colour in rows], "dx": [-4] * len(rows),
            "dy": [-self.style.px(14) - step * (len(rows) - 1 - k) for k in range(len(rows))],
        })  # fmt: skip
        self.push()

    def _colour(self, result) -> str:
        return self.style.token("ink") if result.width is None else self.style.width(result.width)

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._redraw()

    def data(self) -> dict[str, np.ndarray]:
        named = {"limit": self._limit, "network": self._draw}
        return {name: r.share for name, r in named.items() if r is not None}
