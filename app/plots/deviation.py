"""Deviation from the limit against width, on logarithmic axes: points with error bars, the 1/sqrt(n) line, slope."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, LogTicker, Range1d

from tpapp.plots import format as fmt
from tpapp.plots.base import POWER_TICKS, Plot, finite, fixed_ticks, write

POINTS = 32


class DeviationPlot(Plot):
    """Points in their widths' colours, bars of two standard errors, the current width ringed with ink."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 330):
        super().__init__("Deviation from the limit", "relative Frobenius norm, ± 2 s.e.", name="deviation",
                         theme=theme, projector=projector)  # fmt: skip
        self._current, self._result = float("nan"), None
        columns = ("x", "y", "low", "high", "colour", "size", "ring", "ring_width", "n", "words")
        self.points = ColumnDataSource({name: [] for name in columns})
        write(self.points, self.points.data, POINTS)
        self.line = ColumnDataSource({"x": [], "y": []})
        self.band = ColumnDataSource({"x": [], "low": [], "high": []})
        fig = self.axes(height=height, x_range=Range1d(5, 2e6), y_range=Range1d(1e-4, 2), x_label="width n",
                        x_axis_type="log", y_axis_type="log")  # fmt: skip
        fixed_ticks(fig.xaxis[0], [10, 1_000, 100_000])
        fig.yaxis[0].ticker = fig.ygrid[0].ticker = LogTicker(desired_num_ticks=4, mantissas=[1], num_minor_ticks=0)
        for axis in (fig.xaxis[0], fig.yaxis[0]):
            axis.formatter = POWER_TICKS.clone()
        band = fig.varea("x", "low", "high", source=self.band, fill_alpha=0.18)
        self.paint(band.glyph, fill_color="ink3")
        fig.segment("x", "low", "x", "high", source=self.points, line_color="colour", line_width=1.5)
        self.theory(fig, self.line)
        dots = fig.scatter("x", "y", source=self.points, size="size", fill_color="colour", line_color="ring",
                           line_width="ring_width", level="overlay")  # fmt: skip
        fig.add_tools(HoverTool(renderers=[dots], tooltips=[("width", "@n"), ("deviation", "@words")]))
        fig.toolbar_location = None
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    def update(self, result, current: float | None = None) -> None:
        """Show a `Deviation`; `current` is the width of the dial. None empties the figure."""
        if current is not None:
            self._current = current
        self._result = result
        if result is None or not len(result.widths):
            write(self.points, {name: [] for name in self.points.data}, POINTS)
            self.line.data = {"x": [], "y": []}
            self.band.data = {"x": [], "low": [], "high": []}
            self._label()
            return
        mean = finite("The deviation", result.mean)
        if not result.done and len(mean) == 1 or result.done:
            self._range(mean, result)
        self._line(result)
        self._dots()

    def current(self, width: float) -> None:
        """Move the ring to another width."""
        self._current = width
        if self._result is not None and len(self._result.widths):
            self._dots()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        if self._result is not None and len(self._result.widths):
            self._dots()

    def _range(self, mean: np.ndarray, result) -> None:
        positive = mean[mean > 0]
        if len(positive):
            floor = result.bound / np.sqrt(1e6) if result.bound > 0 else positive.min()
            self.fig.y_range.update(start=0.6 * min(floor, positive.min()), end=2.2 * positive.max())

    def _line(self, result) -> None:
        x = np.geomspace(8, 1e6, 33)
        known = np.isfinite(result.bound) and result.bound > 0
        self.line.data = {"x": x, "y": result.bound / np.sqrt(x)} if known else {"x": [], "y": []}
        shown = result.band is not None and np.isfinite(result.band).all()
        x, low, high = result.band if shown else ([], [], [])
        self.band.data = {"x": x, "low": low, "high": high}

    def _dots(self) -> None:
        r, style = self._result, self.style
        here = np.asarray(r.widths) == self._current
        spread = np.where(np.isfinite(r.error), 2 * r.error, 0.0)
        colours = [style.width(n) for n in r.widths]
        write(self.points, {
            "x": [float(n) for n in r.widths],
            "y": np.asarray(r.mean).tolist(),
            "low": np.maximum(r.mean - spread, np.maximum(r.mean, 1e-300) * 0.02).tolist(),
            "high": (r.mean + spread).tolist(),
            "colour": colours,
            "size": (np.where(here, 12, 8) * (1.4 if style.projector else 1)).tolist(),
            "ring": [style.token("ink") if h else style.token("surface") for h in here],
            "ring_width": np.where(here, 2.0, 0.75).tolist(),
            "n": [fmt.width(n) for n in r.widths],
            "words": [" ± ".join(filter(None, fmt.measured(m, 2 * e))) for m, e in zip(r.mean, r.error)],
        }, POINTS)
        self._label()

    def _label(self) -> None:
        r, ink = self._result, self.style.token("ink")
        if r is None or not np.isfinite(r.bound) or not r.bound > 0:
            write(self.text, {name: [] for name in self.text.data})
        else:
            rows = [("slope −1/2", ink)]
            if np.isfinite(r.slope):
                text = f"fit {fmt.minus(f'{r.slope:.2f}')}"
                text += f" ± {2 * r.slope_error:.2f}" if np.isfinite(r.slope_error) else ""
                rows.append((text, self.style.token("ink2")))
            self.corner(self.text, self.fig, rows)
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        r = self._result
        if r is None:
            return {}
        return {
            "width": np.asarray(r.widths), "deviation": np.asarray(r.mean), "standard_error": np.asarray(r.error),
            "theory": r.bound / np.sqrt(np.asarray(r.widths, float)),
        }  # fmt: skip
