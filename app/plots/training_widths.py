"""How far networks of several widths are from the two limits, on logarithmic axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, Range1d

from tpapp.plots import format as fmt
from tpapp.plots.base import POWER_TICKS, Plot, fixed_ticks, write
from tpapp.plots.phase_text import number
from tpapp.plots.training_machine import log_ticks

POINTS = 16


class WidthsPlot(Plot):
    """Points in their widths' colours, bars of two standard errors; each line in the colour of its limit."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 170):
        super().__init__("Which limit is near", name="widths", theme=theme, projector=projector)
        self._distances: tuple = ()
        fig = self.axes(height=height, x_range=Range1d(10, 20000), y_range=Range1d(0.01, 1), x_label="width n",
                        x_axis_type="log", y_axis_type="log")  # fmt: skip
        fig.yaxis[0].ticker = fig.ygrid[0].ticker = FixedTicker(ticks=[])
        self.paint(fig, background_fill_color="bg")
        fig.xaxis[0].formatter = fig.yaxis[0].formatter = POWER_TICKS.clone()
        self.lines = {}
        for name in ("kernel", "feature"):
            self.lines[name] = ColumnDataSource({"x": [], "y": []})
            line = fig.line("x", "y", source=self.lines[name])
            self.paint(line.glyph, line_color=name, line_width=lambda s: s.line(1.5))
        columns = ("x", "y", "low", "high", "colour", "ring", "n", "words")
        self.points = ColumnDataSource({name: [] for name in columns})
        fig.segment("x", "low", "x", "high", source=self.points, line_color="colour", line_width=1.5)
        dots = fig.scatter("x", "y", source=self.points, fill_color="colour", line_color="ring", line_width=0.75,
                           level="overlay")  # fmt: skip
        self.paint(dots.glyph, size=lambda s: s.px(8))
        fig.add_tools(HoverTool(renderers=[dots], tooltips=[("", "@n"), ("distance", "@words")]))
        fig.toolbar_location = None
        self.text = self.labels(fig, text_align="left", text_baseline="middle")
        self.build(fig)

    def update(self, distances: Any, widths: Any = ()) -> None:
        """Draw `Distance`s; `widths` are all that are to come."""
        self._distances = tuple(one for one in distances if len(one.widths))
        if len(widths):
            low, high = min(widths), max(widths)
            self.fig.x_range.update(start=low / 1.6, end=high * (high / low) ** 1.1)
            places = list(widths)[::2]
            fixed_ticks(self.fig.xaxis[0], places, [f"{n:,}" for n in places])
        sizes = np.concatenate([one.mean for one in self._distances] or [[0.01, 1.0]])
        sizes = sizes[sizes > 0]
        low, high = float(sizes.min()) / 1.8, float(sizes.max()) * 1.8
        self.fig.y_range.update(start=low, end=high)
        self.fig.yaxis[0].ticker.ticks = log_ticks(low, high)
        self._draw()

    def _draw(self) -> None:
        rows = [(one, k) for one in self._distances for k in range(len(one.widths))]
        bars = [2 * one.error[k] if math.isfinite(one.error[k]) else 0.0 for one, k in rows]
        write(self.points, {
            "x": [float(one.widths[k]) for one, k in rows], "y": [float(one.mean[k]) for one, k in rows],
            "low": [max(float(one.mean[k]) - e, float(one.mean[k]) * 0.05) for (one, k), e in zip(rows, bars)],
            "high": [float(one.mean[k]) + e for (one, k), e in zip(rows, bars)],
            "colour": [self.style.width(one.widths[k]) for one, k in rows],
            "ring": [self.style.token("surface")] * len(rows),
            "n": [f"n = {fmt.width(one.widths[k])}, {one.counts[k]} networks, {one.limit} limit" for one, k in rows],
            "words": [" ± ".join(filter(None, fmt.measured(float(one.mean[k]), e)))
                      for (one, k), e in zip(rows, bars)],
        }, POINTS)  # fmt: skip
        for name, source in self.lines.items():
            one = next((d for d in self._distances if d.limit == name), None)
            source.data = {"x": one.widths, "y": one.mean} if one is not None else {"x": [], "y": []}
        self._label()
        self.push()

    def _label(self) -> None:
        rows = []
        for one in self._distances:
            slope = f" {number(one.slope)}" if math.isfinite(one.slope) else ""
            name = "kernel" if one.limit == "kernel" else "feature"
            rows.append((float(one.widths[-1]), float(one.mean[-1]), name + slope, self.style.token(one.limit)))
        close = len(rows) == 2 and abs(math.log(rows[0][1] / rows[1][1])) < 0.25
        shift = [0, 0] if not close else [-8, 8] if rows[0][1] > rows[1][1] else [8, -8]
        write(self.text, {
            "x": [x for x, *_ in rows], "y": [y for _, y, _, _ in rows], "text": [t for _, _, t, _ in rows],
            "colour": [c for *_, c in rows], "dx": [self.style.px(8)] * len(rows),
            "dy": [self.style.px(k) for k in shift[: len(rows)]],
        })  # fmt: skip

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._draw()

    def data(self) -> dict[str, np.ndarray]:
        found = {}
        for one in self._distances:
            found |= {f"{one.limit}.width": one.widths, f"{one.limit}.distance": one.mean,
                      f"{one.limit}.error": one.error}  # fmt: skip
        return found
