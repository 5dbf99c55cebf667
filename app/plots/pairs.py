"""Two vectors coordinate by coordinate: points of one draw over the limit's level lines, the naive rule's dotted."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Range1d

from tpapp.plots.base import DASH, Plot, finite
from tpapp.plots.coordinates import DOTS, span

SHOWN = 1400


class PairPlot(Plot):
    """(x, y) by coordinate, at most 1,400 of them; ellipses or level lines labelled with the mass inside."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 300):
        super().__init__("Pair plot", name="pair", theme=theme, projector=projector)
        self.width, self._points = 0.0, np.zeros((0, 2))
        self._limit, self._naive = None, None
        self.dots = ColumnDataSource({"x": [], "y": []})
        self.limit, self.naive = (ColumnDataSource({"xs": [], "ys": []}) for _ in range(2))
        fig = self.axes(height=height, x_range=Range1d(-3, 3), y_range=Range1d(-3, 3), x_label="x", y_label="y")
        fig.ygrid.visible = False
        dots = fig.scatter("x", "y", source=self.dots, size=4, line_color=None)
        self.paint(dots.glyph, fill_color=lambda s: s.width(self.width), size=lambda s: s.line(self._size()),
                   fill_alpha=lambda s: 0.9 if len(self._points) <= 64 else 0.45)  # fmt: skip
        rule = fig.multi_line("xs", "ys", source=self.naive, line_dash=DOTS, line_cap="round")
        self.paint(rule.glyph, line_color="ink3", line_width=lambda s: s.line(2))
        curve = fig.multi_line("xs", "ys", source=self.limit, line_dash=DASH, level="overlay")
        self.paint(curve.glyph, line_color="ink", line_width=lambda s: s.line(2))
        self.text = self.labels(fig, text_align="center")
        self.build(fig)

    def _size(self) -> float:
        return 7 if len(self._points) <= 64 else 5 if len(self._points) <= 512 else 3.5

    def update_limit(self, limit, naive=None, names: tuple[str, str] = ("x", "y")) -> None:
        """The limit's `Contours` and the naive rule's; sets the axes. None empties the figure."""
        self._limit, self._naive = limit, naive
        for contours, source in ((limit, self.limit), (naive, self.naive)):
            lines = () if contours is None else contours.lines
            source.data = {"xs": [finite("A contour", xs) for _, xs, _ in lines],
                           "ys": [finite("A contour", ys) for _, _, ys in lines]}  # fmt: skip
        if limit is not None:
            others = limit.spans if naive is None else naive.spans
            for axis, own, other in zip((self.fig.x_range, self.fig.y_range), limit.spans, others):
                low, high = span(own, other)
                axis.update(start=low, end=high)
        self._name(names)
        self._relabel()

    def update(self, points: np.ndarray, width: float, names: tuple[str, str] = ("x", "y")) -> None:
        """The points (m, 2) of one draw; an empty array takes them away."""
        self.width = width
        self._points = finite("The coordinates", points).reshape(-1, 2)[:SHOWN]
        if self._limit is None and len(self._points) > 1:
            for axis, values in zip((self.fig.x_range, self.fig.y_range), self._points.T):
                room = 0.08 * np.ptp(values) or 1.0
                axis.update(start=float(values.min() - room), end=float(values.max() + room))
        self._name(names)
        self.dots.data = {"x": self._points[:, 0].astype(np.float32), "y": self._points[:, 1].astype(np.float32)}
        self.repaint()
        self.push()

    def _name(self, names: tuple[str, str]) -> None:
        for axis, name in zip((self.fig.xaxis[0], self.fig.yaxis[0]), names):
            if axis.axis_label != name:
                axis.axis_label = name

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def _relabel(self) -> None:
        """The mass inside each level, at the highest point of its first line."""
        tops: dict[float, tuple[float, float, int]] = {}
        for mass, xs, ys in sorted(() if self._limit is None else self._limit.lines, key=lambda line: -line[0]):
            k = int(np.argmax(ys))
            if mass < 1 and (mass not in tops or ys[k] > tops[mass][1]):
                tops[mass] = float(xs[k]), float(ys[k]), -3
        room = 0.07 * (self.fig.y_range.end - self.fig.y_range.start)
        for mass, xs, ys in () if self._limit is None else self._limit.lines:  # words that would meet stand below
            k = int(np.argmin(ys))
            if mass in tops and any(other > mass and abs(tops[other][1] - tops[mass][1]) < room for other in tops):
                tops[mass] = float(xs[k]), float(ys[k]), self.style.px(15)
        ink = self.style.token("ink")
        self.text.data = {
            "x": [x for x, _, _ in tops.values()], "y": [y for _, y, _ in tops.values()],
            "text": [f"{100 * mass:.0f} %" for mass in tops], "colour": [ink] * len(tops),
            "dx": [0] * len(tops), "dy": [dy for _, _, dy in tops.values()],
        }  # fmt: skip
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        out: dict[str, np.ndarray] = {"points": self._points} if len(self._points) else {}
        for name, contours in (("limit", self._limit), ("naive", self._naive)):
            for k, (mass, xs, ys) in enumerate(() if contours is None else contours.lines[:4]):
                out[f"{name}_{100 * mass:.0f}_{k}"] = np.stack([xs, ys], axis=1)
        return out
