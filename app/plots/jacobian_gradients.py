"""How large a gradient is after each layer: the limit dashed, networks of one width as dots with bars."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Range1d, Span, Whisker

from tpapp.plots import format as fmt
from tpapp.plots.base import DASH, Plot, finite, fixed_ticks, write
from tpapp.plots.jacobian_ticks import log_ticks

BLOCK = 64
LEAST = 1e-300


class GradientPlot(Plot):
    """`update_limit(sizes)` of layers 1 to L, `update(sizes, n)` of m networks."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 220):
        super().__init__("Gradients through depth", name="gradients", theme=theme, projector=projector)
        self._limit, self._seen, self.n, self.holds = np.zeros(0), None, 8.0, True
        self.line = ColumnDataSource({"x": [], "y": []})
        self.points = ColumnDataSource({k: [] for k in ("x", "y", "low", "high", "colour")})
        fig = self.axes(height=height, x_range=Range1d(0, 1), y_range=Range1d(-1, 1), x_label="layers passed")
        one = Span(dimension="width", location=0, line_width=1)
        self.paint(one, line_color="control")
        fig.add_layout(one)
        whisker = Whisker(base="x", lower="low", upper="high", source=self.points, line_color="colour", line_width=1.25,
                          level="glyph")  # fmt: skip
        whisker.upper_head = whisker.lower_head = None
        fig.add_layout(whisker)
        fig.scatter("x", "y", source=self.points, size=7, fill_color="colour", line_color="colour")
        curve = self.theory(fig, self.line)
        self.paint(curve.glyph, line_color=lambda s: s.token("ink" if self.holds else "ink3"),
                   line_dash=lambda s: DASH if self.holds else [0, 4],
                   line_cap=lambda s: "butt" if self.holds else "round")  # fmt: skip
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update_limit(self, sizes, holds: bool = True) -> None:
        """Mean square sizes (L,) in the limit: the dashed line, and the axes; dots where it is not the limit."""
        self.holds = holds
        self._limit = finite("The limit's sizes", sizes)
        places = np.arange(len(self._limit) + 1)
        heights = np.log10(np.maximum(np.concatenate([[1.0], self._limit]), LEAST))
        self.line.data = {"x": places, "y": heights}
        self.fig.x_range.update(start=-0.02 * len(places), end=len(places) - 1 + 0.03 * len(places))
        self._fit()
        step = max(1, -(-(len(places) - 1) // 8))
        fixed_ticks(self.fig.xaxis[0], [float(k) for k in places[::step]], [str(k) for k in places[::step]])
        self._dots()

    def update(self, sizes, n: float, fit: bool = True) -> None:
        """Sizes (m, L) of networks of width n; None takes them away. The axis follows where `fit`."""
        self.n = n
        self._seen = None if sizes is None else np.maximum(finite("The networks' sizes", sizes), LEAST)
        if fit:
            self._fit()
        self._dots()

    def means(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """log10 of the mean size and of both ends of its bar, ± 2 standard errors."""
        count, mean = len(self._seen), self._seen.mean(axis=0)
        error = self._seen.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.zeros(len(mean))
        return np.log10(mean), np.log10(np.maximum(mean - 2 * error, 0.2 * mean)), np.log10(mean + 2 * error)

    def _fit(self) -> None:
        """The axis: room for the limit, the networks, and the labels."""
        heights = np.asarray(self.line.data["y"])
        if self._seen is not None and self._seen.shape[1] == len(self._limit):
            heights = np.concatenate([heights, *self.means()])
        if not len(heights):
            return
        low, high = min(0.0, float(heights.min())), max(0.0, float(heights.max()))
        middle, half = (low + high) / 2, max(0.15, 0.6 * (high - low))
        self.fig.y_range.update(start=middle - half, end=middle + half + 0.35 * half)
        ticks, texts = log_ticks(self.fig.y_range.start, self.fig.y_range.end, 4)
        fixed_ticks(self.fig.yaxis[0], ticks, texts)

    def _dots(self) -> None:
        rows = {k: [] for k in self.points.data}
        if self._seen is not None and self._seen.shape[1] == len(self._limit):
            mean, low, high = self.means()
            rows = {"x": np.arange(1.0, len(mean) + 1).tolist(), "y": mean.tolist(), "low": low.tolist(),
                    "high": high.tolist(), "colour": [self.style.width(self.n)] * len(mean)}  # fmt: skip
        write(self.points, rows, BLOCK)
        self.repaint()
        self._relabel()

    def _relabel(self) -> None:
        rows = []
        if len(self._limit):
            rows.append(("limit" if self.holds else "if Gaussian", self.style.token("ink" if self.holds else "ink3")))
            if self._seen is not None:
                rows.append((f"n = {fmt.width(self.n)}", self.style.width_text(self.n)))
        self.corner(self.text, self.fig, rows)
        if rows and self._limit[-1] > 1.2:  # the curve ends at the top
            step, count = self.style.px(18), len(rows)
            at = {"y": [self.fig.y_range.start] * count,
                  "dy": [-self.style.px(6) - step * (count - 1 - k) for k in range(count)]}  # fmt: skip
            write(self.text, {k: at.get(k, list(v)[:count]) for k, v in self.text.data.items()})
        self.push()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._dots()

    def data(self) -> dict[str, np.ndarray]:
        if not len(self._limit):
            return {}
        out = {"layer": np.arange(1, len(self._limit) + 1), "limit": self._limit}
        if self._seen is None or self._seen.shape[1] != len(self._limit):
            return out
        mean, low, high = (10**row for row in self.means())
        return out | {"mean": mean, "low": low, "high": high}
