"""How large a gradient is after each layer: the limit dashed, networks of one width as dots with bars, on a log axis."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Range1d, Span, Whisker

from tpapp.plots import format as fmt
from tpapp.plots.base import Plot, finite, fixed_ticks, write
from tpapp.plots.jacobian_ticks import log_ticks

BLOCK = 64
LEAST = 1e-300


class GradientPlot(Plot):
    """`update_limit(sizes)` of layers 1 to L, `update(sizes, n)` of m networks."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 220):
        super().__init__("Gradients through depth", name="gradients", theme=theme, projector=projector)
        self._limit, self._seen, self.n = np.zeros(0), None, 8.0
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
        self.theory(fig, self.line)
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update_limit(self, sizes) -> None:
        """Mean square sizes (L,) in the limit: the dashed line, and the axes."""
        self._limit = finite("The limit's sizes", sizes)
        places = np.arange(len(self._limit) + 1)
        heights = np.log10(np.maximum(np.concatenate([[1.0], self._limit]), LEAST))
        self.line.data = {"x": places, "y": heights}
        reach = max(0.5, 1.25 * float(np.abs(heights).max()))
        low, high = min(0.0, float(heights.min())), max(0.0, float(heights.max()))
        pad = 0.35 * reach
        self.fig.x_range.update(start=-0.02 * len(places), end=len(places) - 1 + 0.03 * len(places))
        self.fig.y_range.update(start=low - pad, end=high + pad)
        ticks, texts = log_ticks(low - pad, high + pad, 4)
        fixed_ticks(self.fig.yaxis[0], ticks, texts)
        step = max(1, -(-(len(places) - 1) // 8))
        fixed_ticks(self.fig.xaxis[0], [float(k) for k in places[::step]], [str(k) for k in places[::step]])
        self._dots()

    def update(self, sizes, n: float) -> None:
        """Sizes (m, L) of networks of width n; None takes them away."""
        self.n = n
        self._seen = None if sizes is None else np.log10(np.maximum(finite("The networks' sizes", sizes), LEAST))
        self._dots()

    def _dots(self) -> None:
        rows = {k: [] for k in self.points.data}
        if self._seen is not None and self._seen.shape[1] == len(self._limit):
            mean, bar = self._seen.mean(axis=0), 2 * self._seen.std(axis=0)
            rows = {"x": np.arange(1.0, len(mean) + 1).tolist(), "y": mean.tolist(), "low": (mean - bar).tolist(),
                    "high": (mean + bar).tolist(), "colour": [self.style.width(self.n)] * len(mean)}  # fmt: skip
        write(self.points, rows, BLOCK)
        self._relabel()

    def _relabel(self) -> None:
        rows = []
        if len(self._limit):
            rows.append(("limit: χ₁ˡ", self.style.token("ink")))
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
        return out if self._seen is None else out | {"log10_mean": self._seen.mean(0), "log10_sd": self._seen.std(0)}
