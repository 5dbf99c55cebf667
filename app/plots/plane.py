"""Eigenvalues in the complex plane, and the circle that holds them in the limit."""

from __future__ import annotations

import numpy as np
from bokeh.models import ColumnDataSource, Range1d

from tpapp.plots import format as fmt
from tpapp.plots.base import DASH, Plot, finite, square


class PlanePlot(Plot):
    """Complex eigenvalues in the width's colour; the unit circle dashed, grey dots where it is not the limit."""

    def __init__(self, *, theme: str = "light", projector: bool = False, height: int = 252):
        super().__init__("In the complex plane", name="plane", theme=theme, projector=projector)
        self._result, self.width, self.holds = None, 0.0, True
        self.points = ColumnDataSource({"x": [], "y": []})
        self.flag = ColumnDataSource({"x": [], "y": []})
        fig = self.axes(height=height, x_range=Range1d(-1.3, 1.3), y_range=Range1d(-1.3, 1.3), x_label="Re λ",
                        y_label="Im λ")  # fmt: skip
        dots = fig.scatter("x", "y", source=self.points, size=4)
        self.paint(dots.glyph, fill_color=lambda s: s.width(self.width), size=lambda s: s.line(4))
        dots.glyph.line_color, dots.glyph.fill_alpha = None, 0.7
        angle = np.linspace(0, 2 * np.pi, 181)
        circle = self.theory(fig, ColumnDataSource({"x": np.cos(angle), "y": np.sin(angle)}))
        self.paint(circle.glyph, line_color=lambda s: s.token("ink" if self.holds else "ink3"),
                   line_dash=lambda s: DASH if self.holds else [0, 4],
                   line_cap=lambda s: "butt" if self.holds else "round")  # fmt: skip
        cross = fig.scatter("x", "y", source=self.flag, size=13, marker="x", level="overlay")
        self.paint(cross.glyph, line_color="ink", line_width=lambda s: s.line(2))
        self.text = self.labels(fig, text_align="right")
        self.build(fig)
        square(fig, 190)

    def update(self, result, holds: bool = True, outlier: float | None = None) -> None:
        """A `Spectrum` with points; None clears them."""
        self._result, self.holds = result, holds
        z = np.zeros(0, complex) if result is None or result.points is None else np.asarray(result.points)
        finite("The eigenvalues", np.abs(z))
        self.width = 0.0 if result is None else result.request.n
        self.points.data = {"x": z.real, "y": z.imag}
        self.flag.data = {"x": [outlier] if outlier else [], "y": [0.0] if outlier else []}
        reach = max(1.3, 1.12 * (outlier or 0.0)) if holds else 4.0
        for span in (self.fig.x_range, self.fig.y_range):
            span.update(start=-reach, end=reach)
        self.repaint()
        self._relabel()

    def restyle(self, theme: str | None = None, projector: bool | None = None) -> None:
        super().restyle(theme, projector)
        self._relabel()

    def _relabel(self) -> None:
        colour = self.style.token("ink" if self.holds else "ink3")
        rows = [("limit: the disc" if self.holds else "not the limit", colour)]
        if self._result is not None:
            rows.append((f"n = {fmt.width(self.width)}", self.style.width_text(self.width)))
        self.corner(self.text, self.fig, rows)
        self.push()

    def data(self) -> dict[str, np.ndarray]:
        return {"re": np.asarray(self.points.data["x"]), "im": np.asarray(self.points.data["y"])}
