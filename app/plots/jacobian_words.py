"""Mixed moments of weights and slopes in networks, beside what they are if free, and what if they commuted."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Range1d, Whisker

from tpapp.plots import format as fmt
from tpapp.plots.base import DASH, Plot, finite, fixed_ticks, write
from tpapp.plots.jacobian_ticks import log_ticks

HALF = 0.34


class MixedMoments(Plot):
    """`update_limit(names, free, commuting)`, then `update(values, n)` of m networks (rows of one value a name)."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 220):
        super().__init__("Free independence", name="mixed-moments", theme=theme, projector=projector)
        self._names, self._free, self._commuting = (), np.zeros(0), np.zeros(0)
        self._seen, self.n = None, 8.0
        columns = ("x0", "x1", "y")
        self.free, self.naive = (ColumnDataSource({k: [] for k in columns}) for _ in range(2))
        self.points = ColumnDataSource({k: [] for k in ("x", "y", "low", "high", "colour")})
        fig = self.axes(height=height, x_range=Range1d(-0.5, 5.5), y_range=Range1d(-0.2, 1))
        dotted = fig.segment("x0", "y", "x1", "y", source=self.naive, line_dash=[0, 4], line_cap="round")
        self.paint(dotted.glyph, line_color="ink3", line_width=lambda s: s.line(2))
        dashed = fig.segment("x0", "y", "x1", "y", source=self.free, line_dash=DASH, level="overlay")
        self.paint(dashed.glyph, line_color="ink", line_width=lambda s: s.line(2))
        whisker = Whisker(base="x", lower="low", upper="high", source=self.points, line_color="colour", line_width=1.5,
                          level="overlay")  # fmt: skip
        whisker.upper_head = whisker.lower_head = None
        fig.add_layout(whisker)
        dots = fig.scatter("x", "y", source=self.points, fill_color="colour", line_color="surface", level="overlay")
        self.paint(dots.glyph, size=lambda s: s.px(8), line_color="surface")
        self.text = self.labels(fig, text_align="left")
        self.build(fig)

    def update_limit(self, names, free, commuting) -> None:
        """Moments if free (dashed) and if they commuted (dotted)."""
        self._names = tuple(names)
        self._free, self._commuting = finite("The free values", free), finite("The commuting values", commuting)
        heights = {"free": np.log10(self._free), "naive": np.log10(self._commuting)}
        x = np.arange(len(self._names), dtype=float)
        for name, y in heights.items():
            getattr(self, name).data = {"x0": x - HALF, "x1": x + HALF, "y": y}
        fixed_ticks(self.fig.xaxis[0], x.tolist(), list(self._names))
        self._fit()
        self._dots()

    def _fit(self) -> None:
        values = [self._free, self._commuting] + ([] if self._seen is None else [self._seen.mean(axis=0)])
        logs = np.log10(np.maximum(np.concatenate(values), 1e-12))
        low, high = float(logs.min()), float(logs.max())
        pad = max(0.1, 0.1 * (high - low))
        start, end = low - pad, high + 3 * pad
        self.fig.y_range.update(start=start, end=end)
        fixed_ticks(self.fig.yaxis[0], *log_ticks(start, end, 4))

    def update(self, values, n: float) -> None:
        """Mixed moments (m, K) of networks of width n; None takes them away."""
        self.n = n
        self._seen = None if values is None else finite("The mixed moments", values)
        if len(self._names):
            self._fit()
        self._dots()

    def _dots(self) -> None:
        rows = {k: [] for k in self.points.data}
        if self._seen is not None and len(self._names):
            mean, error = self.means()
            low, high = (np.log10(np.maximum(mean + k * error, 0.2 * mean)) for k in (-2, 2))
            rows = {"x": [float(k) for k in range(len(mean))], "y": np.log10(mean).tolist(), "low": low.tolist(),
                    "high": high.tolist(), "colour": [self.style.width(self.n)] * len(mean)}  # fmt: skip
        write(self.points, rows)
        self._relabel()

    @property
    def drawn(self) -> bool:
        """Whether networks are on show."""
        return self._seen is not None

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Means over the networks and their standard errors (0 of a single one)."""
        count = len(self._seen)
        spread = self._seen.std(axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.zeros(self._seen.shape[1])
        return self._seen.mean(axis=0), spread

    def _relabel(self) -> None:
        rows = []
        if len(self._names):
            rows = [("dashed: if free", "ink"), ("dotted: if they commuted", "ink3")]
        step = self.style.px(18)
        colours = [self.style.token(token) for _, token in rows]
        texts = [text for text, _ in rows]
        if self._seen is not None and rows:
            texts.insert(0, f"n = {fmt.width(self.n)}")
            colours.insert(0, self.style.width_text(self.n))
        write(self.text, {"x": [-0.45] * len(texts), "y": [self.fig.y_range.end] * len(texts), "text": texts,
                          "colour": colours, "dx": [0] * len(texts),
                          "dy": [self.style.px(14) + step * k for k in range(len(texts))]})  # fmt: skip
        self.push()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._dots()

    def data(self) -> dict[str, np.ndarray]:
        if not len(self._names):
            return {}
        out = {"free": self._free, "commuting": self._commuting}
        if self._seen is not None:
            mean, error = self.means()
            out |= {"measured": mean, "error": error}
        return out
