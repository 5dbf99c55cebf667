"""Singular values: their histogram beside the law of free probability, a narrow width as a step line."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Range1d

from tpapp.plots import format as fmt
from tpapp.plots.base import DASH, Plot, finite, fixed_ticks, staircase
from tpapp.plots.jacobian_ticks import log_ticks, plain_ticks

DOTS = [0, 4]
HEADROOM, SKIPPED = 1.34, 0.05


class SingularPlot(Plot):
    """`update_law(law, log)`, then histograms of the same axis: `update(histogram)`, `update_ghost(histogram)`."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 280):
        super().__init__("Singular values", name="singular-values", theme=theme, projector=projector)
        self._law = self._main = self._ghost = None
        self.holds, self.log, self._curve = True, True, (np.zeros(0), np.zeros(0))
        self.main, self.ghost, self.limit = (ColumnDataSource({"x": [], "y": []}) for _ in range(3))
        self.atoms = ColumnDataSource({"x": [], "y": []})
        fig = self.axes(height=height, x_range=Range1d(-1, 1), y_range=Range1d(0, 1), x_label="singular value s")
        fig.yaxis.axis_label = None
        area = fig.varea("x", 0, "y", source=self.main)
        line = fig.line("x", "y", source=self.main, line_join="miter")
        step = fig.line("x", "y", source=self.ghost)
        self.paint(area.glyph, fill_color=lambda s: s.width(self._n(self._main)), fill_alpha=lambda s: 0.28)
        self.paint(line.glyph, line_color=lambda s: s.width(self._n(self._main)), line_width=lambda s: s.line(1.25))
        self.paint(step.glyph, line_color=lambda s: s.width(self._n(self._ghost)), line_width=lambda s: s.line(1.5))
        for source in (self.limit, self.atoms):
            curve = self.theory(fig, source)
            self.paint(curve.glyph, line_color=lambda s: s.token("ink" if self.holds else "ink3"),
                       line_dash=lambda s: DASH if self.holds else DOTS,
                       line_cap=lambda s: "butt" if self.holds else "round")  # fmt: skip
        self.text = self.labels(fig, text_align="right")
        self.build(fig)

    @staticmethod
    def _n(histogram) -> float:
        return 8 if histogram is None else histogram.n

    def update_law(self, law, log: bool) -> None:
        """A `SingularLaw`: the dashed line and the axes, of s or of log10 s."""
        self._law, self.log, self.holds = law, log, law.holds
        s, pdf = np.asarray(law.s), finite("The law's density", law.pdf)
        low, high = law.window
        if log:
            x, y = np.log10(s), np.log(10) * s * pdf
            room = 0.06 * np.log10(high / low)
            start, end = np.log10(low) - 0.3 * room, np.log10(high) + room
            places, texts = log_ticks(start, end)
        else:
            x, y = s, pdf
            start, end = (0.0 if low < 0.5 * high else 0.97 * low), 1.06 * high
            inside = x >= start
            x, y = x[inside], y[inside]
            places, texts = plain_ticks(start, end)
        self._curve = x, y
        self.fig.x_range.update(start=float(start), end=float(end))
        fixed_ticks(self.fig.xaxis[0], places, texts)
        self._fit()
        self._relabel()

    def _peak(self) -> float:
        """The height to show: of the law, but not of a density that runs to infinity."""
        x, y = self._curve
        if len(x) < 2:
            return 0.0
        if not self.log:  # the density may be infinite at 0
            x, y = x[x >= SKIPPED * x[-1]], y[x >= SKIPPED * x[-1]]
        mass = float(np.trapezoid(y, x))
        return min(float(y.max()), 2.5 * float(np.trapezoid(y * y, x)) / max(mass, 1e-300))

    def _fit(self) -> None:
        peak = self._peak()
        seen = max([float(np.max(h.density)) for h in (self._main, self._ghost) if h is not None], default=0.0)
        rows = len(self._law.atoms) if self._law is not None else 0  # more labels above the curve
        top = (HEADROOM + 0.12 * rows) * (min(max(peak, seen), 2.5 * peak) if peak else seen or 1.0)
        if self.fig.y_range.end != top:
            self.fig.y_range.end = float(top)
            places, texts = plain_ticks(0.0, top, 4)
            fixed_ticks(self.fig.yaxis[0], places, texts)
        x, y = self._curve
        shown = y <= top  # an overlay is not cut off at the frame
        self.limit.data = {"x": x[shown], "y": y[shown]}
        here = [at for at, mass in (self._law.atoms if self._law is not None else ()) if at > 0 or not self.log]
        x = [np.log10(at) if self.log else at for at in here]
        self.atoms.data = {"x": [v for at in x for v in (at, at, at)], "y": [0.0, 0.72 * top, 0.0] * len(x)}

    def update(self, histogram) -> None:
        """A `Histogram` of the axis on show; None takes it away."""
        self._main = histogram
        self._draw(self.main, histogram)

    def update_ghost(self, histogram) -> None:
        """A narrow width that stays for comparison; None takes it away."""
        self._ghost = histogram
        self._draw(self.ghost, histogram)

    def _draw(self, source: ColumnDataSource, histogram) -> None:
        if histogram is None:
            source.data = {"x": [], "y": []}
        else:
            x, y = staircase(histogram.edges, finite("The histogram", histogram.density))
            source.data = {"x": x, "y": y}
        if self._law is not None:
            self._fit()
        self.repaint()
        self._relabel()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def _relabel(self) -> None:
        style, rows = self.style, []
        if self._law is not None:
            ink = style.token("ink" if self.holds else "ink3")
            rows.append(("limit: free probability" if self.holds else "free law: not the limit", ink))
            rows += [(f"mass {mass:.3g} at {fmt.power(at, 3)}", ink) for at, mass in self._law.atoms]
        for histogram in (self._main, self._ghost):
            if histogram is not None:
                rows.append((f"n = {fmt.width(histogram.n)}", style.width_text(histogram.n)))
        self.corner(self.text, self.fig, rows)
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        out = {} if self._law is None else {"law_s": self._law.s, "law_density": self._law.pdf}
        for prefix, histogram in (("", self._main), ("narrow_", self._ghost)):
            if histogram is not None:
                out |= {f"{prefix}{name}": getattr(histogram, name) for name in ("edges", "counts", "density")}
        return out
